// Dynamic loss scaling for gradients in half precision.
#pragma once

#include <algorithm>

#include "non_finite.hpp"

namespace glissade {

/// A gate at the head of a chain, for gradients of a loss that was multiplied by a scale so that small
/// ones do not vanish in 16 bits. It divides them by the scale again, leaves out steps with an infinite
/// or NaN coefficient, and looks for the largest scale that does not overflow:
///
///     u <- u / S
///     a coefficient is not finite:  nothing after the gate runs;  S <- max(backoff S, min_scale), n <- 0
///     else  n <- n + 1;  at n = interval:  S <- min(growth S, max_scale), n <- 0
///
/// Before each step multiply the loss by loss_scale(optimizer) (optimizer/loss_scale.hpp). A power of two changes no
/// bit of the result. State: shared("loss_scale") S of the next step (0 before the first), "used_scale", "good_steps"
/// n, "skipped". Cost: a barrier over all tensors, one more pass that reads 1 scalar per coefficient. Errors:
/// std::invalid_argument for options out of range. Source: "Mixed Precision Training", 2017, arXiv 1710.03740; the
/// defaults are those of torch.amp.GradScaler, which has no bounds.
struct DynamicLossScale {
  static constexpr std::string_view name = "DynamicLossScale";
  static constexpr bool turns = false;
  double initial_scale = 65536;  // > 0
  double growth = 2;             // >= 1
  double backoff = 0.5;          // in (0, 1)
  int interval = 2000;           // >= 1: good steps before the scale grows
  double min_scale = 1;          // > 0
  double max_scale = 16777216;   // > 0: 2^24

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = 1;
  static constexpr std::array<NamedScalar, 4> shared{{{"loss_scale"}, {"used_scale"}, {"good_steps"}, {"skipped"}}};

  static void options(auto& self, auto&& visit) {
    visit("initial_scale", self.initial_scale, range::positive);
    visit("growth", self.growth, range::at_least_one);
    visit("backoff", self.backoff, range::open_fraction);
    visit("interval", self.interval, range::at_least_one);
    visit("min_scale", self.min_scale, range::positive);
    visit("max_scale", self.max_scale, range::positive);
  }
  void check() const {
    if (min_scale > max_scale) reject(name, "min_scale", min_scale, "at most max_scale = " + to_text(max_scale));
  }
  [[nodiscard]] auto measure(const Step&) const { return detail::count_non_finite(); }

  [[nodiscard]] bool admit(const Totals& step) const {
    double& scale = step.shared[0];
    double& good = step.shared[2];
    if (scale == 0) scale = initial_scale;
    step.shared[1] = scale;
    if (step.sums[0] != 0) {
      scale = (std::min)(scale, (std::max)(scale * backoff, min_scale));  // may lie outside of bounds that have changed
      good = 0;
      step.shared[3] += 1;
      return false;
    }
    good += 1;
    if (good >= interval) {
      scale = (std::max)(scale, (std::min)(scale * growth, max_scale));
      good = 0;
    }
    return true;
  }
  [[nodiscard]] auto kernel(const Step& step, const double*) const {
    return [factor = 1 / step.shared(1)](auto& u) { u *= factor; };
  }
};

}  // namespace glissade
