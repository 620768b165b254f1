// Warming up again, to continue a run that had ended.
#pragma once

#include "warmup_cosine_decay.hpp"

namespace glissade {

/// Climbs from where the last run ended (or from 0) to a new `peak` over `warmup_steps`, then falls to
/// `end` along half a cosine; `warmup_steps` are customarily 0 to 2 % of total_steps. A higher peak
/// learns the new data better and forgets the old data more; it does no good on the same data.
/// Source: "Continual Pre-Training of Large Language Models: How to (re)warm your model?", 2023, arXiv
/// 2308.04014.
[[nodiscard]] inline WarmupCosineDecay rewarm(double from, double peak, double warmup_steps, double total_steps,
                                              double end) {
  require("rewarm", "from", from, range::non_negative);
  return warmup_cosine_decay(peak, warmup_steps, total_steps, end, from);
}

}  // namespace glissade
