// RAdam.
#pragma once

#include "../rule/convention.hpp"
#include "adam.hpp"

namespace glissade {

/// By how much RAdam trusts the second moment after t steps: the rectification R_t, or 0 while its
/// variance is not tractable (rho_t at most `threshold`) and momentum alone should be used.
///
///     rho_inf = 2 / (1 - beta2) - 1,   rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t)
///     R_t = sqrt( (rho_t - 4) (rho_t - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho_t) )
inline double rectification(double beta2, std::int64_t t, double threshold = 5) {
  const double rho_inf = 2 / (1 - beta2) - 1;
  const double c2 = bias_correction(beta2, t);
  const double rho = rho_inf - 2 * static_cast<double>(t) * (1 - c2) / c2;
  if (rho <= threshold) return 0;
  return std::sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho));
}

/// The direction of RAdam: plain momentum at first, Adam scaled by the rectification R_t later.
///
///     m <- beta1 m + (1 - beta1) u,   v <- beta2 v + (1 - beta2) u^2,   c_i = 1 - beta_i^t
///     R_t = 0:  u <- m / c1
///     else      torch:  u <- R_t m / c1 sqrt(c2) / (sqrt(v) + epsilon)
///               optax:  u <- R_t m / c1 / (sqrt(v / c2) + epsilon)
///
/// State: first_moment m, second_moment v (the parameter's shape).
/// Source: "On the Variance of the Adaptive Learning Rate and Beyond", 2019, arXiv 1908.03265,
/// Algorithm 2; the threshold of rho_t is torch's 5, the paper's is 4.
struct ScaleByRAdam {
  static constexpr std::string_view name = "ScaleByRAdam";
  static constexpr bool turns = false;
  using Convention = glissade::Convention;
  double beta1 = 0.9;     // in [0, 1)
  double beta2 = 0.999;   // in [0, 1)
  double epsilon = 1e-8;  // >= 0
  Convention convention = Convention::torch;
  double threshold = 5;  // >= 4: rectified where rho_t is above; the paper has 4

  static constexpr std::array<std::string_view, 2> slots{"first_moment", "second_moment"};
  static constexpr std::array<bool, 2> non_negative{false, true};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("convention", self.convention, range::up_to(Convention::optax));
    visit("threshold", self.threshold, Range{4});
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double trust = rectification(beta2, step.count, threshold);
    const double c1 = bias_correction(beta1, step.count);
    const double root2 = std::sqrt(bias_correction(beta2, step.count));
    const bool torch = convention == Convention::torch;
    const double gain = trust == 0 ? 1 / c1 : trust / c1 * root2;
    const double e = torch ? epsilon : epsilon * root2;
    return [b1 = beta1, b2 = beta2, gain, e, plain = trust == 0](auto& u, const auto&, auto& m, auto& v) {
      m = b1 * m + (1 - b1) * u;
      v = b2 * v + (1 - b2) * square(u);
      u = gain * m;
      if (!plain) u = over_root(u, sqrt(v), e);
    };
  }
};

/// RAdam: Adam that needs no warm-up, because it waits until its second moment can be trusted. The direction of
/// ScaleByRAdam after L2 decay, or with decoupled decay, as in torch.optim.RAdam and optax.radam.
/// Cost: 14 flops with a root and a division per coefficient; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct RAdam {
  static constexpr std::string_view name = "RAdam";
  using Convention = glissade::Convention;
  Schedule learning_rate = 1e-3;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.999;           // in [0, 1)
  double epsilon = 1e-8;          // >= 0
  double weight_decay = 0;        // >= 0, L2 unless decoupled
  bool decoupled = false;
  Convention convention = Convention::torch;
  double threshold = 5;  // >= 4: rectified where rho_t is above; the paper has 4

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("decoupled", self.decoupled);
    visit("convention", self.convention, range::up_to(Convention::optax));
    visit("threshold", self.threshold, Range{4});
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(decayed(ScaleByRAdam{beta1, beta2, epsilon, convention, threshold}, weight_decay, decoupled),
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
