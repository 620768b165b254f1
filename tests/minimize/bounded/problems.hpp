// The problems of bounded.csv: their formulas, written once more, and what scipy made of them.
#pragma once

#include "support/catch.hpp"
#include <glissade/oracle/composite.hpp>
#include <glissade/problems/more_garbow_hillstrom.hpp>
#include <glissade/problems/more_garbow_hillstrom_variable.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace bounded {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// An objective of a type that is the same for all problems, with bounds.
struct Problem {
  std::function<double(const VectorXd&, VectorXd&)> formula;
  std::function<void(const VectorXd&, MatrixXd&)> second;
  glissade::Box bounds;

  double value_and_gradient(const VectorXd& x, VectorXd& gradient) const { return formula(x, gradient); }
  void hessian(const VectorXd& x, MatrixXd& H) const { second(x, H); }
  [[nodiscard]] const glissade::Box& box() const { return bounds; }
};

struct Case {
  std::string name;
  Problem problem;
  VectorXd start, low, high;
  double least = 0;
  double calls = 0;      // of scipy's until it was within 1e-6 of the least value
  double all_calls = 0;  // until the largest coefficient of P(x - g) - x was below 1e-6
};

struct Hs3 : glissade::problems::FixedFormula<Hs3> {
  static constexpr std::string_view name = "Hs3";
  static constexpr int window = 2;
  [[nodiscard]] auto formula(const auto& x) const { return x[1] + 1e-5 * (x[1] - x[0]) * (x[1] - x[0]); }
};
struct Hs4 : glissade::problems::FixedFormula<Hs4> {
  static constexpr std::string_view name = "Hs4";
  static constexpr int window = 2;
  [[nodiscard]] auto formula(const auto& x) const { return (x[0] + 1) * (x[0] + 1) * (x[0] + 1) / 3.0 + x[1]; }
};
struct Hs5 : glissade::problems::FixedFormula<Hs5> {
  static constexpr std::string_view name = "Hs5";
  static constexpr int window = 2;
  [[nodiscard]] auto formula(const auto& x) const {
    using std::sin;
    return sin(x[0] + x[1]) + (x[0] - x[1]) * (x[0] - x[1]) - 1.5 * x[0] + 2.5 * x[1] + 1;
  }
};
struct Hs45 : glissade::problems::FixedFormula<Hs45> {
  static constexpr std::string_view name = "Hs45";
  static constexpr int window = 5;
  [[nodiscard]] auto formula(const auto& x) const { return 2.0 - x[0] * x[1] * x[2] * x[3] * x[4] / 120.0; }
};
struct Hs110 : glissade::problems::FixedFormula<Hs110> {
  static constexpr std::string_view name = "Hs110";
  static constexpr int window = 10;
  [[nodiscard]] auto formula(const auto& x) const {
    using std::exp;
    using std::log;
    auto logarithms = log(x[0]);
    auto sum = log(x[0] - 2.0) * log(x[0] - 2.0) + log(10.0 - x[0]) * log(10.0 - x[0]);
    for (Index i = 1; i < 10; ++i) {
      logarithms += log(x[i]);
      sum += log(x[i] - 2.0) * log(x[i] - 2.0) + log(10.0 - x[i]) * log(10.0 - x[i]);
    }
    return sum - exp(0.2 * logarithms);
  }
};

template <class P>
Problem erased() {
  return {[](const VectorXd& x, VectorXd& g) { return P{}.value_and_gradient(x, g); },
          [](const VectorXd& x, MatrixXd& H) { P{}.hessian(x, H); },
          {}};
}

inline Problem formula_of(const std::string& name) {
  namespace p = glissade::problems;
  static const std::map<std::string, Problem (*)()> all{
      {"hs1", erased<p::Rosenbrock>},
      {"hs2", erased<p::Rosenbrock>},
      {"hs3", erased<Hs3>},
      {"hs4", erased<Hs4>},
      {"hs5", erased<Hs5>},
      {"hs38", erased<p::Wood>},
      {"hs45", erased<Hs45>},
      {"hs110", erased<Hs110>},
      {"beale", erased<p::Beale>},
      {"gaussian", erased<p::Gaussian>},
      {"box3d", erased<p::Box3d>},
      {"powell_singular", erased<p::PowellSingular>},
      {"wood", erased<p::Wood>},
      {"kowalik_osborne", erased<p::KowalikOsborne>},
      {"brown_dennis", erased<p::BrownDennis>},
      {"biggs", erased<p::BiggsExp6>},
      {"extended_rosenbrock", erased<p::ExtendedRosenbrock>},
      {"penalty", erased<p::PenaltyI>},
      {"variably_dimensioned", erased<p::VariablyDimensioned>},
      {"trigonometric", erased<p::Trigonometric>},
      {"broyden_tridiagonal", erased<p::BroydenTridiagonal>},
  };
  return all.at(name)();
}

inline std::vector<Case> read_cases() {
  std::ifstream file(GLISSADE_TEST_DATA "/minimize/bounded/bounded.csv");
  REQUIRE(file);
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    std::stringstream cells(line);
    const auto text = [&] {
      std::string cell;
      std::getline(cells, cell, ',');
      return cell;
    };
    const auto number = [&] { return std::stod(text()); };
    Case c;
    c.name = text();
    c.problem = formula_of(c.name);
    const auto n = static_cast<Index>(number());
    c.least = number();
    c.calls = number();
    c.all_calls = number();
    for (VectorXd* v : {&c.start, &c.low, &c.high}) {
      v->resize(n);
      for (double& coefficient : *v) coefficient = number();
    }
    c.problem.bounds = {.low = c.low, .high = c.high};
    cases.push_back(c);
  }
  REQUIRE(cases.size() == 21);
  return cases;
}

/// Whether a value is within 1e-6 max(1, |least|) of the least one.
inline bool is_near(const Case& c, double value) { return value <= c.least + 1e-6 * std::max(1.0, std::abs(c.least)); }

inline double median_of(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  const std::size_t half = numbers.size() / 2;
  return numbers.size() % 2 == 1 ? numbers[half] : (numbers[half - 1] + numbers[half]) / 2;
}

}  // namespace bounded
