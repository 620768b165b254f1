// Schedules driven by a budget of time instead of a number of steps.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include "../core/checks.hpp"
#include "../rule/schedule.hpp"

namespace glissade {

/// What the steps of a run would have taken on a reference machine, so that methods measured on different
/// machines can be compared: every kind of step has a time that was measured there once.
///
///     ReferenceClock clock{{{"step", 1.031}, {"hessian", 0.8}}};
///     clock.charge("step");
///
/// State: `elapsed`, a plain number to save and restore.
/// Source: "No Train No Gain", 2023, arXiv 2307.06440.
struct ReferenceClock {
  std::map<std::string, double> seconds;  // of one step of each kind, > 0 (0: a kind that is free)
  double elapsed = 0;

  /// Adds `units` steps of that kind; a part of a batch counts as that part of a step.
  /// Throws std::invalid_argument for a kind that was not measured.
  void charge(const std::string& kind, double units = 1) {
    const auto found = seconds.find(kind);
    if (found == seconds.end())
      throw std::invalid_argument("ReferenceClock: no time for steps of kind \"" + kind + "\"");
    require("ReferenceClock", "seconds of \"" + kind + "\"", found->second, range::non_negative);
    require("ReferenceClock", "units", units, range::positive);
    elapsed += found->second * units;
  }
};

/// A schedule at step floor(elapsed / budget * steps): every method's rate is fully decayed when its
/// budget is spent, however many steps it made. A function of the time that has passed, not of the step:
///
///     const BudgetSchedule rate(linear_decay(1e-3, 1000), 1000, 3600.0);
///     while (!rate.spent(clock.elapsed)) { optimizer.rule().learning_rate = rate(clock.elapsed); ... }
class BudgetSchedule {
 public:
  /// `steps`: the nominal number of steps of `schedule`, >= 1; `budget`: > 0, in the clock's unit.
  BudgetSchedule(Schedule schedule, std::int64_t steps, double budget)
      : schedule_(std::move(schedule)), steps_(static_cast<double>(steps)), budget_(budget) {
    require("BudgetSchedule", "steps", steps_, range::at_least_one);
    require("BudgetSchedule", "budget", budget_, range::positive);
  }

  [[nodiscard]] double operator()(double elapsed) const {
    require("BudgetSchedule", "elapsed", elapsed, range::non_negative);
    return schedule_(static_cast<std::int64_t>(std::floor((std::min)(elapsed / budget_, 1.0) * steps_)));
  }
  [[nodiscard]] bool spent(double elapsed) const { return elapsed >= budget_; }

 private:
  Schedule schedule_;
  double steps_;
  double budget_;
};

}  // namespace glissade
