// What the loss has to be multiplied by.
#pragma once

#include "optimizer.hpp"

namespace glissade {

/// What to multiply the loss of the next step by, for DynamicLossScale (transforms/dynamic_loss_scale.hpp).
/// Throws std::invalid_argument if there is no DynamicLossScale in the rule.
template <class R, StorageScalar P>
[[nodiscard]] double loss_scale(const Optimizer<R, P>& optimizer) {
  const double scale = optimizer.shared("loss_scale");
  double initial = 0;
  for_each_rule(optimizer.rule(), [&](const auto& rule) {
    if constexpr (requires { rule.initial_scale; }) initial = rule.initial_scale;
  });
  return scale == 0 ? initial : scale;
}

}  // namespace glissade
