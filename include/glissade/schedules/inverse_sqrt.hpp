// Inverse square root decay.
#pragma once

#include <cmath>

#include "linear_warmup.hpp"

namespace glissade {

///     t < warmup_steps:  start + (peak - start) t / warmup_steps
///     then               peak / sqrt((t + timescale - warmup_steps) / timescale)
struct InverseSqrt {
  double peak;
  double warmup_steps;
  double timescale;
  double start;

  [[nodiscard]] double operator()(double t) const {
    if (t < warmup_steps) return start + (peak - start) * (std::max)(t, 0.0) / warmup_steps;
    return peak / std::sqrt(((std::max)(t, 0.0) + timescale - warmup_steps) / timescale);
  }
};

/// Climbs to `peak` over `warmup_steps`, then falls as 1 / sqrt(t). `timescale` defaults to
/// warmup_steps, or to 10000 without warm-up. Source: transformers.get_inverse_sqrt_schedule; with a `start`
/// fairseq's InverseSquareRootSchedule.
[[nodiscard]] inline InverseSqrt inverse_sqrt(double peak, double warmup_steps, double timescale = 0,
                                              double start = 0) {
  require("inverse_sqrt", "peak", peak, range::non_negative);
  require("inverse_sqrt", "warmup_steps", warmup_steps, range::non_negative);
  require("inverse_sqrt", "timescale", timescale, range::non_negative);
  require("inverse_sqrt", "start", start, range::non_negative);
  if (timescale == 0) timescale = warmup_steps > 0 ? warmup_steps : 10000;
  return {peak, warmup_steps, timescale, start};
}

}  // namespace glissade
