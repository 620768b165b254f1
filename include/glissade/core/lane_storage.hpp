// How a lane of float or double is read from and written to memory of another scalar type.
//
// float, double, Eigen::bfloat16 and Eigen::half may be stored; arithmetic is always in the lane's
// own scalar. Narrowing rounds to nearest even and keeps NaN; bfloat16 can also be rounded
// stochastically (core/rounding.hpp).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "lane.hpp"

namespace glissade {

template <class S>
concept StorageScalar = std::is_same_v<S, float> || std::is_same_v<S, double> ||
                        std::is_same_v<S, Eigen::bfloat16> || std::is_same_v<S, Eigen::half>;

/// The scalar in which a tensor stored as S is computed.
template <StorageScalar S>
using compute_t = std::conditional_t<std::is_same_v<S, double>, double, float>;

namespace detail {

template <class To, class From>
EIGEN_ALWAYS_INLINE To convert(From value) {
  if constexpr (std::is_same_v<From, Eigen::half> || std::is_same_v<From, Eigen::bfloat16>)
    return static_cast<To>(static_cast<float>(value));
  else if constexpr (std::is_same_v<To, Eigen::half> || std::is_same_v<To, Eigen::bfloat16>)
    return To(static_cast<float>(value));
  else
    return static_cast<To>(value);
}

#if defined(EIGEN_VECTORIZE_AVX2) && !defined(EIGEN_VECTORIZE_AVX512)
/// The upper halves of floats, rounded to nearest even. The lower half of a NaN must be 0.
EIGEN_ALWAYS_INLINE void store_rounded(Eigen::bfloat16* target, __m256i bits) {
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, odd), _mm256_set1_epi32(0x7fff));
  const __m256i high = _mm256_setr_epi8(2, 3, 6, 7, 10, 11, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1,  //
                                        2, 3, 6, 7, 10, 11, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(rounded, high), 0b1000);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(target), _mm256_castsi256_si128(packed));
}
#endif

}  // namespace detail

template <ComputeScalar T, StorageScalar S>
EIGEN_ALWAYS_INLINE Lane<T> load_lane(const S* source) {
  constexpr int width = Lane<T>::width;
  if constexpr (std::is_same_v<S, T>) {
    return Lane<T>::load(source);
  } else {
#if defined(EIGEN_VECTORIZE_AVX2) && !defined(EIGEN_VECTORIZE_AVX512)
    if constexpr (std::is_same_v<T, float> && std::is_same_v<S, Eigen::bfloat16>) {
      // Both halves of the register see all eight values; a byte shuffle widens four of them in each.
      const __m256i twice =
          _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(source)));
      const __m256i widen = _mm256_setr_epi8(-1, -1, 0, 1, -1, -1, 2, 3, -1, -1, 4, 5, -1, -1, 6, 7,  //
                                             -1, -1, 8, 9, -1, -1, 10, 11, -1, -1, 12, 13, -1, -1, 14, 15);
      return Lane<T>(_mm256_castsi256_ps(_mm256_shuffle_epi8(twice, widen)), 0);
    } else if constexpr (std::is_same_v<T, double> && std::is_same_v<S, float>) {
      return Lane<T>(_mm256_cvtps_pd(_mm_loadu_ps(source)), 0);
    } else
#if defined(__F16C__)
    if constexpr (std::is_same_v<T, float> && std::is_same_v<S, Eigen::half>) {
      return Lane<T>(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(source))), 0);
    } else
#endif
#elif defined(EIGEN_VECTORIZE_SSE) && !defined(EIGEN_VECTORIZE_AVX)
    if constexpr (std::is_same_v<T, float> && std::is_same_v<S, Eigen::bfloat16>) {
      const __m128i bits = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(source));
      return Lane<T>(_mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), bits)), 0);
    } else
#endif
    {
      alignas(64) T values[std::size_t{width}];
      for (int k = 0; k < width; ++k) values[k] = detail::convert<T>(source[k]);
      return Lane<T>::load(values);
    }
  }
}

