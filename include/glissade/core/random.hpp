// Counter-based random numbers: a pure function of a key and a counter.
//
// Results do not depend on how work is split, nothing is stored but the seed, and any number can
// be drawn out of order. The mixing function is the finalizer of splitmix64 (Steele, Lea and
// Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, variant 13 of Stafford).
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace glissade {

struct RandomKey {
  std::uint64_t value = 0;

  static constexpr std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  /// An independent key for every pair of this key and a number: chain it for (seed, step, tensor).
  [[nodiscard]] constexpr RandomKey derive(std::uint64_t number) const {
    return {mix(value ^ mix(number + 0x9e3779b97f4a7c15ULL))};
  }

  /// 64 uniform bits.
  [[nodiscard]] constexpr std::uint64_t bits(std::uint64_t counter) const {
    return mix(value + (counter + 1) * 0x9e3779b97f4a7c15ULL);
  }

  /// Uniform on the open interval (0, 1), 52 bits.
  [[nodiscard]] constexpr double uniform(std::uint64_t counter) const {
    return (static_cast<double>(bits(counter) >> 12) + 0.5) * 0x1p-52;
  }

  /// Standard normal, by Box and Muller; uses counters 2 c and 2 c + 1.
  [[nodiscard]] double normal(std::uint64_t counter) const {
    const double radius = std::sqrt(-2 * std::log(uniform(2 * counter)));
    return radius * std::cos(2 * std::numbers::pi * uniform(2 * counter + 1));
  }
};

}  // namespace glissade
