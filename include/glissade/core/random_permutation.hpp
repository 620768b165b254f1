// A random permutation that is computed, not stored.
#pragma once

#include "random.hpp"

namespace glissade {

/// A permutation of 0 .. size - 1 that depends on a key: four Feistel rounds on the smallest even number of bits
/// that holds all numbers, again and again until the image is below `size` (less than four times in the mean).
/// Source: "Ciphers with Arbitrary Finite Domains", 2002, the cycle-walking cipher on a generalized Feistel network.
class KeyedPermutation {
 public:
  KeyedPermutation(std::uint64_t size, RandomKey key) : size_(size), key_(key) {
    while ((std::uint64_t{1} << (2 * half_)) < size) ++half_;
  }
  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// The image of i < size.
  [[nodiscard]] std::uint64_t operator()(std::uint64_t i) const {
    const std::uint64_t mask = (std::uint64_t{1} << half_) - 1;
    do {
      std::uint64_t left = i >> half_;
      std::uint64_t right = i & mask;
      for (std::uint64_t round = 0; round < 4; ++round) {
        const std::uint64_t mixed = left ^ (key_.bits((round << 32) | right) & mask);
        left = right;
        right = mixed;
      }
      i = (left << half_) | right;
    } while (i >= size_);
    return i;
  }

 private:
  std::uint64_t size_;
  RandomKey key_;
  int half_ = 1;  // bits of each half
};

}  // namespace glissade
