// State in 8 bits: blocks of 256 coefficients share a scale, their largest magnitude.
//
// An array of n coefficients takes n bytes of codes and one float per block: 1.016 bytes per coefficient.
// A block is decoded to float, goes through the kernel, and is encoded again with its new scale. What
// is positive in an array that is never negative keeps a positive code, so that a second moment under
// a root does not vanish before the first.
// Source: "8-bit Optimizers via Block-wise Quantization", 2021, arXiv 2110.02861.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>

#include "lane.hpp"

namespace glissade {

/// A code of 8 bits for numbers in [-1, 1], or in [0, 1] where the array is never negative.
template <class C>
concept BlockCode = requires(const float* values, std::uint8_t* codes, float* decoded) {
  { C::encode(values, Index{}, 1.0f, true, codes) } -> std::same_as<void>;
  { C::decode(codes, Index{}, 1.0f, true, decoded) } -> std::same_as<void>;
};

namespace detail {

inline constexpr Index code_block = 256;

/// Bytes of the codes of n coefficients, padded so that the scales after them are aligned.
constexpr Index code_bytes(Index size) { return (size + 3) / 4 * 4; }
constexpr Index coded_bytes(Index size) {
  return code_bytes(size) + (size + code_block - 1) / code_block * static_cast<Index>(sizeof(float));
}

inline float inverse_scale(float scale) { return 1 / (std::max)(scale, 1e-38f); }

/// The bits of the largest magnitude: magnitudes are ordered like the integers that they are stored as.
inline std::uint32_t largest_magnitude(const float* values, Index count) {
  std::uint32_t largest = 0;
  Index i = 0;
#if defined(EIGEN_VECTORIZE_AVX2)
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
  const auto eight = [&](Index at) {
    return _mm256_and_si256(_mm256_castps_si256(_mm256_loadu_ps(values + at)), magnitude);
  };
  __m256i even = _mm256_setzero_si256(), odd = even;
  for (; i + 32 <= count; i += 32) {
    even = _mm256_max_epi32(even, _mm256_max_epi32(eight(i), eight(i + 8)));
    odd = _mm256_max_epi32(odd, _mm256_max_epi32(eight(i + 16), eight(i + 24)));
  }
  alignas(32) std::uint32_t found[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(found), _mm256_max_epi32(even, odd));
  for (const std::uint32_t one : found) largest = (std::max)(largest, one);
#endif
  for (; i < count; ++i) largest = (std::max)(largest, std::bit_cast<std::uint32_t>(values[i]) & 0x7fffffffu);
  return largest;
}

/// A block without a sign in which something is infinite, such as the square of a large number: its scale is negative
/// and the last code stands for infinity, so that the other values keep what precision they have.
template <BlockCode C>
float encode_overflow(const float* values, Index count, std::uint8_t* codes) {
  std::array<float, std::size_t{code_block}> finite;
  const float beyond = std::numeric_limits<float>::infinity();
  std::transform(values, values + count, finite.begin(), [=](float value) { return value < beyond ? value : 0; });
  const float largest = *std::max_element(finite.begin(), finite.begin() + count);
  // The largest finite value gets the code before the last, which stays free.
  constexpr std::uint8_t before_last = 254;
  float part = 0;
  C::decode(&before_last, 1, 1.0f, false, &part);
  const float scale = (std::max)((std::min)(largest / part, (std::numeric_limits<float>::max)()), 1e-38f);
  C::encode(finite.data(), count, scale, false, codes);
  for (Index i = 0; i < count; ++i) codes[i] = values[i] < beyond ? (std::min)(codes[i], before_last) : 255;
  return -scale;
}

/// Encodes a block and returns its scale. A value that is not finite makes the scale NaN, and with it the whole block:
/// a poisoned state stays visible. Only infinity in an array without a sign is kept apart.
template <BlockCode C>
float encode_block(const float* values, Index count, bool is_signed, std::uint8_t* codes) {
  const std::uint32_t largest = largest_magnitude(values, count);
  if (!is_signed && largest == 0x7f800000u) return encode_overflow<C>(values, count, codes);
  float scale = largest < 0x7f800000u ? std::bit_cast<float>(largest) : std::numeric_limits<float>::quiet_NaN();
  if (!is_signed && largest > 0) scale = scale < 1e-35f ? 1e-35f : scale;  // so that the first code is above 0
  C::encode(values, count, scale, is_signed, codes);
  return scale;
}

template <BlockCode C>
void decode_block(const std::uint8_t* codes, Index count, float scale, bool is_signed, float* values) {
  C::decode(codes, count, std::abs(scale), is_signed, values);
  if (scale < 0)
    for (Index i = 0; i < count; ++i)
      if (codes[i] == 255) values[i] = std::numeric_limits<float>::infinity();
}

}  // namespace detail

/// The dynamic tree code of the source: relative precision of 3 to 6 % in the top decade, twice as
/// coarse with every decade below, down to 5e-7 of the block's largest magnitude. Signed codes cannot
/// hold -1 exactly (they hold -0.993). Encoding looks up tables: accurate, not fast.
struct DynamicCode {
  static void encode(const float* values, Index count, float scale, bool is_signed, std::uint8_t* codes) {
    const Table& table = table_of(is_signed);
    const float inverse = detail::inverse_scale(scale);
    for (Index i = 0; i < count; ++i) {
      codes[i] = table.nearest(values[i] * inverse);
      if (!is_signed && codes[i] == 0 && values[i] > 0) codes[i] = 1;
    }
  }
  static void decode(const std::uint8_t* codes, Index count, float scale, bool is_signed, float* values) {
    const Table& table = table_of(is_signed);
    for (Index i = 0; i < count; ++i) values[i] = scale * table.value[codes[i]];
  }
  /// The 256 values in rising order.
  static const std::array<float, 256>& values(bool is_signed) { return table_of(is_signed).value; }

