// How a lane of float or double is read from and written to memory of another scalar type.
//
// float, double, Eigen::bfloat16 and Eigen::half may be stored; arithmetic is always in the lane's
// own scalar. Narrowing rounds to nearest even and keeps NaN; bfloat16 can also be rounded
// stochastically (core/lanes/rounding.hpp).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "lane.hpp"

namespace glissade {

namespace detail {

/// bfloat16 of x, to nearest even, without a branch.
EIGEN_ALWAYS_INLINE Eigen::bfloat16 nearest_bfloat16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  const std::uint32_t kept = bits | 0x400000u;  // rounding could carry a NaN to infinity or zero
  return Eigen::numext::bit_cast<Eigen::bfloat16>(static_cast<std::uint16_t>((x != x ? kept : rounded) >> 16));
}

// Lanes that are read from and written to another scalar: any of them coefficient by coefficient, the common ones by
// the instructions that there are.

template <ComputeScalar T, StorageScalar S>
EIGEN_ALWAYS_INLINE void widen(const S* source, Lane<T>& lane) {
  alignas(64) T values[std::size_t{Lane<T>::width}];
  for (int k = 0; k < Lane<T>::width; ++k) values[k] = convert<T>(source[k]);
  lane = Lane<T>::load(values);
}
template <ComputeScalar T, StorageScalar S>
EIGEN_ALWAYS_INLINE void narrow(S* target, Lane<T> lane) {
  alignas(64) T values[std::size_t{Lane<T>::width}];
  lane.store(values);
  for (int k = 0; k < Lane<T>::width; ++k) {
    if constexpr (std::is_same_v<S, Eigen::bfloat16>) {
      target[k] = nearest_bfloat16(static_cast<float>(values[k]));
    } else {
      S value = convert<S>(values[k]);
#if EIGEN_COMP_GNUC_STRICT
      // GCC 12 takes back what a vector of doubles loses on its way to float and back.
      if constexpr (std::is_same_v<S, float>) EIGEN_OPTIMIZATION_BARRIER(value)
#endif
      target[k] = value;
    }
  }
}

#if defined(EIGEN_VECTORIZE_AVX512)

EIGEN_ALWAYS_INLINE __m256i load_register(const void* source) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(source));
}
EIGEN_ALWAYS_INLINE void store_register(void* target, __m256i value) {
  _mm256_storeu_si256(static_cast<__m256i*>(target), value);
}
EIGEN_ALWAYS_INLINE void widen(const float* source, Lane<double>& lane) {
  lane.packet = _mm512_cvtps_pd(_mm256_loadu_ps(source));
}
EIGEN_ALWAYS_INLINE void narrow(float* target, Lane<double> lane) {
  _mm256_storeu_ps(target, _mm512_cvtpd_ps(lane.packet));
}
EIGEN_ALWAYS_INLINE void widen(const Eigen::half* source, Lane<float>& lane) {
  lane.packet = _mm512_cvtph_ps(load_register(source));
}
EIGEN_ALWAYS_INLINE void narrow(Eigen::half* target, Lane<float> lane) {
  store_register(target, _mm512_cvtps_ph(lane.packet, _MM_FROUND_TO_NEAREST_INT));
}
EIGEN_ALWAYS_INLINE void widen(const Eigen::bfloat16* source, Lane<float>& lane) {
  lane.packet = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_register(source)), 16));
}
EIGEN_ALWAYS_INLINE void narrow(Eigen::bfloat16* target, Lane<float> lane) {
  const __m512i bits = _mm512_castps_si512(lane.packet);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, odd), _mm512_set1_epi32(0x7fff));
  const __mmask16 nan = _mm512_cmp_ps_mask(lane.packet, lane.packet, _CMP_UNORD_Q);
  const __m512i kept = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
  store_register(target, _mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16)));
}

#elif defined(EIGEN_VECTORIZE_AVX2)

