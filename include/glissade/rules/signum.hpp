// Signum.
#pragma once

#include "../rule/chain.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "../transforms/scale_by_learning_rate.hpp"

namespace glissade {

/// The direction of Signum: the sign of the running mean of the update.
///
///     m <- momentum m + (1 - momentum) u,   u <- sign(m)
///
/// State: momentum_buffer m (the parameter's shape). sign(0) = 0, sign(NaN) = NaN.
/// Source: "signSGD: Compressed Optimisation for Non-Convex Problems", 2018, arXiv 1802.04434, Algorithm 2.
struct ScaleBySignum {
  static constexpr std::string_view name = "ScaleBySignum";
  static constexpr bool turns = false;
  double momentum = 0.9;  // in [0, 1)

  static constexpr std::array<std::string_view, 1> slots{"momentum_buffer"};

  static void options(auto& self, auto&& visit) { visit("momentum", self.momentum, range::decay); }
  [[nodiscard]] auto kernel(const Step&) const {
    return [b = momentum](auto& u, const auto&, auto& m) {
      m = b * m + (1 - b) * u;
      u = sign(m);
    };
  }
};

/// Sign descent with momentum: Lion with both betas equal; with momentum 0, signSGD. The direction of ScaleBySignum
/// with decoupled weight decay.
/// Cost: 8 flops per coefficient; reads 3 and writes 2 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct Signum {
  static constexpr std::string_view name = "Signum";
  Schedule learning_rate = 1e-3;  // >= 0
  double momentum = 0.9;          // in [0, 1)
  double weight_decay = 0;        // >= 0, decoupled

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("momentum", self.momentum, range::decay);
    visit("weight_decay", self.weight_decay, range::non_negative);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(ScaleBySignum{momentum}, AddDecayedWeights{weight_decay},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
