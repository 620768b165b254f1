// AdamP.
#pragma once

#include "adam.hpp"
#include "without_radial_part.hpp"

namespace glissade {

/// AdamW that does not let weights grow whose scale has no effect, as those before a normalization.
///
///     d = m / c1 / ( sqrt(v / c2) + epsilon ),   m, v, c_i as in Adam
///     p = d without its part along x, row by row, where WithoutRadialPart finds the scale of x to have no effect
///     x <- x - learning_rate (p + weight_decay x),   weight_decay times decay_ratio where it does
///
/// State: first_moment m, second_moment v (the parameter's shape).
/// Cost: 14 flops with a root and a division per coefficient, and of matrices 12 more one by one; vectors are
/// AdamW's.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "AdamP: Slowing Down the Slowdown for Momentum Optimizers on Scale-invariant Weights", 2020,
/// arXiv 2006.08217, Algorithm 2.
struct AdamP {
  static constexpr std::string_view name = "AdamP";
  Schedule learning_rate = 1e-3;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.999;           // in [0, 1)
  double epsilon = 1e-8;          // >= 0
  double weight_decay = 0;        // >= 0, decoupled
  double delta = 0.1;             // >= 0: how far from orthogonal gradient and weights may be
  double decay_ratio = 0.1;       // in [0, 1]: of the decay where the scale has no effect

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("delta", self.delta, range::non_negative);
    visit("decay_ratio", self.decay_ratio, range::fraction);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(
        WithoutRadialPart<ScaleByAdam>{{beta1, beta2, epsilon}, delta, decay_ratio, weight_decay, epsilon},
        ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
