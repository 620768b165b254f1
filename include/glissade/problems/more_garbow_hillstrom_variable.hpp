// The problems of More, Garbow and Hillstrom with any number n of variables (numbers 20 to 35).
//
// f(x) = sum of r_i(x)^2, from x0 = start(n). minimum(n) is zero, or certified to the digits given, or NaN where no
// certified value is known for that n.
// Source: "Testing Unconstrained Optimization Software", ACM TOMS 7 (1981).
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <limits>

#include "formula.hpp"

namespace glissade::problems {

namespace detail {
inline constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
inline double real(Index i) { return static_cast<double>(i); }
/// x_i = value(i) with i from 1 to n.
inline Eigen::VectorXd filled(Index n, auto&& value) {
  Eigen::VectorXd x(n);
  for (Index i = 0; i < n; ++i) x[i] = value(real(i + 1));
  return x;
}
/// h_i (h_i - 1) with h_i = i / (n + 1): the start of the two boundary value problems.
inline Eigen::VectorXd parabola(Index n) {
  return filled(n, [n](double i) { return i / real(n + 1) * (i / real(n + 1) - 1); });
}
}  // namespace detail

/// 20. A polynomial of degree n - 1 that solves a differential equation in 29 points; badly conditioned.
struct Watson : LeastSquares<Watson, DenseFormula> {
  static constexpr std::string_view name = "Watson";

  void check(Index n) const {
    if (n < 2 || n > 31) reject(name, "n", detail::real(n), "in [2, 31]");
  }
  void residuals(const auto& x, auto&& add) const {
    using T = std::remove_cvref_t<decltype(x[0])>;
    for (int i = 1; i <= 29; ++i) {
      const double t = i / 29.0;
      T slope = 0;
      T value = 0;
      double power = 1;  // t^j
      double below = 0;  // t^(j - 1)
      for (Index j = 0; j < x.size(); ++j) {
        if (j > 0) slope += detail::real(j) * below * x[j];
        value += power * x[j];
        below = power;
        power *= t;
      }
      add(slope - value * value - 1);
    }
    add(x[0]);
    add(x[1] - x[0] * x[0] - 1);
  }
  static Eigen::VectorXd start(Index n = 6) { return Eigen::VectorXd::Zero(n); }
  static double minimum(Index n = 6) {
    return n == 6 ? 2.28767005355e-3 : n == 9 ? 1.39976013809e-6 : n == 12 ? 4.7223811e-10 : detail::unknown;
  }
};

/// 21. Pairs of Rosenbrock's function; n is even. Its cost is of order n.
struct ExtendedRosenbrock : SumOfElements<ExtendedRosenbrock> {
  static constexpr std::string_view name = "ExtendedRosenbrock";
  static constexpr int window = 2;

  [[nodiscard]] Index elements(Index n) const { return detail::require_multiple(name, n, window), n / window; }
  [[nodiscard]] Index first(Index e) const { return window * e; }
  [[nodiscard]] auto element(Index e, const auto& x) const {
    const auto a = x[2 * e + 1] - x[2 * e] * x[2 * e];
    const auto b = 1 - x[2 * e];
    return 100 * a * a + b * b;
  }
  void residuals(const auto& x, auto&& add) const {
    for (Index i = 0; i + 1 < x.size(); i += window) {
      add(10 * (x[i + 1] - x[i] * x[i]));
      add(1 - x[i]);
    }
  }
  static Eigen::VectorXd start(Index n = 10) {
    return detail::filled(n, [](double i) { return std::fmod(i, 2) == 1 ? -1.2 : 1; });
  }
  static Eigen::VectorXd minimizer(Index n = 10) { return Eigen::VectorXd::Ones(n); }
  static double minimum(Index = 10) { return 0; }
};

/// 22. Fours of Powell's singular function; n is a multiple of 4. Its cost is of order n.
struct ExtendedPowellSingular : SumOfElements<ExtendedPowellSingular> {
  static constexpr std::string_view name = "ExtendedPowellSingular";
  static constexpr int window = 4;