EIGEN_ALWAYS_INLINE __m128i load_register(const void* source) {
  return _mm_loadu_si128(static_cast<const __m128i*>(source));
}
EIGEN_ALWAYS_INLINE void widen(const float* source, Lane<double>& lane) {
  lane.packet = _mm256_cvtps_pd(_mm_loadu_ps(source));
}
EIGEN_ALWAYS_INLINE void narrow(float* target, Lane<double> lane) {
  _mm_storeu_ps(target, _mm256_cvtpd_ps(lane.packet));
}
#if defined(__F16C__)
EIGEN_ALWAYS_INLINE void widen(const Eigen::half* source, Lane<float>& lane) {
  lane.packet = _mm256_cvtph_ps(load_register(source));
}
EIGEN_ALWAYS_INLINE void narrow(Eigen::half* target, Lane<float> lane) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(target), _mm256_cvtps_ph(lane.packet, _MM_FROUND_TO_NEAREST_INT));
}
#endif
EIGEN_ALWAYS_INLINE void widen(const Eigen::bfloat16* source, Lane<float>& lane) {
  // Both halves of the register see all eight values; a byte shuffle widens four of them in each.
  const __m256i twice = _mm256_broadcastsi128_si256(load_register(source));
  const __m256i order = _mm256_setr_epi8(-1, -1, 0, 1, -1, -1, 2, 3, -1, -1, 4, 5, -1, -1, 6, 7,  //
                                         -1, -1, 8, 9, -1, -1, 10, 11, -1, -1, 12, 13, -1, -1, 14, 15);
  lane.packet = _mm256_castsi256_ps(_mm256_shuffle_epi8(twice, order));
}
EIGEN_ALWAYS_INLINE void narrow(Eigen::bfloat16* target, Lane<float> lane) {
  const __m256i bits = _mm256_castps_si256(lane.packet);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, odd), _mm256_set1_epi32(0x7fff));
  const __m256 nan = _mm256_cmp_ps(lane.packet, lane.packet, _CMP_UNORD_Q);
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i kept = _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(nan));
  const __m256i high = _mm256_setr_epi8(2, 3, 6, 7, 10, 11, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1,  //
                                        2, 3, 6, 7, 10, 11, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(kept, high), 0b1000);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(target), _mm256_castsi256_si128(packed));
}
/// Two lanes are packed into one register, so their upper and lower halves can be rounded as 16-bit numbers: up where
/// the lower half is above its middle, or in it beside an odd upper half. None may be NaN.
EIGEN_ALWAYS_INLINE void narrow_pair(Eigen::bfloat16* target, Lane<float> first, Lane<float> second) {
  const __m256i low = _mm256_castps_si256(first.packet), high = _mm256_castps_si256(second.packet);
  const __m256i upper = _mm256_blend_epi16(_mm256_srli_epi32(low, 16), high, 0xaa);
  const __m256i lower = _mm256_blend_epi16(low, _mm256_slli_epi32(high, 16), 0xaa);
  const __m256i even = _mm256_andnot_si256(upper, _mm256_set1_epi16(1));
  const __m256i up = _mm256_srli_epi16(_mm256_subs_epu16(lower, even), 15);
  const __m256i apart = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15,  //
                                         0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
  const __m256i packed = _mm256_shuffle_epi8(_mm256_add_epi16(upper, up), apart);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(target), _mm256_permute4x64_epi64(packed, 0b11011000));
}

#elif defined(EIGEN_VECTORIZE_SSE) && !defined(EIGEN_VECTORIZE_AVX)
EIGEN_ALWAYS_INLINE void widen(const Eigen::bfloat16* source, Lane<float>& lane) {
  const __m128i bits = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(source));
  lane.packet = _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), bits));
}
EIGEN_ALWAYS_INLINE void narrow(Eigen::bfloat16* target, Lane<float> lane) {
  const __m128i bits = _mm_castps_si128(lane.packet);
  const __m128i odd = _mm_and_si128(_mm_srli_epi32(bits, 16), _mm_set1_epi32(1));
  const __m128i round = _mm_add_epi32(odd, _mm_set1_epi32(0x7fff));
  const __m128i nan = _mm_castps_si128(_mm_cmpunord_ps(lane.packet, lane.packet));
  const __m128i kept = _mm_or_si128(bits, _mm_set1_epi32(0x400000));
  const __m128i rounded = _mm_or_si128(_mm_and_si128(nan, kept), _mm_andnot_si128(nan, _mm_add_epi32(bits, round)));
  const __m128i high = _mm_srai_epi32(rounded, 16);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(target), _mm_packs_epi32(high, high));
}

#endif

}  // namespace detail

template <ComputeScalar T, StorageScalar S>
EIGEN_ALWAYS_INLINE Lane<T> load_lane(const S* source) {
  if constexpr (std::is_same_v<S, T>) {
    return Lane<T>::load(source);
  } else {
    Lane<T> lane;
    detail::widen(source, lane);
    return lane;
  }
}

template <ComputeScalar T, StorageScalar S>
EIGEN_ALWAYS_INLINE void store_lane(S* target, Lane<T> lane) {
  if constexpr (std::is_same_v<S, T>)
    lane.store(target);
  else
    detail::narrow(target, lane);
}

namespace detail {

/// Neighbouring lanes of T that are best stored to S together.
template <ComputeScalar T, StorageScalar S>
inline constexpr std::size_t lanes_together = 1;
#if defined(EIGEN_VECTORIZE_AVX2) && !defined(EIGEN_VECTORIZE_AVX512)
template <>
inline constexpr std::size_t lanes_together<float, Eigen::bfloat16> = 2;
#endif

/// Lane lanes[j][k], k < N, goes to targets[k] + i + j * width, the last array first: a compiler drops the store of
/// what was loaded from there only while no other has been made, and arrays that a kernel only reads come last.
template <std::size_t N, std::size_t Count, ComputeScalar T, StorageScalar S, std::size_t M>
EIGEN_ALWAYS_INLINE void store_lanes(S* const* targets, Index i, const Lane<T> (&lanes)[Count][M]) {
#if defined(EIGEN_VECTORIZE_AVX2) && !defined(EIGEN_VECTORIZE_AVX512)
  if constexpr (N > 0 && Count == 2 && lanes_together<T, S> == 2) {
    __m256 nan = _mm256_cmp_ps(lanes[0][0].packet, lanes[1][0].packet, _CMP_UNORD_Q);
    for (std::size_t k = 1; k < N; ++k)
      nan = _mm256_or_ps(nan, _mm256_cmp_ps(lanes[0][k].packet, lanes[1][k].packet, _CMP_UNORD_Q));
    if (_mm256_movemask_ps(nan) == 0) [[likely]] {
      for (std::size_t k = N; k-- > 0;) narrow_pair(targets[k] + i, lanes[0][k], lanes[1][k]);
      return;
    }
  }
#endif
  for (std::size_t k = N; k-- > 0;)
    for (std::size_t j = 0; j < Count; ++j)
      store_lane(targets[k] + i + static_cast<Index>(j) * Lane<T>::width, lanes[j][k]);
}

}  // namespace detail
}  // namespace glissade
