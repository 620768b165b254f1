// A Hessian that is symmetric within rounding errors made so exactly.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "../core/checks.hpp"

namespace glissade::detail {

/// Replaces H by (H + H') / 2. Throws std::invalid_argument where they differ by more than 1e-5 of its largest
/// coefficient, which neither differences nor floats explain.
template <class H>
void symmetrize(H& hessian) {
  double largest = 0;
  double difference = 0;
  for (Eigen::Index j = 0; j < hessian.cols(); ++j)
    for (Eigen::Index i = j; i < hessian.rows(); ++i) {
      largest = std::max(largest, std::abs(hessian(i, j)));
      difference = std::max(difference, std::abs(hessian(i, j) - hessian(j, i)));
    }
  if (difference > 1e-5 * largest)
    throw std::invalid_argument("objective: its Hessian is not symmetric: max |H - H'| = " + to_text(difference) +
                                ", max |H| = " + to_text(largest));
  if (difference == 0) return;
  for (Eigen::Index j = 0; j < hessian.cols(); ++j)
    for (Eigen::Index i = j + 1; i < hessian.rows(); ++i)
      hessian(i, j) = hessian(j, i) = 0.5 * hessian(i, j) + 0.5 * hessian(j, i);
}

}  // namespace glissade::detail
