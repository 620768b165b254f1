// The norm by which methods and differences judge a vector, and factors that keep its square within range.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace glissade {

/// A power of two by which what is of this size becomes about 1, without rounding; 1 for a size of 0 or not finite.
inline double unit_of(double size) {
  return size > 0 && std::isfinite(size) ? std::ldexp(1.0, std::min(-std::ilogb(size), 1023)) : 1.0;
}

namespace detail {
template <class V>
double norm_of_doubles(const V& v) {
  const double fast = v.norm();
  if (fast > 1e-140 && fast < 1e140) return fast;
  if (v.size() == 0) return 0;
  const double unit = unit_of(v.cwiseAbs().maxCoeff());
  return (unit * v).norm() / unit;
}
}  // namespace detail

/// Euclidean, summed in double, safe from overflow and underflow.
template <class V>
double norm_of(const V& v) {
  if constexpr (std::is_same_v<typename V::Scalar, double>)
    return detail::norm_of_doubles(v);
  else
    return detail::norm_of_doubles(v.template cast<double>());
}

/// v'v / number, also where v'v alone would overflow or vanish.
template <class V>
double square_over(const V& v, double number) {
  const double square = v.squaredNorm();
  if (square > 1e-280 && square < 1e280) return square / number;
  const double unit = unit_of(norm_of(v));
  return (unit * v).squaredNorm() / number / unit / unit;
}
/// number / v'v
template <class V>
double over_square(double number, const V& v) {
  const double square = v.squaredNorm();
  if (square > 1e-280 && square < 1e280) return number / square;
  const double unit = unit_of(norm_of(v));
  return number / (unit * v).squaredNorm() * unit * unit;
}

}  // namespace glissade
