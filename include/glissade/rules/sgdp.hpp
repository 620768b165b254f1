// SGDP.
#pragma once

#include "../rule/chain.hpp"
#include "../transforms/scale_by_learning_rate.hpp"
#include "../transforms/trace.hpp"
#include "without_radial_part.hpp"

namespace glissade {

/// SGD with momentum that does not let weights grow whose scale has no effect, as those before a
/// normalization.
///
///     b <- momentum b + (1 - dampening) g,   d = b, or with nesterov g + momentum b
///     p = d without its part along x, row by row, where WithoutRadialPart finds the scale of x to have no effect
///     x <- x - learning_rate (p + weight_decay / (1 - momentum) x),  decay times decay_ratio where it does
///
/// State: momentum_buffer b (the parameter's shape); b <- g in the first step, as in Sgd.
/// Cost: 6 flops per coefficient, and of matrices 12 more one by one.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "AdamP: Slowing Down the Slowdown for Momentum Optimizers on Scale-invariant Weights", 2020,
/// arXiv 2006.08217, Algorithm 1; the decay over 1 - momentum is from the authors' code.
struct SgdP {
  static constexpr std::string_view name = "SgdP";
  Schedule learning_rate = 1e-3;  // >= 0
  double momentum = 0.9;          // in [0, 1)
  double dampening = 0;           // in [0, 1]
  bool nesterov = false;
  double weight_decay = 0;   // >= 0, decoupled
  double delta = 0.1;        // >= 0: how far from orthogonal gradient and weights may be
  double decay_ratio = 0.1;  // in [0, 1]: of the decay where the scale has no effect
  double epsilon = 1e-8;     // >= 0: added to |x|

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("momentum", self.momentum, range::decay);
    visit("dampening", self.dampening, range::fraction);
    visit("nesterov", self.nesterov);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("delta", self.delta, range::non_negative);
    visit("decay_ratio", self.decay_ratio, range::fraction);
    visit("epsilon", self.epsilon, range::non_negative);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(
        WithoutRadialPart<Trace>{
            {momentum, dampening, nesterov}, delta, decay_ratio, weight_decay / (1 - momentum), epsilon},
        ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
