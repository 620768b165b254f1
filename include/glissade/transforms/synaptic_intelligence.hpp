// Weights find out by themselves how much they mattered.
#pragma once

#include "../rule/chain.hpp"

namespace glissade {

/// Synaptic intelligence, in front of any rule: a pull towards the weights at the end of the task before, as strong as
/// each weight's share in the fall of the loss on the way there.
///
///     w <- w - g_before (x - x_before)                      before every step
///     when the task changes:   Omega <- Omega + w / ((x - anchor)^2 + damping),   w <- 0,   anchor <- x
///     u <- u + 2 strength Omega (x - anchor)
///
///     Optimizer optimizer{chain(SynapticIntelligence{.strength = 0.1}, Adam{}), W, b};
///     optimizer.step(with(TaskNumber{2}), dW, db);
///
/// trapezoid takes the mean of the gradients at both ends of a step within a task, which adds up to the fall of the
/// loss of a quadratic exactly where gradients are of the whole loss.
/// State: path w, importance Omega (0), anchor, previous x, previous_gradient (the parameter's shape); the number task
/// of every tensor.
/// Cost: 9 flops per coefficient; reads and writes 5 scalars.
/// Errors: std::invalid_argument for options out of range and for a step that is not told its task. Non-finite
/// gradients propagate.
/// Source: "Continual Learning Through Synaptic Intelligence", 2017, arXiv 1703.04200.
struct SynapticIntelligence {
  static constexpr std::string_view name = "SynapticIntelligence";
  static constexpr bool turns = false;
  double strength = 1;   // >= 0
  double damping = 0.1;  // > 0
  bool trapezoid = false;

  static constexpr std::array<std::string_view, 5> slots{"path", "importance", "anchor", "previous",
                                                         "previous_gradient"};
  static constexpr std::array<bool, 5> full_precision{true, true, true, true, true};
  static constexpr std::array<NamedScalar, 1> scalars{{{"task", -1}}};
  static constexpr std::array<Argument, 1> arguments{{{TaskNumber::name}}};
  [[nodiscard]] static double initial(std::size_t slot) { return slot == 2 || slot == 3 ? from_parameters : 0; }

  static void options(auto& self, auto&& visit) {
    visit("strength", self.strength, range::non_negative);
    visit("damping", self.damping, range::positive);
    visit("trapezoid", self.trapezoid);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    double& task = step.scalar(0);
    const double now = step.argument(TaskNumber::name);
    const bool first = task < 0, changed = !first && now != task;
    task = now;
    const double at_end = trapezoid && !first && !changed ? 0.5 : 0;
    return [at_end, at_begin = 1 - at_end, changed, xi = damping, twice = 2 * strength](
               auto& u, const auto& x, auto& path, auto& importance, auto& anchor, auto& previous, auto& gradient) {
      path = path - (at_begin * gradient + at_end * u) * (x - previous);
      if (changed) {
        const auto way = x - anchor;
        importance = importance + path / (way * way + xi);
        path = path - path;
        anchor = x;
      }
      previous = x;
      gradient = u;
      u = u + twice * importance * (x - anchor);
    };
  }
};

}  // namespace glissade
