// Weight decay as a link of a chain.
#pragma once

#include <utility>

#include "../core/tensors/mask.hpp"
#include "../rule/chain.hpp"

namespace glissade {

/// u <- u + weight_decay(t) x, on the tensors of the mask.
///
/// Before a rule it is L2 regularization (the decay passes through the moments); after the rule and
/// before the learning rate it is decoupled decay ("Decoupled Weight Decay Regularization", 2019,
/// arXiv 1711.05101): x <- (1 - learning_rate weight_decay) x. No state; 2 flops per
/// coefficient.
struct AddDecayedWeights {
  static constexpr std::string_view name = "AddDecayedWeights";
  static constexpr bool turns = false;
  Schedule weight_decay = 1e-2;  // >= 0
  TensorMask mask = {};          // which tensors decay; all without it

  static void options(auto& self, auto&& visit) {
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("mask", self.mask);
  }
  [[nodiscard]] bool zero_is_zero() const { return weight_decay.constant() == 0.0; }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double decay = mask(step.tensor) ? weight_decay(step.time) : 0.0;
    return [decay](auto& u, const auto& x) { u += decay * x; };
  }
};

/// A direction with weight decay before it (L2), or decoupled after it, by a rule Decoupled{weight_decay}.
template <class Decoupled = AddDecayedWeights, class R>
[[nodiscard]] constexpr auto decayed(R direction, double weight_decay, bool decoupled) {
  return chain(AddDecayedWeights{decoupled ? 0.0 : weight_decay}, std::move(direction),
               Decoupled{decoupled ? weight_decay : 0.0});
}

}  // namespace glissade
