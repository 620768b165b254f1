// Objectives whose missing derivatives are differences.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "norm.hpp"
#include "objective.hpp"

namespace glissade {

namespace detail {

template <class F, class V>
double call_value(F& f, const V& x) {
  if constexpr (HasValue<F, V>)
    return static_cast<double>(f.value(x));
  else
    return static_cast<double>(f(x));
}

template <class F, class V>
double call_gradient(F& f, const V& x, V& g) {
  g.resize(x.size());
  if constexpr (HasGradientMember<F, V>)
    return static_cast<double>(f.value_and_gradient(x, g));
  else
    return static_cast<double>(f(x, g));
}

/// The step of a central difference where truncation and rounding are about equal.
inline double central_step(double scale) {
  return std::cbrt(std::numeric_limits<double>::epsilon()) * std::max(1.0, scale);
}

}  // namespace detail

/// Gives a function of values alone a gradient by central differences.
///
///     minimize(GradientByDifferences{[](const Eigen::VectorXd& x) { return x.squaredNorm(); }}, x, Lbfgs{});
///     g_i = (f(x + h e_i) - f(x - h e_i)) / (2 h),   h = eps^{1/3} max(1, |x_i|)
///
/// The function is a callable double(x) or has value(x). Cost: 2 n + 1 values, counted by minimize as one value
/// and one gradient. Relative error about 1e-10 at best: tolerances below 1e-7 or so are out of reach.
template <class F>
struct GradientByDifferences {
  F function;

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    return detail::call_value(function, x);
  }

  template <class V>
  double value_and_gradient(const V& x, V& gradient) const {
    V moved = x;
    for (Index i = 0; i < x.size(); ++i) {
      const double h = detail::central_step(std::abs(x[i]));
      moved[i] = x[i] + h;
      const double right = moved[i];
      const double above = value(moved);
      moved[i] = x[i] - h;
      gradient[i] = (above - value(moved)) / (right - moved[i]);
      moved[i] = x[i];
    }
    return value(x);
  }
};

template <class F>
GradientByDifferences(F) -> GradientByDifferences<F>;

/// Gives an objective with a gradient its Hessian, and products with it, by central differences.
///
///     H v = (g(x + h v) - g(x - h v)) / (2 h),   h = eps^{1/3} max(1, ||x||) / ||v||
///     H symmetrized, column by column with h = eps^{1/3} max(1, |x_i|)
///
/// Cost: 2 gradients per product, 2 n per Hessian; minimize counts them as one product or one Hessian.
template <class F>
struct HessianByDifferences {
  F function;

  template <class V>
  requires HasValue<const F, V>
  [[nodiscard]] double value(const V& x) const { return static_cast<double>(function.value(x)); }

  template <class V>
  double value_and_gradient(const V& x, V& gradient) const {
    return detail::call_gradient(function, x, gradient);
  }

  template <class V>
  void hessian(const V& x, SquareOf<V>& hessian) const {
    V moved = x, above(x.size()), below(x.size());
    for (Index i = 0; i < x.size(); ++i) {
      const double h = detail::central_step(std::abs(x[i]));
      moved[i] = x[i] + h;
      const double right = moved[i];
      value_and_gradient(moved, above);
      moved[i] = x[i] - h;
      value_and_gradient(moved, below);
      hessian.col(i) = (above - below) / (right - moved[i]);
      moved[i] = x[i];
    }
    hessian = (0.5 * (hessian + hessian.transpose())).eval();
  }

  template <class V>
  void hessian_vector(const V& x, const V& v, V& product) const {
    const double size = norm_of(v);
    product.setZero(x.size());
    if (size == 0) return;
    const double h = detail::central_step(norm_of(x)) / size;
    V above(x.size()), below(x.size());
    value_and_gradient(V(x + h * v), above);
    value_and_gradient(V(x - h * v), below);
    product = (above - below) / (2 * h);
  }
};

template <class F>
HessianByDifferences(F) -> HessianByDifferences<F>;

}  // namespace glissade
