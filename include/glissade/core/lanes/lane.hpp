// A lane: one register of consecutive coefficients, the value type in which every rule is written.
//
// Arithmetic of lanes is IEEE and is never contracted to fused multiply-add, so from the same numbers a coefficient
// gets the same bits whatever lane, tail or thread it is computed in, with or without such instructions. The few
// numbers that a rule computes once a step (a rate, a correction) are ordinary code, which calls the C library and
// where compilers may contract a product and a sum unless the product is marked by `rounded` (core/scalar.hpp): so are
// those in which a difference between targets was found. Mixed expressions with plain numbers are welcome: `0.9 * m +
// 0.1 * u`; the number is rounded once to the lane's scalar.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

#include "../scalar.hpp"

namespace glissade {

/// Result of a lane comparison; only good for `select`, `&`, `|` and `!`.
template <ComputeScalar T>
struct Mask {
  using Packet = typename Eigen::internal::packet_traits<T>::type;
  Packet packet;

  friend EIGEN_ALWAYS_INLINE Mask operator&(Mask a, Mask b) { return {Eigen::internal::pand(a.packet, b.packet)}; }
  friend EIGEN_ALWAYS_INLINE Mask operator|(Mask a, Mask b) { return {Eigen::internal::por(a.packet, b.packet)}; }
  friend EIGEN_ALWAYS_INLINE Mask operator!(Mask a) {
    return {Eigen::internal::pandnot(Eigen::internal::ptrue(a.packet), a.packet)};
  }
};

template <ComputeScalar T>
struct Lane {
  using Scalar = T;
  using Packet = typename Eigen::internal::packet_traits<T>::type;
  static constexpr int width = Eigen::internal::unpacket_traits<Packet>::size;

  Packet packet;

  Lane() = default;
  EIGEN_ALWAYS_INLINE explicit Lane(Packet p, int) : packet(p) {}
  template <Number S>
  EIGEN_ALWAYS_INLINE Lane(S value) : packet(Eigen::internal::pset1<Packet>(static_cast<T>(value))) {}

  static EIGEN_ALWAYS_INLINE Lane load(const T* source) { return Lane(Eigen::internal::ploadu<Packet>(source), 0); }
  EIGEN_ALWAYS_INLINE void store(T* target) const { Eigen::internal::pstoreu(target, packet); }
  /// Stores to memory that is not read again soon and is aligned like the register: past the caches where the target
  /// can, which then need not be read before they are written.
  EIGEN_ALWAYS_INLINE void stream(T* target) const {
    constexpr bool is_float = std::is_same_v<T, float>;
    if constexpr (width == 1) store(target);
#if defined(EIGEN_VECTORIZE_AVX512)
    else if constexpr (is_float)
      _mm512_stream_ps(target, packet);
    else
      _mm512_stream_pd(target, packet);
#elif defined(EIGEN_VECTORIZE_AVX)
    else if constexpr (is_float)
      _mm256_stream_ps(target, packet);
    else
      _mm256_stream_pd(target, packet);
#elif defined(EIGEN_VECTORIZE_SSE)
    else if constexpr (is_float)
      _mm_stream_ps(target, packet);
    else
      _mm_stream_pd(target, packet);
#else
    else
      Eigen::internal::pstore(target, packet);
#endif
  }
  /// What this thread has streamed is seen by others that it wakes afterwards.
  static EIGEN_ALWAYS_INLINE void end_stream() {
#if defined(EIGEN_VECTORIZE_SSE)
    _mm_sfence();
#endif
  }

  friend EIGEN_ALWAYS_INLINE Lane operator+(Lane a, Lane b) {
    return Lane(Eigen::internal::padd(a.packet, b.packet), 0);
  }
  friend EIGEN_ALWAYS_INLINE Lane operator-(Lane a, Lane b) {
    return Lane(Eigen::internal::psub(a.packet, b.packet), 0);
  }
  friend EIGEN_ALWAYS_INLINE Lane operator*(Lane a, Lane b) {
    Packet product = Eigen::internal::pmul(a.packet, b.packet);
#if EIGEN_COMP_GNUC_STRICT && (defined(__FMA__) || EIGEN_ARCH_ARM_OR_ARM64)
    EIGEN_OPTIMIZATION_BARRIER(product)  // keeps GCC from fusing a following add
#endif
    return Lane(product, 0);
  }
  friend EIGEN_ALWAYS_INLINE Lane operator/(Lane a, Lane b) {
    return Lane(Eigen::internal::pdiv(a.packet, b.packet), 0);
  }
  friend EIGEN_ALWAYS_INLINE Lane operator-(Lane a) { return flip_sign(a, Lane(T(-0.0))); }

