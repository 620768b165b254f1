// Clipping by the norm of all gradients together.
#pragma once

#include "../core/rule.hpp"

namespace glissade {

/// Shortens the update of all tensors together to a Euclidean norm of at most max_norm.
///
///     N = sqrt(sum over all tensors of |u|^2),   u <- u max_norm / N  where N > max_norm
///
/// State: none. Cost: a barrier over all tensors, one more pass that reads 1 number a coefficient;
/// squares are formed and summed in double, so they do not overflow for finite floats.
/// A norm that is not finite makes the update NaN: put SkipNonFinite or ThrowNonFinite before it.
/// Source: "On the difficulty of training recurrent neural networks", 2013, arXiv 1211.5063; the form
/// is optax's, which reaches max_norm exactly (torch adds 1e-6 to N).
struct ClipByGlobalNorm {
  static constexpr std::string_view name = "ClipByGlobalNorm";
  double max_norm = 1;  // > 0

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = 1;

  static void options(auto& self, auto&& visit) { visit("max_norm", self.max_norm, range::positive); }

  [[nodiscard]] auto measure(const Step&) const {
    return [](const auto& u, const auto&) { return terms(square(widen(u))); };
  }
  [[nodiscard]] auto kernel(const Step&, const double* sums_of_squares) const {
    const double norm = std::sqrt(sums_of_squares[0]);
    const double factor = norm <= max_norm ? 1.0 : max_norm / norm + 0 * norm;  // NaN where N is infinite
    return [factor](auto& u, const auto&) { u *= factor; };
  }
};

}  // namespace glissade
