// Cosine decay.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "../core/checks.hpp"

namespace glissade {

///     end + (peak - end) ( (1 + cos(pi min(t, steps) / steps)) / 2 )^power;   end where steps = 0
struct CosineDecay {
  double peak;
  double steps;
  double end;
  double power;

  [[nodiscard]] double operator()(double t) const {
    if (t >= steps) return end;
    const double wave = 0.5 * (1 + std::cos(std::numbers::pi * (std::max)(t, 0.0) / steps));
    return end + (peak - end) * (power == 1 ? wave : std::pow(wave, power));
  }
};

/// Falls from `peak` to `end` over `steps` steps along half a cosine and stays there.
/// Source: "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016, arXiv 1608.03983, one cycle;
/// optax.cosine_decay_schedule.
[[nodiscard]] inline CosineDecay cosine_decay(double peak, double steps, double end = 0, double power = 1) {
  require("cosine_decay", "peak", peak, range::non_negative);
  require("cosine_decay", "steps", steps, range::non_negative);
  require("cosine_decay", "end", end, range::non_negative);
  require("cosine_decay", "power", power, range::positive);
  return {peak, steps, end, power};
}

}  // namespace glissade
