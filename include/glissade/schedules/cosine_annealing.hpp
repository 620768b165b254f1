// Cosine waves: annealing that rises again, warm restarts, and several waves after a warm-up.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "linear_warmup.hpp"

namespace glissade {

///     end + (peak - end) (1 + cos(pi t / half_period)) / 2
struct CosineAnnealing {
  double peak;
  double half_period;
  double end;

  [[nodiscard]] double operator()(double t) const {
    return end + (peak - end) * 0.5 * (1 + std::cos(std::numbers::pi * (std::max)(t, 0.0) / half_period));
  }
};

/// Falls from `peak` to `end` over `half_period` steps and rises again, for ever.
/// Source: torch.optim.lr_scheduler.CosineAnnealingLR, closed form. cosine_decay stays at its end.
[[nodiscard]] inline CosineAnnealing cosine_annealing(double peak, double half_period, double end = 0) {
  require("cosine_annealing", "peak", peak, range::non_negative);
  require("cosine_annealing", "half_period", half_period, range::positive);
  require("cosine_annealing", "end", end, range::non_negative);
  return {peak, half_period, end};
}

///     end + (peak - end) (1 + cos(pi s / length)) / 2,  s steps into a cycle of length first growth^cycle
struct CosineRestarts {
  double peak;
  double first;
  double growth;
  double end;

  [[nodiscard]] double operator()(double t) const {
    t = (std::max)(t, 0.0);
    double length = first;
    if (growth == 1) t = std::fmod(t, length);
    for (; t >= length; length *= growth) t -= length;
    return end + (peak - end) * 0.5 * (1 + std::cos(std::numbers::pi * t / length));
  }
};

/// Falls from `peak` to `end` along half a cosine and starts again at `peak`; the first cycle has `first`
/// steps, every further one `growth` times as many.
/// Source: "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016, arXiv 1608.03983;
/// torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.
[[nodiscard]] inline CosineRestarts cosine_restarts(double peak, double first, double growth = 1, double end = 0) {
  require("cosine_restarts", "peak", peak, range::non_negative);
  require("cosine_restarts", "first", first, range::positive);
  require("cosine_restarts", "growth", growth, range::at_least_one);
  require("cosine_restarts", "end", end, range::non_negative);
  return {peak, first, growth, end};
}

///     t < warm-up:  peak t / warmup_steps
///     then  peak max(0, w (1 - min_ratio) + min_ratio),  w = (1 + cos(2 pi cycles p)) / 2,
///     p = (t - warmup_steps) / (total_steps - warmup_steps)
struct WarmupCosineCycles {
  LinearWarmup warmup;
  double total_steps;
  double cycles;
  double min_ratio;

  [[nodiscard]] double operator()(double t) const {
    if (t < warmup.steps) return warmup(t);
    const double length = (std::max)(1.0, total_steps - warmup.steps);
    const double progress = ((std::max)(t, 0.0) - warmup.steps) / length;
    const double wave = 0.5 * (1 + std::cos(2 * std::numbers::pi * cycles * progress));
    return warmup.peak * (std::max)(0.0, wave * (1 - min_ratio) + min_ratio);
  }
};

/// Climbs to `peak` over `warmup_steps`, then follows `cycles` cosine waves down to min_ratio peak; like its
/// source it goes on waving after total_steps. With cycles = 0.5 it is warmup_cosine_decay up to that step.
/// Source: transformers.get_cosine_with_min_lr_schedule_with_warmup.
[[nodiscard]] inline WarmupCosineCycles warmup_cosine_cycles(double peak, double warmup_steps, double total_steps,
                                                             double cycles = 0.5, double min_ratio = 0) {
  require("warmup_cosine_cycles", "peak", peak, range::non_negative);
  require("warmup_cosine_cycles", "warmup_steps", warmup_steps, range::non_negative);
  require("warmup_cosine_cycles", "total_steps", total_steps, Range{warmup_steps});
  require("warmup_cosine_cycles", "cycles", cycles, range::non_negative);
  require("warmup_cosine_cycles", "min_ratio", min_ratio, range::fraction);
  return {linear_warmup(peak, warmup_steps), total_steps, cycles, min_ratio};
}

}  // namespace glissade
