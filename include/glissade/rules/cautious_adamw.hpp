// Cautious AdamW.
#pragma once

#include "adam.hpp"

namespace glissade {

/// The direction of Adam where it agrees with the update's sign, 0 elsewhere; what is left is enlarged.
///
///     d = m / c1 / ( sqrt(v / c2) + epsilon ),   m, v, c_i as in ScaleByAdam
///     u <- d / max(share, 0.001) where m u > 0, else 0;   share: of the coefficients with m u > 0
///
/// State: first_moment m, second_moment v (the parameter's shape). A barrier over the tensor.
/// Source: "Cautious Optimizers: Improving Training with One Line of Code", 2024, arXiv 2411.16085,
/// Algorithm 1; the bound of the share is from the authors' code.
struct ScaleByCautiousAdam {
  static constexpr std::string_view name = "ScaleByCautiousAdam";
  static constexpr bool turns = false;
  double beta1 = 0.9;     // in [0, 1)
  double beta2 = 0.999;   // in [0, 1)
  double epsilon = 1e-8;  // >= 0

  static constexpr Reduction reduction = Reduction::over_tensor;
  static constexpr int sums = 1;
  static constexpr std::array<std::string_view, 2> slots{"first_moment", "second_moment"};
  static constexpr std::array<bool, 2> non_negative{false, true};
  static constexpr bool ignores_parameters = true;

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
  }
  [[nodiscard]] auto measure(const Step&) const {
    return [b1 = beta1, b2 = beta2](const auto& u, const auto&, auto& m, auto& v) {
      using L = std::remove_cvref_t<decltype(u)>;
      m = b1 * m + (1 - b1) * u;
      v = b2 * v + (1 - b2) * square(u);
      return terms(widen(select(sign(m) * u > L(0), L(1), L(0))));
    };
  }
  [[nodiscard]] auto kernel(const Step& step, const double* agreeing) const {
    const double c1 = bias_correction(beta1, step.count);
    const double slope = c1 / std::sqrt(bias_correction(beta2, step.count));
    const double share = (std::max)(agreeing[0] / static_cast<double>(step.tensor.size()), 1e-3);
    return [slope, e = c1 * epsilon, gain = 1 / share](auto& u, const auto&, auto& m, auto& v) {
      using L = std::remove_cvref_t<decltype(u)>;
      u = select(sign(m) * u <= L(0), L(0), over_root(gain * m, slope * sqrt(v), e));
    };
  }
};

/// AdamW that moves no coordinate against its gradient: the direction of ScaleByCautiousAdam with decoupled weight
/// decay.
/// Cost: 20 flops with a root and a division per coefficient; two passes, a barrier over each tensor.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct CautiousAdamW {
  static constexpr std::string_view name = "CautiousAdamW";
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
    return glissade::chain(ScaleByCautiousAdam{beta1, beta2, epsilon}, AddDecayedWeights{weight_decay, mask},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
