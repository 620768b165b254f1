// Gradient accumulation.
#pragma once

#include "../core/rule.hpp"

namespace glissade {

/// A gate: takes in `steps` updates and lets their mean through with the last of them. Until then
/// nothing behind it runs: no parameter, moment, step count or schedule moves. With gradients that
/// are means over equal micro-batches it gives the gradient of the whole batch.
///
///     a <- a + (u - a) / j,  j = 1 .. steps;   at j = steps:  u <- a, a <- 0
///
/// State: accumulated a (the parameter's shape); shared("micro_step"), updates taken in so far.
/// Source: optax.MultiSteps.
struct Accumulate {
  static constexpr std::string_view name = "Accumulate";
  int steps = 1;  // >= 1

  static constexpr std::array<std::string_view, 1> slots{"accumulated"};
  static constexpr std::array<NamedScalar, 1> shared{{{"micro_step"}}};

  static void options(auto& self, auto&& visit) { visit("steps", self.steps, range::at_least_one); }

  [[nodiscard]] bool opens(const double* micro_step) const { return *micro_step + 1 >= steps; }
  void advance(double* micro_step, bool opened) const { *micro_step = opened ? 0 : *micro_step + 1; }

  [[nodiscard]] auto kernel(const Step& step) const {
    const bool open = opens(&step.shared(0));
    return [open, weight = 1 / (step.shared(0) + 1)](auto& u, const auto&, auto& accumulated) {
      using L = std::remove_cvref_t<decltype(u)>;
      u = accumulated + weight * (u - accumulated);
      accumulated = open ? L(0) : u;
    };
  }
};

}  // namespace glissade
