// Polynomial and linear decay.
#pragma once

#include <cmath>

#include "../core/checks.hpp"

namespace glissade {

///     end + (start - end) (1 - clip(t - begin, 0, steps) / steps)^power;   end where steps = 0
struct PolynomialDecay {
  double start;
  double steps;
  double end;
  double power;
  double begin;

  [[nodiscard]] double operator()(double t) const {
    if (t < begin) return start;
    if (t - begin >= steps) return end;
    const double left = 1 - (t - begin) / steps;
    return end + (start - end) * (power == 1 ? left : std::pow(left, power));
  }
};

/// Goes from `start` to `end` over `steps` steps from step `begin` on, and stays there. `end` may be above
/// `start`. Source: optax.polynomial_schedule; torch's PolynomialLR with begin = 0 and end = 0.
[[nodiscard]] inline PolynomialDecay polynomial_decay(double start, double steps, double end = 0, double power = 1,
                                                      double begin = 0) {
  require("polynomial_decay", "start", start, range::non_negative);
  require("polynomial_decay", "steps", steps, range::non_negative);
  require("polynomial_decay", "end", end, range::non_negative);
  require("polynomial_decay", "power", power, range::positive);
  require("polynomial_decay", "begin", begin, range::non_negative);
  return {start, steps, end, power, begin};
}

/// A straight line from `start` to `end` over `steps` steps.
[[nodiscard]] inline PolynomialDecay linear_decay(double start, double steps, double end = 0) {
  return polynomial_decay(start, steps, end);
}

}  // namespace glissade
