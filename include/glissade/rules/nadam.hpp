// NAdam.
#pragma once

#include "../rule/convention.hpp"
#include "adam.hpp"

namespace glissade {

/// The direction of NAdam: Adam with Nesterov's look-ahead.
///
///     m <- beta1 m + (1 - beta1) u,  v <- beta2 v + (1 - beta2) u^2,  d = sqrt(v / (1 - beta2^t)) + epsilon
///     torch:  mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2),  P <- P mu_t
///             u <- ( (1 - mu_t) / (1 - P) u + mu_(t+1) / (1 - P mu_(t+1)) m ) / d
///     torch_1:  as torch, with P mu_t mu_(t+1) in place of P mu_(t+1)
///     optax:  u <- ( (1 - beta1) / (1 - beta1^t) u + beta1 / (1 - beta1^(t+1)) m ) / d
///
/// State: first_moment m, second_moment v (the parameter's shape), momentum_product P (a scalar).
/// PyTorch before 2.0 had the extra mu_t; the source and PyTorch since have not.
/// Source: "Incorporating Nesterov Momentum into Adam", 2016; torch and optax both leave out the factor
/// beta2 that its Algorithm 2 has on the corrected v.
struct ScaleByNAdam {
  static constexpr std::string_view name = "ScaleByNAdam";
  static constexpr bool turns = false;
  using Convention = glissade::Convention;
  double beta1 = 0.9;            // in [0, 1)
  double beta2 = 0.999;          // in [0, 1)
  double epsilon = 1e-8;         // >= 0
  double momentum_decay = 4e-3;  // >= 0; not used by optax
  Convention convention = Convention::torch;

  static constexpr std::array<std::string_view, 2> slots{"first_moment", "second_moment"};
  static constexpr std::array<bool, 2> non_negative{false, true};
  static constexpr std::array<NamedScalar, 1> scalars{{{"momentum_product", 1}}};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("momentum_decay", self.momentum_decay, range::non_negative);
    visit("convention", self.convention, range::up_to(Convention::torch_1));
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const auto t = static_cast<double>(step.count);
    double now = (1 - beta1) / bias_correction(beta1, step.count);
    double ahead = beta1 / bias_correction(beta1, step.count + 1);
    if (convention != Convention::optax) {
      const auto mu = [&](double k) { return rounded(beta1 * (1 - 0.5 * std::pow(0.96, k * momentum_decay))); };
      double& product = step.scalar(0);
      product *= mu(t);
      now = (1 - mu(t)) / (1 - product);
      const double repeated = convention == Convention::torch_1 ? mu(t) : 1;
      ahead = mu(t + 1) / (1 - rounded(product * repeated * mu(t + 1)));
    }
    const double slope = 1 / std::sqrt(bias_correction(beta2, step.count));
    return [b1 = beta1, b2 = beta2, e = epsilon, now, ahead, slope](auto& u, const auto&, auto& m, auto& v) {
      m = b1 * m + (1 - b1) * u;
      v = b2 * v + (1 - b2) * square(u);
      u = over_root(now * u + ahead * m, slope * sqrt(v), e);
    };
  }
};

/// NAdam: Adam that looks one step of momentum ahead. The direction of ScaleByNAdam after L2 decay, or with decoupled
/// decay, as in torch.optim.NAdam and optax.nadam.
/// Cost: 17 flops with a root and a division per coefficient; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct NAdam {
  static constexpr std::string_view name = "NAdam";
  using Convention = glissade::Convention;
  Schedule learning_rate = 2e-3;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.999;           // in [0, 1)
  double epsilon = 1e-8;          // >= 0
  double weight_decay = 0;        // >= 0, L2 unless decoupled
  bool decoupled = false;
  double momentum_decay = 4e-3;  // >= 0
  Convention convention = Convention::torch;

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("decoupled", self.decoupled);
    visit("momentum_decay", self.momentum_decay, range::non_negative);
    visit("convention", self.convention, range::up_to(Convention::torch_1));
  }
  void check() const {
    if (convention == Convention::paper || convention == Convention::tensorflow)
      reject(name, "convention", static_cast<double>(convention), "torch, torch_1 or optax");
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(
        decayed(ScaleByNAdam{beta1, beta2, epsilon, momentum_decay, convention}, weight_decay, decoupled),
        ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
