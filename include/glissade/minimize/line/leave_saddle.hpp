// The step away from a saddle.
#pragma once

#include "line.hpp"

namespace glissade::detail {

/// Moves x along the unit vector d, or against it where the value rises along d at first, whose curvature is negative:
///
///     t = ||x||, or 1 where x = 0, half of that, ...   until  f(x + t d) <= f(x) + t^2 curvature / 4
///
/// Returns t; 0: not moved. Cost: at most 60 values, one gradient.
template <class F, class V>
double leave_saddle(F& f, V& x, ValueAndGradient<V>& at, V& d, double curvature, LineScratch<V>& scratch) {
  if (at.gradient.dot(d) > 0) d = -d;
  Line line(f, x, at, d, scratch);
  const double size = norm_of(x);
  double t = size > 0 ? size : 1;
  for (int trial = 0; trial < 60; ++trial, t /= 2)
    if (line.look(t) <= line.value() + 0.25 * t * t * curvature && line.accept()) return t;
  return 0;
}

}  // namespace glissade::detail
