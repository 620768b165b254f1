// Linear warm-up followed by cosine decay.
#pragma once

#include "cosine_decay.hpp"
#include "linear_warmup.hpp"

namespace glissade {

struct WarmupCosineDecay {
  LinearWarmup warmup;
  CosineDecay decay;

  [[nodiscard]] double operator()(double t) const { return t < warmup.steps ? warmup(t) : decay(t - warmup.steps); }
};

/// Climbs from `start` to `peak` over `warmup_steps`, then falls to `end` along half a cosine, which it
/// reaches at `total_steps` (warm-up included). Source: optax.warmup_cosine_decay_schedule.
[[nodiscard]] inline WarmupCosineDecay warmup_cosine_decay(double peak, double warmup_steps, double total_steps,
                                                           double end = 0, double start = 0) {
  require("warmup_cosine_decay", "peak", peak, range::non_negative);
  require("warmup_cosine_decay", "warmup_steps", warmup_steps, range::non_negative);
  require("warmup_cosine_decay", "total_steps", total_steps, Range{warmup_steps});
  return {linear_warmup(peak, warmup_steps, start), cosine_decay(peak, total_steps - warmup_steps, end)};
}

}  // namespace glissade
