// Classical test functions of any number d of variables. Most have very many local minima.
//
// minimizer(d) is the global one with the value minimum(d); start(d) is a point off it.
// Source: collected in "A Literature Survey of Benchmark Functions For Global Optimization Problems", 2013,
// arXiv 1308.4008; minimizers and values recomputed.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <numbers>

#include "formula.hpp"
#include "more_garbow_hillstrom_variable.hpp"

namespace glissade::problems {

/// -20 exp(-0.2 sqrt(mean x^2)) - exp(mean cos 2 pi x) + 20 + e. It has a kink at 0; there the gradient is 0 by
/// definition.
struct Ackley : DenseFormula<Ackley> {
  static constexpr std::string_view name = "Ackley";

  [[nodiscard]] auto formula(const auto& x) const {
    using std::cos;
    using std::exp;
    using std::hypot;
    using T = std::remove_cvref_t<decltype(x[0])>;
    const double d = detail::real(x.size());
    T norm = 0;
    T cosines = 0;
    for (Index i = 0; i < x.size(); ++i) {
      norm = hypot(norm, x[i]);
      cosines += cos(2 * std::numbers::pi * x[i]);
    }
    const T radius = norm / std::sqrt(d);
    return T(-20 * exp(-0.2 * radius) - exp(cosines / d) + 20 + std::numbers::e);
  }
  static Eigen::VectorXd start(Index d = 4) { return Eigen::VectorXd::Constant(d, 0.3); }
  static Eigen::VectorXd minimizer(Index d = 4) { return Eigen::VectorXd::Zero(d); }
  static double minimum(Index = 4) { return 0; }
};

/// 10 d + sum of x^2 - 10 cos 2 pi x.
struct Rastrigin : SumOfElements<Rastrigin> {
  static constexpr std::string_view name = "Rastrigin";
  static constexpr int window = 1;

  [[nodiscard]] Index elements(Index n) const { return n; }
  [[nodiscard]] Index first(Index e) const { return e; }
  [[nodiscard]] auto element(Index e, const auto& x) const {
    using std::cos;
    return 10 + x[e] * x[e] - 10 * cos(2 * std::numbers::pi * x[e]);
  }
  static Eigen::VectorXd start(Index d = 4) { return Eigen::VectorXd::Constant(d, 0.3); }
  static Eigen::VectorXd minimizer(Index d = 4) { return Eigen::VectorXd::Zero(d); }
  static double minimum(Index = 4) { return 0; }
};

/// 1 + sum of x^2 / 4000 - product of cos(x_i / sqrt i).
struct Griewank : DenseFormula<Griewank> {
  static constexpr std::string_view name = "Griewank";

  [[nodiscard]] auto formula(const auto& x) const {
    using std::cos;
    using T = std::remove_cvref_t<decltype(x[0])>;
    T squares = 0;
    T product = 1;
    for (Index i = 0; i < x.size(); ++i) {
      squares += x[i] * x[i];
      product *= cos(x[i] / std::sqrt(detail::real(i + 1)));
    }
    return T(1 + squares / 4000 - product);
  }
  static Eigen::VectorXd start(Index d = 4) { return Eigen::VectorXd::Constant(d, 1); }
  static Eigen::VectorXd minimizer(Index d = 4) { return Eigen::VectorXd::Zero(d); }
  static double minimum(Index = 4) { return 0; }
};

/// Half the sum of x^4 - 16 x^2 + 5 x.
struct StyblinskiTang : SumOfElements<StyblinskiTang> {
  static constexpr std::string_view name = "StyblinskiTang";
  static constexpr int window = 1;

  [[nodiscard]] Index elements(Index n) const { return n; }
  [[nodiscard]] Index first(Index e) const { return e; }
  [[nodiscard]] auto element(Index e, const auto& x) const {
    const auto squared = x[e] * x[e];
    return 0.5 * (squared * squared - 16 * squared + 5 * x[e]);
  }
  static Eigen::VectorXd start(Index d = 4) { return Eigen::VectorXd::Constant(d, -1); }
  static Eigen::VectorXd minimizer(Index d = 4) { return Eigen::VectorXd::Constant(d, -2.903534027771177); }
  static double minimum(Index d = 4) { return -39.16616570377142 * detail::real(d); }
};

/// Levy's function of w = 1 + (x - 1) / 4: sin^2 pi w_1 + sum of (w - 1)^2 (1 + 10 sin^2(pi w + 1)) over all but the
/// last + (w_d - 1)^2 (1 + sin^2 2 pi w_d).
struct Levy : SumOfElements<Levy> {
  static constexpr std::string_view name = "Levy";
  static constexpr int window = 1;

