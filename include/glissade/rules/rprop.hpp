// Rprop.
#pragma once

#include "../rule/chain.hpp"
#include "../rule/convention.hpp"

namespace glissade {

/// Resilient propagation: every coordinate has its own step size, which grows while the gradient keeps
/// its sign and shrinks when it turns. For full gradients, not for noisy ones.
///
///     s = g previous:        s > 0: eta <- min(eta_plus eta, step_max)
///                            s < 0: eta <- max(eta_minus eta, step_min), g <- 0
///     x <- x - eta sign(g),   previous <- g
///     optax:  the step is eta sign(g) of the step before, 0 where s < 0; eta stays unbounded where s = 0
///
/// State: previous_gradient, step_size (the parameter's shape; starts at learning_rate(0)).
/// Cost: 8 flops per coefficient, no root, no division; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "A Direct Adaptive Method for Faster Backpropagation Learning: The RPROP Algorithm", 1993;
/// torch.optim.Rprop (the variant without weight backtracking, Rprop-minus with a zeroed gradient).
/// Convention optax, as of 0.2.8, makes every step one step late: the first one does nothing.
struct Rprop {
  static constexpr std::string_view name = "Rprop";
  using Convention = glissade::Convention;
  Schedule learning_rate = 1e-2;              // >= 0: the first step size; later values are not read
  double eta_minus = 0.5;                     // in (0, 1)
  double eta_plus = 1.2;                      // > 1
  double step_min = 1e-6;                     // >= 0
  double step_max = 50;                       // >= 0
  Convention convention = Convention::torch;  // or optax

  static constexpr std::array<std::string_view, 2> slots{"previous_gradient", "step_size"};
  static constexpr std::array<bool, 2> non_negative{false, true};
  [[nodiscard]] double initial(std::size_t slot) const { return slot == 1 ? learning_rate(0) : 0; }

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("eta_minus", self.eta_minus, range::open_fraction);
    visit("eta_plus", self.eta_plus, Range{1, std::numeric_limits<double>::infinity(), true, true});
    visit("step_min", self.step_min, range::non_negative);
    visit("step_max", self.step_max, range::non_negative);
    visit("convention", self.convention, range::up_to(Convention::optax));
  }
  void check() const {
    if (step_min > step_max) reject(name, "step_min", step_min, "at most step_max = " + to_text(step_max));
  }
  [[nodiscard]] auto kernel(const Step&) const {
    return [down = eta_minus, up = eta_plus, least = step_min, most = step_max, late = convention == Convention::optax](
               auto& u, const auto&, auto& previous, auto& size) {
      using L = std::remove_cvref_t<decltype(u)>;
      const L zero(0);
      const L turn = u * previous;
      const L factor = select(turn > zero, L(up), select(turn < zero, L(down), L(1)));
      const L bounded = min(max(size * factor, L(least)), L(most));
      size = late ? select(turn == zero, size, bounded) : bounded;
      u = select(turn < zero, zero, u);
      const L step = sign(u) * size;
      const L before = select(turn < zero, zero, previous);
      previous = late ? step : u;  // both have its sign
      u = late ? -before : -step;
    };
  }
};

}  // namespace glissade
