// Euclidean norms for barriers, over the whole range of double.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "rule.hpp"

namespace glissade {

/// How many sums a barrier needs for the norms of so many arrays: those of the squares as they are, of the squares of
/// numbers made small, which do not overflow, and of numbers made large, which do not vanish.
constexpr int sums_for_norms(int norms) { return 3 * norms; }

/// What `measure` returns for the norms of some lanes. Squares of floats are formed in double, so that the first sums
/// are all that they need.
template <class... L>
EIGEN_ALWAYS_INLINE auto norm_terms(const L&... lanes) {
  if constexpr ((true && ... && std::is_same_v<typename L::Scalar, float>))
    return terms(square(widen(lanes))...);
  else
    return terms(square(widen(lanes))..., square(widen(0x1p-600 * lanes))..., square(widen(0x1p600 * lanes))...);
}

/// The same of one lane, behind other terms: its squares are the sums from the number of these on.
template <class L, class... Other>
EIGEN_ALWAYS_INLINE auto norm_terms_after(const L& lane, const Other&... other) {
  if constexpr (std::is_same_v<typename L::Scalar, float>)
    return terms(other..., square(widen(lane)));
  else
    return terms(other..., square(widen(lane)), square(widen(0x1p-600 * lane)), square(widen(0x1p600 * lane)));
}

/// Norm k of `norms` from these sums, or with `size` the root mean square of so many: infinite or NaN only where a
/// number is.
inline double norm_from(const double* sums, int norms, int k, double size = 1) {
  const double square = sums[k] / size, of_small = sums[norms + k] / size, of_large = sums[2 * norms + k] / size;
  if (std::isinf(square) && of_small > 0)
    return std::isinf(of_small) ? of_small
                                : (std::min)(std::sqrt(of_small) * 0x1p600, (std::numeric_limits<double>::max)());
  if (square < 0x1p-900 && of_large > 0) return std::sqrt(of_large) * 0x1p-600;
  return std::sqrt(square);
}

}  // namespace glissade
