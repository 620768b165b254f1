// A rate that is reduced when the loss stops falling.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "../core/checks.hpp"

namespace glissade {

/// Reduces the learning rate when the values that it is told stop improving. It is no function of the
/// step, so it stands beside the rule instead of inside it:
///
///     ReduceOnPlateau plateau{.learning_rate = 0.1, .factor = 0.5, .patience = 5};
///     optimizer.rule().learning_rate = plateau.tell(validation_loss);
///
/// a is the mean of `averaged` values, or with `maximize` the negative of that, for accuracies and rewards; it has
/// improved where a < best - relative |best| - absolute, the first one always. After `patience` means in a row that
/// have not, scale <- max(scale factor, min_scale), and the next `cooldown` means count only for the best.
/// State: `state`, a plain value to save and restore. NaN is no improvement.
/// Source: optax.contrib.reduce_on_plateau. torch.optim.lr_scheduler.ReduceLROnPlateau with patience n
/// waits as long as this one with patience n + 1; its threshold is `relative` or, with threshold_mode "abs",
/// `absolute`. Deviation: both multiply the best by 1 - relative (torch with mode "max": 1 + relative), which for
/// negative values lies on the wrong side of it: what is worse, or the same, would count as an improvement for ever.
struct ReduceOnPlateau {
  double learning_rate = 1e-3;  // >= 0: at scale 1
  double factor = 0.1;          // in (0, 1)
  int patience = 10;            // >= 1
  double relative = 1e-4;       // in [0, 1)
  double absolute = 0;          // >= 0
  int cooldown = 0;             // >= 0
  int averaged = 1;             // >= 1: values to a mean
  double min_scale = 0;         // in [0, 1]
  bool maximize = false;        // larger values are better

  struct State {
    double scale = 1;
    double best = std::numeric_limits<double>::infinity();  // the least a
    std::int64_t plateau = 0;                               // means without improvement
    std::int64_t cooling = 0;                               // means of cooldown left
    std::int64_t averaging = 0;                             // values in `mean`
    double mean = 0;
    friend bool operator==(const State&, const State&) = default;
  };
  State state = {};

  /// Takes in a value and returns the rate to use from now on.
  /// Throws std::invalid_argument if an option is out of its range.
  double tell(double value) {
    check();
    state.averaging += 1;
    const auto count = static_cast<double>(state.averaging);
    state.mean += value / count - state.mean / count;  // differences may overflow
    if (state.averaging >= averaged) {
      judge(maximize ? -state.mean : state.mean);
      state.averaging = 0;
      state.mean = 0;
    }
    return rate();
  }
  [[nodiscard]] double rate() const { return learning_rate * state.scale; }

  void check() const {
    require("ReduceOnPlateau", "learning_rate", learning_rate, range::non_negative);
    require("ReduceOnPlateau", "factor", factor, range::open_fraction);
    require("ReduceOnPlateau", "patience", patience, range::at_least_one);
    require("ReduceOnPlateau", "relative", relative, range::decay);
    require("ReduceOnPlateau", "absolute", absolute, range::non_negative);
    require("ReduceOnPlateau", "cooldown", cooldown, range::non_negative);
    require("ReduceOnPlateau", "averaged", averaged, range::at_least_one);
    require("ReduceOnPlateau", "min_scale", min_scale, range::fraction);
  }

 private:
  void judge(double a) {
    const double margin = std::isfinite(state.best) ? relative * std::abs(state.best) + absolute : 0;
    const bool improved = a < state.best - margin;
    if (improved) state.best = a;
    if (state.cooling > 0) {
      state.cooling -= 1;
      state.plateau = 0;
      return;
    }
    state.plateau = improved ? 0 : state.plateau + 1;
    if (state.plateau < patience) return;
    state.plateau = 0;
    state.scale = (std::max)(state.scale * factor, min_scale);
    state.cooling = cooldown;
  }
};

}  // namespace glissade
