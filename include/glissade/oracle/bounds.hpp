// The bounds of a problem as numbers, one of each kind for every coefficient.
#pragma once

#include <Eigen/Core>

#include <cstddef>
#include <limits>

#include "../sets/box.hpp"

namespace glissade {

/// low <= x <= high, infinite where there is no bound: what a method that honours boxes asks its oracle for, once.
template <class V>
struct Bounds {
  V low;
  V high;

  /// The nearest point within the bounds, at a bound exactly the bound; NaN stays.
  void project(V& x) const {
    for (Eigen::Index i = 0; i < x.size(); ++i) x[i] = nearest(i, x[i]);
  }
  [[nodiscard]] typename V::Scalar nearest(Eigen::Index i, typename V::Scalar value) const {
    return value < low[i] ? low[i] : value > high[i] ? high[i] : value;
  }
  [[nodiscard]] bool contains(const V& x) const {
    for (Eigen::Index i = 0; i < x.size(); ++i)
      if (!(x[i] >= low[i] && x[i] <= high[i])) return false;
    return true;
  }
  /// step = P(x - gradient) - x, which is 0 where no direction within the bounds leads downhill.
  void gradient_step(const V& x, const V& gradient, V& step) const {
    step.resize(x.size());
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const auto down = -gradient[i], least = low[i] - x[i], most = high[i] - x[i];
      step[i] = down < least ? least : down > most ? most : down;
    }
  }
};

/// The bounds of a box for as many coefficients as `bounds` has. Throws std::invalid_argument where they are not as
/// many, are crossed or leave no finite number.
template <class V>
void set_bounds(const Box& box, Bounds<V>& bounds) {
  box.check();
  box.require_size(static_cast<std::size_t>(bounds.low.size()));
  using S = typename V::Scalar;
  for (Eigen::Index i = 0; i < bounds.low.size(); ++i) {
    const auto k = static_cast<std::size_t>(i);
    bounds.low[i] = static_cast<S>(box.low[k]);
    bounds.high[i] = static_cast<S>(box.high[k]);
    if (!(bounds.low[i] < std::numeric_limits<S>::infinity()))
      reject(Box::name, box.low.label("low", k), box.low[k], "finite or -inf");
    if (!(bounds.high[i] > -std::numeric_limits<S>::infinity()))
      reject(Box::name, box.high.label("high", k), box.high[k], "finite or inf");
  }
}

}  // namespace glissade
