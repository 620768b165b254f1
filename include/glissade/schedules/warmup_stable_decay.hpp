// Warm-up, plateau, decay.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "../core/checks.hpp"

namespace glissade {

/// How a ramp goes from 0 to 1 (the decay is 1 minus a ramp): p, (1 - cos(pi p)) / 2, or steep at the end it
/// comes from: 1 - sqrt(1 - p) upwards and 1 - sqrt(p) downwards.
enum class Ramp { linear, cosine, one_minus_sqrt };

///     f = ramp up over warmup_steps,  1 over stable_steps,  ramp down over decay_steps,  0
///     peak (f (1 - min_ratio) + min_ratio)
struct WarmupStableDecay {
  double peak;
  double warmup_steps;
  double stable_steps;
  double decay_steps;
  double min_ratio;
  Ramp warmup;
  Ramp decay;

  [[nodiscard]] double operator()(double t) const {
    t = (std::max)(t, 0.0);
    return peak * (factor(t) * (1 - min_ratio) + min_ratio);
  }

 private:
  [[nodiscard]] double factor(double t) const {
    if (t < warmup_steps) {
      const double p = t / warmup_steps;
      return warmup == Ramp::linear   ? p
             : warmup == Ramp::cosine ? 0.5 * (1 - std::cos(std::numbers::pi * p))
                                      : 1 - std::sqrt(1 - p);
    }
    t -= warmup_steps;
    if (t < stable_steps) return 1;
    t -= stable_steps;
    if (t >= decay_steps) return 0;
    const double p = t / decay_steps;
    return decay == Ramp::linear   ? 1 - p
           : decay == Ramp::cosine ? 0.5 * (1 + std::cos(std::numbers::pi * p))
                                   : 1 - std::sqrt(p);
  }
};

struct WarmupStableDecayOptions {
  double min_ratio = 0;  // in [0, 1]: of the peak, at both ends
  Ramp warmup = Ramp::linear;
  Ramp decay = Ramp::linear;
};

/// A trapezoid: up, along, down. Training can be prolonged by leaving the plateau later.
/// Source: "MiniCPM", 2024, arXiv 2404.06395; transformers.get_wsd_schedule.
[[nodiscard]] inline WarmupStableDecay warmup_stable_decay(double peak, double warmup_steps, double stable_steps,
                                                           double decay_steps,
                                                           const WarmupStableDecayOptions& options = {}) {
  require("warmup_stable_decay", "peak", peak, range::non_negative);
  require("warmup_stable_decay", "warmup_steps", warmup_steps, range::non_negative);
  require("warmup_stable_decay", "stable_steps", stable_steps, range::non_negative);
  require("warmup_stable_decay", "decay_steps", decay_steps, range::non_negative);
  require("warmup_stable_decay", "min_ratio", options.min_ratio, range::fraction);
  require("warmup_stable_decay", "warmup", options.warmup, Ramp::one_minus_sqrt);
  require("warmup_stable_decay", "decay", options.decay, Ramp::one_minus_sqrt);
  return {peak, warmup_steps, stable_steps, decay_steps, options.min_ratio, options.warmup, options.decay};
}

}  // namespace glissade
