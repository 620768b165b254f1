// The step length that a known minimum implies.
#pragma once

#include <cmath>

#include "line.hpp"

namespace glissade {

/// The step length of Polyak, for gradient descent on functions whose least value is known: no trials.
///
///     a = (f(x) - lowest) / |phi'(0)|        (|phi'(0)| = ||g||^2 along -g)
///
/// Convex f: ||x - x*|| never grows. The value may rise. At or below `lowest` it does not move.
///
/// Options: lowest, finite.
/// Source: Polyak, Introduction to Optimization, 1987, section 5.3.2.
struct Polyak {
  static constexpr std::string_view name = "Polyak";

  double lowest = 0;

  static void options(auto& self, auto&& visit) { visit("lowest", self.lowest, range::finite); }

  /// Moves the line's x and returns the length of the step; 0: not moved.
  template <class F, class V>
  double operator()(Line<F, V>& line, double) const {
    const double length = (line.value() - lowest) / std::abs(line.slope());
    if (!(length > 0) || !std::isfinite(length)) return 0;
    line.look(length);
    return line.accept() ? length : 0;
  }
};

}  // namespace glissade
