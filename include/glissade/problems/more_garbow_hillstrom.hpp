// The problems of More, Garbow and Hillstrom with a fixed number of variables (numbers 1 to 19).
//
// f(x) = sum of r_i(x)^2, from x0 = start(). Derivatives are exact; the minima that are not zero are certified to
// the digits given.
// Source: "Testing Unconstrained Optimization Software", ACM TOMS 7 (1981).
#pragma once

#include <Eigen/Core>

#include <array>
#include <cmath>
#include <numbers>

#include "formula.hpp"

namespace glissade::problems {

/// 1. 10 (x2 - x1^2), 1 - x1: a curved valley.
struct Rosenbrock : LeastSquares<Rosenbrock, FixedFormula> {
  static constexpr std::string_view name = "Rosenbrock";
  static constexpr int window = 2;

  void residuals(const auto& x, auto&& add) const {
    add(10 * (x[1] - x[0] * x[0]));
    add(1 - x[0]);
  }
  static Eigen::Vector2d start() { return {-1.2, 1}; }
  static Eigen::Vector2d minimizer() { return {1, 1}; }
  static double minimum() { return 0; }
};

/// 2. It also has a local minimum 48.9842536792 at (11.412778954, -0.896805254).
struct FreudensteinRoth : LeastSquares<FreudensteinRoth, FixedFormula> {
  static constexpr std::string_view name = "FreudensteinRoth";
  static constexpr int window = 2;

  void residuals(const auto& x, auto&& add) const {
    add(-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1]);
    add(-29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]);
  }
  static Eigen::Vector2d start() { return {0.5, -2}; }
  static Eigen::Vector2d minimizer() { return {5, 4}; }
  static double minimum() { return 0; }
};

/// 3. 1e4 x1 x2 - 1, exp(-x1) + exp(-x2) - 1.0001.
struct PowellBadlyScaled : LeastSquares<PowellBadlyScaled, FixedFormula> {
  static constexpr std::string_view name = "PowellBadlyScaled";
  static constexpr int window = 2;

  void residuals(const auto& x, auto&& add) const {
    using std::exp;
    add(1e4 * x[0] * x[1] - 1);
    add(exp(-x[0]) + exp(-x[1]) - 1.0001);
  }
  static Eigen::Vector2d start() { return {0, 1}; }
  static Eigen::Vector2d minimizer() { return {1.098159328e-5, 9.106146740}; }
  static double minimum() { return 0; }
};

/// 4. x1 - 1e6, x2 - 2e-6, x1 x2 - 2.
struct BrownBadlyScaled : LeastSquares<BrownBadlyScaled, FixedFormula> {
  static constexpr std::string_view name = "BrownBadlyScaled";
  static constexpr int window = 2;

  void residuals(const auto& x, auto&& add) const {
    add(x[0] - 1e6);
    add(x[1] - 2e-6);
    add(x[0] * x[1] - 2);
  }
  static Eigen::Vector2d start() { return {1, 1}; }
  static Eigen::Vector2d minimizer() { return {1e6, 2e-6}; }
  static double minimum() { return 0; }
};

/// 5. y_i - x1 (1 - x2^i).
struct Beale : LeastSquares<Beale, FixedFormula> {
  static constexpr std::string_view name = "Beale";
  static constexpr int window = 2;

  void residuals(const auto& x, auto&& add) const {
    add(1.5 - x[0] * (1 - x[1]));
    add(2.25 - x[0] * (1 - x[1] * x[1]));
    add(2.625 - x[0] * (1 - x[1] * x[1] * x[1]));
  }
  static Eigen::Vector2d start() { return {1, 1}; }
  static Eigen::Vector2d minimizer() { return {3, 0.5}; }
  static double minimum() { return 0; }
};

/// 6. 2 + 2 i - (exp(i x1) + exp(i x2)), i = 1 ... 10.
struct JennrichSampson : LeastSquares<JennrichSampson, FixedFormula> {
  static constexpr std::string_view name = "JennrichSampson";
  static constexpr int window = 2;

  void residuals(const auto& x, auto&& add) const {
    using std::exp;
    for (int i = 1; i <= 10; ++i) add(2 + 2 * i - (exp(i * x[0]) + exp(i * x[1])));
  }
  static Eigen::Vector2d start() { return {0.3, 0.4}; }
  static Eigen::Vector2d minimizer() { return {0.2578252, 0.2578252}; }
  static double minimum() { return 124.3621823556; }
};

