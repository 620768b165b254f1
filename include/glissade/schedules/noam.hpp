// The schedule of the first transformer.
#pragma once

#include <algorithm>
#include <cmath>

#include "../core/checks.hpp"

namespace glissade {

///     factor width^(-1/2) min( n^(-1/2), n warmup_steps^(-3/2) ),   n = max(t, 1)
struct Noam {
  double width;
  double warmup_steps;
  double factor;

  [[nodiscard]] double operator()(double t) const {
    const double n = (std::max)(t, 1.0);
    return factor / std::sqrt(width) * (std::min)(1 / std::sqrt(n), n / (warmup_steps * std::sqrt(warmup_steps)));
  }
};

/// Climbs over `warmup_steps`, then falls as 1 / sqrt(t); the peak follows from the model's width. The
/// formula counts steps from 1: the first two, t = 0 and t = 1, have the same rate.
/// Source: "Attention Is All You Need", 2017, arXiv 1706.03762, section 5.3.
[[nodiscard]] inline Noam noam(double width, double warmup_steps, double factor = 1) {
  require("noam", "width", width, range::positive);
  require("noam", "warmup_steps", warmup_steps, range::positive);
  require("noam", "factor", factor, range::non_negative);
  return {width, warmup_steps, factor};
}

}  // namespace glissade
