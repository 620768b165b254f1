// Numbers too small to matter, with which processors may compute many times slower.
//
// A running mean of zeros decays to the subnormal numbers and stays among them. They are replaced by zeros
// every 256th step: of the whole state at once, so that results do not depend on how tensors are split.
#pragma once

#include <cmath>
#include <limits>

#include "../lanes/lane.hpp"
#include "field.hpp"
#include "threads.hpp"

namespace glissade::detail {

inline constexpr std::int64_t flush_period = 256;

/// Zero of the same sign where x is subnormal, else x.
template <StorageScalar S>
S without_subnormal(S x) {
  if constexpr (std::is_same_v<S, float> || std::is_same_v<S, double>) {
    return std::abs(x) < (std::numeric_limits<S>::min)() ? x * 0 : x;
  } else if constexpr (std::is_same_v<S, Eigen::bfloat16>) {
    const auto bits = Eigen::numext::bit_cast<std::uint16_t>(x);
    return (bits & 0x7f80) == 0 ? Eigen::numext::bit_cast<S>(static_cast<std::uint16_t>(bits & 0x8000)) : x;
  } else {
    return x;  // half: computed in float, where they are normal
  }
}

template <StorageScalar S>
void flush_subnormal(S* values, Index size, int threads) {
  constexpr Index part = 16384;
  parallel_for((size + part - 1) / part, threads, [&](Index p) {
    const Index end = (std::min)(size, (p + 1) * part);
    Index i = p * part;
    if constexpr (ComputeScalar<S>) {
      using L = Lane<S>;
      for (; i + L::width <= end; i += L::width) {
        const L x = L::load(values + i);
        select(abs(x) < L((std::numeric_limits<S>::min)()), x * L(0), x).store(values + i);
      }
    }
    for (; i < end; ++i) values[i] = without_subnormal(values[i]);
  });
}

/// Coefficients [begin, begin + size) of a field. Those of half are computed in float, where they are normal.
inline void flush_subnormal(Field& field, Index begin, Index size, int threads) {
  with_numbers(field, [&](auto* values) {
    if constexpr (!std::is_same_v<decltype(values), Eigen::half*>) flush_subnormal(values + begin, size, threads);
  });
}
inline void flush_subnormal(Field& field, int threads) { flush_subnormal(field, 0, field.size(), threads); }

}  // namespace glissade::detail
