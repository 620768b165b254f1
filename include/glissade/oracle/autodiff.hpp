// An objective from a formula: derivatives by Eigen's forward automatic differentiation.
#pragma once

#include <Eigen/Core>

#include <unsupported/Eigen/AutoDiff>

#include <utility>

#include "objective.hpp"

namespace glissade {

/// Gives a generic callable its value, gradient and Hessian, exact to rounding.
///
///     AutoDiff f{[](const auto& x) {
///       const auto square = [](const auto& a) { return std::remove_cvref_t<decltype(x[0])>(a * a); };
///       return 100 * square(x[1] - x[0] * x[0]) + square(1 - x[0]);
///     }};
///     minimize(f, x, Newton{});
///
/// The callable takes any vector of doubles or of Eigen::AutoDiffScalar and returns a scalar of that type, or an
/// expression of them; it calls sqrt, exp, pow and so on unqualified (using std::exp;).
///
/// Cost with n variables: a gradient is about n values, a Hessian about n^2: for small n, or to check
/// derivatives written by hand. Vectors of fixed size need no memory from the heap.
template <class F>
struct AutoDiff {
  F function;

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    return static_cast<double>(function(x));
  }

  template <class V>
  double value_and_gradient(const V& x, V& gradient) const {
    using Number = Eigen::AutoDiffScalar<V>;
    VectorOf<Number, V> variables(x.size());
    for (Index i = 0; i < x.size(); ++i) variables[i] = seed<V>(x[i], x.size(), i);
    const Number result = function(std::as_const(variables));
    take(result.derivatives(), gradient, x.size());
    return result.value();
  }

  template <class V>
  void hessian(const V& x, SquareOf<V>& hessian) const {
    using Inner = Eigen::AutoDiffScalar<V>;
    using Number = Eigen::AutoDiffScalar<VectorOf<Inner, V>>;
    const Index n = x.size();
    VectorOf<Number, V> variables(n);
    const V none = V::Zero(n);
    for (Index i = 0; i < n; ++i) {
      variables[i].value() = seed<V>(x[i], n, i);
      variables[i].derivatives().resize(n);
      // Constants too must know how many derivatives they have.
      for (Index j = 0; j < n; ++j) variables[i].derivatives()[j] = Inner(i == j ? 1.0 : 0.0, none);
    }
    const Number result = function(std::as_const(variables));
    hessian.setZero(n, n);
    V column(n);
    for (Index j = 0; j < result.derivatives().size(); ++j) {
      take(result.derivatives()[j].derivatives(), column, n);
      hessian.col(j) = column;
    }
    hessian = (0.5 * (hessian + hessian.transpose())).eval();
  }

 private:
  template <class Number, class V>
  using VectorOf = Eigen::Matrix<Number, V::SizeAtCompileTime, 1>;

  template <class V>
  static Eigen::AutoDiffScalar<V> seed(double value, Index n, Index i) {
    return {value, static_cast<int>(n), static_cast<int>(i)};
  }

  /// A number that does not depend on x has no derivatives at all.
  template <class D, class V>
  static void take(const D& derivatives, V& to, Index n) {
    if (derivatives.size() == n)
      to = derivatives;
    else
      to.setZero(n);
  }
};

template <class F>
AutoDiff(F) -> AutoDiff<F>;

}  // namespace glissade
