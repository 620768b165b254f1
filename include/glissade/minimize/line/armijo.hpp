// Backtracking search for sufficient decrease.
#pragma once

#include <algorithm>
#include <cmath>

#include "line.hpp"

namespace glissade {

/// Shortens a step until the value has fallen enough.
///
///     a = first, first * shrink, first * shrink^2, ...  until  phi(a) <= phi(0) + c a phi'(0)
///
/// A point that is not finite is not low enough. Cost: one value per trial, one gradient.
///
/// Options: sufficient_decrease c in (0, 1/2), shrink in (0, 1), max_trials >= 1.
/// Source: Armijo, Pacific J. Math. 16, 1966.
struct Armijo {
  static constexpr std::string_view name = "Armijo";

  double sufficient_decrease = 1e-4;
  double shrink = 0.5;
  int max_trials = 60;

  static void options(auto& self, auto&& visit) {
    visit("sufficient_decrease", self.sufficient_decrease, Range{0, 0.5, true, true});
    visit("shrink", self.shrink, range::open_fraction);
    visit("max_trials", self.max_trials, range::at_least_one);
  }

  /// Moves the line's x and returns the length of the step; 0: not moved.
  template <class F, class V>
  double operator()(Line<F, V>& line, double first) const {
    if (!(line.slope() < 0)) return 0;
    double length = first;
    for (int trial = 0; trial < max_trials; ++trial, length *= shrink) {
      line.look(length);
      if (line.low_enough(length, sufficient_decrease) && line.accept()) return length;
    }
    return 0;
  }
};

}  // namespace glissade
