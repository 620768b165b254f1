// Cautious Lion.
#pragma once

#include "../rule/chain.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "../transforms/scale_by_learning_rate.hpp"

namespace glissade {

/// The direction of Lion where it agrees with the update's sign, 0 elsewhere; what is left is enlarged.
///
///     c = beta1 m + (1 - beta1) u,   k = how many of the tensor's n coefficients have c u > 0
///     m <- beta2 m + (1 - beta2) u,   u <- n / (k + 1) sign(c) where c u > 0, else 0
///
/// State: momentum m (the parameter's shape). A barrier over the tensor.
/// Source: "Cautious Optimizers: Improving Training with One Line of Code", 2024, arXiv 2411.16085,
/// Algorithm 2.
struct ScaleByCautiousLion {
  static constexpr std::string_view name = "ScaleByCautiousLion";
  static constexpr bool turns = false;
  double beta1 = 0.9;   // in [0, 1): weight of the momentum in the direction
  double beta2 = 0.99;  // in [0, 1): memory of the momentum

  static constexpr Reduction reduction = Reduction::over_tensor;
  static constexpr int sums = 1;
  static constexpr std::array<std::string_view, 1> slots{"momentum"};
  static constexpr bool ignores_parameters = true;

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
  }
  [[nodiscard]] auto measure(const Step&) const {
    return [b1 = beta1](const auto& u, const auto&, auto& m) {
      using L = std::remove_cvref_t<decltype(u)>;
      return terms(widen(select(sign(b1 * m + (1 - b1) * u) * u > L(0), L(1), L(0))));
    };
  }
  [[nodiscard]] auto kernel(const Step& step, const double* agreeing) const {
    const double gain = static_cast<double>(step.tensor.size()) / (agreeing[0] + 1);
    return [b1 = beta1, b2 = beta2, gain](auto& u, const auto&, auto& m) {
      using L = std::remove_cvref_t<decltype(u)>;
      const L direction = sign(b1 * m + (1 - b1) * u);
      m = b2 * m + (1 - b2) * u;
      u = select(direction * u <= L(0), L(0), gain * direction);
    };
  }
};

/// Lion that moves no coordinate against its gradient: the direction of ScaleByCautiousLion with decoupled weight
/// decay.
/// Cost: 14 flops per coefficient; two passes, a barrier over each tensor.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct CautiousLion {
  static constexpr std::string_view name = "CautiousLion";
  Schedule learning_rate = 1e-4;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.99;            // in [0, 1)
  double weight_decay = 0;        // >= 0, decoupled

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("weight_decay", self.weight_decay, range::non_negative);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(ScaleByCautiousLion{beta1, beta2}, AddDecayedWeights{weight_decay},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
