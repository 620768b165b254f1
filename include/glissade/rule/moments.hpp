// Small formulas that adaptive rules share.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "../core/lanes/lane.hpp"

namespace glissade {

/// 1 - beta^t without cancellation for beta close to 1: what a running mean of t terms, started at
/// zero, has to be divided by. All tensors of a step ask for the same few, so the last ones are kept.
inline double bias_correction(double beta, std::int64_t t) {
  struct Known {
    double beta = 1;
    double log_beta = 0;
    std::int64_t t = 0;
    double value = 0;
  };
  thread_local std::array<Known, 4> known;
  thread_local std::size_t next = 0;
  if (beta == 0) return 1;
  std::size_t k = 0;
  while (k < known.size() && known[k].beta != beta) ++k;
  if (k == known.size()) {
    k = next;
    next = (next + 1) % known.size();
    known[k] = {beta, std::log(beta), 0, 0};
  }
  if (known[k].t != t) {
    known[k].t = t;
    known[k].value = -std::expm1(static_cast<double>(t) * known[k].log_beta);
  }
  return known[k].value;
}

/// What to add to a root that is divided by: epsilon, or the smallest normal number for an epsilon that is 0 in the
/// lane's scalar, which changes no root but turns 0 / 0 into 0: a coefficient that has seen no gradient rests.
template <class L>
EIGEN_ALWAYS_INLINE L guard(double epsilon) {
  using T = typename L::Scalar;
  return L((std::max)(static_cast<T>(epsilon), (std::numeric_limits<T>::min)()));
}

/// A factor that is computed in double, bounded by what the lane's scalar holds.
template <class L>
EIGEN_ALWAYS_INLINE L finite_factor(double factor) {
  return L((std::min)(factor, static_cast<double>((std::numeric_limits<typename L::Scalar>::max)())));
}

/// `quotient`, or 0 where the root in its denominator is 0 and epsilon is smaller than the roots that are lost to
/// underflow: a square vanishes before what it is a square of, and a coefficient of which no square is left rests.
template <class L>
EIGEN_ALWAYS_INLINE L unless_vanished(const L& quotient, const L& root, double epsilon) {
  using T = typename L::Scalar;
  constexpr double lost = std::is_same_v<T, float> ? 1.1e-19 : 1.5e-154;  // the root of the smallest normal number
  return select(root <= L(epsilon < lost ? 0 : -1), L(0), quotient);
}

/// direction / (root + epsilon) with the two above.
template <class L>
EIGEN_ALWAYS_INLINE L over_root(const L& direction, const L& root, double epsilon) {
  return unless_vanished(direction / (root + guard<L>(epsilon)), root, epsilon);
}

}  // namespace glissade
