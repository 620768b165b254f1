// AMSGrad.
#pragma once

#include "../rule/convention.hpp"
#include "adam.hpp"

namespace glissade {

/// The direction of AMSGrad: Adam with the largest second moment so far, in three conventions.
///
///     m <- beta1 m + (1 - beta1) u,   v <- beta2 v + (1 - beta2) u^2,   c_i = 1 - beta_i^t
///     torch:  h <- max(h, v),       u <- m / c1 / ( sqrt(h / c2) + epsilon )
///     optax:  h <- max(h, v / c2),  u <- m / c1 / ( sqrt(h) + epsilon )
///     paper:  h <- max(h, v),       u <- m / sqrt(h)            (0 where h = 0)
///
/// Only the paper's effective step never grows: torch's denominator shrinks while c2 grows, and a large
/// first gradient stays in optax's for ever, in torch's damped by sqrt(1 - beta2).
/// State: first_moment m, second_moment v, largest_second_moment h (the parameter's shape).
/// Source: "On the Convergence of Adam and Beyond", 2018, arXiv 1904.09237, Algorithm 2; torch.optim.Adam and AdamW
/// with amsgrad=True, optax.amsgrad.
struct ScaleByAmsGrad {
  static constexpr std::string_view name = "ScaleByAmsGrad";
  static constexpr bool turns = false;
  using Convention = glissade::Convention;
  double beta1 = 0.9;     // in [0, 1)
  double beta2 = 0.999;   // in [0, 1)
  double epsilon = 1e-8;  // >= 0; not used by the paper's convention
  Convention convention = Convention::torch;

  static constexpr std::array<std::string_view, 3> slots{"first_moment", "second_moment", "largest_second_moment"};
  static constexpr std::array<bool, 3> non_negative{false, true, true};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("convention", self.convention, range::up_to(Convention::paper));
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const bool paper = convention == Convention::paper;
    const double c1 = paper ? 1 : bias_correction(beta1, step.count);
    const double c2 = bias_correction(beta2, step.count);
    const double before = convention == Convention::optax ? 1 / c2 : 1;
    const double slope = convention == Convention::torch ? c1 / std::sqrt(c2) : c1;
    const double e = paper ? 0 : c1 * epsilon;
    return [b1 = beta1, b2 = beta2, before, slope, e](auto& u, const auto&, auto& m, auto& v, auto& largest) {
      m = b1 * m + (1 - b1) * u;
      v = b2 * v + (1 - b2) * square(u);
      largest = max(largest, before * v);
      u = over_root(m, slope * sqrt(largest), e);
    };
  }
};

/// AMSGrad: Adam that forgets no large gradient, and converges where Adam provably does not. The direction of
/// ScaleByAmsGrad after L2 decay, or with decoupled decay.
/// Cost: 16 flops with one root and one division per coefficient; reads 5 and writes 4 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct AmsGrad {
  static constexpr std::string_view name = "AmsGrad";
  using Convention = glissade::Convention;
  Schedule learning_rate = 1e-3;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.999;           // in [0, 1)
  double epsilon = 1e-8;          // >= 0
  double weight_decay = 0;        // >= 0, L2 unless decoupled
  bool decoupled = false;
  Convention convention = Convention::torch;

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("decoupled", self.decoupled);
    visit("convention", self.convention, range::up_to(Convention::paper));
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(decayed(ScaleByAmsGrad{beta1, beta2, epsilon, convention}, weight_decay, decoupled),
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
