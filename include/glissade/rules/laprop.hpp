// LaProp.
#pragma once

#include "../rule/chain.hpp"
#include "../rule/moments.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "../transforms/scale_by_learning_rate.hpp"

namespace glissade {

/// The direction of LaProp: the update is scaled first and averaged afterwards.
///
///     v <- beta2 v + (1 - beta2) u^2,   h = u / ( sqrt(v / (1 - beta2^t)) + epsilon )
///     m <- beta1 m + (1 - beta1) h,   u <- m / (1 - beta1^t)
///
/// State: first_moment m, second_moment v (the parameter's shape).
/// Source: "LaProp: Separating Momentum and Adaptivity in Adam", 2020, arXiv 2002.04839, Algorithm 1.
struct ScaleByLaProp {
  static constexpr std::string_view name = "ScaleByLaProp";
  static constexpr bool turns = false;
  double beta1 = 0.9;      // in [0, 1)
  double beta2 = 0.999;    // in [0, 1)
  double epsilon = 1e-15;  // >= 0, outside the root, after the bias correction

  static constexpr std::array<std::string_view, 2> slots{"first_moment", "second_moment"};
  static constexpr std::array<bool, 2> non_negative{false, true};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double slope = 1 / std::sqrt(bias_correction(beta2, step.count));
    return [b1 = beta1, b2 = beta2, slope, e = epsilon, gain = 1 / bias_correction(beta1, step.count)](
               auto& u, const auto&, auto& m, auto& v) {
      v = b2 * v + (1 - b2) * square(u);
      m = b1 * m + (1 - b1) * over_root(u, slope * sqrt(v), e);
      u = gain * m;
    };
  }
};

/// LaProp: Adam whose momentum is of scaled gradients, so that any beta1 goes with any beta2. The direction of
/// ScaleByLaProp with decoupled weight decay.
/// Cost: 14 flops with a root and a division per coefficient; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct LaProp {
  static constexpr std::string_view name = "LaProp";
  Schedule learning_rate = 4e-4;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.999;           // in [0, 1)
  double epsilon = 1e-15;         // >= 0
  double weight_decay = 0;        // >= 0, decoupled

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(ScaleByLaProp{beta1, beta2, epsilon}, AddDecayedWeights{weight_decay},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