/// 7. 10 (x3 - 10 th), 10 (sqrt(x1^2 + x2^2) - 1), x3, where th is the angle of (x1, x2) in turns.
struct HelicalValley : LeastSquares<HelicalValley, FixedFormula> {
  static constexpr std::string_view name = "HelicalValley";
  static constexpr int window = 3;

  void residuals(const auto& x, auto&& add) const {
    using std::atan2;
    using std::hypot;
    const auto angle = atan2(x[1], x[0]);
    const double full = value_of(x[0]) < 0 && value_of(angle) < 0 ? 1 : 0;  // from -1/4 to 3/4, as the authors'
    const auto turns = angle / (2 * std::numbers::pi) + full;
    add(10 * (x[2] - 10 * turns));
    add(10 * (hypot(x[0], x[1]) - 1));
    add(x[2]);
  }
  static Eigen::Vector3d start() { return {-1, 0, 0}; }
  static Eigen::Vector3d minimizer() { return {1, 0, 0}; }
  static double minimum() { return 0; }
};

/// 8. y_i - (x1 + u / (v x2 + min(u, v) x3)), u = i, v = 16 - i.
struct Bard : LeastSquares<Bard, FixedFormula> {
  static constexpr std::string_view name = "Bard";
  static constexpr int window = 3;
  static constexpr std::array<double, 15> y{0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39,
                                            0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39};

  void residuals(const auto& x, auto&& add) const {
    for (std::size_t i = 1; i <= y.size(); ++i) {
      const double u = static_cast<double>(i);
      const double v = 16 - u;
      add(y[i - 1] - (x[0] + u / (v * x[1] + (u < v ? u : v) * x[2])));
    }
  }
  static Eigen::Vector3d start() { return {1, 1, 1}; }
  static Eigen::Vector3d minimizer() { return {0.0824105589, 1.133036075, 2.343695195}; }
  static double minimum() { return 8.21487730658e-3; }
};

/// 9. x1 exp(-x2 (t - x3)^2 / 2) - y_i, t = (8 - i) / 2.
struct Gaussian : LeastSquares<Gaussian, FixedFormula> {
  static constexpr std::string_view name = "Gaussian";
  static constexpr int window = 3;
  static constexpr std::array<double, 8> y{0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989};

  void residuals(const auto& x, auto&& add) const {
    using std::exp;
    for (int i = 1; i <= 15; ++i) {
      const auto t = (8 - i) / 2.0 - x[2];
      add(x[0] * exp(-0.5 * x[1] * t * t) - y[static_cast<std::size_t>(i <= 8 ? i - 1 : 15 - i)]);
    }
  }
  static Eigen::Vector3d start() { return {0.4, 1, 0}; }
  static Eigen::Vector3d minimizer() { return {0.3989561378, 1.000019085, 0}; }
  static double minimum() { return 1.12793276962e-8; }
};

/// 10. x1 exp(x2 / (45 + 5 i + x3)) - y_i.
struct Meyer : LeastSquares<Meyer, FixedFormula> {
  static constexpr std::string_view name = "Meyer";
  static constexpr int window = 3;
  static constexpr std::array<double, 16> y{34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744,
                                            8261,  7030,  6005,  5147,  4427,  3820,  3307,  2872};

  void residuals(const auto& x, auto&& add) const {
    using std::exp;
    for (std::size_t i = 1; i <= y.size(); ++i)
      add(x[0] * exp(x[1] / (45 + 5 * static_cast<double>(i) + x[2])) - y[i - 1]);
  }
  static Eigen::Vector3d start() { return {0.02, 4000, 250}; }
  static Eigen::Vector3d minimizer() { return {0.00560963654, 6181.346336, 345.2236343}; }
  static double minimum() { return 87.9458551704; }
};

/// 11. exp(-|y_i - x2|^x3 / x1) - t_i, t_i = i / 100, y_i = 25 + (-50 log t_i)^(2/3).
struct Gulf : LeastSquares<Gulf, FixedFormula> {
  static constexpr std::string_view name = "Gulf";
  static constexpr int window = 3;

