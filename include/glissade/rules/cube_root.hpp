// Cube roots of whole lanes.
#pragma once

#include <bit>
#include <cstdint>

#include "../core/lanes/lane.hpp"

namespace glissade::detail {

/// x^(-1/3) within 4 %, for x > 0 and normal: -1/3 times the exponent, by arithmetic on the bits.
EIGEN_ALWAYS_INLINE float rough_inverse_cube_root(float x) {
  const auto third = static_cast<float>(std::bit_cast<std::int32_t>(x)) * (-1.0f / 3);
  return std::bit_cast<float>(0x54a21d2a + static_cast<std::int32_t>(third));
}
EIGEN_ALWAYS_INLINE double rough_inverse_cube_root(double x) {
  return std::bit_cast<double>(0x553eee5000000000 - std::bit_cast<std::int64_t>(x) / 3);
}

template <class L>
EIGEN_ALWAYS_INLINE L rough_inverse_cube_root_of(L x) {
#if defined(EIGEN_VECTORIZE_AVX2) && !defined(EIGEN_VECTORIZE_AVX512)
  if constexpr (std::is_same_v<typename L::Scalar, float>) {
    const __m256 third = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_castps_si256(x.packet)), _mm256_set1_ps(-1.0f / 3));
    return L(_mm256_castsi256_ps(_mm256_add_epi32(_mm256_set1_epi32(0x54a21d2a), _mm256_cvttps_epi32(third))), 0);
  } else
#elif defined(EIGEN_VECTORIZE_SSE) && !defined(EIGEN_VECTORIZE_AVX)
  if constexpr (std::is_same_v<typename L::Scalar, float>) {
    const __m128 third = _mm_mul_ps(_mm_cvtepi32_ps(_mm_castps_si128(x.packet)), _mm_set1_ps(-1.0f / 3));
    return L(_mm_castsi128_ps(_mm_add_epi32(_mm_set1_epi32(0x54a21d2a), _mm_cvttps_epi32(third))), 0);
  } else
#endif
  {
    alignas(64) typename L::Scalar values[std::size_t{L::width}];
    x.store(values);
    for (auto& value : values) value = rough_inverse_cube_root(value);
    return L::load(values);
  }
}

/// The cube root of a, a >= 0, within 5 units in the last place; the same bits for every lane width.
///
///     y ~ a^(-1/3), in double improved once by  h = 1 - a y^3,   y <- y + y h (1/3 + 2/9 h)
///     q = a y^2,   h = 1 - q y,   q (1 - h)^(-2/3) by its Taylor series
///
/// Exact for 0, infinity and NaN; of subnormal numbers only the magnitude is right.
template <class L>
EIGEN_ALWAYS_INLINE L cube_root(L a) {
  L y = rough_inverse_cube_root_of(a);
  if constexpr (std::is_same_v<typename L::Scalar, double>) {
    const L h = 1.0 - (a * y) * (y * y);
    y += (y * h) * (1.0 / 3 + 2.0 / 9 * h);
  }
  const L q = a * (y * y);
  const L h = 1.0 - q * y;
  const L h2 = h * h;
  const L high = 40.0 / 81 + 110.0 / 243 * h + h2 * (308.0 / 729 + 2618.0 / 6561 * h);
  const L root = q + (q * h) * (2.0 / 3 + 5.0 / 9 * h + h2 * high);
  return select(a <= L((std::numeric_limits<typename L::Scalar>::max)()), root, a);
}

}  // namespace glissade::detail
