// The norm by which methods and differences judge a vector.
#pragma once

namespace glissade {

/// Euclidean, safe from overflow and underflow.
template <class V>
double norm_of(const V& v) {
  const double fast = v.norm();
  if (fast > 1e-140 && fast < 1e140) return fast;
  return v.size() == 0 ? 0.0 : v.stableNorm();
}

}  // namespace glissade
