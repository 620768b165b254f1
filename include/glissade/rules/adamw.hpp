// AdamW.
#pragma once

#include "adam.hpp"

namespace glissade {

/// Adam with decoupled weight decay: the customary choice for large networks.
///
///     m <- beta1 m + (1 - beta1) g,   v <- beta2 v + (1 - beta2) g^2
///     x <- x - learning_rate ( m / (1 - beta1^t) / ( sqrt(v / (1 - beta2^t)) + epsilon ) + weight_decay x )
///
/// State: first_moment m, second_moment v (the parameter's shape).
/// Cost: 14 flops with one root and one division a coefficient; reads 4 and writes 3 numbers.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "Decoupled Weight Decay Regularization", 2019, arXiv 1711.05101, Algorithm 2, with the decay
/// multiplied by the learning rate as in torch.optim.AdamW and optax.
/// There a schedule multiplies rate and decay alike: its decay w at a peak rate p is weight_decay = w / p.
struct AdamW {
  static constexpr std::string_view name = "AdamW";
  Schedule learning_rate = 1e-3;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.999;           // in [0, 1)
  double epsilon = 1e-8;          // >= 0
  double weight_decay = 1e-2;     // >= 0, decoupled
  TensorMask mask = {};           // which tensors decay; all without it

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("mask", self.mask);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(ScaleByAdam{beta1, beta2, epsilon}, AddDecayedWeights{weight_decay, mask},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