  /// a where `sign` is +0, -a where it is -0.
  friend EIGEN_ALWAYS_INLINE Lane flip_sign(Lane a, Lane sign) {
    return Lane(Eigen::internal::pxor(a.packet, sign.packet), 0);
  }

  EIGEN_ALWAYS_INLINE Lane& operator+=(Lane b) { return *this = *this + b; }
  EIGEN_ALWAYS_INLINE Lane& operator-=(Lane b) { return *this = *this - b; }
  EIGEN_ALWAYS_INLINE Lane& operator*=(Lane b) { return *this = *this * b; }
  EIGEN_ALWAYS_INLINE Lane& operator/=(Lane b) { return *this = *this / b; }

  friend EIGEN_ALWAYS_INLINE Mask<T> operator<(Lane a, Lane b) {
    return {Eigen::internal::pcmp_lt(a.packet, b.packet)};
  }
  friend EIGEN_ALWAYS_INLINE Mask<T> operator>(Lane a, Lane b) { return b < a; }
  friend EIGEN_ALWAYS_INLINE Mask<T> operator<=(Lane a, Lane b) {
    return {Eigen::internal::pcmp_le(a.packet, b.packet)};
  }
  friend EIGEN_ALWAYS_INLINE Mask<T> operator>=(Lane a, Lane b) { return b <= a; }
  friend EIGEN_ALWAYS_INLINE Mask<T> operator==(Lane a, Lane b) {
    return {Eigen::internal::pcmp_eq(a.packet, b.packet)};
  }

  friend EIGEN_ALWAYS_INLINE Lane select(Mask<T> mask, Lane yes, Lane no) {
    return Lane(Eigen::internal::pselect(mask.packet, yes.packet, no.packet), 0);
  }
  friend EIGEN_ALWAYS_INLINE Lane abs(Lane a) { return Lane(Eigen::internal::pabs(a.packet), 0); }
  friend EIGEN_ALWAYS_INLINE Lane square(Lane a) { return a * a; }

  /// Smaller and larger of the two; NaN if either is NaN.
  friend EIGEN_ALWAYS_INLINE Lane min(Lane a, Lane b) {
    return Lane(Eigen::internal::pmin<Eigen::PropagateNaN>(a.packet, b.packet), 0);
  }
  friend EIGEN_ALWAYS_INLINE Lane max(Lane a, Lane b) {
    return Lane(Eigen::internal::pmax<Eigen::PropagateNaN>(a.packet, b.packet), 0);
  }

  friend EIGEN_ALWAYS_INLINE Mask<T> is_nan(Lane a) { return !(a == a); }
  friend EIGEN_ALWAYS_INLINE Mask<T> is_finite(Lane a) { return abs(a) <= Lane((std::numeric_limits<T>::max)()); }

  /// -1, 0 or 1; NaN stays NaN.
  friend EIGEN_ALWAYS_INLINE Lane sign(Lane a) {
    namespace ei = Eigen::internal;
    const Packet zero = ei::pset1<Packet>(T(0));
    const Packet up = ei::pand(ei::pcmp_lt(zero, a.packet), ei::pset1<Packet>(T(1)));
    const Packet down = ei::pand(ei::pcmp_lt(a.packet, zero), ei::pset1<Packet>(T(-1)));
    return select(a == a, Lane(ei::por(up, down), 0), a);
  }

  /// Correctly rounded square root. Eigen's is not for float (off by up to 3 ulp, NaN at infinity), nor with AVX-512
  /// for double; elsewhere its instruction for double is the processor's.
  friend EIGEN_ALWAYS_INLINE Lane sqrt(Lane a) {
    constexpr bool is_float = std::is_same_v<T, float>;
    if constexpr (width == 1) {
      return Lane(std::sqrt(a.scalar()));
    } else {
#if defined(EIGEN_VECTORIZE_AVX512)
      if constexpr (is_float)
        return Lane(_mm512_sqrt_ps(a.packet), 0);
      else
        return Lane(_mm512_sqrt_pd(a.packet), 0);
#elif defined(EIGEN_VECTORIZE_AVX)
      if constexpr (is_float)
        return Lane(_mm256_sqrt_ps(a.packet), 0);
      else
        return Lane(_mm256_sqrt_pd(a.packet), 0);
#elif defined(EIGEN_VECTORIZE_SSE)
      if constexpr (is_float)
        return Lane(_mm_sqrt_ps(a.packet), 0);
      else
        return Lane(_mm_sqrt_pd(a.packet), 0);
#else
      alignas(64) T values[std::size_t{width}];
      a.store(values);
      for (T& value : values) value = std::sqrt(value);
      return load(values);
#endif
    }
  }

