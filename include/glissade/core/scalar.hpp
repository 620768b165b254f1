// The scalars that arrays are stored in and computed in.
#pragma once

#include <Eigen/Core>

#include <type_traits>

#include "ieee.hpp"

namespace glissade {

using Index = Eigen::Index;

template <class T>
concept ComputeScalar = std::is_same_v<T, float> || std::is_same_v<T, double>;

template <class T>
concept Number = std::is_arithmetic_v<T>;

template <class S>
concept StorageScalar = std::is_same_v<S, float> || std::is_same_v<S, double> || std::is_same_v<S, Eigen::bfloat16> ||
    std::is_same_v<S, Eigen::half>;

/// The scalar in which a tensor stored as S is computed.
template <StorageScalar S>
using compute_t = std::conditional_t<std::is_same_v<S, double>, double, float>;

/// A number as another scalar.
template <class To, class From>
EIGEN_ALWAYS_INLINE To convert(From value) {
  if constexpr (std::is_same_v<From, Eigen::half> || std::is_same_v<From, Eigen::bfloat16>)
    return static_cast<To>(static_cast<float>(value));
  else if constexpr (std::is_same_v<To, Eigen::half> || std::is_same_v<To, Eigen::bfloat16>)
    return To(static_cast<float>(value));
  else
    return static_cast<To>(value);
}

/// x as a double and nothing wider: a product so marked is rounded before anything is added to it, where a compiler
/// would otherwise make one fused instruction of both on some targets. For the few numbers that a rule computes once a
/// step.
inline double rounded(double x) {
  const volatile double kept = x;
  return kept;
}

}  // namespace glissade
