// Gradients that may not undo what is remembered.
#pragma once

#include "../rule/norms.hpp"

namespace glissade {

/// A-GEM, averaged gradient episodic memory, in front of any rule: a gradient that would make the loss on remembered
/// examples grow loses its part along their gradient r.
///
///     if <u, r> < 0:   u <- u - (<u, r> / <r, r>) r,   over all tensors
///
///     Optimizer optimizer{chain(EpisodicMemory{}, Sgd{}), W, b};
///     optimizer.step(with(MemoryGradient(rW, rb)), dW, db);
///
/// In a step without a memory gradient nothing is changed.
/// State: memory_gradient r, that of the last step (the parameter's shape).
/// Cost: 5 flops per coefficient; two passes, a barrier over all tensors. Non-finite gradients propagate.
/// Source: "Efficient Lifelong Learning with A-GEM", 2018, arXiv 1812.00420, equation 11.
struct EpisodicMemory {
  static constexpr std::string_view name = "EpisodicMemory";
  static constexpr bool turns = false;

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = 1 + sums_for_norms(1);
  static constexpr std::array<std::string_view, 1> slots{"memory_gradient"};
  static constexpr std::array<bool, 1> full_precision{true};
  static constexpr std::array<GivenArray, 1> given{{{.name = "memory_gradient", .slot = 0, .required = false}}};

  [[nodiscard]] auto measure(const Step&) const {
    return [](const auto& u, const auto&, const auto& r) { return norm_terms_after(r, widen(u) * widen(r)); };
  }
  [[nodiscard]] auto kernel(const Step& step, const double* totals) const {
    const double length = norm_from(totals + 1, 1, 0);
    const bool projects = step.told("memory_gradient") && !(totals[0] >= 0) && length != 0;
    return [factor = projects ? totals[0] / length / length : 0](auto& u, const auto&, const auto& r) {
      u = u - factor * r;
    };
  }
};

}  // namespace glissade