  [[nodiscard]] Index elements(Index n) const { return detail::require_multiple(name, n, window), n / window; }
  [[nodiscard]] Index first(Index e) const { return window * e; }
  [[nodiscard]] auto element(Index e, const auto& x) const {
    const Index i = window * e;
    const auto a = x[i] + 10 * x[i + 1];
    const auto b = x[i + 2] - x[i + 3];
    const auto c = (x[i + 1] - 2 * x[i + 2]) * (x[i + 1] - 2 * x[i + 2]);
    const auto d = (x[i] - x[i + 3]) * (x[i] - x[i + 3]);
    return a * a + 5 * b * b + c * c + 10 * d * d;
  }
  void residuals(const auto& x, auto&& add) const {
    for (Index i = 0; i + 3 < x.size(); i += window) {
      add(x[i] + 10 * x[i + 1]);
      add(std::sqrt(5.0) * (x[i + 2] - x[i + 3]));
      add((x[i + 1] - 2 * x[i + 2]) * (x[i + 1] - 2 * x[i + 2]));
      add(std::sqrt(10.0) * (x[i] - x[i + 3]) * (x[i] - x[i + 3]));
    }
  }
  static Eigen::VectorXd start(Index n = 8) {
    return detail::filled(n, [](double i) {
      const double place = std::fmod(i, 4);
      return place == 1 ? 3 : place == 2 ? -1 : place == 3 ? 0 : 1;
    });
  }
  static Eigen::VectorXd minimizer(Index n = 8) { return Eigen::VectorXd::Zero(n); }
  static double minimum(Index = 8) { return 0; }
};

/// 23. Penalty function I: sqrt(1e-5) (x_i - 1), |x|^2 - 1/4.
struct PenaltyI : LeastSquares<PenaltyI, DenseFormula> {
  static constexpr std::string_view name = "PenaltyI";

  void residuals(const auto& x, auto&& add) const {
    std::remove_cvref_t<decltype(x[0])> squares = -0.25;
    for (Index i = 0; i < x.size(); ++i) {
      add(std::sqrt(1e-5) * (x[i] - 1));
      squares += x[i] * x[i];
    }
    add(squares);
  }
  static Eigen::VectorXd start(Index n = 10) {
    return detail::filled(n, [](double i) { return i; });
  }
  static double minimum(Index n = 10) { return n == 4 ? 2.24997750e-5 : n == 10 ? 7.08765147e-5 : detail::unknown; }
};

/// 24. Penalty function II.
struct PenaltyII : LeastSquares<PenaltyII, DenseFormula> {
  static constexpr std::string_view name = "PenaltyII";

  void residuals(const auto& x, auto&& add) const {
    using std::exp;
    const double a = std::sqrt(1e-5);
    std::remove_cvref_t<decltype(x[0])> squares = -1;
    add(x[0] - 0.2);
    for (Index i = 0; i < x.size(); ++i) {
      if (i > 0) {
        const double y = std::exp(detail::real(i + 1) / 10) + std::exp(detail::real(i) / 10);
        add(a * (exp(x[i] / 10) + exp(x[i - 1] / 10) - y));
        add(a * (exp(x[i] / 10) - std::exp(-0.1)));
      }
      squares += detail::real(x.size() - i) * x[i] * x[i];
    }
    add(squares);
  }
  static Eigen::VectorXd start(Index n = 10) { return Eigen::VectorXd::Constant(n, 0.5); }
  static double minimum(Index n = 10) {
    return n == 4 ? 9.37629300736e-6 : n == 10 ? 2.93660537457e-4 : detail::unknown;
  }
};

/// 25. x_i - 1, s = sum of j (x_j - 1), s^2.
struct VariablyDimensioned : LeastSquares<VariablyDimensioned, DenseFormula> {
  static constexpr std::string_view name = "VariablyDimensioned";

  void residuals(const auto& x, auto&& add) const {
    std::remove_cvref_t<decltype(x[0])> s = 0;
    for (Index i = 0; i < x.size(); ++i) {
      add(x[i] - 1);
      s += detail::real(i + 1) * (x[i] - 1);
    }
    add(s);
    add(s * s);
  }
  static Eigen::VectorXd start(Index n = 10) {
    return detail::filled(n, [n](double i) { return 1 - i / detail::real(n); });
  }
  static Eigen::VectorXd minimizer(Index n = 10) { return Eigen::VectorXd::Ones(n); }
  static double minimum(Index = 10) { return 0; }
};

/// 26. n - sum of cos x_j + i (1 - cos x_i) - sin x_i; for n = 10 there is a local minimum 2.79505612e-5.
struct Trigonometric : LeastSquares<Trigonometric, DenseFormula> {
  static constexpr std::string_view name = "Trigonometric";

  void residuals(const auto& x, auto&& add) const {
    using std::cos;
    using std::sin;
    std::remove_cvref_t<decltype(x[0])> sum = detail::real(x.size());
    for (Index i = 0; i < x.size(); ++i) sum -= cos(x[i]);
    for (Index i = 0; i < x.size(); ++i) add(sum + detail::real(i + 1) * (1 - cos(x[i])) - sin(x[i]));
  }
  static Eigen::VectorXd start(Index n = 10) { return Eigen::VectorXd::Constant(n, 1 / detail::real(n)); }
  static double minimum(Index = 10) { return 0; }
};

/// 27. x_i + sum of x - (n + 1), and the product of all - 1; it also has a local minimum 1.
struct BrownAlmostLinear : LeastSquares<BrownAlmostLinear, DenseFormula> {
  static constexpr std::string_view name = "BrownAlmostLinear";