 private:
  struct Table {
    std::array<float, 256> value{};
    std::array<float, 255> middle{};            // between value k and k + 1; ties go to the lower
    std::array<std::uint8_t, 1 << 16> start{};  // nearest of the least float with these upper 16 bits

    explicit Table(bool is_signed) {
      std::size_t used = 0;
      value[used++] = 0;
      value[used++] = 1;
      for (int decade = 0; decade < 7; ++decade) {
        const int steps = 1 << (is_signed ? decade : decade + 1);
        for (int k = 0; k < steps; ++k) {
          const double middle_of_step = 0.1 + 0.9 * (k + 0.5) / steps;
          const auto entry = static_cast<float>(std::pow(10.0, decade - 6) * middle_of_step);
          value[used++] = entry;
          if (is_signed) value[used++] = -entry;
        }
      }
      std::sort(value.begin(), value.end());
      for (std::size_t k = 0; k < middle.size(); ++k) middle[k] = 0.5f * (value[k] + value[k + 1]);
      for (std::uint32_t upper = 0; upper < start.size(); ++upper) {
        const auto least = std::bit_cast<float>(upper << 16 | (upper < 0x8000u ? 0u : 0xffffu));
        start[upper] =
            static_cast<std::uint8_t>(std::lower_bound(middle.begin(), middle.end(), least) - middle.begin());
      }
    }
    [[nodiscard]] std::uint8_t nearest(float x) const {
      std::size_t k = start[std::bit_cast<std::uint32_t>(x) >> 16];
      while (k < middle.size() && middle[k] < x) ++k;
      return static_cast<std::uint8_t>(k);
    }
  };
  static const Table& table_of(bool is_signed) {
    static const Table with_sign(true);
    static const Table without_sign(false);
    return is_signed ? with_sign : without_sign;
  }
};

/// A logarithmic code made of a float's own bits: 3 bits of fraction and 4 of exponent beside a sign, or
/// 5 of exponent without one. Relative precision 6 % over 4 (9) decades below the block's largest
/// magnitude, which is exact; smaller numbers become 0. A few integer operations per coefficient.
struct LogarithmicCode {
  static void encode(const float* values, Index count, float scale, bool is_signed, std::uint8_t* codes) {
    is_signed ? encode<true>(values, count, scale, codes) : encode<false>(values, count, scale, codes);
  }
  static void decode(const std::uint8_t* codes, Index count, float scale, bool is_signed, float* values) {
    is_signed ? decode<true>(codes, count, scale, values) : decode<false>(codes, count, scale, values);
  }
  /// A lane of decoded values.
  template <bool Signed>
  static EIGEN_ALWAYS_INLINE Lane<float> load(const std::uint8_t* codes, Lane<float> scale) {
#if defined(EIGEN_VECTORIZE_AVX512)
    const __m128i narrow = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes));
    const __m512i wide = Signed ? _mm512_cvtepi8_epi32(narrow) : _mm512_cvtepu8_epi32(narrow);
    const __m512i code = Signed ? _mm512_abs_epi32(wide) : wide;
    const __mmask16 some = _mm512_test_epi32_mask(code, code);
    __m512i bits = _mm512_maskz_slli_epi32(some, _mm512_add_epi32(code, _mm512_set1_epi32(offset<Signed>)), 20);
    if constexpr (Signed)
      bits = _mm512_or_si512(bits, _mm512_and_si512(wide, _mm512_castps_si512(_mm512_set1_ps(-0.0f))));
    return Lane<float>(_mm512_castsi512_ps(bits), 0) * scale;
#elif defined(EIGEN_VECTORIZE_AVX2)
    const __m128i narrow = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes));
    const __m256i wide = Signed ? _mm256_cvtepi8_epi32(narrow) : _mm256_cvtepu8_epi32(narrow);
    const __m256i code = Signed ? _mm256_abs_epi32(wide) : wide;
    __m256i bits = _mm256_slli_epi32(_mm256_add_epi32(code, _mm256_set1_epi32(offset<Signed>)), 20);
    bits = _mm256_sign_epi32(bits, code);  // 0 where the code is
    if constexpr (Signed)
      bits = _mm256_or_si256(bits, _mm256_and_si256(wide, _mm256_castps_si256(_mm256_set1_ps(-0.0f))));
    return Lane<float>(_mm256_castsi256_ps(bits), 0) * scale;
