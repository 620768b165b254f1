// The byte bound: the time that memory takes to move what a rule must read and write.
#pragma once

#include <glissade/core/lanes/lane.hpp>

namespace bench {

/// Reads `Reads` streams and writes `Writes` of them back, with one addition a coefficient. Stream 0
/// is only read.
template <int Reads, int Writes>
EIGEN_DONT_INLINE void move_bytes(float* const* streams, Eigen::Index size) {
  using L = glissade::Lane<float>;
  for (Eigen::Index i = 0; i + L::width <= size; i += L::width) {
    L value[std::size_t{Reads}];
    L sum = L(0);
    for (int k = 0; k < Reads; ++k) {
      value[k] = L::load(streams[k] + i);
      sum += value[k];
    }
    if constexpr (Writes == 0) {
      if (sum.scalar() == 12345.0f) streams[0][i] = 0;  // keeps the reads alive
    }
    for (int k = 1; k <= Writes; ++k) (value[k] + 1e-9f * sum).store(streams[k] + i);
  }
}

}  // namespace bench
