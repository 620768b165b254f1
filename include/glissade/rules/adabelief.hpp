// AdaBelief.
#pragma once

#include "adam.hpp"
#include "radam.hpp"

namespace glissade {

/// The direction of AdaBelief: Adam that divides by how far the update is from its own running mean.
///
///     m <- beta1 m + (1 - beta1) u,   s <- beta2 s + (1 - beta2) (u - m)^2 + epsilon,   c_i = 1 - beta_i^t
///     u <- m / c1 / ( sqrt(s / c2) + epsilon )
///     rectify:  u <- R_t m / c1 sqrt(c2) / (sqrt(s) + epsilon),  or m / c1 while R_t = 0, as in RAdam
///
/// The epsilon in the state is added in every step and so adds up to epsilon / (1 - beta2); without
/// epsilon_in_state it is added under the root alone.
/// State: first_moment m, belief s (the parameter's shape).
/// Source: "AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients", 2020,
/// arXiv 2010.07468, Algorithm 2; rectification and defaults as in the authors' code.
struct ScaleByAdaBelief {
  static constexpr std::string_view name = "ScaleByAdaBelief";
  static constexpr bool turns = false;
  double beta1 = 0.9;      // in [0, 1)
  double beta2 = 0.999;    // in [0, 1)
  double epsilon = 1e-16;  // >= 0
  bool rectify = true;
  bool epsilon_in_state = true;

  static constexpr std::array<std::string_view, 2> slots{"first_moment", "belief"};
  static constexpr std::array<bool, 2> non_negative{false, true};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("rectify", self.rectify);
    visit("epsilon_in_state", self.epsilon_in_state);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double c1 = bias_correction(beta1, step.count);
    const double root2 = std::sqrt(bias_correction(beta2, step.count));
    const double trust = rectify ? rectification(beta2, step.count) : 1;
    const bool plain = rectify && trust == 0;
    const double gain = plain ? 1 / c1 : trust / c1 * root2;
    const double outside = rectify ? epsilon : epsilon * root2;
    const double kept = epsilon_in_state ? epsilon : 0;
    return [b1 = beta1, b2 = beta2, plain, gain, kept, inside = epsilon - kept, outside](auto& u, const auto&, auto& m,
                                                                                         auto& s) {
      m = b1 * m + (1 - b1) * u;
      s = b2 * s + (1 - b2) * square(u - m) + kept;
      u = gain * m;
      if (!plain) u = over_root(u, sqrt(s + inside), outside);
    };
  }
};

/// AdaBelief: long steps where gradients are as expected, short ones where they surprise. The direction of
/// ScaleByAdaBelief with decoupled weight decay.
/// Cost: 17 flops with a root and a division per coefficient; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct AdaBelief {
  static constexpr std::string_view name = "AdaBelief";
  Schedule learning_rate = 1e-3;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.999;           // in [0, 1)
  double epsilon = 1e-16;         // >= 0
  bool rectify = true;
  double weight_decay = 0;  // >= 0, decoupled
  bool epsilon_in_state = true;

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("rectify", self.rectify);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("epsilon_in_state", self.epsilon_in_state);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(ScaleByAdaBelief{beta1, beta2, epsilon, rectify, epsilon_in_state},
                           AddDecayedWeights{weight_decay}, ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
