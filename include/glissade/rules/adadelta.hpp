// Adadelta.
#pragma once

#include "../rule/chain.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "../transforms/scale_by_learning_rate.hpp"

namespace glissade {

/// The direction of Adadelta: the update scaled by past steps over past updates.
///
///     v <- rho v + (1 - rho) u^2,   d = sqrt(w + epsilon) / sqrt(v + epsilon) u
///     w <- rho w + (1 - rho) d^2,   u <- d
///
/// State: mean_square_update v, mean_square_step w (the parameter's shape).
/// Source: "ADADELTA: An Adaptive Learning Rate Method", 2012, arXiv 1212.5701, Algorithm 1.
struct ScaleByAdadelta {
  static constexpr std::string_view name = "ScaleByAdadelta";
  static constexpr bool turns = false;
  double rho = 0.9;       // in [0, 1)
  double epsilon = 1e-6;  // > 0, inside both roots

  static constexpr std::array<std::string_view, 2> slots{"mean_square_update", "mean_square_step"};
  static constexpr std::array<bool, 2> non_negative{true, true};

  static void options(auto& self, auto&& visit) {
    visit("rho", self.rho, range::decay);
    visit("epsilon", self.epsilon, range::positive);
  }
  [[nodiscard]] auto kernel(const Step&) const {
    return [rho = rho, e = epsilon](auto& u, const auto&, auto& v, auto& w) {
      const auto kept = guard<std::remove_cvref_t<decltype(u)>>(e);
      v = rho * v + (1 - rho) * square(u);
      u = sqrt(w + kept) / sqrt(v + kept) * u;
      w = rho * w + (1 - rho) * square(u);
    };
  }
};

/// Adadelta: no learning rate to choose; the unit of the step comes from past steps. L2 decay, the direction of
/// ScaleByAdadelta, and the learning rate that torch.optim.Adadelta adds to it.
/// Cost: 17 flops with two roots and a division per coefficient; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct Adadelta {
  static constexpr std::string_view name = "Adadelta";
  Schedule learning_rate = 1;  // >= 0
  double rho = 0.9;            // in [0, 1)
  double epsilon = 1e-6;       // > 0
  double weight_decay = 0;     // >= 0, L2

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("rho", self.rho, range::decay);
    visit("epsilon", self.epsilon, range::positive);
    visit("weight_decay", self.weight_decay, range::non_negative);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(AddDecayedWeights{weight_decay}, ScaleByAdadelta{rho, epsilon},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
