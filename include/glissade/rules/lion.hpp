// Lion.
#pragma once

#include "../rule/chain.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "../transforms/scale_by_learning_rate.hpp"

namespace glissade {

/// The direction of Lion: the sign of an interpolation between momentum and update.
///
///     c = beta1 m + (1 - beta1) u,   m <- beta2 m + (1 - beta2) u,   u <- sign(c)
///     refined:  u <- c where |c| < 1, else sign(c)
///
/// State: momentum m (the parameter's shape).
/// sign(0) = 0, so a coefficient that has seen no gradient rests; sign(NaN) = NaN. One that had gradients and has
/// none any more goes on by the learning rate for long, while m fades; refined, it comes to rest.
/// Source: "Symbolic Discovery of Optimization Algorithms", 2023, arXiv 2302.06675, Algorithm 2.
struct ScaleByLion {
  static constexpr std::string_view name = "ScaleByLion";
  static constexpr bool turns = false;
  double beta1 = 0.9;   // in [0, 1): weight of the momentum in the direction
  double beta2 = 0.99;  // in [0, 1): memory of the momentum
  bool refined = false;

  static constexpr std::array<std::string_view, 1> slots{"momentum"};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("refined", self.refined);
  }
  [[nodiscard]] auto kernel(const Step&) const {
    return [b1 = beta1, b2 = beta2, soft = refined](auto& u, const auto&, auto& m) {
      using L = std::remove_cvref_t<decltype(u)>;
      const L c = b1 * m + (1 - b1) * u;
      m = b2 * m + (1 - b2) * u;
      u = soft ? min(max(c, L(-1)), L(1)) : sign(c);
    };
  }
};

/// Lion: every coordinate moves by exactly the learning rate, along the direction of ScaleByLion. One buffer where
/// Adam has two; wants a learning rate 3 to 10 times smaller than AdamW's and a weight decay as much larger.
///
/// With weight decay L it minimizes f over the box |x_i| <= 1 / L ("Lion Secretly Solves Constrained
/// Optimization", 2023, arXiv 2310.05898). With a constant rate it ends in a cycle of that size.
///
/// Cost: 10 flops per coefficient, no root, no division; reads 3 and writes 2 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct Lion {
  static constexpr std::string_view name = "Lion";
  Schedule learning_rate = 1e-4;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.99;            // in [0, 1)
  double weight_decay = 0;        // >= 0, decoupled
  bool refined = false;           // optax's mode: small steps where |c| < 1

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("refined", self.refined);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(ScaleByLion{beta1, beta2, refined}, AddDecayedWeights{weight_decay},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
