// Storing parameters in 16 bits: to the nearest value, or stochastically.
#pragma once

#include "../random.hpp"
#include "storage.hpp"

namespace glissade {

enum class Rounding { nearest, stochastic };

/// bfloat16 of x, rounded up with probability (x - lower) / (upper - lower), so that the mean of
/// many roundings is x and small updates are not lost. `noise` is 16 uniform bits. NaN and infinity
/// stay what they are; finite values never become infinite.
inline Eigen::bfloat16 round_stochastically(float x, std::uint32_t noise) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7f800000u) == 0x7f800000u) return Eigen::bfloat16(x);
  std::uint32_t rounded = bits + (noise & 0xffffu);
  if ((rounded & 0x7f800000u) == 0x7f800000u) rounded = bits;  // would carry into infinity
  return Eigen::numext::bit_cast<Eigen::bfloat16>(static_cast<std::uint16_t>(rounded >> 16));
}

namespace detail {

inline constexpr std::uint64_t rounding_stream = ~std::uint64_t{0};  // of random numbers; no link has this number

/// Stores lanes of parameters, with noise keyed by the coefficient where that was asked for.
struct StochasticRounding {
  bool on = false;
  RandomKey key;

  template <std::size_t Count, ComputeScalar T, StorageScalar P>
  EIGEN_ALWAYS_INLINE void store(P* target, const Lane<T> (&lanes)[Count][1], [[maybe_unused]] Index position) const {
    if constexpr (std::is_same_v<P, Eigen::bfloat16>) {
      if (on) {
        constexpr std::size_t width = Lane<T>::width;
        alignas(64) T values[Count * width];
        for (std::size_t j = 0; j < Count; ++j) lanes[j][0].store(values + j * width);
        for (std::size_t k = 0; k < Count * width; ++k)
          target[k] = round_stochastically(
              values[k], static_cast<std::uint32_t>(key.bits(static_cast<std::uint64_t>(position) + k) >> 48));
        return;
      }
    }
    store_lanes<1>(&target, 0, lanes);
  }
};

}  // namespace detail
}  // namespace glissade