  void residuals(const auto& x, auto&& add) const {
    using T = std::remove_cvref_t<decltype(x[0])>;
    T sum = -detail::real(x.size() + 1);
    T product = 1;
    for (Index i = 0; i < x.size(); ++i) {
      sum += x[i];
      product *= x[i];
    }
    for (Index i = 0; i + 1 < x.size(); ++i) add(x[i] + sum);
    add(product - 1);
  }
  static Eigen::VectorXd start(Index n = 10) { return Eigen::VectorXd::Constant(n, 0.5); }
  static Eigen::VectorXd minimizer(Index n = 10) { return Eigen::VectorXd::Ones(n); }
  static double minimum(Index = 10) { return 0; }
};

/// 28. 2 x_i - x_(i-1) - x_(i+1) + h^2 (x_i + t_i + 1)^3 / 2, h = 1 / (n + 1), t_i = i h. Its cost is of order n.
struct DiscreteBoundaryValue : SumOfSquares<DiscreteBoundaryValue> {
  static constexpr std::string_view name = "DiscreteBoundaryValue";
  static constexpr int window = 3;

  [[nodiscard]] Index elements(Index n) const { return n; }
  [[nodiscard]] Index first(Index e) const { return e - 1; }
  [[nodiscard]] auto residual(Index e, const auto& x) const {
    const double h = 1 / detail::real(x.size() + 1);
    const auto cube_root = x[e] + (detail::real(e + 1) * h + 1);
    auto r = 2 * x[e] + h * h / 2 * cube_root * cube_root * cube_root;
    if (e > 0) r -= x[e - 1];
    if (e + 1 < x.size()) r -= x[e + 1];
    return r;
  }
  static Eigen::VectorXd start(Index n = 10) { return detail::parabola(n); }
  static double minimum(Index = 10) { return 0; }
};

/// 29. The same problem as an integral equation.
struct DiscreteIntegral : LeastSquares<DiscreteIntegral, DenseFormula> {
  static constexpr std::string_view name = "DiscreteIntegral";

  void residuals(const auto& x, auto&& add) const {
    const double h = 1 / detail::real(x.size() + 1);
    for (Index i = 0; i < x.size(); ++i) {
      const double ti = detail::real(i + 1) * h;
      std::remove_cvref_t<decltype(x[0])> sum = 0;
      for (Index j = 0; j < x.size(); ++j) {
        const double tj = detail::real(j + 1) * h;
        const auto u = x[j] + (tj + 1);
        sum += (j <= i ? (1 - ti) * tj : ti * (1 - tj)) * u * u * u;
      }
      add(x[i] + h / 2 * sum);
    }
  }
  static Eigen::VectorXd start(Index n = 10) { return detail::parabola(n); }
  static double minimum(Index = 10) { return 0; }
};

/// 30. (3 - 2 x_i) x_i - x_(i-1) - 2 x_(i+1) + 1. Its cost is of order n.
struct BroydenTridiagonal : SumOfSquares<BroydenTridiagonal> {
  static constexpr std::string_view name = "BroydenTridiagonal";
  static constexpr int window = 3;

  [[nodiscard]] Index elements(Index n) const { return n; }
  [[nodiscard]] Index first(Index e) const { return e - 1; }
  [[nodiscard]] auto residual(Index e, const auto& x) const {
    auto r = (3 - 2 * x[e]) * x[e] + 1;
    if (e > 0) r -= x[e - 1];
    if (e + 1 < x.size()) r -= 2 * x[e + 1];
    return r;
  }
  static Eigen::VectorXd start(Index n = 10) { return Eigen::VectorXd::Constant(n, -1); }
  static double minimum(Index = 10) { return 0; }
};

/// 31. x_i (2 + 5 x_i^2) + 1 - sum of x_j (1 + x_j) over i - 5 <= j <= i + 1, j != i. Its cost is of order n.
struct BroydenBanded : SumOfSquares<BroydenBanded> {
  static constexpr std::string_view name = "BroydenBanded";
  static constexpr int window = 7;