  void residuals(const auto& x, auto&& add) const {
    using std::abs;
    using std::exp;
    using std::pow;
    for (int i = 1; i <= 99; ++i) {
      const double t = i / 100.0;
      const double y = 25 + std::pow(-50 * std::log(t), 2.0 / 3.0);
      add(exp(-1.0 * pow(abs(y - x[1]), x[2]) / x[0]) - t);
    }
  }
  static Eigen::Vector3d start() { return {5, 2.5, 0.15}; }
  static Eigen::Vector3d minimizer() { return {50, 25, 1.5}; }
  static double minimum() { return 0; }
};

/// 12. exp(-t x1) - exp(-t x2) - x3 (exp(-t) - exp(-10 t)), t = i / 10; also zero at (10, 1, -1) and
/// where x1 = x2, x3 = 0.
struct Box3d : LeastSquares<Box3d, FixedFormula> {
  static constexpr std::string_view name = "Box3d";
  static constexpr int window = 3;

  void residuals(const auto& x, auto&& add) const {
    using std::exp;
    for (int i = 1; i <= 10; ++i) {
      const double t = 0.1 * i;
      add(exp(-t * x[0]) - exp(-t * x[1]) - x[2] * (std::exp(-t) - std::exp(-10 * t)));
    }
  }
  static Eigen::Vector3d start() { return {0, 10, 20}; }
  static Eigen::Vector3d minimizer() { return {1, 10, 1}; }
  static double minimum() { return 0; }
};

/// 13. x1 + 10 x2, sqrt(5) (x3 - x4), (x2 - 2 x3)^2, sqrt(10) (x1 - x4)^2: the Hessian is singular at 0.
struct PowellSingular : LeastSquares<PowellSingular, FixedFormula> {
  static constexpr std::string_view name = "PowellSingular";
  static constexpr int window = 4;

  void residuals(const auto& x, auto&& add) const {
    add(x[0] + 10 * x[1]);
    add(std::sqrt(5.0) * (x[2] - x[3]));
    add((x[1] - 2 * x[2]) * (x[1] - 2 * x[2]));
    add(std::sqrt(10.0) * (x[0] - x[3]) * (x[0] - x[3]));
  }
  static Eigen::Vector4d start() { return {3, -1, 0, 1}; }
  static Eigen::Vector4d minimizer() { return {0, 0, 0, 0}; }
  static double minimum() { return 0; }
};

/// 14. Two coupled valleys of Rosenbrock's kind.
struct Wood : LeastSquares<Wood, FixedFormula> {
  static constexpr std::string_view name = "Wood";
  static constexpr int window = 4;

  void residuals(const auto& x, auto&& add) const {
    add(10 * (x[1] - x[0] * x[0]));
    add(1 - x[0]);
    add(std::sqrt(90.0) * (x[3] - x[2] * x[2]));
    add(1 - x[2]);
    add(std::sqrt(10.0) * (x[1] + x[3] - 2));
    add((x[1] - x[3]) / std::sqrt(10.0));
  }
  static Eigen::Vector4d start() { return {-3, -1, -3, -1}; }
  static Eigen::Vector4d minimizer() { return {1, 1, 1, 1}; }
  static double minimum() { return 0; }
};

/// 15. y_i - x1 (u^2 + u x2) / (u^2 + u x3 + x4).
struct KowalikOsborne : LeastSquares<KowalikOsborne, FixedFormula> {
  static constexpr std::string_view name = "KowalikOsborne";
  static constexpr int window = 4;
  static constexpr std::array<double, 11> u{4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625};
  static constexpr std::array<double, 11> y{0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627,
                                            0.0456, 0.0342, 0.0323, 0.0235, 0.0246};

  void residuals(const auto& x, auto&& add) const {
    for (std::size_t i = 0; i < y.size(); ++i)
      add(y[i] - x[0] * (u[i] * u[i] + u[i] * x[1]) / (u[i] * u[i] + u[i] * x[2] + x[3]));
  }
  static Eigen::Vector4d start() { return {0.25, 0.39, 0.415, 0.39}; }
  static Eigen::Vector4d minimizer() { return {0.192806935, 0.191282337, 0.123056514, 0.136062334}; }
  static double minimum() { return 3.07505603849e-4; }
};

/// 16. (x1 + t x2 - exp(t))^2 + (x3 + x4 sin t - cos t)^2, t = i / 5, i = 1 ... 20.
struct BrownDennis : LeastSquares<BrownDennis, FixedFormula> {
  static constexpr std::string_view name = "BrownDennis";
  static constexpr int window = 4;

