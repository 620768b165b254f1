// Exponential decay.
#pragma once

#include <algorithm>
#include <cmath>

#include "../core/checks.hpp"

namespace glissade {

///     peak gamma^(t / period), with floor(t / period) as a staircase; never beyond `end`
struct ExponentialDecay {
  double peak;
  double period;
  double gamma;
  double end;
  bool staircase;

  [[nodiscard]] double operator()(double t) const {
    const double periods = (std::max)(t, 0.0) / period;
    const double value = peak * std::pow(gamma, staircase ? std::floor(periods) : periods);
    return gamma < 1 ? (std::max)(value, end) : end > 0 ? (std::min)(value, end) : value;
  }
};

/// Multiplied by `gamma` over every `period` steps, little by little or, as a staircase, at once. `end`
/// bounds it from below, for gamma >= 1 from above (0: no bound).
/// Source: optax.exponential_decay; torch's ExponentialLR with period = 1.
[[nodiscard]] inline ExponentialDecay exponential_decay(double peak, double period, double gamma, double end = 0,
                                                        bool staircase = false) {
  require("exponential_decay", "peak", peak, range::non_negative);
  require("exponential_decay", "period", period, range::positive);
  require("exponential_decay", "gamma", gamma, range::positive);
  require("exponential_decay", "end", end, range::non_negative);
  return {peak, period, gamma, end, staircase};
}

}  // namespace glissade
