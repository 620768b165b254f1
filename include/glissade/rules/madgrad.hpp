// MADGRAD.
#pragma once

#include "../rule/choose.hpp"
#include "../rule/moments.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "cube_root.hpp"

namespace glissade {

/// The direction of MADGRAD: dual averaging from the start, divided by a cube root.
///
///     w = (learning_rate + epsilon) sqrt(t),   s <- s + w u,   v <- v + w u^2
///     z = x0 - s / (cbrt(v) + epsilon),   u <- (1 - momentum) (z - x)
///
/// A learning rate of 0 adds nothing to the sums.
/// State: gradient_sum s, sum_of_squares v, start x0 (the parameter's shape).
/// Source: "Adaptivity without Compromise: A Momentumized, Adaptive, Dual Averaged Gradient Method for
/// Stochastic Optimization", 2021, arXiv 2101.11075, Algorithm 1; the epsilon beside the rate is from the
/// authors' code.
struct DualAverage {
  static constexpr std::string_view name = "DualAverage";
  static constexpr bool turns = true;
  Schedule learning_rate = 1e-2;
  double momentum = 0.9;
  double epsilon = 1e-6;

  static constexpr std::array<std::string_view, 3> slots{"gradient_sum", "sum_of_squares", "start"};
  static constexpr std::array<bool, 3> non_negative{false, true, false};
  static constexpr std::array<bool, 3> full_precision{false, false, true};
  [[nodiscard]] double initial(std::size_t slot) const { return slot == 2 ? from_parameters : 0; }

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("momentum", self.momentum, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double rate = learning_rate(step.time);
    const double weight = rate == 0 ? 0 : (rate + epsilon) * std::sqrt(static_cast<double>(step.count));
    return [weight, e = epsilon, follow = 1 - momentum](auto& u, const auto& x, auto& s, auto& v, const auto& start) {
      s = s + weight * u;
      v = v + weight * square(u);
      u = follow * ((start - x) - over_root(s, detail::cube_root(v), e));
    };
  }
};

/// MADGRAD: dual averaging with momentum; adaptive, yet as good as SGD where Adam generalizes worse. L2 decay, then
/// DualAverage. Parameters are pulled to where the sums say, whatever else has moved them: it wants no decoupled
/// decay.
/// Cost: 33 flops with one division per coefficient, 20 of them for the cube root; reads 5 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct Madgrad {
  static constexpr std::string_view name = "Madgrad";
  Schedule learning_rate = 1e-2;  // >= 0
  double momentum = 0.9;          // in [0, 1)
  double epsilon = 1e-6;          // >= 0
  double weight_decay = 0;        // >= 0, L2

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("momentum", self.momentum, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(AddDecayedWeights{weight_decay}, DualAverage{learning_rate, momentum, epsilon});
  }
};

}  // namespace glissade
