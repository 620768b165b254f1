// NIST's 27 nonlinear regressions (nist.csv), as residuals with exact Jacobians.
#pragma once

#include <glissade/oracle/residuals.hpp>

#include <cmath>
#include <fstream>
#include <map>
#include <numbers>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace nist {

using Eigen::Index;
using Eigen::VectorXd;

/// The value of the data set's model with parameters b at x; z is its second predictor.
template <class B>
auto model(const std::string& name, const B& b, double x, double z) {
  using std::atan, std::cos, std::exp, std::pow, std::sin, std::sqrt;
  using T = std::remove_cvref_t<decltype(b[0])>;
  constexpr double pi = std::numbers::pi;
  const auto square = [](const T& t) { return t * t; };
  if (name.starts_with("Gauss"))
    return T(b[0] * exp(-b[1] * x) + b[2] * exp(-square((x - b[3]) / b[4])) + b[5] * exp(-square((x - b[6]) / b[7])));
  if (name.starts_with("Lanczos")) return T(b[0] * exp(-b[1] * x) + b[2] * exp(-b[3] * x) + b[4] * exp(-b[5] * x));
  if (name.starts_with("Chwirut")) return T(exp(-b[0] * x) / (b[1] + b[2] * x));
  if (name == "Hahn1" || name == "Thurber")
    return T((b[0] + x * (b[1] + x * (b[2] + x * b[3]))) / (1 + x * (b[4] + x * (b[5] + x * b[6]))));
  if (name == "Bennett5") return T(b[0] * pow(b[1] + x, -1 / b[2]));
  if (name == "BoxBOD" || name == "Misra1a") return T(b[0] * (1 - exp(-b[1] * x)));
  if (name == "DanWood") return T(b[0] * exp(b[1] * std::log(x)));
  if (name == "Eckerle4") return T(b[0] / b[1] * exp(-0.5 * square((x - b[2]) / b[1])));
  if (name == "Kirby2") return T((b[0] + x * (b[1] + x * b[2])) / (1 + x * (b[3] + x * b[4])));
  if (name == "MGH09") return T(b[0] * (x * x + x * b[1]) / (x * x + x * b[2] + b[3]));
  if (name == "MGH10") return T(b[0] * exp(b[1] / (x + b[2])));
  if (name == "MGH17") return T(b[0] + b[1] * exp(-x * b[3]) + b[2] * exp(-x * b[4]));
  if (name == "Misra1b") return T(b[0] * (1 - 1 / square(1 + b[1] * (x / 2))));
  if (name == "Misra1c") return T(b[0] * (1 - 1 / sqrt(1 + 2 * x * b[1])));
  if (name == "Misra1d") return T(b[0] * b[1] * x / (1 + b[1] * x));
  if (name == "Nelson") return T(b[0] - b[1] * x * exp(-b[2] * z));
  if (name == "Rat42") return T(b[0] / (1 + exp(b[1] - b[2] * x)));
  if (name == "Rat43") return T(b[0] / pow(1 + exp(b[1] - b[2] * x), 1 / b[3]));
  if (name == "Roszman1") return T(b[0] - b[1] * x - atan(b[2] / (x - b[3])) / pi);
  if (name == "ENSO") {
    const auto wave = [&](const T& c, const T& s, const T& angle) { return T(c * cos(angle) + s * sin(angle)); };
    return T(b[0] + wave(b[1], b[2], T(2 * pi / 12 * x)) + wave(b[4], b[5], T(2 * pi * x / b[3])) +
             wave(b[7], b[8], T(2 * pi * x / b[6])));
  }
  throw std::invalid_argument("no model of " + name);
}

struct Regression {
  std::string name;
  std::vector<double> y, x, z;
  VectorXd start[2], certified, deviation;
  double sum = 0;

  [[nodiscard]] Index size() const { return static_cast<Index>(y.size()); }
  /// Residual i: the model less the observation.
  auto operator()(const auto& b, Index i) const {
    const auto k = static_cast<std::size_t>(i);
    return model(name, b, x[k], z[k]) - (name == "Nelson" ? std::log(y[k]) : y[k]);
  }
  [[nodiscard]] auto residuals() const { return glissade::AutoDiffResiduals{size(), *this}; }

  /// Correct digits of the worst parameter.
  [[nodiscard]] double digits(const VectorXd& b) const {
    const VectorXd error = (b - certified).cwiseQuotient(certified).cwiseAbs();
    return -std::log10(error.maxCoeff<Eigen::PropagateNaN>());
  }
};

inline std::vector<Regression> regressions() {
  std::ifstream file(GLISSADE_TEST_DATA "/minimize/least_squares/nist.csv");
  if (!file) throw std::runtime_error("nist.csv is missing");
  std::map<std::string, Regression> all;
  for (std::string line; std::getline(file, line);) {
    std::stringstream cells(line);
    std::string kind, name, cell;
    std::getline(cells, kind, ',');
    std::getline(cells, name, ',');
    std::vector<double> numbers;
    while (std::getline(cells, cell, ',')) numbers.push_back(std::stod(cell));
    Regression& r = all[name];
    r.name = name;
    const auto append = [](VectorXd& to, double number) {
      to.conservativeResize(to.size() + 1);
      to[to.size() - 1] = number;
    };
    if (kind == "observation") {
      r.y.push_back(numbers.at(0));
      r.x.push_back(numbers.at(1));
      r.z.push_back(numbers.at(2));
    } else if (kind == "parameter") {
      append(r.start[0], numbers.at(0));
      append(r.start[1], numbers.at(1));
      append(r.certified, numbers.at(2));
      append(r.deviation, numbers.at(3));
    } else {
      r.sum = numbers.at(0);
    }
  }
  std::vector<Regression> list;
  for (const auto& [name, regression] : all) list.push_back(regression);
  return list;
}

}  // namespace nist