  void residuals(const auto& x, auto&& add) const {
    for (int i = 1; i <= 20; ++i) {
      const double t = i / 5.0;
      const auto a = x[0] + t * x[1] - std::exp(t);
      const auto b = x[2] + std::sin(t) * x[3] - std::cos(t);
      add(a * a + b * b);
    }
  }
  static Eigen::Vector4d start() { return {25, 5, -5, -1}; }
  static Eigen::Vector4d minimizer() { return {-11.59443977, 13.20363, -0.403439566, 0.23677877}; }
  static double minimum() { return 85822.2016264; }
};

/// 17. y_i - (x1 + x2 exp(-t x4) + x3 exp(-t x5)), t = 10 (i - 1).
struct Osborne1 : LeastSquares<Osborne1, FixedFormula> {
  static constexpr std::string_view name = "Osborne1";
  static constexpr int window = 5;
  static constexpr std::array<double, 33> y{0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818,
                                            0.784, 0.751, 0.718, 0.685, 0.658, 0.628, 0.603, 0.580, 0.558,
                                            0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438,
                                            0.431, 0.424, 0.420, 0.414, 0.411, 0.406};

  void residuals(const auto& x, auto&& add) const {
    using std::exp;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double t = 10 * static_cast<double>(i);
      add(y[i] - (x[0] + x[1] * exp(-t * x[3]) + x[2] * exp(-t * x[4])));
    }
  }
  static auto start() { return Eigen::Matrix<double, 5, 1>{{0.5, 1.5, -1, 0.01, 0.02}}; }
  static auto minimizer() {
    return Eigen::Matrix<double, 5, 1>{{0.375410052, 1.935846884, -1.464687108, 0.012867535, 0.0221226997}};
  }
  static double minimum() { return 5.46489469748e-5; }
};

/// 18. x3 exp(-t x1) - x4 exp(-t x2) + x6 exp(-t x5) - y_i, t = i / 10; it also has a local minimum
/// 5.65565e-3.
struct BiggsExp6 : LeastSquares<BiggsExp6, FixedFormula> {
  static constexpr std::string_view name = "BiggsExp6";
  static constexpr int window = 6;

  void residuals(const auto& x, auto&& add) const {
    using std::exp;
    for (int i = 1; i <= 13; ++i) {
      const double t = 0.1 * i;
      const double y = std::exp(-t) - 5 * std::exp(-10 * t) + 3 * std::exp(-4 * t);
      add(x[2] * exp(-t * x[0]) - x[3] * exp(-t * x[1]) + x[5] * exp(-t * x[4]) - y);
    }
  }
  static auto start() { return Eigen::Matrix<double, 6, 1>{{1, 2, 1, 1, 1, 1}}; }
  static auto minimizer() { return Eigen::Matrix<double, 6, 1>{{1, 10, 1, 5, 4, 3}}; }
  static double minimum() { return 0; }
};

/// 19. y_i - (x1 exp(-t x5) + sum of three bells x2 ... x4 of widths x6 ... x8 at x9 ... x11), t = (i - 1) / 10.
struct Osborne2 : LeastSquares<Osborne2, FixedFormula> {
  static constexpr std::string_view name = "Osborne2";
  static constexpr int window = 11;
  static constexpr std::array<double, 65> y{1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746,
                                            0.679, 0.608, 0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649,
                                            0.694, 0.644, 0.624, 0.661, 0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395,
                                            0.375, 0.372, 0.391, 0.396, 0.405, 0.428, 0.429, 0.523, 0.562, 0.607, 0.653,
                                            0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559, 0.597, 0.625, 0.739,
                                            0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054};

  void residuals(const auto& x, auto&& add) const {
    using std::exp;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double t = static_cast<double>(i) / 10;
      auto model = x[0] * exp(-t * x[4]);
      for (int bell = 1; bell <= 3; ++bell) {
        const auto away = t - x[7 + bell];
        model += x[bell] * exp(-1.0 * away * away * x[4 + bell]);
      }
      add(y[i] - model);
    }
  }
  static auto start() { return Eigen::Matrix<double, 11, 1>{{1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5}}; }
  static double minimum() { return 4.01377362935e-2; }
};

}  // namespace glissade::problems
