// Values at given steps, and lines or cosine arcs between them.
#pragma once

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <utility>
#include <vector>

#include "../core/checks.hpp"

namespace glissade {

struct Knot {
  double step;
  double value;
};

enum class Interpolation { linear, cosine };

///     between neighbours a and b:  a.value + (b.value - a.value) w,   p = (t - a.step) / (b.step - a.step),
///     w = p, or (1 - cos(pi p)) / 2;   the first and the last value outside
struct Interpolate {
  std::vector<Knot> knots;
  Interpolation shape;

  [[nodiscard]] double operator()(double t) const {
    std::size_t k = 0;
    while (k < knots.size() && knots[k].step <= t) ++k;
    if (k == 0) return knots.front().value;
    if (k == knots.size()) return knots.back().value;
    const Knot& from = knots[k - 1];
    const Knot& to = knots[k];
    const double p = (t - from.step) / (to.step - from.step);
    const double rise = shape == Interpolation::linear ? p : 0.5 * (1 - std::cos(std::numbers::pi * p));
    return from.value + (to.value - from.value) * rise;
  }
};

/// Goes through all knots, whose steps do not fall; of two at the same step the later one counts from
/// that step on.
/// Source: optax.piecewise_interpolate_schedule, with values instead of factors.
[[nodiscard]] inline Interpolate interpolate(std::vector<Knot> knots, Interpolation shape = Interpolation::linear) {
  if (knots.empty()) throw std::invalid_argument("interpolate: no knots, must be at least one");
  require("interpolate", "shape", shape, Interpolation::cosine);
  for (std::size_t k = 0; k < knots.size(); ++k) {
    require("interpolate", "value", knots[k].value, range::non_negative);
    require("interpolate", "step", knots[k].step,
            k == 0 ? range::finite : Range{knots[k - 1].step, range::finite.high});
  }
  return {std::move(knots), shape};
}

}  // namespace glissade
