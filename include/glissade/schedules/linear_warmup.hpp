// Linear warm-up.
#pragma once

#include <algorithm>

#include "../core/checks.hpp"

namespace glissade {

///     start + (peak - start) min(t, steps) / steps;   peak where steps = 0
struct LinearWarmup {
  double peak;
  double steps;
  double start;

  [[nodiscard]] double operator()(double t) const {
    return t < steps ? start + (peak - start) * (std::max)(t, 0.0) / steps : peak;
  }
};

/// Climbs from `start` to `peak` over `steps` steps and stays there.
[[nodiscard]] inline LinearWarmup linear_warmup(double peak, double steps, double start = 0) {
  require("linear_warmup", "peak", peak, range::non_negative);
  require("linear_warmup", "steps", steps, range::non_negative);
  require("linear_warmup", "start", start, range::non_negative);
  return {peak, steps, start};
}

}  // namespace glissade
