// Sophia, for loops that estimate the diagonal of the Hessian themselves.
#pragma once

#include "../rule/choose.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "../transforms/scale_by_learning_rate.hpp"

namespace glissade {

/// The direction of Sophia: the running mean of the update over a given diagonal curvature, at most 1.
///
///     m <- beta1 m + (1 - beta1) u
///     u <- clip( m / max(gamma h, epsilon), -1, 1 )
///
/// A step changes the curvature h only where it is given an estimate: h <- beta2 h + (1 - beta2) estimate with
/// step(with(CurvatureEstimate(estimate)), g). Where h is not positive, u is the sign of m.
/// State: first_moment m, curvature h (the parameter's shape; 0 at the start).
/// Cost: 6 flops with one division per coefficient; reads 3 scalars and writes 2. The quotient is formed only where it
/// is below 1, so that tiny h cannot overflow it. Source: see Sophia.
struct ScaleBySophia {
  static constexpr std::string_view name = "ScaleBySophia";
  static constexpr bool turns = false;
  double beta1 = 0.96;     // in [0, 1)
  double gamma = 0.01;     // > 0; 0.01 with Hutchinson's, 0.05 with Gauss-Newton-Bartlett estimates
  double epsilon = 1e-12;  // >= 0
  double beta2 = 0.99;     // in [0, 1), of the curvature

  static constexpr std::array<std::string_view, 2> slots{"first_moment", "curvature"};
  static constexpr std::array<GivenArray, 1> given{{{.name = "curvature", .slot = 1, .required = false}}};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("gamma", self.gamma, range::positive);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("beta2", self.beta2, range::decay);
  }
  [[nodiscard]] std::array<double, 2> fold(std::size_t) const { return {beta2, 1 - beta2}; }
  /// gamma and epsilon, between which and the curvature u is not clipped.
  [[nodiscard]] std::array<double, 2> curvature_bound() const { return {gamma, epsilon}; }
  [[nodiscard]] auto kernel(const Step&) const {
    return [b1 = beta1, c = gamma, e = epsilon](auto& u, const auto&, auto& m, const auto& h) {
      using L = std::remove_cvref_t<decltype(u)>;
      m = b1 * m + (1 - b1) * u;
      const L bound = max(c * h, L(e));
      u = select(abs(m) >= bound, sign(m), m / bound);
    };
  }
};

/// Sophia: momentum preconditioned by a diagonal curvature that the user refreshes now and then, with steps of at most
/// the learning rate in every coordinate.
///
///     m <- beta1 m + (1 - beta1) g
///     x <- (1 - learning_rate weight_decay) x - learning_rate clip( m / max(gamma h, epsilon), -1, 1 )
///
///     Optimizer optimizer{Sophia{.learning_rate = 1e-3}, W};
///     if (t % 10 == 0) optimizer.step(with(CurvatureEstimate(estimate)), dW);   // folded into h before the step
///     else optimizer.step(dW);
///
/// gamma is tuned by unclipped_fraction(optimizer), which should be 0.1 to 0.5. SophiaH and SophiaG are methods that
/// estimate by themselves.
/// State: first_moment m, curvature h (the parameter's shape).
/// Cost: 8 flops with one division per coefficient; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "Sophia: A Scalable Stochastic Second-order Optimizer for Language Model Pre-training", 2023, arXiv
/// 2305.14342, Algorithm 3, without bias correction.
struct Sophia {
  static constexpr std::string_view name = "Sophia";
  Schedule learning_rate = 1e-3;  // >= 0
  double beta1 = 0.96;            // in [0, 1)
  double gamma = 0.01;            // > 0
  double epsilon = 1e-12;         // >= 0
  double weight_decay = 0;        // >= 0, decoupled
  double beta2 = 0.99;            // in [0, 1), of the curvature

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("gamma", self.gamma, range::positive);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("beta2", self.beta2, range::decay);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(ScaleBySophia{beta1, gamma, epsilon, beta2},
                           When{weight_decay != 0, AddDecayedWeights{weight_decay}},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
