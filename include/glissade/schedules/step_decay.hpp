// Decay in steps.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "../core/checks.hpp"

namespace glissade {

///     peak gamma^floor(t / period)
struct StepDecay {
  double peak;
  double period;
  double gamma;

  [[nodiscard]] double operator()(double t) const {
    return peak * std::pow(gamma, std::floor((std::max)(t, 0.0) / period));
  }
};

/// Multiplied by `gamma` every `period` steps. Source: torch.optim.lr_scheduler.StepLR.
[[nodiscard]] inline StepDecay step_decay(double peak, double period, double gamma = 0.1) {
  require("step_decay", "peak", peak, range::non_negative);
  require("step_decay", "period", period, range::positive);
  require("step_decay", "gamma", gamma, range::non_negative);
  return {peak, period, gamma};
}

/// A factor and the step from which on it counts.
struct ScaleFrom {
  double step;
  double factor;
};

///     start times the factors of all boundaries <= t
struct PiecewiseConstant {
  double start;
  std::vector<ScaleFrom> boundaries;

  [[nodiscard]] double operator()(double t) const {
    double value = start;
    for (const ScaleFrom& boundary : boundaries)
      if (boundary.step <= (std::max)(t, 0.0)) value *= boundary.factor;
    return value;
  }
};

/// Multiplied by a factor at every boundary: piecewise_constant(0.1, {{1000, 0.5}, {2000, 0.1}}).
/// Source: optax.piecewise_constant_schedule.
[[nodiscard]] inline PiecewiseConstant piecewise_constant(double start, std::vector<ScaleFrom> boundaries) {
  require("piecewise_constant", "start", start, range::non_negative);
  for (const ScaleFrom& boundary : boundaries) {
    require("piecewise_constant", "step", boundary.step, range::non_negative);
    require("piecewise_constant", "factor", boundary.factor, range::non_negative);
  }
  return {start, std::move(boundaries)};
}

/// Multiplied by `gamma` at every milestone: peak gamma^(number of milestones <= t).
/// Source: torch.optim.lr_scheduler.MultiStepLR.
[[nodiscard]] inline PiecewiseConstant multistep_decay(double peak, const std::vector<double>& milestones,
                                                       double gamma = 0.1) {
  require("multistep_decay", "gamma", gamma, range::non_negative);
  std::vector<ScaleFrom> boundaries;
  for (double milestone : milestones) boundaries.push_back({milestone, gamma});
  return piecewise_constant(peak, std::move(boundaries));
}

}  // namespace glissade