  [[nodiscard]] Index elements(Index n) const { return n; }
  [[nodiscard]] Index first(Index e) const { return e - 5; }
  [[nodiscard]] auto residual(Index e, const auto& x) const {
    auto r = x[e] * (2 + 5 * x[e] * x[e]) + 1;
    for (Index j = e > 5 ? e - 5 : 0; j <= e + 1 && j < x.size(); ++j)
      if (j != e) r -= x[j] * (1 + x[j]);
    return r;
  }
  static Eigen::VectorXd start(Index n = 10) { return Eigen::VectorXd::Constant(n, -1); }
  static double minimum(Index = 10) { return 0; }
};

/// 32. x_i - 2/m sum of x - 1 (i <= n) and -2/m sum of x - 1 (n < i <= m), linear of full rank, m = 2 n.
struct LinearFullRank : LeastSquares<LinearFullRank, DenseFormula> {
  static constexpr std::string_view name = "LinearFullRank";

  void residuals(const auto& x, auto&& add) const {
    std::remove_cvref_t<decltype(x[0])> sum = 0;
    for (Index i = 0; i < x.size(); ++i) sum += x[i];
    const auto common = -1 / detail::real(x.size()) * sum - 1;
    for (Index i = 0; i < x.size(); ++i) {
      add(x[i] + common);
      add(common);
    }
  }
  static Eigen::VectorXd start(Index n = 10) { return Eigen::VectorXd::Ones(n); }
  static Eigen::VectorXd minimizer(Index n = 10) { return Eigen::VectorXd::Constant(n, -1); }
  static double minimum(Index n = 10) { return detail::real(n); }
};

/// 33. i (sum of j x_j) - 1, i = 1 ... m, linear of rank 1, m = 2 n.
struct LinearRank1 : LeastSquares<LinearRank1, DenseFormula> {
  static constexpr std::string_view name = "LinearRank1";

  void residuals(const auto& x, auto&& add) const {
    std::remove_cvref_t<decltype(x[0])> sum = 0;
    for (Index j = 0; j < x.size(); ++j) sum += detail::real(j + 1) * x[j];
    for (Index i = 1; i <= 2 * x.size(); ++i) add(detail::real(i) * sum - 1);
  }
  static Eigen::VectorXd start(Index n = 10) { return Eigen::VectorXd::Ones(n); }
  static double minimum(Index n = 10) {
    const double m = detail::real(2 * n);
    return m * (m - 1) / (2 * (2 * m + 1));
  }
};

/// 34. (i - 1) (sum over 2 <= j < n of j x_j) - 1, and -1 in the first and last row, m = 2 n: the first and the last
/// variable do not matter.
struct LinearRank1Zero : LeastSquares<LinearRank1Zero, DenseFormula> {
  static constexpr std::string_view name = "LinearRank1Zero";

  void residuals(const auto& x, auto&& add) const {
    std::remove_cvref_t<decltype(x[0])> sum = 0;
    for (Index j = 1; j + 1 < x.size(); ++j) sum += detail::real(j + 1) * x[j];
    const Index m = 2 * x.size();
    for (Index i = 2; i < m; ++i) add(detail::real(i - 1) * sum - 1);
    add(-1.0);
    add(-1.0);
  }
  static Eigen::VectorXd start(Index n = 10) { return Eigen::VectorXd::Ones(n); }
  static double minimum(Index n = 10) {
    const double m = detail::real(2 * n);
    return (m * m + 3 * m - 6) / (2 * (2 * m - 3));
  }
};

/// 35. The mean over j of the Chebyshev polynomial T_i(2 x_j - 1), minus its integral, i = 1 ... n: nodes of a
/// quadrature. Zero for n <= 7 and n = 9; for n = 10 the start leads to a local minimum 6.50395480e-3.
struct Chebyquad : LeastSquares<Chebyquad, DenseFormula> {
  static constexpr std::string_view name = "Chebyquad";

  void residuals(const auto& x, auto&& add) const {
    using T = std::remove_cvref_t<decltype(x[0])>;
    for (Index i = 1; i <= x.size(); ++i) {
      T mean = 0;
      for (Index j = 0; j < x.size(); ++j) {
        const T argument = 2 * x[j] - 1;
        T below = 1;
        T here = argument;
        for (Index k = 1; k < i; ++k) {
          const T above = 2 * argument * here - below;
          below = here;
          here = above;
        }
        mean += here;
      }
      const double integral = i % 2 == 1 ? 0 : -1 / (detail::real(i) * detail::real(i) - 1);
      add(mean / detail::real(x.size()) - integral);
    }
  }
  static Eigen::VectorXd start(Index n = 8) {
    return detail::filled(n, [n](double j) { return j / detail::real(n + 1); });
  }
  static double minimum(Index n = 8) {
    return n <= 7 || n == 9 ? 0 : n == 8 ? 3.51687372568e-3 : n == 10 ? 4.77271369638e-3 : detail::unknown;
  }
};

}  // namespace glissade::problems