  [[nodiscard]] Index elements(Index n) const { return n; }
  [[nodiscard]] Index first(Index e) const { return e; }
  [[nodiscard]] auto element(Index e, const auto& x) const {
    using std::sin;
    using T = std::remove_cvref_t<decltype(x[0])>;
    const T w = 1 + (x[e] - 1) / 4;
    const bool last = e + 1 == x.size();
    const T wave = last ? T(sin(2 * std::numbers::pi * w)) : T(sin(std::numbers::pi * w + 1));
    T f = (w - 1) * (w - 1) * (1 + (last ? 1 : 10) * wave * wave);
    const T head = sin(std::numbers::pi * w);
    if (e == 0) f += head * head;
    return f;
  }
  static Eigen::VectorXd start(Index d = 4) { return Eigen::VectorXd::Constant(d, 2); }
  static Eigen::VectorXd minimizer(Index d = 4) { return Eigen::VectorXd::Ones(d); }
  static double minimum(Index = 4) { return 0; }
};

/// 418.98288727243369 d - sum of x sin sqrt|x|. Unbounded below; this is the minimum of the box [-500, 500]^d. At 0,
/// where the formula has a kink in its slope, derivatives of sqrt|x| count as 0.
struct Schwefel : SumOfElements<Schwefel> {
  static constexpr std::string_view name = "Schwefel";
  static constexpr int window = 1;

  [[nodiscard]] Index elements(Index n) const { return n; }
  [[nodiscard]] Index first(Index e) const { return e; }
  [[nodiscard]] auto element(Index e, const auto& x) const {
    using std::abs;
    using std::sin;
    using std::sqrt;
    using T = std::remove_cvref_t<decltype(x[0])>;
    if (value_of(x[e]) == 0) return T(418.98288727243369);
    return T(418.98288727243369 - x[e] * sin(sqrt(abs(x[e]))));
  }
  static Eigen::VectorXd start(Index d = 4) { return Eigen::VectorXd::Constant(d, 400); }
  static Eigen::VectorXd minimizer(Index d = 4) { return Eigen::VectorXd::Constant(d, 420.968746359982); }
  static double minimum(Index = 4) { return 0; }
};

/// |x|^2 + s^2 + s^4, s = half the sum of i x_i.
struct Zakharov : DenseFormula<Zakharov> {
  static constexpr std::string_view name = "Zakharov";

  [[nodiscard]] auto formula(const auto& x) const {
    using T = std::remove_cvref_t<decltype(x[0])>;
    T squares = 0;
    T s = 0;
    for (Index i = 0; i < x.size(); ++i) {
      squares += x[i] * x[i];
      s += 0.5 * detail::real(i + 1) * x[i];
    }
    const T s2 = s * s;
    return T(squares + s2 + s2 * s2);
  }
  static Eigen::VectorXd start(Index d = 4) { return Eigen::VectorXd::Constant(d, 2); }
  static Eigen::VectorXd minimizer(Index d = 4) { return Eigen::VectorXd::Zero(d); }
  static double minimum(Index = 4) { return 0; }
};

/// (x_1 - 1)^2 + sum over i > 1 of i (2 x_i^2 - x_(i-1))^2.
struct DixonPrice : SumOfElements<DixonPrice> {
  static constexpr std::string_view name = "DixonPrice";
  static constexpr int window = 2;

  [[nodiscard]] Index elements(Index n) const { return n; }
  [[nodiscard]] Index first(Index e) const { return e - 1; }
  [[nodiscard]] auto element(Index e, const auto& x) const {
    using T = std::remove_cvref_t<decltype(x[0])>;
    const T r = e == 0 ? T(x[e] - 1) : T(2 * x[e] * x[e] - x[e == 0 ? 0 : e - 1]);
    return T(detail::real(e + 1) * r * r);
  }
  static Eigen::VectorXd start(Index d = 4) { return Eigen::VectorXd::Constant(d, 2); }
  static Eigen::VectorXd minimizer(Index d = 4) {
    return detail::filled(d, [](double i) { return std::exp2(-(std::exp2(i) - 2) / std::exp2(i)); });
  }
  static double minimum(Index = 4) { return 0; }
};

/// Sum of (x - 1)^2 - sum of x_i x_(i-1): a convex quadratic.
struct Trid : SumOfElements<Trid> {
  static constexpr std::string_view name = "Trid";
  static constexpr int window = 2;

  [[nodiscard]] Index elements(Index n) const { return n; }
  [[nodiscard]] Index first(Index e) const { return e - 1; }
  [[nodiscard]] auto element(Index e, const auto& x) const {
    auto f = (x[e] - 1) * (x[e] - 1);
    if (e > 0) f -= x[e] * x[e - 1];
    return f;
  }
  static Eigen::VectorXd start(Index d = 4) { return Eigen::VectorXd::Zero(d); }
  static Eigen::VectorXd minimizer(Index d = 4) {
    return detail::filled(d, [d](double i) { return i * (detail::real(d) + 1 - i); });
  }
  static double minimum(Index d = 4) {
    const double n = detail::real(d);
    return -n * (n + 4) * (n - 1) / 6;
  }
};

}  // namespace glissade::problems
