// The trust ratio of a layer.
#pragma once

#include <algorithm>

#include "../core/tensors/mask.hpp"
#include "../rule/moments.hpp"
#include "../rule/norms.hpp"

namespace glissade {

/// Gives the update of every tensor a length in proportion to the tensor's own.
///
///     u <- r u,   r = min(trust_coefficient |x| / (|u| + epsilon), max_ratio), or 1 where a norm is 0
///
/// State: none. Cost: a barrier over the tensor, one more pass that reads 2 scalars per coefficient;
/// norms are summed in double.
/// Source: "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", 2019,
/// arXiv 1904.00962, with phi(z) = z; coefficient and epsilon as in optax.scale_by_trust_ratio.
struct ScaleByTrustRatio {
  static constexpr std::string_view name = "ScaleByTrustRatio";
  static constexpr bool turns = false;
  double max_ratio = std::numeric_limits<double>::infinity();  // > 0
  double trust_coefficient = 1;                                // >= 0
  double epsilon = 0;                                          // >= 0
  TensorMask mask = {};                                        // the others keep the length of their update

  static constexpr Reduction reduction = Reduction::over_tensor;
  static constexpr int sums = sums_for_norms(2);

  static void options(auto& self, auto&& visit) {
    visit("max_ratio", self.max_ratio, Range{0, std::numeric_limits<double>::infinity(), true, false});
    visit("trust_coefficient", self.trust_coefficient, range::non_negative);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("mask", self.mask);
  }
  [[nodiscard]] auto measure(const Step&) const {
    return [](const auto& u, const auto& x) { return norm_terms(u, x); };
  }
  [[nodiscard]] auto kernel(const Step& step, const double* sums_of_squares) const {
    const double length = norm_from(sums_of_squares, 2, 0);
    const double size = norm_from(sums_of_squares, 2, 1);
    const double ratio = length == 0 || size == 0 || !mask(step.tensor)
                             ? 1
                             : (std::min)(trust_coefficient * size / (length + epsilon), max_ratio);
    return [ratio](auto& u) { u *= finite_factor<std::remove_cvref_t<decltype(u)>>(ratio); };
  }
};

}  // namespace glissade
