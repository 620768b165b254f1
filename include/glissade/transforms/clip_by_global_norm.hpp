// Clipping by the norm of all gradients together.
#pragma once

#include "../rule/convention.hpp"
#include "../rule/norms.hpp"

namespace glissade {

/// Shortens the update of all tensors together to a Euclidean norm of at most max_norm.
///
///     N = sqrt(sum over all tensors of |u|^2),   u <- u max_norm / N  where N > max_norm
///     torch:  u <- u min(1, max_norm / (N + 1e-6)), a little shorter
///
/// The norm before clipping is shared("norm"). To bound the largest coefficient see ClipByValue.
/// State: none. Cost: a barrier over all tensors, one more pass that reads 1 scalar per coefficient;
/// squares are formed and summed in double and do not overflow.
/// A norm that is not finite makes the update NaN: put SkipNonFinite or ThrowNonFinite before it.
/// Source: "On the difficulty of training recurrent neural networks", 2013, arXiv 1211.5063; the form
/// is optax's, which reaches max_norm exactly, or that of torch.nn.utils.clip_grad_norm_.
struct ClipByGlobalNorm {
  static constexpr std::string_view name = "ClipByGlobalNorm";
  static constexpr bool turns = false;
  using Convention = glissade::Convention;
  double max_norm = 1;                        // > 0
  Convention convention = Convention::optax;  // or torch

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = sums_for_norms(1);
  static constexpr std::array<NamedScalar, 1> shared{{{"norm"}}};

  static void options(auto& self, auto&& visit) {
    visit("max_norm", self.max_norm, range::positive);
    visit("convention", self.convention, range::up_to(Convention::optax));
  }

  [[nodiscard]] auto measure(const Step&) const {
    return [](const auto& u) { return norm_terms(u); };
  }
  [[nodiscard]] auto kernel(const Step& step, const double* sums_of_squares) const {
    const double norm = norm_from(sums_of_squares, 1, 0);
    step.shared(0) = norm;
    const double length = convention == Convention::torch ? norm + 1e-6 : norm;
    const double factor = length <= max_norm ? 1.0 : max_norm / length + 0 * norm;  // NaN where N is infinite
    return [factor](auto& u) { u *= factor; };
  }
};

}  // namespace glissade
