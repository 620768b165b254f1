// Adam.
#pragma once

#include "../rule/choose.hpp"
#include "../rule/moments.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "../transforms/scale_by_learning_rate.hpp"

namespace glissade {

/// The direction of Adam: the running mean of the update over the root of that of its square.
///
///     m <- beta1 m + (1 - beta1) u,   v <- beta2 v + (1 - beta2) u^2
///     u <- m / (1 - beta1^t) / ( sqrt(v / (1 - beta2^t) + epsilon_root) + epsilon )
///     not epsilon_corrected:  epsilon / sqrt(1 - beta2^t) in place of epsilon
///     not bias_corrected:     u <- m / ( sqrt(v + epsilon_root) + epsilon )
///
/// State: first_moment m, second_moment v (the parameter's shape).
/// The two bias corrections are applied to the denominator. With epsilon = 0 a coefficient whose squares are all lost,
/// in float those of updates below 1e-20 (in double 1e-160), rests; an epsilon > 0 lets it move a little. One whose
/// square overflows, above 1e20 (1e155), stands still from then on; moments in fewer bits than the parameters saturate
/// instead. Parameters in double mend both; double state does not, the square is formed in float.
/// Source: "Adam: A Method for Stochastic Optimization", 2014, arXiv 1412.6980, Algorithm 1.
struct ScaleByAdam {
  static constexpr std::string_view name = "ScaleByAdam";
  static constexpr bool turns = false;
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.999;           // in [0, 1)
  double epsilon = 1e-8;          // >= 0, outside the root, after the bias correction
  double epsilon_root = 0;        // >= 0, inside the root: optax's eps_root
  bool epsilon_corrected = true;  // false: before the bias correction, the paper's "epsilon hat" and TensorFlow's
  bool bias_corrected = true;

  static constexpr std::array<std::string_view, 2> slots{"first_moment", "second_moment"};
  static constexpr std::array<bool, 2> non_negative{false, true};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("epsilon_root", self.epsilon_root, range::non_negative);
    visit("epsilon_corrected", self.epsilon_corrected);
    visit("bias_corrected", self.bias_corrected);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double c1 = bias_corrected ? bias_correction(beta1, step.count) : 1;
    const double c2 = bias_corrected ? bias_correction(beta2, step.count) : 1;
    const double slope = c1 / std::sqrt(c2);
    return [b1 = beta1, b2 = beta2, slope, e = (epsilon_corrected ? c1 : slope) * epsilon, inside = c2 * epsilon_root](
               auto& u, const auto&, auto& m, auto& v) {
      m = b1 * m + (1 - b1) * u;
      v = b2 * v + (1 - b2) * square(u);
      u = over_root(m, slope * sqrt(v + inside), e);
    };
  }
};

/// Adam: steps of about the learning rate in every coordinate, whatever the gradient's scale. The direction of
/// ScaleByAdam after L2 decay as in torch.optim.Adam; for decay that bypasses the moments see AdamW.
/// Cost: 15 flops with one root and one division per coefficient; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct Adam {
  static constexpr std::string_view name = "Adam";
  Schedule learning_rate = 1e-3;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.999;           // in [0, 1)
  double epsilon = 1e-8;          // >= 0
  double weight_decay = 0;        // >= 0, L2
  double epsilon_root = 0;        // >= 0, inside the root: optax's eps_root
  bool epsilon_corrected = true;  // false: before the bias correction, the paper's "epsilon hat"

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("epsilon_root", self.epsilon_root, range::non_negative);
    visit("epsilon_corrected", self.epsilon_corrected);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(AddDecayedWeights{weight_decay},
                           ScaleByAdam{beta1, beta2, epsilon, epsilon_root, epsilon_corrected},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
