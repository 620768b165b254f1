// Cube roots of whole lanes.
#pragma once

#include "../core/lane.hpp"

namespace glissade::detail {

/// The cube root of a, a >= 0, within some units in the last place: from roots and divisions alone, and so the same
/// bits for every lane width.
///
///     y <- b^(1/4 + 1/16 + 1/64 + ...),  b = a / 8,   then Halley's  y <- y (y^3 + 2 b) / (2 y^3 + b),   2 y
///
/// Below 8 times the smallest normal number digits are lost; infinity and NaN stay.
template <class L>
EIGEN_ALWAYS_INLINE L cube_root(L a) {
  constexpr bool wide = std::is_same_v<typename L::Scalar, double>;
  const L b = 0.125 * a;  // so that nothing overflows below
  L part = sqrt(sqrt(b));
  L y = part;
  for (int k = 0; k < (wide ? 3 : 2); ++k) {
    part = sqrt(sqrt(part));
    y *= part;
  }
  for (int k = 0; k < (wide ? 5 : 3); ++k) {
    const L cube = y * y * y;
    y = y * ((cube + 2 * b) / (2 * cube + b));
  }
  return select((b > L(0)) & is_finite(a), 2 * y, a);
}

}  // namespace glissade::detail