  /// Cube root, coefficient by coefficient: slow, some 20 times a square root.
  friend EIGEN_ALWAYS_INLINE Lane cbrt(Lane a) {
    if constexpr (width == 1) {
      return Lane(std::cbrt(a.scalar()));
    } else {
      alignas(64) T values[std::size_t{width}];
      a.store(values);
      for (T& value : values) value = std::cbrt(value);
      return load(values);
    }
  }

  /// The first coefficient.
  [[nodiscard]] EIGEN_ALWAYS_INLINE T scalar() const { return Eigen::internal::pfirst(packet); }
};

/// A float or double lane converted to double: as many coefficients, one or more registers.
/// Sums of squares are exact in float and safe from overflow when formed in it.
template <int Width>
struct WideLane {
  using Part = Lane<double>;
  static constexpr int parts = Width / Part::width;
  Part part[std::size_t{parts}];

  static EIGEN_ALWAYS_INLINE WideLane load(const double* source) {
    WideLane r;
    for (int k = 0; k < parts; ++k) r.part[k] = Part::load(source + k * Part::width);
    return r;
  }
  EIGEN_ALWAYS_INLINE void store(double* target) const {
    for (int k = 0; k < parts; ++k) part[k].store(target + k * Part::width);
  }
  friend EIGEN_ALWAYS_INLINE WideLane operator+(const WideLane& a, const WideLane& b) {
    WideLane r;
    for (int k = 0; k < parts; ++k) r.part[k] = a.part[k] + b.part[k];
    return r;
  }
  friend EIGEN_ALWAYS_INLINE WideLane operator-(const WideLane& a, const WideLane& b) {
    WideLane r;
    for (int k = 0; k < parts; ++k) r.part[k] = a.part[k] - b.part[k];
    return r;
  }
  friend EIGEN_ALWAYS_INLINE WideLane operator*(const WideLane& a, const WideLane& b) {
    WideLane r;
    for (int k = 0; k < parts; ++k) r.part[k] = a.part[k] * b.part[k];
    return r;
  }
  friend EIGEN_ALWAYS_INLINE WideLane square(const WideLane& a) { return a * a; }
  friend EIGEN_ALWAYS_INLINE WideLane abs(const WideLane& a) {
    WideLane r;
    for (int k = 0; k < parts; ++k) r.part[k] = abs(a.part[k]);
    return r;
  }
};

/// The same coefficients in double.
template <ComputeScalar T>
EIGEN_ALWAYS_INLINE WideLane<Lane<T>::width> widen(Lane<T> a) {
  constexpr int width = Lane<T>::width;
  WideLane<width> r;
  if constexpr (std::is_same_v<T, double>) {
    r.part[0] = a;
  } else if constexpr (width == 1) {
    r.part[0] = Lane<double>(static_cast<double>(a.scalar()));
  } else {
#if defined(EIGEN_VECTORIZE_AVX512)
    r.part[0].packet = _mm512_cvtps_pd(_mm512_castps512_ps256(a.packet));
    r.part[1].packet = _mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a.packet), 1)));
#elif defined(EIGEN_VECTORIZE_AVX)
    r.part[0].packet = _mm256_cvtps_pd(_mm256_castps256_ps128(a.packet));
    r.part[1].packet = _mm256_cvtps_pd(_mm256_extractf128_ps(a.packet, 1));
#elif defined(EIGEN_VECTORIZE_SSE)
    r.part[0].packet = _mm_cvtps_pd(a.packet);
    r.part[1].packet = _mm_cvtps_pd(_mm_movehl_ps(a.packet, a.packet));
#else
    alignas(64) T values[std::size_t{width}];
    alignas(64) double wide[std::size_t{width}];
    a.store(values);
    for (int k = 0; k < width; ++k) wide[k] = static_cast<double>(values[k]);
    r = WideLane<width>::load(wide);
#endif
  }
  return r;
}

}  // namespace glissade
