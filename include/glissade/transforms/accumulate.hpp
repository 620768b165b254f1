// Gradient accumulation.
#pragma once

#include "../rule/rule.hpp"

namespace glissade {

/// A gate: takes in `steps` updates and lets their mean through with the last of them. Until then
/// nothing after it runs: no parameter, moment, step count or schedule moves. With gradients that
/// are means over equal micro-batches it gives the gradient of the whole batch.
///
///     a <- a + (u - a) / j,  j = 1 .. steps;   at j = steps:  u <- a, a <- 0
///     sum:  a <- a + u
///
/// A gradient that a tensor lacks counts as zero: its part of the batch. One that it lacks in all of them leaves the
/// tensor alone.
///
/// `steps` may be a schedule: its argument is the number of updates that have come through.
/// State: accumulated a (the parameter's shape); shared("micro_step"), updates taken in so far, and
/// shared("passed"), those let through.
/// Source: optax.MultiSteps.
struct Accumulate {
  static constexpr std::string_view name = "Accumulate";
  static constexpr bool turns = false;
  Schedule steps = 1;  // >= 1, whole
  bool sum = false;    // else the mean

  static constexpr std::array<std::string_view, 1> slots{"accumulated"};
  static constexpr std::array<bool, 1> full_precision{true};
  static constexpr std::array<NamedScalar, 2> shared{{{"micro_step"}, {"passed"}}};

  static void options(auto& self, auto&& visit) {
    visit("steps", self.steps, range::at_least_one);
    visit("sum", self.sum);
  }
  [[nodiscard]] bool open(const double* counts) const {
    return counts[0] + 1 >= steps(static_cast<std::int64_t>(counts[1]));
  }
  void after(double* counts, bool opened) const {
    counts[0] = opened ? 0 : counts[0] + 1;
    if (opened) counts[1] += 1;
  }

  [[nodiscard]] auto kernel(const Step& step) const {
    const bool opens = open(&step.shared(0));
    return [opens, adds = sum, weight = 1 / (step.shared(0) + 1)](auto& u, const auto&, auto& accumulated) {
      using L = std::remove_cvref_t<decltype(u)>;
      u = adds ? accumulated + u : accumulated + weight * (u - accumulated);
      accumulated = opens ? L(0) : u;
    };
  }
};

}  // namespace glissade