template <ComputeScalar T, StorageScalar S>
EIGEN_ALWAYS_INLINE void store_lane(S* target, Lane<T> lane) {
  constexpr int width = Lane<T>::width;
  if constexpr (std::is_same_v<S, T>) {
    lane.store(target);
  } else {
#if defined(EIGEN_VECTORIZE_AVX2) && !defined(EIGEN_VECTORIZE_AVX512)
    if constexpr (std::is_same_v<T, float> && std::is_same_v<S, Eigen::bfloat16>) {
      __m256i bits = _mm256_castps_si256(lane.packet);
      const __m256 nan = _mm256_cmp_ps(lane.packet, lane.packet, _CMP_UNORD_Q);
      if (_mm256_movemask_ps(nan) != 0) [[unlikely]] {  // rounding could carry a NaN to infinity or zero
        const __m256i quiet = _mm256_and_si256(_mm256_or_si256(bits, _mm256_set1_epi32(0x400000)),
                                               _mm256_set1_epi32(static_cast<int>(0xffff0000u)));
        bits = _mm256_blendv_epi8(bits, quiet, _mm256_castps_si256(nan));
      }
      detail::store_rounded(target, bits);
      return;
    } else if constexpr (std::is_same_v<T, double> && std::is_same_v<S, float>) {
      _mm_storeu_ps(target, _mm256_cvtpd_ps(lane.packet));
      return;
    } else
#if defined(__F16C__)
    if constexpr (std::is_same_v<T, float> && std::is_same_v<S, Eigen::half>) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(target),
                       _mm256_cvtps_ph(lane.packet, _MM_FROUND_TO_NEAREST_INT));
      return;
    } else
#endif
#elif defined(EIGEN_VECTORIZE_SSE) && !defined(EIGEN_VECTORIZE_AVX)
    if constexpr (std::is_same_v<T, float> && std::is_same_v<S, Eigen::bfloat16>) {
      const __m128i bits = _mm_castps_si128(lane.packet);
      const __m128i odd = _mm_and_si128(_mm_srli_epi32(bits, 16), _mm_set1_epi32(1));
      const __m128i round = _mm_add_epi32(odd, _mm_set1_epi32(0x7fff));
      const __m128i nan = _mm_castps_si128(_mm_cmpunord_ps(lane.packet, lane.packet));
      const __m128i kept = _mm_or_si128(bits, _mm_set1_epi32(0x400000));
      const __m128i rounded = _mm_or_si128(_mm_and_si128(nan, kept),
                                           _mm_andnot_si128(nan, _mm_add_epi32(bits, round)));
      const __m128i high = _mm_srai_epi32(rounded, 16);
      _mm_storel_epi64(reinterpret_cast<__m128i*>(target), _mm_packs_epi32(high, high));
      return;
    } else
#endif
    {
      alignas(64) T values[std::size_t{width}];
      lane.store(values);
      for (int k = 0; k < width; ++k) target[k] = detail::convert<S>(values[k]);
    }
  }
}

namespace detail {

/// Lane k goes to targets[k] + i, the last one first: a compiler drops the store of what was loaded from there only
/// while no other has been made, and arrays that a kernel only reads come last.
template <std::size_t N, ComputeScalar T, StorageScalar S>
EIGEN_ALWAYS_INLINE void store_lanes(S* const* targets, Index i, const Lane<T>* lanes) {
#if defined(EIGEN_VECTORIZE_AVX2) && !defined(EIGEN_VECTORIZE_AVX512)
  if constexpr (N > 1 && std::is_same_v<T, float> && std::is_same_v<S, Eigen::bfloat16>) {
    __m256 nan = _mm256_cmp_ps(lanes[0].packet, lanes[1].packet, _CMP_UNORD_Q);
    for (std::size_t k = 2; k < N; ++k)
      nan = _mm256_or_ps(nan, _mm256_cmp_ps(lanes[k].packet, lanes[k].packet, _CMP_UNORD_Q));
    if (_mm256_movemask_ps(nan) == 0) [[likely]] {
      for (std::size_t k = N; k-- > 0;) store_rounded(targets[k] + i, _mm256_castps_si256(lanes[k].packet));
      return;
    }
  }
#endif
  for (std::size_t k = N; k-- > 0;) store_lane(targets[k] + i, lanes[k]);
}

}  // namespace detail

}  // namespace glissade
