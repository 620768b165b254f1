// Are the derivatives of an objective those of its value?
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "differences.hpp"

namespace glissade {

/// What a check has found: whether all coefficients agree with differences, and the worst of those that are off.
struct DerivativeCheck {
  bool passed = true;
  double error = 0;  // relative; what differences cannot resolve is not counted, and where nothing is left it is 0
  Index row = 0;
  Index col = 0;
  double given = 0;
  double expected = 0;

  /// "coefficient (2, 0) is 3.1, differences say 3, relative error 0.03", which after "passed: " is the worst; "passed:
  /// no coefficient is off by more than the error of the differences" where none is.
  [[nodiscard]] std::string text() const {
    if (error == 0) return "passed: no coefficient is off by more than the error of the differences";
    return std::string(passed ? "passed: " : "") + "coefficient (" + std::to_string(row) + ", " + std::to_string(col) +
           ") is " + to_text(given) + ", differences say " + to_text(expected) + ", relative error " + to_text(error);
  }
};

namespace detail {

/// A derivative for each of some values.
template <class V>
using Derivatives = Eigen::Array<typename V::Scalar, Eigen::Dynamic, 1>;

/// The derivative at 0 of values(t), a vector, by central differences extrapolated to h = 0 (Ridders, 1982),
/// and for each coefficient a bound of its error.
template <class Values, class F>
void differentiate(const F& values, double first, Values& derivative, Values& bound) {
  constexpr int rows = 14;
  constexpr double eps = std::numeric_limits<double>::epsilon();
  std::array<Values, rows> last, now;
  double h = first;
  int row = 0;  // of the tableau, which begins anew after a value that is not finite
  for (int k = 0; k < rows; ++k, h /= 2) {
    const Values above = values(h);
    const Values below = values(-h);
    now[0] = (above - below) / (2 * h);
    if (!now[0].allFinite()) {
      row = 0;
      continue;
    }
    const Values rounding = 4 * eps * above.abs().max(below.abs()) / h;
    double power = 1;
    for (int j = 1; j <= row; ++j) {
      power *= 4;
      const auto before = static_cast<std::size_t>(j - 1);
      now[before + 1] = (power * now[before] - last[before]) / (power - 1);
      const Values error = (now[before + 1] - now[before]).abs().max((now[before + 1] - last[before]).abs()) + rounding;
      for (Index i = 0; i < error.size(); ++i)
        if (error[i] < bound[i]) {
          bound[i] = error[i];
          derivative[i] = now[before + 1][i];
        }
    }
    last = now;
    ++row;
  }
}

/// The derivative of values(x + t direction) from two first steps: of the size of x and of size 1.
template <class V, class F>
void differentiate_along(const V& x, const V& direction, double scale, const F& values, Derivatives<V>& derivative,
                         Derivatives<V>& bound) {
  bound.setConstant(std::numeric_limits<double>::infinity());
  derivative.setZero();
  const auto at = [&](double t) { return values(V(x + t * direction)); };
  if (scale > 0 && std::isfinite(scale)) differentiate(at, 0.1 * scale, derivative, bound);
  if (!(scale >= 0.1 && scale <= 10)) differentiate(at, 0.1, derivative, bound);
}

/// Compares one coefficient. Differences resolve it if their error is below a fifth of the tolerance. Where there are
/// none, since the function is not finite around x, nothing is known, and the check does not pass.
inline void compare(DerivativeCheck& check, double tolerance, Index row, Index col, double given, double expected,
                    double bound) {
  const double size = std::max(std::abs(given), std::abs(expected));
  const double excess = std::abs(given - expected) - 5 * bound;
  double error = size > 0 ? excess / size : 0.0;
  if (!std::isfinite(bound)) expected = std::numeric_limits<double>::quiet_NaN();
  if (!std::isfinite(given) || !std::isfinite(bound)) error = std::numeric_limits<double>::infinity();
  if (!(error > check.error)) return;
  check = {check.passed && error <= tolerance, error, row, col, given, expected};
}

}  // namespace detail

/// Compares the gradient of an objective with differences of its value at x, each coefficient on its own scale.
///
///     const DerivativeCheck check = check_gradient(f, x);
///     if (!check.passed) std::cerr << check.text();
///
/// A coefficient is wrong if it is off by more than tolerance times its size and by more than five times the
/// error that the differences themselves may have: values rounded to 16 digits cannot resolve small coefficients beside
/// large ones, and right coefficients are not blamed for that. A coefficient of which the differences say nothing,
/// because the objective is not finite around x, does not pass. Cost: up to 56 n values.
template <class F, class X>
DerivativeCheck check_gradient(F&& objective, const X& at, double tolerance = 1e-5) {
  using V = Eigen::Matrix<double, X::SizeAtCompileTime, 1>;
  require("check_gradient", "tolerance", tolerance, range::positive);
  const V x = at;
  auto&& f = oracle_of(objective, x);
  V gradient(x.size()), scratch(x.size());
  f.value_and_gradient(x, gradient);
  DerivativeCheck check;
  detail::Derivatives<V> derivative(1), bound(1);
  for (Index i = 0; i < x.size(); ++i) {
    detail::differentiate_along(
        x, V(V::Unit(x.size(), i)), std::abs(x[i]),
        [&](const V& y) { return detail::Derivatives<V>::Constant(1, f.probe(y, scratch)); }, derivative, bound);
    detail::compare(check, tolerance, i, 0, gradient[i], derivative[0], bound[0]);
  }
  return check;
}

/// Compares the Hessian of an objective with differences of its gradient at x, as check_gradient does.
/// Cost: up to 56 n gradients.
template <class F, class X>
DerivativeCheck check_hessian(F&& objective, const X& at, double tolerance = 1e-5) {
  using V = Eigen::Matrix<double, X::SizeAtCompileTime, 1>;
  require("check_hessian", "tolerance", tolerance, range::positive);
  const V x = at;
  auto&& f = oracle_of(objective, x);
  SquareOf<V> hessian;
  f.hessian(x, hessian);
  V gradient(x.size());
  DerivativeCheck check;
  detail::Derivatives<V> derivative(x.size()), bound(x.size());
  const auto values = [&](const V& y) {
    f.value_and_gradient(y, gradient);
    return detail::Derivatives<V>(gradient);
  };
  for (Index j = 0; j < x.size(); ++j) {
    detail::differentiate_along(x, V(V::Unit(x.size(), j)), std::abs(x[j]), values, derivative, bound);
    for (Index i = 0; i < x.size(); ++i)
      detail::compare(check, tolerance, i, j, hessian(i, j), derivative[i], bound[i]);
  }
  return check;
}

/// Compares the product of the Hessian with v with differences of the gradient along v.
template <class F, class X>
DerivativeCheck check_hessian_vector(F&& objective, const X& at, const X& direction, double tolerance = 1e-5) {
  using V = Eigen::Matrix<double, X::SizeAtCompileTime, 1>;
  require("check_hessian_vector", "tolerance", tolerance, range::positive);
  const V x = at, v = direction;
  auto&& f = oracle_of(objective, x);
  V product(x.size()), gradient(x.size());
  f.hessian_vector(x, v, product);
  DerivativeCheck check;
  detail::Derivatives<V> derivative(x.size()), bound(x.size());
  const auto values = [&](const V& y) {
    f.value_and_gradient(y, gradient);
    return detail::Derivatives<V>(gradient);
  };
  detail::differentiate_along(x, v, norm_of(x) / norm_of(v), values, derivative, bound);
  for (Index i = 0; i < x.size(); ++i) detail::compare(check, tolerance, i, 0, product[i], derivative[i], bound[i]);
  return check;
}

}  // namespace glissade
