// An objective from a formula: derivatives by forward automatic differentiation.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <utility>

#include "jet.hpp"
#include "objective.hpp"

namespace glissade {

/// Gives a generic callable its value, gradient and Hessian, exact to rounding.
///
///     AutoDiff f{[](const auto& x) {
///       using std::pow;
///       auto sum = 0 * x[0];
///       for (Index i = 0; i + 1 < x.size(); ++i) sum += pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2);
///       return sum;
///     }};
///     minimize(f, x, Newton{});
///
/// The callable takes any vector of doubles or of jets (see jet.hpp: which functions there are, and what they do where
/// they have no derivative) and returns a number of that type or a double; it calls sqrt, exp, pow and so on
/// unqualified (using std::exp;). It must give the same value every time.
///
/// Cost with n variables: of a gradient n / 8 runs of the formula with eight slopes each, of a Hessian n^2 / 32 with 45
/// derivatives each: about n and 1.4 n^2 values, for small n, or to check derivatives written by hand. Memory from the
/// heap is taken once a call, for n jets; vectors of fixed size need none.
template <class F>
struct AutoDiff {
  F function;

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    return static_cast<double>(function(x));
  }

  template <class V>
  double value_and_gradient(const V& x, V& gradient) const {
    static_assert(!DeclaresMore<F, V>,
                  "what is wrapped declares a box, a set, a prox, constraints or a robust loss, which would be lost; "
                  "declare it of the wrapper, with subject_to, plus_term or LeastSquares");
    constexpr int window = directions<V>;
    using Number = Jet<window, 1>;
    const Index n = x.size();
    VectorOf<Number, V> variables = x.template cast<Number>();
    gradient.resize(n);
    double value = 0;
    for (Index first = 0; first == 0 || first < n; first += window) {
      const Index end = std::min(first + window, n);
      for (Index i = first; i < end; ++i) variables[i].d[as_size(i - first)] = 1;
      const Number result = function(std::as_const(variables));
      value = result.value;
      for (Index i = first; i < end; ++i) {
        gradient[i] = result.d[as_size(i - first)];
        variables[i].d = {};
      }
    }
    return value;
  }

  /// Each run moves the variables of two windows.
  template <class V>
  void hessian(const V& x, SquareOf<V>& hessian) const {
    constexpr int window = (directions<V> + 1) / 2;
    using Number = Jet<2 * window, 2>;
    const Index n = x.size();
    VectorOf<Number, V> variables = x.template cast<Number>();
    hessian.resize(n, n);
    for (Index upper = window; upper == window || upper < n; upper += window)
      for (Index lower = 0; lower < upper; lower += window) {
        const auto variable = [&](int a) { return a < window ? lower + a : upper + a - window; };
        for (int a = 0; a < 2 * window && variable(a) < n; ++a) variables[variable(a)].d[as_size(a)] = 1;
        const Number result = function(std::as_const(variables));
        for (int a = 0; a < 2 * window && variable(a) < n; ++a) {
          for (int b = 0; b <= a; ++b)
            hessian(variable(a), variable(b)) = hessian(variable(b), variable(a)) = result.h(a, b);
          variables[variable(a)].d = {};
        }
      }
  }

 private:
  template <class Number, class V>
  using VectorOf = Eigen::Matrix<Number, V::SizeAtCompileTime, 1>;
  /// How many variables move at once: eight, or all of a vector of a fixed smaller size.
  template <class V>
  static constexpr int directions = V::SizeAtCompileTime > 0 && V::SizeAtCompileTime < 8 ? V::SizeAtCompileTime : 8;

  static std::size_t as_size(Index i) { return static_cast<std::size_t>(i); }
};

template <class F>
AutoDiff(F) -> AutoDiff<F>;

}  // namespace glissade
