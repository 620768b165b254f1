// Adam.
#pragma once

#include "../core/chain.hpp"
#include "../core/moments.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "../transforms/scale_by_learning_rate.hpp"

namespace glissade {

/// The direction of Adam: the running mean of the update over the root of that of its square.
///
///     m <- beta1 m + (1 - beta1) u,   v <- beta2 v + (1 - beta2) u^2
///     u <- m / (1 - beta1^t) / ( sqrt(v / (1 - beta2^t)) + epsilon )
///
/// State: first_moment m, second_moment v (the parameter's shape).
/// Cost: 11 flops with one root and one division a coefficient; reads and writes 2 numbers of state.
/// The two bias corrections are applied to the denominator. With epsilon = 0, 0 / 0 is 0.
/// Source: "Adam: A Method for Stochastic Optimization", 2014, arXiv 1412.6980, Algorithm 1.
struct ScaleByAdam {
  static constexpr std::string_view name = "ScaleByAdam";
  double beta1 = 0.9;     // in [0, 1)
  double beta2 = 0.999;   // in [0, 1)
  double epsilon = 1e-8;  // >= 0, outside the root, after the bias correction

  static constexpr std::array<std::string_view, 2> slots{"first_moment", "second_moment"};
  static constexpr std::array<bool, 2> non_negative{false, true};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double c1 = bias_correction(beta1, step.count);
    const double slope = c1 / std::sqrt(bias_correction(beta2, step.count));
    return [b1 = beta1, b2 = beta2, slope, e = c1 * epsilon](auto& u, const auto&, auto& m, auto& v) {
      m = b1 * m + (1 - b1) * u;
      v = b2 * v + (1 - b2) * square(u);
      u = m / (slope * sqrt(v) + guard<std::remove_cvref_t<decltype(u)>>(e));
    };
  }
};

/// Adam: steps of about the learning rate in every coordinate, whatever the gradient's scale.
///
///     g <- g + weight_decay x
///     m <- beta1 m + (1 - beta1) g,   v <- beta2 v + (1 - beta2) g^2
///     x <- x - learning_rate m / (1 - beta1^t) / ( sqrt(v / (1 - beta2^t)) + epsilon )
///
/// State: first_moment m, second_moment v (the parameter's shape).
/// Cost: 14 flops with one root and one division a coefficient; reads 4 and writes 3 numbers.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "Adam: A Method for Stochastic Optimization", 2014, arXiv 1412.6980, Algorithm 1; L2 decay as
/// in torch.optim.Adam. For decay that bypasses the moments see AdamW.
struct Adam {
  static constexpr std::string_view name = "Adam";
  Schedule learning_rate = 1e-3;  // >= 0
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
    return glissade::chain(When{weight_decay != 0, AddDecayedWeights{weight_decay}},
                           ScaleByAdam{beta1, beta2, epsilon},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
