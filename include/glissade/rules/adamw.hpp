// AdamW.
#pragma once

#include "adam.hpp"

namespace glissade {

/// What decoupled decay is multiplied by.
enum class DecayMode {
  by_rate,      // the learning rate, as in torch and optax
  by_schedule,  // the schedule alone: learning_rate(t) / peak_rate, as in the source
};

/// Adam with decoupled weight decay: the customary choice for large networks. The direction of ScaleByAdam, to
/// which weight_decay x is added before the learning rate.
/// Cost: 14 flops with one root and one division per coefficient; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "Decoupled Weight Decay Regularization", 2019, arXiv 1711.05101, Algorithm 2, with the decay
/// multiplied by the learning rate as in torch.optim.AdamW and optax. decay_mode by_schedule is the source's: its
/// schedule multiplies rate and decay alike, and the paper's w is w / peak_rate here.
struct AdamW {
  static constexpr std::string_view name = "AdamW";
  Schedule learning_rate = 1e-3;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.999;           // in [0, 1)
  double epsilon = 1e-8;          // >= 0
  double weight_decay = 1e-2;     // >= 0, decoupled
  TensorMask mask = {};           // which tensors decay; all without it
  DecayMode decay_mode = DecayMode::by_rate;
  double peak_rate = 0;  // >= 0; what the schedule is a multiple of, > 0 with by_schedule

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("mask", self.mask);
    visit("decay_mode", self.decay_mode, range::up_to(DecayMode::by_schedule));
    visit("peak_rate", self.peak_rate, range::non_negative);
  }
  void check() const {
    if (decay_mode == DecayMode::by_schedule && peak_rate == 0)
      reject(name, "peak_rate", peak_rate, "> 0 with decay_mode by_schedule");
  }
  [[nodiscard]] auto chain() const {
    const double decay = decay_mode == DecayMode::by_schedule ? weight_decay / peak_rate : weight_decay;
    return glissade::chain(ScaleByAdam{beta1, beta2, epsilon}, AddDecayedWeights{decay, mask},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
