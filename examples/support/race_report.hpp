// What a race shows besides its table: a progress bar, the curves as a file and as a picture.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace race_report {

namespace fs = std::filesystem;

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The mean of of(run) over the runs, and the standard deviation.
template <class Run, class F>
double mean(const std::vector<Run>& runs, const F& of) {
  double total = 0;
  for (const Run& run : runs) total += of(run);
  return total / static_cast<double>(runs.size());
}
template <class Run, class F>
double deviation(const std::vector<Run>& runs, const F& of) {
  const double middle = mean(runs, of);
  return std::sqrt(mean(runs, [&](const Run& run) { return std::pow(of(run) - middle, 2); }));
}

/// Shown on a terminal only: in a file or a pipe it would be noise.
class Progress {
 public:
  explicit Progress(std::size_t total) : total_(total), shown_(isatty(STDOUT_FILENO) == 1) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { hide(); }

  void begin(const std::string& what) {
    if (!shown_) return;
    constexpr std::size_t width = 40;
    const std::size_t full = width * begun_++ / total_;
    std::printf("\r\033[K[%s%s] %s", std::string(full, '#').c_str(), std::string(width - full, '.').c_str(),
                what.c_str());
    std::fflush(stdout);
  }
  void hide() const {
    if (shown_) std::fputs("\r\033[K", stdout);
  }

 private:
  std::size_t total_;
  std::size_t begun_ = 0;
  bool shown_;
};

struct Row {
  std::string rule;
  std::uint64_t seed;
  int step;
  double value;
};

inline void write_csv(const fs::path& path, const std::string& value, const std::vector<Row>& rows) {
  std::ofstream file(path);
  file.precision(9);
  file << "rule,seed,step," << value << '\n';
  for (const Row& row : rows) file << row.rule << ',' << row.seed << ',' << row.step << ',' << row.value << '\n';
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

/// What one rule has reached by each step.
struct Curve {
  std::string rule;
  std::vector<int> steps;
  std::vector<double> values;
};

struct Axes {
  std::string title;
  std::string value;
  std::string settings;  // of gnuplot, for the axis of values
};

/// A script that draws one line a rule, with its data inside.
inline void write_plot_script(const fs::path& script, const fs::path& picture, const Axes& axes,
                              const std::vector<Curve>& curves) {
  const char* const colours[] = {"#7f7f7f", "#e6a117", "#1f77b4", "#17becf", "#1b7837",
                                 "#5aae61", "#b8d94c", "#d62728", "#e377c2", "#6a3d9a"};
  std::ofstream file(script);
  file << "# gnuplot " << script.filename().string() << "   draws " << picture.filename().string() << R"gnuplot(
if (strstrt(GPVAL_TERMINALS, "pngcairo") > 0) {
  set terminal pngcairo size 1200,700 font "Sans,12"
} else {
  set terminal png size 1200,700
}
set logscale y
set grid ytics xtics linetype 1 linecolor "#e4e4e4" linewidth 1
set border 3
set tics nomirror
set mytics 1
set key outside right center Left reverse samplen 2.5 spacing 1.6
set xlabel "step"
)gnuplot"
       << "set output \"" << picture.filename().string() << "\"\n"
       << "set title \"" << axes.title << "\"\nset ylabel \"" << axes.value << "\"\n"
       << axes.settings;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    file << "$curve" << i << " << EOD\n";
    for (std::size_t k = 0; k < curves[i].steps.size(); ++k)
      file << curves[i].steps[k] << ' ' << curves[i].values[k] << '\n';
    file << "EOD\n";
  }
  file << "plot";
  for (std::size_t i = 0; i < curves.size(); ++i)
    file << (i == 0 ? " \\\n  $curve" : ", \\\n  $curve") << i << " with lines linewidth 2.5 linecolor \""
         << colours[i % std::size(colours)] << "\" title \"" << curves[i].rule << '"';
  file << '\n';
  file.close();
  if (!file) throw std::runtime_error("cannot write " + script.string());
}

/// Runs gnuplot in the current directory; says in one line what came of it.
inline std::string plot(const fs::path& script, const fs::path& picture) {
  if (std::system("command -v gnuplot >/dev/null 2>&1") != 0)
    return "no picture: gnuplot is not installed; later: gnuplot " + script.filename().string();
  if (std::system(("gnuplot " + script.filename().string()).c_str()) != 0)
    return "no picture: gnuplot could not draw " + script.string();
  return "wrote " + fs::absolute(picture).string();
}

}  // namespace race_report
