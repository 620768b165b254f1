// The vector that a run moves: what it may be, and how a view of one is worked on.
#pragma once

#include <Eigen/Core>

#include <type_traits>

#include "../core/tensors/tensor.hpp"

namespace glissade {

/// A vector that methods work on in place of X: X itself if it owns its memory.
template <class X>
using PlainVector = Eigen::Matrix<double, std::remove_cvref_t<X>::SizeAtCompileTime, 1>;

template <class X>
constexpr void check_variable() {
  using Plain = std::remove_cvref_t<X>;
  static_assert(EigenDense<Plain>, "x must be an Eigen vector of doubles");
  static_assert(Plain::ColsAtCompileTime == 1, "x must be a column vector, known as one at compile time");
  static_assert(std::is_same_v<typename Plain::Scalar, double>, "x must be a vector of doubles");
  static_assert((Plain::Flags & Eigen::LvalueBit) != 0 && !std::is_const_v<std::remove_reference_t<X>>,
                "x is moved to the solution, so it must be writable");
  static_assert(std::is_lvalue_reference_v<X> || !std::is_base_of_v<Eigen::PlainObjectBase<Plain>, Plain>,
                "x is moved to the solution, which would be lost with a temporary vector");
}

/// Gives run(x) a plain vector; where x is a view it is a copy, written back however run ends.
template <class X, class Run>
auto with_plain(X& x, const Run& run) {
  using V = PlainVector<X>;
  if constexpr (std::is_same_v<X, V>) {
    return run(x);
  } else {
    struct Guard {
      X& to;
      V copy = to;
      ~Guard() { to = copy; }
    } guard{x};
    return run(guard.copy);
  }
}

}  // namespace glissade