#else
    alignas(64) float values[std::size_t{Lane<float>::width}];
    for (int k = 0; k < Lane<float>::width; ++k) values[k] = value<Signed>(codes[k]);
    return Lane<float>::load(values) * scale;
#endif
  }

 private:
  template <bool Signed>
  static constexpr std::int32_t top = Signed ? 127 : 255;
  /// The top code stands for 1.0f, whose upper 12 bits are 0x3f8.
  template <bool Signed>
  static constexpr std::int32_t offset = 0x3f8 - top<Signed>;

  /// Rounds the upper 12 bits and counts them from 1.0f down, in one addition.
  template <bool Signed>
  static constexpr std::int32_t shift = (1 << 19) - offset<Signed>*(1 << 20);

  template <bool Signed>
  static void encode(const float* values, Index count, float scale, std::uint8_t* codes) {
    const float inverse = detail::inverse_scale(scale);
    Index i = 0;
#if defined(EIGEN_VECTORIZE_AVX2)
    // Only the upper halves of the floats matter; those of two registers are interleaved in one.
    const auto sixteen = [&](Index at) {
      const __m256 low = _mm256_loadu_ps(values + at), high = _mm256_loadu_ps(values + at + 8);
      const __m256 factor = _mm256_set1_ps(inverse);
      const __m256i first = _mm256_castps_si256(_mm256_mul_ps(low, factor));
      const __m256i second = _mm256_castps_si256(_mm256_mul_ps(high, factor));
      const __m256i bits = _mm256_blend_epi16(_mm256_srli_epi32(first, 16), second, 0xaa);
      const __m256i plus = Signed ? _mm256_and_si256(bits, _mm256_set1_epi16(0x7fff)) : bits;
      const __m256i code = _mm256_srai_epi16(_mm256_add_epi16(plus, _mm256_set1_epi16(shift<Signed> >> 16)), 4);
      if constexpr (Signed) {
        return _mm256_sign_epi16(_mm256_max_epi16(code, _mm256_setzero_si256()), bits);
      } else {
        const __m256i one = _mm256_set1_epi32(1);
        const __m256i least =
            _mm256_blend_epi16(_mm256_min_epi32(_mm256_castps_si256(low), one),
                               _mm256_slli_epi32(_mm256_min_epi32(_mm256_castps_si256(high), one), 16), 0xaa);
        return _mm256_max_epi16(code, least);
      }
    };
    for (; i + 32 <= count; i += 32) {
      const __m256i low = sixteen(i), high = sixteen(i + 16);
      const __m256i all = Signed ? _mm256_packs_epi16(low, high) : _mm256_packus_epi16(low, high);
      const __m256i apart = _mm256_setr_epi8(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15,  //
                                             0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);
      // Packing works on halves of a register, which leaves groups of four out of order.
      const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i),
                          _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(all, apart), order));
    }
#endif
    for (; i < count; ++i) {
      const auto bits = std::bit_cast<std::int32_t>(values[i] * inverse);
      const std::int32_t lowest = !Signed && values[i] > 0 ? 1 : 0;
      const std::int32_t plus = Signed ? bits & 0x7fffffff : bits;
      const std::int32_t code = (std::min)((std::max)((plus + shift<Signed>) >> 20, lowest), top<Signed>);
      codes[i] = static_cast<std::uint8_t>(Signed && bits < 0 ? -code : code);
    }
  }

  template <bool Signed>
  static void decode(const std::uint8_t* codes, Index count, float scale, float* values) {
    Index i = 0;
    for (; i + Lane<float>::width <= count; i += Lane<float>::width)
      load<Signed>(codes + i, Lane<float>(scale)).store(values + i);
    for (; i < count; ++i) values[i] = scale * value<Signed>(codes[i]);
  }
  /// Between -1 and 1.
  template <bool Signed>
  static float value(std::uint8_t byte) {
    const std::int32_t wide = Signed ? static_cast<std::int8_t>(byte) : byte;
    const std::int32_t code = wide < 0 ? -wide : wide;
    const float magnitude = std::bit_cast<float>(code == 0 ? 0 : (code + offset<Signed>) << 20);
    return wide < 0 ? -magnitude : magnitude;
  }
};

}  // namespace glissade
