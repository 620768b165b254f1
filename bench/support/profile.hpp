// A race of methods over problems, in calls until the best value is reached, as a table and a picture.
#pragma once

#include <glissade/measure/performance_profile.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace profile {

using Eigen::Index;
using Eigen::MatrixXd;

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double most_calls = 10'000;

struct Point {
  double calls;
  double value;
};

/// A method and how it runs on a problem, which gives the points of its way. No points: it takes no part.
template <class Problem>
struct Entrant {
  std::string name;
  std::function<std::vector<Point>(Problem&)> run;
};

/// Calls until f(x) - f_best <= 1e-6 (f(start) - f_best), f_best being the lowest value that any method found; one
/// method a row, one problem a column. Infinity: not reached.
template <class Problem>
MatrixXd times_to_target(std::vector<Problem>& problems, const std::vector<Entrant<Problem>>& methods) {
  MatrixXd times =
      MatrixXd::Constant(static_cast<Index>(methods.size()), static_cast<Index>(problems.size()), infinity);
  for (Index p = 0; p < times.cols(); ++p) {
    std::vector<std::vector<Point>> paths;
    double best = infinity;
    for (const Entrant<Problem>& method : methods) {
      paths.push_back(method.run(problems[static_cast<std::size_t>(p)]));
      for (const Point& point : paths.back())
        if (point.value < best) best = point.value;  // false for NaN
    }
    const double start = paths.front().front().value;
    for (Index m = 0; m < times.rows(); ++m)
      for (const Point& point : paths[static_cast<std::size_t>(m)])
        if (point.value - best <= 1e-6 * (start - best)) {
          times(m, p) = point.calls;
          break;
        }
  }
  return times;
}

inline void print(const std::string& title, const MatrixXd& times, const std::vector<std::string>& methods) {
  const glissade::PerformanceProfile narrow(times, 4);
  const glissade::PerformanceProfile wide(times, 1e6);
  std::printf("\n%s: %d problems\n%-30s %7s %8s %8s %8s %8s %8s\n", title.c_str(), static_cast<int>(times.cols()), "",
              "solved", "score", "best", "x 2", "x 4", "x 16");
  for (Index m = 0; m < times.rows(); ++m)
    std::printf("%-30s %7d %8.2f %7.0f%% %7.0f%% %7.0f%% %7.0f%%\n", methods[static_cast<std::size_t>(m)].c_str(),
                static_cast<int>((times.row(m).array() < infinity).count()), narrow.score(m), 100 * wide.profile(m, 1),
                100 * wide.profile(m, 2), 100 * wide.profile(m, 4), 100 * wide.profile(m, 16));
  std::fflush(stdout);
}

template <class Problem>
std::vector<std::string> names_of(const std::vector<Entrant<Problem>>& methods) {
  std::vector<std::string> names;
  for (const Entrant<Problem>& method : methods) names.push_back(method.name);
  return names;
}

/// solve_profile.csv, .gnuplot and, with gnuplot, .png in the current directory: the fraction of problems solved
/// against calls, of at most nine methods, each in a colour of its own with its name at its end.
inline void draw(const MatrixXd& times, const std::vector<std::string>& methods,
                 const std::vector<std::string>& drawn) {
  constexpr double most = 512;
  const glissade::PerformanceProfile profile(times, 1e6);
  std::vector<std::pair<double, Index>> lines;  // where each ends, and its row
  for (std::size_t m = 0; m < methods.size(); ++m)
    for (const std::string& name : drawn)
      if (name == methods[m]) lines.emplace_back(profile.profile(static_cast<Index>(m), most), static_cast<Index>(m));
  std::stable_sort(lines.begin(), lines.end());
  std::ofstream csv("solve_profile.csv");
  csv << "times the best";
  for (const auto& [end, row] : lines) csv << ",\"" << methods[static_cast<std::size_t>(row)] << '"';
  csv << '\n';
  for (double ratio = 1; ratio <= most; ratio *= 1.05) {
    csv << ratio;
    for (const auto& [end, row] : lines) csv << ',' << profile.profile(row, ratio);
    csv << '\n';
  }
  const char* const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00",
                                 "#56b4e9", "#000000", "#8c510a", "#7b3294"};
  std::ofstream script("solve_profile.gnuplot");
  script
      << "set terminal pngcairo size 1000,640 font ',11'\nset output 'solve_profile.png'\nset datafile separator ','\n"
         "set logscale x 2\nset xrange [1:512]\nset yrange [0:1]\nset grid\nunset key\nset rmargin 24\n"
         "set xlabel 'calls, as a multiple of the best method'\nset ylabel 'fraction of the problems solved'\n"
         "set title 'Methods on all reference problems'\n";
  constexpr double gap = 0.035;  // names that would overlap move up, and down from the top
  std::vector<double> places;
  for (const auto& [end, row] : lines) places.push_back(places.empty() ? end : std::max(end, places.back() + gap));
  double room = 1;
  for (std::size_t k = lines.size(); k-- > 0; room = places[k] - gap) places[k] = std::min(places[k], room);
  for (std::size_t k = 0; k < lines.size(); ++k)
    script << "set label '" << methods[static_cast<std::size_t>(lines[k].second)] << "' at graph 1.01, graph "
           << places[k] << " textcolor rgb '" << colours[k] << "' noenhanced\n";
  script << "plot ";
  for (std::size_t k = 0; k < lines.size(); ++k)
    script << "'solve_profile.csv' using 1:" << k + 2 << " with steps lw 2 lc rgb '" << colours[k] << "', ";
  script << '\n';
  csv.close();
  script.close();
  const bool made = std::system("gnuplot solve_profile.gnuplot > /dev/null 2>&1") == 0;
  for (const char* name : {"solve_profile.csv", "solve_profile.gnuplot", "solve_profile.png"})
    if (made || std::string(name).find("png") == std::string::npos)
      std::printf("wrote %s\n", std::filesystem::absolute(name).c_str());
}

}  // namespace profile
