// Classical test functions of two variables, and Hartmann's of three and six.
//
// Many have several minima: minimizer() is one of those with the value minimum(), start() the customary beginning or
// a point from which the way there is not trivial.
// Source: collected in "A Literature Survey of Benchmark Functions For Global Optimization Problems", 2013,
// arXiv 1308.4008; minimizers and values recomputed.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <numbers>

#include "formula.hpp"

namespace glissade::problems {

/// (x + 2 y - 7)^2 + (2 x + y - 5)^2.
struct Booth : FixedFormula<Booth> {
  static constexpr std::string_view name = "Booth";
  static constexpr int window = 2;

  [[nodiscard]] auto formula(const auto& x) const {
    const auto a = x[0] + 2 * x[1] - 7;
    const auto b = 2 * x[0] + x[1] - 5;
    return a * a + b * b;
  }
  static Eigen::Vector2d start() { return {-5, 5}; }
  static Eigen::Vector2d minimizer() { return {1, 3}; }
  static double minimum() { return 0; }
};

/// 0.26 (x^2 + y^2) - 0.48 x y: a long flat valley.
struct Matyas : FixedFormula<Matyas> {
  static constexpr std::string_view name = "Matyas";
  static constexpr int window = 2;

  [[nodiscard]] auto formula(const auto& x) const { return 0.26 * (x[0] * x[0] + x[1] * x[1]) - 0.48 * x[0] * x[1]; }
  static Eigen::Vector2d start() { return {8, -6}; }
  static Eigen::Vector2d minimizer() { return {0, 0}; }
  static double minimum() { return 0; }
};

/// (x^2 + y - 11)^2 + (x + y^2 - 7)^2: four minima, all zero; minimizer(k), k = 0 ... 3.
struct Himmelblau : FixedFormula<Himmelblau> {
  static constexpr std::string_view name = "Himmelblau";
  static constexpr int window = 2;

  [[nodiscard]] auto formula(const auto& x) const {
    const auto a = x[0] * x[0] + x[1] - 11;
    const auto b = x[0] + x[1] * x[1] - 7;
    return a * a + b * b;
  }
  static Eigen::Vector2d start() { return {0, 0}; }
  static Eigen::Vector2d minimizer(int k = 0) {
    if (k == 1) return {-2.805118086952745, 3.131312518250573};
    if (k == 2) return {-3.779310253377747, -3.283185991286170};
    if (k == 3) return {3.584428340330492, -1.848126526964404};
    return {3, 2};
  }
  static double minimum() { return 0; }
};

/// sin(x + y) + (x - y)^2 - 1.5 x + 2.5 y + 1. Unbounded below along x = y; this is the minimum of the usual box.
struct McCormick : FixedFormula<McCormick> {
  static constexpr std::string_view name = "McCormick";
  static constexpr int window = 2;

  [[nodiscard]] auto formula(const auto& x) const {
    using std::sin;
    return sin(x[0] + x[1]) + (x[0] - x[1]) * (x[0] - x[1]) - 1.5 * x[0] + 2.5 * x[1] + 1;
  }
  static Eigen::Vector2d start() { return {0, 0}; }
  static Eigen::Vector2d minimizer() { return {0.5 - std::numbers::pi / 3, -0.5 - std::numbers::pi / 3}; }
  static double minimum() { return -1.913222954981037; }
};

/// (4 - 2.1 x^2 + x^4 / 3) x^2 + x y + (4 y^2 - 4) y^2: two global minima, +-minimizer(), and four local ones.
struct SixHumpCamel : FixedFormula<SixHumpCamel> {
  static constexpr std::string_view name = "SixHumpCamel";
  static constexpr int window = 2;

