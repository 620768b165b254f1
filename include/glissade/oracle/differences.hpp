// Objectives whose missing derivatives are differences.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

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

/// The step of a central difference where truncation and rounding are about equal, for a variable of this size.
inline double central_step(double size) { return std::cbrt(std::numeric_limits<double>::epsilon()) * size; }

}  // namespace detail

/// How large variables typically are, which tells how far a difference may look: one number for all, or one for each.
///
///     minimize(HessianByDifferences{f, 1e-9}, x, Newton{});
///     minimize(HessianByDifferences{f, Eigen::VectorXd{{1, 1e-9}}}, x, Newton{});
///
/// Throws std::invalid_argument for a size that is not positive and finite.
class TypicalSize {
 public:
  TypicalSize(double of_all = 1) : sizes_(1) {
    sizes_[0] = of_all;
    check();
  }
  TypicalSize(Eigen::VectorXd of_each) : sizes_(std::move(of_each)), each_(true) { check(); }

  /// Throws std::invalid_argument unless it is of so many variables.
  void require_size(Index variables) const {
    if (each_ && sizes_.size() != variables)
      throw std::invalid_argument("TypicalSize: " + std::to_string(sizes_.size()) + " sizes for " +
                                  std::to_string(variables) + " variables");
  }
  /// The size of variable i where it is x.
  [[nodiscard]] double at(Index i, double x) const { return std::max(sizes_[each_ ? i : 0], std::abs(x)); }

 private:
  void check() const {
    for (Index i = 0; i < sizes_.size(); ++i) require("TypicalSize", "size", sizes_[i], range::positive);
  }

  Eigen::VectorXd sizes_;
  bool each_ = false;
};

/// Gives a function of values alone a gradient by central differences.
///
///     minimize(GradientByDifferences{[](const Eigen::VectorXd& x) { return x.squaredNorm(); }}, x, Lbfgs{});
///     g_i = (f(x + h e_i) - f(x - h e_i)) / (2 h),   h = eps^{1/3} max(typical_size_i, |x_i|)
///
/// The function is a callable double(x) or has value(x). Variables much smaller than 1, such as lengths of 1e-9 in
/// metres, need their typical_size (1): the function is looked at that far away. Where it does not change over h,
/// larger steps are tried, up to that size.
/// Cost: 2 n + 1 values, counted by minimize as one value and one gradient. Relative error about 1e-10 at best:
/// tolerances below 1e-7 or so are out of reach.
/// Throws std::invalid_argument where the function does not change with a variable at all, which tells nothing of its
/// slope.
template <class F>
struct GradientByDifferences {
  F function;
  TypicalSize typical_size = {};

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    return detail::call_value(function, x);
  }

  template <class V>
  double value_and_gradient(const V& x, V& gradient) const {
    static_assert(!DeclaresMore<F, V>,
                  "what is wrapped declares a box, a set, a prox, constraints or a robust loss, which would be lost; "
                  "declare it of the wrapper, with subject_to, plus_term or LeastSquares");
    typical_size.require_size(x.size());
    const double here = value(x);
    V moved = x;
    for (Index i = 0; i < x.size(); ++i) {
      const double size = typical_size.at(i, x[i]);
      double h = detail::central_step(size);
      for (bool changes = false; !changes; h = std::min(16 * h, size)) {
        moved[i] = x[i] + h;
        const double right = moved[i];
        const double above = value(moved);
        moved[i] = x[i] - h;
        const double below = value(moved);
        gradient[i] = (above - below) / (right - moved[i]);
        changes = !(above == here && below == here);
        if (!changes && h >= size)
          throw std::invalid_argument("GradientByDifferences: the function does not change with variable " +
                                      std::to_string(i) + " = " + to_text(x[i]) + ", moved by up to " + to_text(size) +
                                      ": its typical_size must be larger, or the variable is not one");
      }
      moved[i] = x[i];
    }
    return here;
  }
};

template <class F>
GradientByDifferences(F) -> GradientByDifferences<F>;
template <class F>
GradientByDifferences(F, TypicalSize) -> GradientByDifferences<F>;

/// Gives an objective with a gradient its Hessian, and products with it, by central differences.
///
///     H v = (g(x + h v) - g(x - h v)) / (2 h),   h the largest that moves no variable by more than its own h
///     H symmetrized, column by column with h = eps^{1/3} max(typical_size_i, |x_i|)
///
/// Variables much smaller than 1 need their typical_size, as above. Cost: 2 gradients per product, 2 n per Hessian;
/// minimize counts them as one product or one Hessian.
template <class F>
struct HessianByDifferences {
  F function;
  TypicalSize typical_size = {};

  template <class V>
  requires HasValue<const F, V>
  [[nodiscard]] double value(const V& x) const { return static_cast<double>(function.value(x)); }

  template <class V>
  double value_and_gradient(const V& x, V& gradient) const {
    static_assert(!DeclaresMore<F, V>,
                  "what is wrapped declares a box, a set, a prox, constraints or a robust loss, which would be lost; "
                  "declare it of the wrapper, with subject_to, plus_term or LeastSquares");
    return detail::call_gradient(function, x, gradient);
  }

  template <class V>
  void hessian(const V& x, SquareOf<V>& hessian) const {
    typical_size.require_size(x.size());
    V moved = x, above(x.size()), below(x.size());
    for (Index i = 0; i < x.size(); ++i) {
      const double h = detail::central_step(typical_size.at(i, x[i]));
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
    typical_size.require_size(x.size());
    product.setZero(x.size());
    double fastest = 0;  // |v_i| in units of what variable i may move
    for (Index i = 0; i < x.size(); ++i)
      fastest = std::max(fastest, std::abs(v[i]) / detail::central_step(typical_size.at(i, x[i])));
    if (fastest == 0) return;
    const double h = 1 / fastest;
    V above(x.size()), below(x.size());
    value_and_gradient(V(x + h * v), above);
    value_and_gradient(V(x - h * v), below);
    product = (above - below) / (2 * h);
  }
};

template <class F>
HessianByDifferences(F) -> HessianByDifferences<F>;
template <class F>
HessianByDifferences(F, TypicalSize) -> HessianByDifferences<F>;

}  // namespace glissade
