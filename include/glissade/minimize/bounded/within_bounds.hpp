// A search along a line between bounds.
#pragma once

#include <cmath>
#include <limits>

#include "../line/line.hpp"

namespace glissade {

/// The oracle that a Line is given in place of f, for a search from x along a direction between bounds: points that
/// rounding errors took beyond a bound, or left within rounding errors short of it on the way there, are moved onto it.
/// Coefficients that the direction leaves alone stay bit for bit.
template <class F, class V>
class WithinBounds {
 public:
  static constexpr bool has_value = F::has_value;

  WithinBounds(F& f, const Bounds<V>& bounds, const V& x, const V& direction)
      : f_(f), bounds_(bounds), x_(x), direction_(direction) {}

  /// The longest step that stays within the bounds; infinite where there is none.
  [[nodiscard]] double longest() const {
    double most = std::numeric_limits<double>::infinity();
    for (Eigen::Index i = 0; i < x_.size(); ++i) {
      const double d = direction_[i];
      if (d == 0) continue;
      const double room = (d < 0 ? bounds_.low[i] : bounds_.high[i]) - x_[i];
      if (room / d < most) most = room / d;
    }
    return most;
  }
  double probe(V& point, V& gradient) {
    for (Eigen::Index i = 0; i < x_.size(); ++i) {
      const double d = direction_[i];
      if (d == 0) {
        point[i] = x_[i];
        continue;
      }
      const double bound = d < 0 ? bounds_.low[i] : bounds_.high[i];
      if (!std::isfinite(bound)) continue;
      const double short_of = d < 0 ? point[i] - bound : bound - point[i];
      if (short_of <= 2 * std::numeric_limits<double>::epsilon() * (std::abs(x_[i]) + std::abs(bound)))
        point[i] = bound;
    }
    return f_.probe(point, gradient);
  }
  void complete_probe(const V& point, V& gradient) { f_.complete_probe(point, gradient); }

 private:
  F& f_;
  const Bounds<V>& bounds_;
  const V& x_;
  const V& direction_;
};

}  // namespace glissade
