// A schedule without an end: it can be cooled down at any time.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "../core/checks.hpp"

namespace glissade {

/// Where the phases of an infinite schedule end.
struct InfinitePhases {
  double warmup = 0;
  double cooldown = 0;                                      // >= warmup
  double anneal = std::numeric_limits<double>::infinity();  // >= cooldown: the last fall begins
  double total = std::numeric_limits<double>::infinity();   // >= anneal, and ends
};

///     t < warmup:    peak t / warmup
///     t < cooldown:  middle + (peak - middle) (1 + cos(pi x)) / 2,  x = (t - warmup) / (cooldown - warmup), or
///                    peak + (middle - peak) h(n) / h(cooldown - warmup),  h(n) = 1 / sqrt(1 + shape n) - 1
///     t < anneal:    middle
///     then           middle (end / middle)^p,  p = (t - anneal) / (total - anneal), at most 1
struct Infinite {
  double peak;
  double middle;
  double end;
  InfinitePhases phases;
  double shape;  // 0: cosine

  [[nodiscard]] double operator()(double t) const {
    t = (std::max)(t, 0.0);
    if (t < phases.warmup) return peak * t / phases.warmup;
    if (t < phases.cooldown) return cooling(t - phases.warmup, phases.cooldown - phases.warmup);
    if (t < phases.anneal) return middle;
    if (t >= phases.total) return end;
    return middle * std::pow(end / middle, (t - phases.anneal) / (phases.total - phases.anneal));
  }

 private:
  [[nodiscard]] double cooling(double n, double length) const {
    if (shape == 0) return middle + (peak - middle) * 0.5 * (1 + std::cos(std::numbers::pi * n / length));
    const auto h = [this](double x) { return 1 / std::sqrt(1 + shape * x) - 1; };
    return peak + (middle - peak) * h(n) / h(length);
  }
};

namespace detail {
inline Infinite make_infinite(std::string_view name, double peak, double middle, double end,
                              const InfinitePhases& phases, double shape) {
  require(name, "peak", peak, range::non_negative);
  require(name, "middle", middle, range::positive);
  require(name, "end", end, range::positive);
  require(name, "warmup", phases.warmup, range::non_negative);
  require(name, "cooldown", phases.cooldown, Range{phases.warmup, range::finite.high});
  require(name, "anneal", phases.anneal, Range{phases.cooldown});
  require(name, "total", phases.total, Range{phases.anneal});
  return {peak, middle, end, phases, shape};
}
}  // namespace detail

/// Warm-up, a cosine down to `middle`, a plateau of any length, and, once its place is known, an
/// exponential fall to `end`. Source: "Simple and Scalable Strategies to Continually Pre-train Large
/// Language Models", 2024, arXiv 2403.08763, section 7.
[[nodiscard]] inline Infinite infinite_cosine(double peak, double middle, double end, const InfinitePhases& phases) {
  return detail::make_infinite("infinite_cosine", peak, middle, end, phases, 0);
}

/// The same with an inverse square root between peak and plateau; the larger `shape`, the faster it falls
/// first.
[[nodiscard]] inline Infinite infinite_inverse_sqrt(double peak, double middle, double end,
                                                    const InfinitePhases& phases, double shape) {
  require("infinite_inverse_sqrt", "shape", shape, range::positive);
  return detail::make_infinite("infinite_inverse_sqrt", peak, middle, end, phases, shape);
}

}  // namespace glissade
