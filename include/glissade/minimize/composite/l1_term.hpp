// A smooth function plus an l1 norm: what methods for such sums share.
#pragma once

#include <cmath>

#include "../../drive/method.hpp"

namespace glissade {

/// h(x) = sum_i weights_i |x_i| beside a smooth f.
template <class V>
struct L1Term {
  V weights;

  [[nodiscard]] double value(const V& x) const {
    double sum = 0;
    for (Eigen::Index i = 0; i < x.size(); ++i) sum += weights[i] * std::abs(x[i]);
    return sum;
  }
  /// The subgradient of f + h that is least in norm: 0 at a minimizer, and its negative leads downhill.
  void subgradient(const V& x, const V& gradient, V& out) const {
    out.resize(x.size());
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const double g = gradient[i], w = weights[i];
      out[i] = x[i] > 0 ? g + w : x[i] < 0 ? g - w : g > w ? g - w : g < -w ? g + w : g == g ? 0.0 : g;
    }
  }
};

/// The base of the State of a method for such a sum: value and gradient are those of f, `penalty` is h, and measure the
/// norm of the subgradient.
template <class V>
struct L1State {
  double penalty = 0;
  double measure = 0;
  V subgradient;
  L1Term<V> term;

  static void visit(auto& self, auto&& field) {
    field("penalty", self.penalty);
    field("measure", self.measure);
    field("subgradient", self.subgradient);
  }
  void look(const V& x, const V& gradient) {
    penalty = term.value(x);
    term.subgradient(x, gradient, subgradient);
    measure = norm_of(subgradient);
  }
};

}  // namespace glissade
