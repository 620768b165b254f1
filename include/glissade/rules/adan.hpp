// Adan.
#pragma once

#include "../rule/choose.hpp"
#include "../rule/convention.hpp"
#include "../rule/moments.hpp"

namespace glissade {

/// The direction of Adan: Adam with a running mean of the gradient's changes, which looks ahead like
/// Nesterov's momentum without a second gradient.
///
///     d = u - previous (0 in the first step),   c_i = 1 - beta_i^t
///     m <- beta1 m + (1 - beta1) u,   w <- beta2 w + (1 - beta2) d,   n <- beta3 n + (1 - beta3) (u + beta2 d)^2
///     u <- (m / c1 + beta2 w / c2) / ( sqrt(n / c3 + epsilon_root) + epsilon ),   previous <- u as it came in
///     optax:  1 - beta2 in the place of beta2 where it multiplies d and w / c2
///
/// State: first_moment m, mean_change w, second_moment n, previous_gradient (the parameter's shape).
/// The betas are memories: 1 - beta for the paper's beta.
/// Source: "Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models", 2022,
/// arXiv 2208.06677, Algorithm 1; the authors' code for the bias corrections. Convention optax, as of 0.2.8, takes
/// the paper's beta2, which is 1 - beta2 here, where the paper has 1 - beta2.
struct ScaleByAdan {
  static constexpr std::string_view name = "ScaleByAdan";
  static constexpr bool turns = false;
  using Convention = glissade::Convention;
  double beta1 = 0.98;      // in [0, 1)
  double beta2 = 0.92;      // in [0, 1)
  double beta3 = 0.99;      // in [0, 1)
  double epsilon = 1e-8;    // >= 0
  double epsilon_root = 0;  // >= 0
  Convention convention = Convention::paper;

  static constexpr std::array<std::string_view, 4> slots{"first_moment", "mean_change", "second_moment",
                                                         "previous_gradient"};
  static constexpr std::array<bool, 4> non_negative{false, false, true, false};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("beta3", self.beta3, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("epsilon_root", self.epsilon_root, range::non_negative);
    visit("convention", self.convention, Range{1, 2});
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double c1 = bias_correction(beta1, step.count);
    const double c2 = bias_correction(beta2, step.count);
    const double root3 = std::sqrt(bias_correction(beta3, step.count));
    const double kept = step.count == 1 ? 0 : 1;
    const double ahead = convention == Convention::optax ? 1 - beta2 : beta2;
    return [b1 = beta1, b2 = beta2, b3 = beta3, kept, gain1 = root3 / c1, gain2 = root3 * ahead / c2, ahead,
            inside = root3 * root3 * epsilon_root,
            e = root3 * epsilon](auto& u, const auto&, auto& m, auto& w, auto& n, auto& previous) {
      const auto d = kept * (u - previous);
      previous = u;
      m = b1 * m + (1 - b1) * u;
      w = b2 * w + (1 - b2) * d;
      n = b3 * n + (1 - b3) * square(u + ahead * d);
      u = over_root(gain1 * m + gain2 * w, sqrt(n + inside), e);
    };
  }
};

/// Adan: adaptive steps with Nesterov's look-ahead, which bear larger rates than Adam's. Its step, with d as in
/// ScaleByAdan, takes the decay implicitly:
///
///     x <- (x - learning_rate d) / (1 + learning_rate weight_decay)
///     not proximal:  x <- (1 - learning_rate weight_decay) x - learning_rate d
///
/// Cost: 24 flops with a root and a division per coefficient; reads 6 and writes 5 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// optax.adan's defaults: epsilon_root 1e-8, not proximal.
struct Adan {
  static constexpr std::string_view name = "Adan";
  using Convention = glissade::Convention;
  Schedule learning_rate = 1e-3;  // >= 0
  double beta1 = 0.98;            // in [0, 1)
  double beta2 = 0.92;            // in [0, 1)
  double beta3 = 0.99;            // in [0, 1)
  double epsilon = 1e-8;          // >= 0
  double weight_decay = 0;        // >= 0, decoupled
  bool proximal = true;
  double epsilon_root = 0;  // >= 0
  Convention convention = Convention::paper;

  /// proximal: u <- (x - rate u) / (1 + rate decay) - x,  else  u <- -rate (u + decay x)
  struct DecayedStep {
    static constexpr std::string_view name = "DecayedStep";
    Schedule learning_rate = 1e-3;
    double weight_decay = 0;
    bool proximal = true;

    [[nodiscard]] auto kernel(const Step& step) const {
      const double rate = learning_rate(step.time);
      const double shrink = proximal ? -rate / (1 + rate * weight_decay) : -rate;
      return [shrink, decay = weight_decay](auto& u, const auto& x) { u = shrink * (u + decay * x); };
    }
  };

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("beta3", self.beta3, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("proximal", self.proximal);
    visit("epsilon_root", self.epsilon_root, range::non_negative);
    visit("convention", self.convention, Range{1, 2});
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(ScaleByAdan{beta1, beta2, beta3, epsilon, epsilon_root, convention},
                           DecayedStep{learning_rate, weight_decay, proximal});
  }
};

}  // namespace glissade
