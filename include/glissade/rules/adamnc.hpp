// AdamNC.
#pragma once

#include "adam.hpp"

namespace glissade {

/// The direction of AdamNC: Adam whose second moment forgets ever more slowly.
///
///     b2 = 1 - 1 / t,  or with bounded  min(1 - 1 / t, beta2)
///     m <- beta1 m + (1 - beta1) u,   v <- b2 v + (1 - b2) u^2,   u <- m / (sqrt(v) + epsilon)
///
/// Not bounded, v is the plain mean of all squares: no bias to correct.
/// State: first_moment m, second_moment v (the parameter's shape).
/// Source: "On the Convergence of Adam and Beyond", 2018, arXiv 1904.09237, Algorithm 3, with its
/// beta2_t = 1 - 1 / t. Deviations: epsilon (the paper has none); bounded, which forgets as Adam does in the end.
struct ScaleByAdamNc {
  static constexpr std::string_view name = "ScaleByAdamNc";
  static constexpr bool turns = false;
  double beta1 = 0.9;     // in [0, 1)
  double beta2 = 0.999;   // in [0, 1): the longest memory where bounded, else not used
  double epsilon = 1e-8;  // >= 0
  bool bounded = false;

  static constexpr std::array<std::string_view, 2> slots{"first_moment", "second_moment"};
  static constexpr std::array<bool, 2> non_negative{false, true};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("bounded", self.bounded);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double fresh = (std::max)(1 / static_cast<double>(step.count), bounded ? 1 - beta2 : 0.0);
    return [b1 = beta1, fresh, e = epsilon](auto& u, const auto&, auto& m, auto& v) {
      m = b1 * m + (1 - b1) * u;
      v = (1 - fresh) * v + fresh * square(u);
      u = over_root(m, sqrt(v), e);
    };
  }
};

/// AdamNC: Adam with a convergence proof, for learning rates that fall as 1 / sqrt(t); with beta1 = 0 and such a
/// rate it is Adagrad. The direction of ScaleByAdamNc after L2 decay.
/// Cost: 13 flops with a root and a division per coefficient; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct AdamNc {
  static constexpr std::string_view name = "AdamNc";
  Schedule learning_rate = 1e-3;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.999;           // in [0, 1): the longest memory where bounded, else not used
  double epsilon = 1e-8;          // >= 0
  double weight_decay = 0;        // >= 0, L2
  bool bounded = false;           // 1 - 1 / t grows to beta2 only

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("bounded", self.bounded);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(AddDecayedWeights{weight_decay}, ScaleByAdamNc{beta1, beta2, epsilon, bounded},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
