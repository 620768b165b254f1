// Clipping by the size of each tensor.
#pragma once

#include <algorithm>

#include "../rule/norms.hpp"

namespace glissade {

/// Shortens the update of every tensor on its own to a Euclidean norm of at most max_norm; for a matrix
/// this is the Frobenius norm.
///
///     N = |u|,   u <- u max_norm / N  where N > max_norm
///
/// State: none. Cost: a barrier over the tensor, one more pass that reads 1 scalar per coefficient; squares are
/// summed in double. A norm that is not finite makes the tensor's update NaN.
/// Source: "On the difficulty of training recurrent neural networks", 2013, arXiv 1211.5063; per tensor as
/// in tf.clip_by_norm.
struct ClipByNorm {
  static constexpr std::string_view name = "ClipByNorm";
  static constexpr bool turns = false;
  double max_norm = 1;  // > 0

  static constexpr Reduction reduction = Reduction::over_tensor;
  static constexpr int sums = sums_for_norms(1);

  static void options(auto& self, auto&& visit) { visit("max_norm", self.max_norm, range::positive); }

  [[nodiscard]] auto measure(const Step&) const {
    return [](const auto& u) { return norm_terms(u); };
  }
  [[nodiscard]] auto kernel(const Step&, const double* sums_of_squares) const {
    const double norm = norm_from(sums_of_squares, 1, 0);
    const double factor = norm <= max_norm ? 1.0 : max_norm / norm + 0 * norm;  // NaN where N is infinite
    return [factor](auto& u) { u *= factor; };
  }
};

/// The same with the root mean square, so that one bound suits tensors of all sizes.
///
///     u <- u / max(1, RMS(u) / max_rms),   RMS(u) = |u| / sqrt(size)
///
/// Source: "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", 2018, arXiv 1804.04235,
/// section 6; optax.clip_by_block_rms.
struct ClipByRms {
  static constexpr std::string_view name = "ClipByRms";
  static constexpr bool turns = false;
  double max_rms = 1;  // > 0

  static constexpr Reduction reduction = Reduction::over_tensor;
  static constexpr int sums = sums_for_norms(1);

  static void options(auto& self, auto&& visit) { visit("max_rms", self.max_rms, range::positive); }

  [[nodiscard]] auto measure(const Step& step) const { return ClipByNorm{}.measure(step); }
  [[nodiscard]] auto kernel(const Step& step, const double* sums_of_squares) const {
    const auto size = static_cast<double>((std::max)(step.tensor.size(), Index{1}));
    return ClipByNorm{max_rms * std::sqrt(size)}.kernel(step, sums_of_squares);
  }
};

}  // namespace glissade
