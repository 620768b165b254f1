// Adamax.
#pragma once

#include "adam.hpp"

namespace glissade {

/// The direction of Adamax: Adam with the infinity norm in place of the root mean square.
///
///     m <- beta1 m + (1 - beta1) u,   n <- max(beta2 n, |u| + epsilon),   u <- m / (1 - beta1^t) / n
///
/// State: first_moment m, infinity_norm n (the parameter's shape).
/// Source: "Adam: A Method for Stochastic Optimization", 2014, arXiv 1412.6980, Algorithm 2; epsilon as
/// in torch and optax, added once, inside the maximum.
struct ScaleByAdamax {
  static constexpr std::string_view name = "ScaleByAdamax";
  static constexpr bool turns = false;
  double beta1 = 0.9;     // in [0, 1)
  double beta2 = 0.999;   // in [0, 1)
  double epsilon = 1e-8;  // >= 0

  static constexpr std::array<std::string_view, 2> slots{"first_moment", "infinity_norm"};
  static constexpr std::array<bool, 2> non_negative{false, true};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    return [b1 = beta1, b2 = beta2, e = epsilon, c1 = bias_correction(beta1, step.count)](auto& u, const auto&, auto& m,
                                                                                          auto& n) {
      m = b1 * m + (1 - b1) * u;
      n = max(b2 * n, abs(u) + guard<std::remove_cvref_t<decltype(u)>>(e));
      u = m / (c1 * n);
    };
  }
};

/// Adamax: steps bounded by the learning rate even when gradients are rare. The direction of ScaleByAdamax after
/// L2 decay, as in torch.optim.Adamax.
/// Cost: 13 flops with a division per coefficient; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct Adamax {
  static constexpr std::string_view name = "Adamax";
  Schedule learning_rate = 2e-3;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.999;           // in [0, 1)
  double epsilon = 1e-8;          // >= 0
  double weight_decay = 0;        // >= 0, L2

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(AddDecayedWeights{weight_decay}, ScaleByAdamax{beta1, beta2, epsilon},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