  [[nodiscard]] auto formula(const auto& x) const {
    const auto a = x[0] * x[0];
    const auto b = x[1] * x[1];
    return (4 - 2.1 * a + a * a / 3) * a + x[0] * x[1] + (4 * b - 4) * b;
  }
  static Eigen::Vector2d start() { return {0.5, -0.5}; }
  static Eigen::Vector2d minimizer() { return {0.0898420137, -0.7126564033}; }
  static double minimum() { return -1.031628453489877; }
};

/// 2 x^2 - 1.05 x^4 + x^6 / 6 + x y + y^2.
struct ThreeHumpCamel : FixedFormula<ThreeHumpCamel> {
  static constexpr std::string_view name = "ThreeHumpCamel";
  static constexpr int window = 2;

  [[nodiscard]] auto formula(const auto& x) const {
    const auto a = x[0] * x[0];
    return 2 * a - 1.05 * a * a + a * a * a / 6 + x[0] * x[1] + x[1] * x[1];
  }
  static Eigen::Vector2d start() { return {0.5, 2}; }
  static Eigen::Vector2d minimizer() { return {0, 0}; }
  static double minimum() { return 0; }
};

/// The product of two quartic forms: values from 3 to 1e6 in the box [-2, 2]^2.
struct GoldsteinPrice : FixedFormula<GoldsteinPrice> {
  static constexpr std::string_view name = "GoldsteinPrice";
  static constexpr int window = 2;

  [[nodiscard]] auto formula(const auto& x) const {
    const auto s = x[0] + x[1] + 1;
    const auto t = 2 * x[0] - 3 * x[1];
    const auto xx = x[0] * x[0];
    const auto xy = x[0] * x[1];
    const auto yy = x[1] * x[1];
    return (1 + s * s * (19 - 14 * x[0] + 3 * xx - 14 * x[1] + 6 * xy + 3 * yy)) *
           (30 + t * t * (18 - 32 * x[0] + 12 * xx + 48 * x[1] - 36 * xy + 27 * yy));
  }
  static Eigen::Vector2d start() { return {0.3, -0.7}; }
  static Eigen::Vector2d minimizer() { return {0, -1}; }
  static double minimum() { return 3; }
};

/// Branin's function: three global minima, minimizer(k), k = 0, 1, 2.
struct Branin : FixedFormula<Branin> {
  static constexpr std::string_view name = "Branin";
  static constexpr int window = 2;

  [[nodiscard]] auto formula(const auto& x) const {
    using std::cos;
    constexpr double pi = std::numbers::pi;
    const auto a = x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6;
    return a * a + 10 * (1 - 1 / (8 * pi)) * cos(x[0]) + 10;
  }
  static Eigen::Vector2d start() { return {2, 8}; }
  static Eigen::Vector2d minimizer(int k = 0) {
    constexpr double pi = std::numbers::pi;
    if (k == 1) return {pi, 2.275};
    if (k == 2) return {3 * pi, 2.475};
    return {-pi, 12.275};
  }
  static double minimum() { return 0.3978873577297382; }
};

/// -cos x cos y exp(-(x - pi)^2 - (y - pi)^2): flat except for one well.
struct Easom : FixedFormula<Easom> {
  static constexpr std::string_view name = "Easom";
  static constexpr int window = 2;

  [[nodiscard]] auto formula(const auto& x) const {
    using std::cos;
    using std::exp;
    const auto a = x[0] - std::numbers::pi;
    const auto b = x[1] - std::numbers::pi;
    return -1.0 * cos(x[0]) * cos(x[1]) * exp(-1.0 * a * a - b * b);
  }
  static Eigen::Vector2d start() { return {2.5, 3.8}; }
  static Eigen::Vector2d minimizer() { return {std::numbers::pi, std::numbers::pi}; }
  static double minimum() { return -1; }
};

/// x^2 + 2 y^2 - 0.3 cos 3 pi x - 0.4 cos 4 pi y + 0.7, the first function of Bohachevsky.
struct Bohachevsky1 : FixedFormula<Bohachevsky1> {
  static constexpr std::string_view name = "Bohachevsky1";
  static constexpr int window = 2;

