// This is a research kernel and not a certified implementation of differential privacy: its noise is floating-point.
// The sum of gradients of which none is longer than a clip.
#pragma once

#include <Eigen/Core>

#include "../core/checks.hpp"

namespace glissade {

/// The sum of the columns of `gradients`, one person each, shortened to the clip: no person moves it by more than that,
/// to rounding. This is a research kernel and not a certified implementation of differential privacy: its noise is
/// floating-point.
///
///     sum_i g_i min(1, C / |g_i|)
///
/// A gradient with a number that is not finite counts as 0. clip C > 0 and finite, else std::invalid_argument. No
/// columns are a sum of 0. Cost: two passes over the gradients; no allocation where `sum` has its size.
inline void clipped_sum(const Eigen::Ref<const Eigen::MatrixXd>& gradients, double clip, Eigen::VectorXd& sum) {
  require("clipped_sum", "clip", clip, range::positive);
  sum.setZero(gradients.rows());
  for (Eigen::Index i = 0; i < gradients.cols(); ++i) {
    if (!gradients.col(i).allFinite()) continue;
    const double length = gradients.col(i).stableNorm();
    if (length > clip)
      sum += clip / length * gradients.col(i);
    else
      sum += gradients.col(i);
  }
}

}  // namespace glissade
