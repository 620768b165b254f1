// Norms over the whole range of numbers, and what has a given norm.
#pragma once

#include <array>
#include <cmath>
#include <type_traits>

#include "product.hpp"

namespace glissade {

/// The root of the sum of squares, in double: also where squares overflow or vanish.
template <class T>
[[nodiscard]] double frobenius_norm(MatrixView<const T> X) {
  const auto x = X.flat().template cast<double>();
  const double squares = x.square().sum();
  if (squares > 1e-280 && squares < 1e300) return std::sqrt(squares);
  return X.size() == 0 ? 0.0 : x.matrix().stableNorm();
}

/// Two factors whose product is 1 / x, x > 0 and finite. Either is a normal number of any scalar that holds x, which
/// 1 / x itself need not be.
[[nodiscard]] inline std::array<double, 2> inverse_factors(double x) {
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);
  const int half = exponent / 2;
  return {std::ldexp(1 / mantissa, -half), std::ldexp(1.0, half - exponent)};
}

/// The power of two that brings the largest coefficient of A to [1/2, 1): its exponent; 0 where there is none. To
/// divide by it rounds nothing.
[[nodiscard]] int exponent_of(const auto& A) {
  const double largest = A.size() == 0 ? 0.0 : static_cast<double>(A.cwiseAbs().maxCoeff());
  int exponent = 0;
  if (largest > 0 && std::isfinite(largest)) std::frexp(largest, &exponent);
  return exponent;
}

/// A 2^exponent, without an overflow in between.
[[nodiscard]] auto times_power_of_two(const auto& A, int exponent) {
  using T = typename std::remove_cvref_t<decltype(A)>::Scalar;
  return A.unaryExpr([exponent](const T& a) { return std::ldexp(a, exponent); });
}

}  // namespace glissade