  [[nodiscard]] auto formula(const auto& x) const {
    using std::cos;
    return x[0] * x[0] + 2 * x[1] * x[1] - 0.3 * cos(3 * std::numbers::pi * x[0]) -
           0.4 * cos(4 * std::numbers::pi * x[1]) + 0.7;
  }
  static Eigen::Vector2d start() { return {0.2, -0.1}; }
  static Eigen::Vector2d minimizer() { return {0, 0}; }
  static double minimum() { return 0; }
};

/// -(1 + cos 12 |x|) / (|x|^2 / 2 + 2): rings. Smooth at 0 too, where it is computed by its series.
struct DropWave : FixedFormula<DropWave> {
  static constexpr std::string_view name = "DropWave";
  static constexpr int window = 2;

  [[nodiscard]] auto formula(const auto& x) const {
    const auto squares = x[0] * x[0] + x[1] * x[1];
    return -1.0 * (1 + cosine(144 * squares)) / (0.5 * squares + 2);
  }
  static Eigen::Vector2d start() { return {0.1, 0.15}; }
  static Eigen::Vector2d minimizer() { return {0, 0}; }
  static double minimum() { return -1; }

 private:
  /// cos(sqrt(u)), a smooth function of u >= 0.
  template <class T>
  static T cosine(const T& u) {
    using std::cos;
    using std::sqrt;
    if (value_of(u) < 1e-3) return 1 - u / 2 * (1 - u / 12 * (1 - u / 30 * (1 - u / 56)));
    return cos(sqrt(u));
  }
};

namespace detail {

/// -sum_i alpha_i exp(-sum_j A_ij (x_j - P_ij)^2) with 1e4 P.
template <std::size_t N>
auto hartmann(const auto& x, const double (&A)[4][N], const double (&P)[4][N]) {
  using std::exp;
  constexpr double alpha[4] = {1, 1.2, 3, 3.2};
  std::remove_cvref_t<decltype(x[0])> sum = 0;
  for (int i = 0; i < 4; ++i) {
    std::remove_cvref_t<decltype(x[0])> exponent = 0;
    for (std::size_t j = 0; j < N; ++j) {
      const auto away = x[static_cast<Index>(j)] - 1e-4 * P[i][j];
      exponent -= A[i][j] * away * away;
    }
    sum -= alpha[i] * exp(exponent);
  }
  return sum;
}

}  // namespace detail

/// Four wells in three dimensions.
struct Hartmann3 : FixedFormula<Hartmann3> {
  static constexpr std::string_view name = "Hartmann3";
  static constexpr int window = 3;

  [[nodiscard]] auto formula(const auto& x) const {
    constexpr double A[4][3] = {{3, 10, 30}, {0.1, 10, 35}, {3, 10, 30}, {0.1, 10, 35}};
    constexpr double P[4][3] = {{3689, 1170, 2673}, {4699, 4387, 7470}, {1091, 8732, 5547}, {381, 5743, 8828}};
    return detail::hartmann(x, A, P);
  }
  static Eigen::Vector3d start() { return {0.3, 0.5, 0.7}; }
  static Eigen::Vector3d minimizer() { return {0.11458889, 0.55564889, 0.85254698}; }
  static double minimum() { return -3.862779787332660; }
};

/// Four wells in six dimensions.
struct Hartmann6 : FixedFormula<Hartmann6> {
  static constexpr std::string_view name = "Hartmann6";
  static constexpr int window = 6;

  [[nodiscard]] auto formula(const auto& x) const {
    constexpr double A[4][6] = {
        {10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}};
    constexpr double P[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                                {2329, 4135, 8307, 3736, 1004, 9991},
                                {2348, 1451, 3522, 2883, 3047, 6650},
                                {4047, 8828, 8732, 5743, 1091, 381}};
    return detail::hartmann(x, A, P);
  }
  static auto start() { return Eigen::Matrix<double, 6, 1>{{0.3, 0.3, 0.4, 0.3, 0.4, 0.6}}; }
  static auto minimizer() {
    return Eigen::Matrix<double, 6, 1>{{0.20168951, 0.15001069, 0.47687398, 0.27533243, 0.31165161, 0.65730053}};
  }
  static double minimum() { return -3.322368011415515; }
};

}  // namespace glissade::problems
