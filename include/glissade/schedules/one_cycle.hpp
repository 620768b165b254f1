// One cycle up and down, in the forms that are in use.
#pragma once

#include <algorithm>
#include <cmath>

#include "interpolate.hpp"

namespace glissade {

struct OneCycleOptions {
  double warmup_share = 0.3;  // in [0, 1]: of all steps, to climb
  double start_divisor = 25;  // >= 1: the first rate is peak / start_divisor
  double end_divisor = 1e4;   // >= 1: the last rate is that divided by end_divisor
  Interpolation shape = Interpolation::cosine;
  bool three_phase = false;  // down to the first rate as fast as up, then to the last
};

namespace detail {
inline void check_one_cycle(std::string_view name, double peak, double total_steps, const OneCycleOptions& o) {
  require(name, "peak", peak, range::non_negative);
  require(name, "total_steps", total_steps, range::at_least_one);
  require(name, "warmup_share", o.warmup_share, o.three_phase ? Range{0, 0.5} : range::fraction);
  require(name, "start_divisor", o.start_divisor, range::at_least_one);
  require(name, "end_divisor", o.end_divisor, range::at_least_one);
  require(name, "shape", o.shape, Interpolation::cosine);
}

/// Where torch's phases end: knots at 0, warmup_share T - 1, (2 warmup_share T - 2,) T - 1.
inline Interpolate one_cycle_knots(double start, double peak, double end, double total_steps,
                                   const OneCycleOptions& o) {
  const double last = (std::max)(total_steps - 1, 0.0);
  const double top = std::clamp(o.warmup_share * total_steps - 1, 0.0, last);
  if (!o.three_phase) return interpolate({{0, start}, {top, peak}, {last, end}}, o.shape);
  const double down = std::clamp(2 * o.warmup_share * total_steps - 2, top, last);
  return interpolate({{0, start}, {top, peak}, {down, start}, {last, end}}, o.shape);
}
}  // namespace detail

/// Climbs from peak / start_divisor to `peak`, then falls to peak / start_divisor / end_divisor, which
/// the last of total_steps steps uses. Source: "Super-Convergence: Very Fast Training of Neural Networks
/// Using Large Learning Rates", 2017, arXiv 1708.07120; torch.optim.lr_scheduler.OneCycleLR.
[[nodiscard]] inline Interpolate one_cycle(double peak, double total_steps, const OneCycleOptions& options = {}) {
  detail::check_one_cycle("one_cycle", peak, total_steps, options);
  const double start = peak / options.start_divisor;
  return detail::one_cycle_knots(start, peak, start / options.end_divisor, total_steps, options);
}

/// The momentum that goes with one_cycle: from `high` down to `low` while the rate climbs, and back.
[[nodiscard]] inline Interpolate one_cycle_momentum(double total_steps, double low = 0.85, double high = 0.95,
                                                    const OneCycleOptions& options = {}) {
  detail::check_one_cycle("one_cycle_momentum", 1, total_steps, options);
  require("one_cycle_momentum", "low", low, range::fraction);
  require("one_cycle_momentum", "high", high, range::fraction);
  return detail::one_cycle_knots(high, low, high, total_steps, options);
}

/// optax's form: climbs up to step floor(warmup_share T), reaches the last rate peak / start_divisor /
/// end_divisor only after the last step. Source: optax.cosine_onecycle_schedule.
[[nodiscard]] inline Interpolate one_cycle_optax(double peak, double total_steps, const OneCycleOptions& options = {}) {
  detail::check_one_cycle("one_cycle_optax", peak, total_steps, options);
  const double start = peak / options.start_divisor;
  return interpolate(
      {{0, start}, {std::floor(options.warmup_share * total_steps), peak}, {total_steps, start / options.end_divisor}},
      options.shape);
}

/// Straight lines: up to step floor(warmup_share T), down to the first rate at floor(down_share T), to
/// the last rate at T. Source: optax.linear_onecycle_schedule.
[[nodiscard]] inline Interpolate one_cycle_linear(double peak, double total_steps, double warmup_share = 0.3,
                                                  double down_share = 0.85, double start_divisor = 25,
                                                  double end_divisor = 1e4) {
  detail::check_one_cycle("one_cycle_linear", peak, total_steps, {warmup_share, start_divisor, end_divisor});
  require("one_cycle_linear", "down_share", down_share, Range{warmup_share, 1});
  const double start = peak / start_divisor;
  return interpolate({{0, start},
                      {std::floor(warmup_share * total_steps), peak},
                      {std::floor(down_share * total_steps), start},
                      {total_steps, start / end_divisor}});
}

/// A triangle: from 0 up to `peak` in the middle and down to 0.
/// Source: "No Train No Gain", 2023, arXiv 2307.06440, the budget schedule of its code.
[[nodiscard]] inline Interpolate triangle(double peak, double total_steps) {
  require("triangle", "peak", peak, range::non_negative);
  require("triangle", "total_steps", total_steps, range::positive);
  return interpolate({{0, 0}, {total_steps / 2, peak}, {total_steps, 0}});
}

}  // namespace glissade
