// Adagrad.
#pragma once

#include "../rule/chain.hpp"
#include "../rule/convention.hpp"
#include "../rule/moments.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "../transforms/scale_by_learning_rate.hpp"

namespace glissade {

/// The direction of Adagrad: the update over the root of the sum of all squares so far.
///
///     s <- s + u^2,   torch: u <- u / (sqrt(s) + epsilon),   optax: u <- u / sqrt(s + epsilon)
///
/// 0 / 0 is 0.
/// State: sum_of_squares s (the parameter's shape), initial_accumulator at the start.
/// Source: "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011;
/// torch.optim.Adagrad, optax.adagrad (its defaults: initial_accumulator 0.1, epsilon 1e-7).
struct ScaleByAdagrad {
  static constexpr std::string_view name = "ScaleByAdagrad";
  static constexpr bool turns = false;
  using Convention = glissade::Convention;
  double initial_accumulator = 0;  // >= 0
  double epsilon = 1e-10;          // >= 0
  Convention convention = Convention::torch;

  static constexpr std::array<std::string_view, 1> slots{"sum_of_squares"};
  static constexpr std::array<bool, 1> non_negative{true};
  [[nodiscard]] double initial(std::size_t) const { return initial_accumulator; }

  static void options(auto& self, auto&& visit) {
    visit("initial_accumulator", self.initial_accumulator, range::non_negative);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("convention", self.convention, range::up_to(Convention::optax));
  }
  [[nodiscard]] bool zero_is_zero() const { return true; }
  [[nodiscard]] auto kernel(const Step&) const {
    const bool torch = convention == Convention::torch;
    return [inside = torch ? 0 : epsilon, outside = torch ? epsilon : 0](auto& u, const auto&, auto& s) {
      s = s + square(u);
      u = over_root(u, sqrt(s + inside), outside);
    };
  }
};

/// Adagrad: steps that shrink with the squares of all gradients seen; for sparse and convex problems. L2 decay,
/// the direction of ScaleByAdagrad, and the rate learning_rate / (1 + (t - 1) learning_rate_decay).
/// Cost: 8 flops with a root and a division per coefficient; reads 3 and writes 2 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct Adagrad {
  static constexpr std::string_view name = "Adagrad";
  using Convention = glissade::Convention;
  Schedule learning_rate = 1e-2;   // >= 0
  double learning_rate_decay = 0;  // >= 0
  double initial_accumulator = 0;  // >= 0
  double epsilon = 1e-10;          // >= 0
  double weight_decay = 0;         // >= 0, L2
  Convention convention = Convention::torch;

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("learning_rate_decay", self.learning_rate_decay, range::non_negative);
    visit("initial_accumulator", self.initial_accumulator, range::non_negative);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("convention", self.convention, range::up_to(Convention::optax));
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(AddDecayedWeights{weight_decay}, ScaleByAdagrad{initial_accumulator, epsilon, convention},
                           ScaleByDecayedRate{learning_rate, learning_rate_decay});
  }
};

}  // namespace glissade
