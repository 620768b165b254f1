// How golden files are read and met.
#pragma once

#include "support/catch.hpp"
#include "support/problems.hpp"
#include <glissade/glissade.hpp>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

namespace golden {

struct Row {
  std::string rule, options, problem;
  int step = 0;
  std::vector<double> parameters;
};

inline std::vector<Row> read_rows(const std::string& file) {
  std::ifstream in(std::string(GLISSADE_TEST_DATA) + "/golden/" + file);
  REQUIRE(in.good());
  std::vector<Row> rows;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string source, step, value;
    Row row;
    std::getline(fields, source, ',');
    std::getline(fields, row.rule, ',');
    std::getline(fields, row.options, ',');
    std::getline(fields, row.problem, ',');
    std::getline(fields, step, ',');
    row.step = std::stoi(step);
    while (std::getline(fields, value, ',')) row.parameters.push_back(std::stod(value));
    rows.push_back(row);
  }
  return rows;
}

/// Parameters of type P after each step, with gradients and parameters that are off by up to `nudge`, relatively, in
/// every step of lsqRxC. Gradients are formed in double and rounded once.
template <class P, class R>
std::map<int, std::vector<double>> run(const R& rule, const std::string& problem, int last, double nudge) {
  using Matrix = Eigen::Matrix<P, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<P, Eigen::Dynamic, 1>;
  std::map<int, std::vector<double>> after;
  if (problem == "mlp13") {
    small_problems::Mlp13 p;
    Matrix W1 = p.W1.cast<P>(), W2 = p.W2.cast<P>();
    Vector b1 = p.b1.cast<P>(), b2 = p.b2.cast<P>();
    glissade::Optimizer optimizer{rule, W1, b1, W2, b2};
    for (int t = 1; t <= last; ++t) {
      const auto g = p.gradient();
      optimizer.step(Matrix(g.W1.cast<P>()), Vector(g.b1.cast<P>()), Matrix(g.W2.cast<P>()), Vector(g.b2.cast<P>()));
      p.W1 = W1.template cast<double>();
      p.b1 = b1.template cast<double>();
      p.W2 = W2.template cast<double>();
      p.b2 = b2.template cast<double>();
      after[t] = p.flat();
    }
  } else {
    REQUIRE(problem.size() == 6);
    REQUIRE(problem.substr(0, 3) == "lsq");
    small_problems::LeastSquares p(problem[3] - '0', problem[5] - '0');
    Matrix W = p.W.cast<P>();
    glissade::Optimizer optimizer{rule, W};
    for (int t = 1; t <= last; ++t) {
      small_problems::Matrix g = p.gradient();
      for (Eigen::Index i = 0; i < g.size(); ++i) g.data()[i] *= 1 + nudge * (static_cast<int>(i + t) % 3 - 1);
      optimizer.step(Matrix(g.cast<P>()));
      if (nudge != 0)
        for (Eigen::Index i = 0; i < g.size(); ++i)
          W.data()[i] *= static_cast<P>(1 + nudge * (static_cast<int>(i + 2 * t) % 3 - 1));
      p.W = W.template cast<double>();
      after[t] = p.flat();
    }
  }
  return after;
}

using Trajectory = std::map<int, std::vector<double>>;

/// The rule that a row's name and options stand for.
struct Entry {
  std::string rule, options;
  std::function<Trajectory(const std::string& problem, int last, double nudge)> follow;
  /// Near the optimum of lsqRxC some rules take steps larger than stability allows, and round-off grows by
  /// itself: from this step on a row of `chaotic_problems` binds no implementation. The test makes sure that it is so:
  /// gradients and parameters that differ in their last bit must lead farther away than the tolerance.
  int chaotic_from = 100000;
  /// The same in float, where it is checked, and from which step on round-off of that size leads away.
  std::function<Trajectory(const std::string& problem, int last)> follow_in_float = {};
  int chaotic_in_float_from = 100000;
  std::string chaotic_problems = "lsq4x3";
};

template <class R>
Entry entry(std::string name, std::string options, R rule, int chaotic_from = 100000,
            const std::string& chaotic_problems = "lsq4x3") {
  Entry made{
      std::move(name), std::move(options),
      [rule](const std::string& problem, int last, double nudge) { return run<double>(rule, problem, last, nudge); },
      chaotic_from};
  made.chaotic_problems = chaotic_problems;
  return made;
}

/// In double and in float.
template <class R>
Entry both(std::string name, std::string options, R rule, int chaotic_in_float_from = 100000,
           int chaotic_from = 100000) {
  Entry made = entry(std::move(name), std::move(options), rule, chaotic_from);
  made.follow_in_float = [rule](const std::string& problem, int last) { return run<float>(rule, problem, last, 0); };
  made.chaotic_in_float_from = chaotic_in_float_from;
  return made;
}

inline double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double apart = std::abs(a[i] - b[i]);
    most = std::isnan(apart) ? std::numeric_limits<double>::infinity() : std::max(most, apart);
  }
  return most;
}

/// Every row of the file that is not left out must be met.
inline void check(
    const std::string& file, const std::vector<Entry>& entries,
    const std::function<bool(const Row&)>& left_out = [](const Row&) { return false; }) {
  const std::vector<Row> rows = read_rows(file);
  std::size_t used = 0;
  for (const Entry& e : entries) {
    std::map<std::string, Trajectory> runs;
    std::map<std::string, Trajectory> float_runs;
    for (const Row& row : rows) {
      if (row.rule != e.rule || row.options != e.options) continue;
      ++used;
      if (runs[row.problem].empty()) runs[row.problem] = e.follow(row.problem, 1000, 0);
      const auto relative_distance = [&](const std::vector<double>& ours) {
        double scale = 0;
        for (double v : row.parameters) scale = std::max(scale, std::abs(v));
        return distance(ours, row.parameters) / scale;
      };
      const auto nudged = [&](double nudge) {
        return distance(runs[row.problem][row.step], e.follow(row.problem, row.step, nudge)[row.step]) /
               distance(row.parameters, std::vector<double>(row.parameters.size()));
      };
      const std::vector<double>& ours = runs[row.problem][row.step];
      REQUIRE(ours.size() == row.parameters.size());
      INFO(row.rule << " " << row.options << " " << row.problem << " step " << row.step);
      const bool chaotic = e.chaotic_problems.find(row.problem) != std::string::npos;
      const double tolerance = row.step > 100 ? 1e-9 : 1e-12;
      if (chaotic && row.step >= e.chaotic_from)
        CHECK(nudged(2.3e-16) > tolerance);
      else
        CHECK(relative_distance(ours) <= tolerance);

      if (!e.follow_in_float || row.step > 100) continue;
      INFO("in float");
      if (float_runs[row.problem].empty()) float_runs[row.problem] = e.follow_in_float(row.problem, 100);
      if (chaotic && row.step >= e.chaotic_in_float_from)
        CHECK(nudged(1.2e-7) > 2e-6);
      else
        CHECK(relative_distance(float_runs[row.problem][row.step]) <= 2e-6);
    }
  }
  used += static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), left_out));
  CHECK(used == rows.size());  // every row of the file has been met
}

}  // namespace golden
