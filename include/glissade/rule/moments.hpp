// Small formulas that adaptive rules share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "../core/lanes/lane.hpp"

namespace glissade {

/// 1 - beta^t without cancellation for beta close to 1: what a running mean of t terms, started at
/// zero, has to be divided by.
inline double bias_correction(double beta, std::int64_t t) {
  return beta == 0 ? 1.0 : -std::expm1(static_cast<double>(t) * std::log(beta));
}

/// What to add to a root that is divided by: epsilon, or the smallest normal number for epsilon = 0,
/// which changes no root but turns 0 / 0 into 0: a coefficient that has seen no gradient rests.
template <class L>
EIGEN_ALWAYS_INLINE L guard(double epsilon) {
  using T = typename L::Scalar;
  return L((std::max)(static_cast<T>(epsilon), (std::numeric_limits<T>::min)()));
}

}  // namespace glissade
