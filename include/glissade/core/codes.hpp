// State in 8 bits: blocks of 256 coefficients share a scale, their largest magnitude.
//
// An array of n coefficients takes n bytes of codes and one float a block: 1.016 bytes a coefficient.
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

/// Bytes of the codes of n coefficients, padded so that the scales behind them are aligned.
constexpr Index code_bytes(Index size) { return (size + 3) / 4 * 4; }
constexpr Index coded_bytes(Index size) {
  return code_bytes(size) + (size + code_block - 1) / code_block * static_cast<Index>(sizeof(float));
}

inline float inverse_scale(float scale) { return 1 / (std::max)(scale, 1e-38f); }

/// Encodes a block and returns its scale. A value that is not finite makes the scale NaN, and with it
/// the whole block: a poisoned state stays visible.
template <BlockCode C>
float encode_block(const float* values, Index count, bool is_signed, std::uint8_t* codes) {
  float scale = 0;
  bool finite = true;
  for (Index i = 0; i < count; ++i) {
    const float magnitude = std::abs(values[i]);
    finite = finite && magnitude <= (std::numeric_limits<float>::max)();
    scale = magnitude > scale ? magnitude : scale;
  }
  if (!finite) scale = std::numeric_limits<float>::quiet_NaN();
  C::encode(values, count, scale, is_signed, codes);
  return scale;
}

}  // namespace detail

/// The dynamic tree code of the source: relative precision of 3 to 6 % in the top decade, twice as
/// coarse with every decade below, down to 5e-7 of the block's largest magnitude. Signed codes cannot
/// hold -1 exactly (they hold -0.993). Encoding searches a table: accurate, not fast.
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
    std::array<float, 255> middle{};  // between value k and k + 1; ties go to the lower

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
    }
    [[nodiscard]] std::uint8_t nearest(float x) const {
      return static_cast<std::uint8_t>(std::lower_bound(middle.begin(), middle.end(), x) - middle.begin());
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
/// magnitude, which is exact; smaller numbers become 0. A few integer operations a coefficient.
struct LogarithmicCode {
  static void encode(const float* values, Index count, float scale, bool is_signed, std::uint8_t* codes) {
    const float inverse = detail::inverse_scale(scale);
    const std::int32_t lowest = is_signed ? 0 : 1;  // of what is not zero
    const std::int32_t top = is_signed ? 127 : 255;
    const std::int32_t offset = offset_of(top);
    for (Index i = 0; i < count; ++i) {
      const auto bits = std::bit_cast<std::int32_t>(values[i] * inverse);
      const std::int32_t magnitude = (bits & 0x7fffffff) + (1 << 19);  // nearest
      std::int32_t code = (magnitude >> 20) - offset;
      code = code < lowest ? (values[i] == 0 ? 0 : lowest) : code;
      code = code > top ? top : code;
      codes[i] = static_cast<std::uint8_t>(is_signed ? code | ((bits >> 24) & 0x80) : code);
    }
  }
  static void decode(const std::uint8_t* codes, Index count, float scale, bool is_signed, float* values) {
    const std::int32_t top = is_signed ? 127 : 255;
    const std::int32_t offset = offset_of(top);
    for (Index i = 0; i < count; ++i) {
      const std::int32_t code = codes[i] & top;
      const std::int32_t magnitude = code == 0 ? 0 : (code + offset) << 20;
      const std::int32_t sign = is_signed ? (codes[i] & 0x80) << 24 : 0;
      values[i] = scale * std::bit_cast<float>(magnitude | sign);
    }
  }

 private:
  /// The top code stands for 1.0f, whose upper 12 bits are 0x3f8.
  static constexpr std::int32_t offset_of(std::int32_t top) { return 0x3f8 - top; }
};

}  // namespace glissade
