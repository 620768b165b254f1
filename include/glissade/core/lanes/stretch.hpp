// Lanes over a stretch of memory outside the engine, for rules that see a whole matrix.
#pragma once

#include "storage.hpp"

namespace glissade {

/// The first `count` coefficients at `source`, the others zero.
template <ComputeScalar T>
Lane<T> load_partial(const T* source, Index count) {
  alignas(64) T values[std::size_t{Lane<T>::width}] = {};
  for (Index i = 0; i < count; ++i) values[i] = source[i];
  return Lane<T>::load(values);
}
template <ComputeScalar T>
void store_partial(T* target, Lane<T> lane, Index count) {
  alignas(64) T values[std::size_t{Lane<T>::width}];
  lane.store(values);
  for (Index i = 0; i < count; ++i) target[i] = values[i];
}

/// out[i] = f(in[i]..., i) for i in [0, size), lane by lane; the tail is padded with zeros.
template <ComputeScalar T, class F, class... In>
void transform_lanes(Index size, T* out, const F& f, const In*... in) {
  constexpr Index width = Lane<T>::width;
  Index i = 0;
  for (; i + width <= size; i += width) f(Lane<T>::load(in + i)...).store(out + i);
  if (i < size) store_partial(out + i, f(load_partial(in + i, size - i)...), size - i);
}

inline constexpr Index stripe = 16;  // coefficients handled together; the tail is padded to it

/// The sum of a stripe, always in the same order.
inline double sum_stripe(const double* values) {
  double pairs[stripe / 2];
  for (Index i = 0; i < stripe / 2; ++i) pairs[i] = values[i] + values[i + stripe / 2];
  for (Index half = stripe / 4; half > 0; half /= 2)
    for (Index i = 0; i < half; ++i) pairs[i] += pairs[i + half];
  return pairs[0];
}

}  // namespace glissade
