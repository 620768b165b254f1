// Lamb.
#pragma once

#include "../transforms/scale_by_trust_ratio.hpp"
#include "adam.hpp"

namespace glissade {

/// Lamb: AdamW whose step in every layer has a length in proportion to the layer; for large batches. The direction
/// of ScaleByAdam with decoupled decay, then ScaleByTrustRatio:
///
///     u = d + weight_decay x,   d as in ScaleByAdam
///     x <- x - learning_rate |x| / |u| u;   the ratio is 1 where a norm is 0, and at most max_ratio
///     not bias_corrected:  d without bias corrections
///     not always_adapt:    the ratio is 1 for tensors that do not decay
///
/// Cost: 18 flops with a root and a division per coefficient; two passes, a barrier over each tensor.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", 2019, arXiv 1904.00962,
/// Algorithm 2; timm adapts only where there is decay, some implementations correct no bias. For clipping of all
/// gradients together before it, see ClipByGlobalNorm.
struct Lamb {
  static constexpr std::string_view name = "Lamb";
  Schedule learning_rate = 1e-3;                               // >= 0
  double beta1 = 0.9;                                          // in [0, 1)
  double beta2 = 0.999;                                        // in [0, 1)
  double epsilon = 1e-6;                                       // >= 0
  double weight_decay = 1e-2;                                  // >= 0, decoupled
  double max_ratio = std::numeric_limits<double>::infinity();  // > 0
  TensorMask mask = {};                                        // which tensors decay; all without it
  bool bias_corrected = true;
  bool always_adapt = true;

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("max_ratio", self.max_ratio, Range{0, std::numeric_limits<double>::infinity(), true, false});
    visit("mask", self.mask);
    visit("bias_corrected", self.bias_corrected);
    visit("always_adapt", self.always_adapt);
  }
  [[nodiscard]] auto chain() const {
    const TensorMask adapted = always_adapt ? TensorMask{} : weight_decay == 0 ? no_tensor : mask;
    return glissade::chain(
        ScaleByAdam{.beta1 = beta1, .beta2 = beta2, .epsilon = epsilon, .bias_corrected = bias_corrected},
        AddDecayedWeights{weight_decay, mask}, ScaleByTrustRatio{.max_ratio = max_ratio, .mask = adapted},
        ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
