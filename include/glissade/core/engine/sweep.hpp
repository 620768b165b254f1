// One pass over one tensor: load the update, the parameter and the state, run the kernels, store.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "../lanes/codes.hpp"
#include "../lanes/rounding.hpp"
#include "../lanes/stretch.hpp"
#include "../pack.hpp"
#include "../tensors/threads.hpp"
#include "kernel.hpp"

namespace glissade::detail {

inline constexpr Index block = 4096;          // coefficients of one partial sum
inline constexpr Index task = 4 * block;      // coefficients of one unit of work for a thread
inline constexpr Index far = Index{1} << 18;  // a tensor of that size is not expected in the cache
template <ComputeScalar T>
inline constexpr Index ahead = 2048 / Index{sizeof(T)};  // from what is computed to what is fetched meanwhile

/// Stands for "measures nothing".
struct NoMeasure {
  static constexpr int sums = 0;
  template <ComputeScalar T>
  static constexpr bool needs_parameters = false;
};

/// The measuring half of a barrier.
template <class B, int N>
struct Measure {
  using BoundType = B;
  static constexpr int sums = N;
  template <ComputeScalar T>
  static constexpr bool needs_parameters = B::template needs_parameters<T>;
  B bound;
};

enum class Store { nothing, update, parameters };

/// The streams of a pass besides state. X is P, or T where the parameters are kept unrounded as well.
template <ComputeScalar T, class In, StorageScalar X, StorageScalar P>
struct Streams {
  const In* in;         // incoming update
  T* out;               // outgoing update, for Store::update
  const X* parameters;  // read
  X* kept;              // the same, written for Store::parameters where X is not P
  P* target;            // the caller's parameters, written for Store::parameters
  T sign;               // 0 or -0: turns the gradient around by an exclusive or
  StochasticRounding rounding;
  Index fetchable = 0;  // coefficients to be asked for ahead of time: hardware follows so many streams too late
};

/// Asks for what the coefficients from i on need.
template <Store store, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class... B, class M>
EIGEN_ALWAYS_INLINE void fetch(const Streams<T, In, X, P>& io, const Pack<B...>& kernels,
                               [[maybe_unused]] const M& measure, Index i) {
  __builtin_prefetch(io.in + i, 0);
  if constexpr (store == Store::parameters)
    __builtin_prefetch(io.parameters + i, 1);
  else if constexpr ((M::template needs_parameters<T> || ... || B::template needs_parameters<T>))
    __builtin_prefetch(io.parameters + i, 0);
  for_each_item(kernels, [=](const auto& bound) { bound.slots.fetch(i); });
  if constexpr (M::sums > 0) measure.bound.slots.fetch(i);
}

/// Lanes that go through the kernels together, since one of the arrays is best stored so.
template <ComputeScalar T, StorageScalar P, class Kernels>
inline constexpr std::size_t group = 1;
template <ComputeScalar T, StorageScalar P, class... B>
inline constexpr std::size_t group<T, P, Pack<B...>> = (std::max)({lanes_together<T, P>,
                                                                   decltype(B::slots)::template together<T>...});

/// Some lanes: the outgoing update and the parameter before the step.
template <ComputeScalar T, std::size_t Count>
struct Lanes {
  Lane<T> u[Count];
  Lane<T> x[Count];
};

template <std::size_t Count, ComputeScalar T, class Kernels, std::size_t... K>
EIGEN_ALWAYS_INLINE void run_kernels(const Kernels& kernels, [[maybe_unused]] Index i, [[maybe_unused]] Index position,
                                     Lane<T> (&u)[Count], const Lane<T> (&x)[Count], std::index_sequence<K...>) {
  (item<K>(kernels).run(i, position, u, x), ...);
}

/// `Count` lanes through all kernels.
template <Store store, std::size_t Count, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class... B>
EIGEN_ALWAYS_INLINE Lanes<T, Count> run_lanes(const Streams<T, In, X, P>& io, const Pack<B...>& kernels, Index i,
                                              Index position) {
  constexpr Index width = Lane<T>::width;
  Lanes<T, Count> lanes;
  for (std::size_t k = 0; k < Count; ++k) {
    lanes.u[k] = flip_sign(load_lane<T>(io.in + i + static_cast<Index>(k) * width), Lane<T>(io.sign));
    lanes.x[k] = load_lane<T>(io.parameters + i + static_cast<Index>(k) * width);
  }
  run_kernels(kernels, i, position, lanes.u, lanes.x, std::index_sequence_for<B...>{});
  Lane<T> out[Count][1];
  for (std::size_t k = 0; k < Count; ++k) {
    const Index at = i + static_cast<Index>(k) * width;
    if constexpr (store == Store::update) lanes.u[k].store(io.out + at);
    if constexpr (store == Store::parameters) {
      out[k][0] = lanes.x[k] + lanes.u[k];
      if constexpr (!std::is_same_v<X, P>) out[k][0].store(io.kept + at);
    }
  }
  if constexpr (store == Store::parameters) io.rounding.store(io.target + i, out, position);
  return lanes;
}

/// Coefficients [begin, end), whole lanes or, for sums, stripes. Adds to sums[k * stripe + j] the k-th term of
/// the coefficients j modulo the stripe, so sums depend neither on the lane's width nor the split.
template <Store store, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class Kernels, class M>
[[gnu::flatten]] EIGEN_DONT_INLINE void sweep_range(const Streams<T, In, X, P> io, const Kernels kernels_in,
                                                    const M measure_in, Index begin, Index end, Index origin,
                                                    [[maybe_unused]] double* sums) {
  constexpr int width = Lane<T>::width;
  constexpr std::size_t together = group<T, P, Kernels>;
  const Kernels kernels = kernels_in;  // local copies, so that the compiler sees that no store
  const M measure = measure_in;        // can change what the kernels captured
  if constexpr (M::sums == 0) {
    const Index chunk = io.fetchable > 0 ? 4 * stripe : end - begin;
    for (Index at = begin; at < end; at += chunk) {
      const Index stop = (std::min)(at + chunk, end);
      if (stop + ahead<T> <= io.fetchable)
        for (Index i = at; i < stop; i += stripe) fetch<store>(io, kernels, measure, i + ahead<T>);
      for (Index i = at; i < stop; i += static_cast<Index>(together) * width)
        run_lanes<store, together>(io, kernels, i, origin + i);
    }
  } else {
    constexpr std::size_t lanes = static_cast<std::size_t>(stripe) / width;
    Lanes<T, together> run;
    using Wide = WideLane<width>;
    Wide total[std::size_t{M::sums}][lanes];
    const auto sums_of = [=](int k, std::size_t j) { return sums + k * stripe + static_cast<Index>(j) * width; };
    for (int k = 0; k < M::sums; ++k)
      for (std::size_t j = 0; j < lanes; ++j) total[k][j] = Wide::load(sums_of(k, j));
    for (Index i = begin; i < end; i += stripe) {
      if (i + ahead<T> < io.fetchable) fetch<store>(io, kernels, measure, i + ahead<T>);
      for (std::size_t j = 0; j < lanes; ++j) {
        const Index at = i + static_cast<Index>(j) * width;
        if (j % together == 0) run = run_lanes<store, together>(io, kernels, at, origin + at);
        const auto term = measure.bound.measure(at, origin + at, run.u[j % together], run.x[j % together]);
        for (int k = 0; k < M::sums; ++k) total[k][j] = total[k][j] + term.value[k];
      }
    }
    for (int k = 0; k < M::sums; ++k)
      for (std::size_t j = 0; j < lanes; ++j) total[k][j].store(sums_of(k, j));
  }
}

/// Copies of the last few coefficients of every array of a kernel, padded with zeros.
template <class S, std::size_t N>
struct Tail {
  alignas(64) S values[N + 1][stripe] = {};

  template <class Kernel, bool Indexed>
  auto enter(const Bound<Kernel, Arrays<S, N>, Indexed>& bound, Index at, Index count) {
    Bound<Kernel, Arrays<S, N>, Indexed> padded{bound.kernel, {}};
    for (std::size_t k = 0; k < N; ++k) {
      for (Index i = 0; i < count; ++i) values[k][i] = bound.slots.at[k][at + i];
      padded.slots.at[k] = values[k];
    }
    return padded;
  }
  template <class Kernel, bool Indexed>
  void leave(const Bound<Kernel, Arrays<S, N>, Indexed>& bound, Index at, Index count) const {
    for (std::size_t k = 0; k < N; ++k)
      for (Index i = 0; i < count; ++i) bound.slots.at[k][at + i] = values[k][i];
  }
};
template <class Kernel, class S, std::size_t N, bool Indexed>
Tail<S, N> tail_of(const Bound<Kernel, Arrays<S, N>, Indexed>&);

/// The last coefficients, fewer than a stripe, through the same instructions as all others: they are moved
/// to zero-padded copies and back.
template <Store store, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class... B, class M>
EIGEN_DONT_INLINE void sweep_tail(const Streams<T, In, X, P>& io, const Pack<B...>& kernels, const M& measure, Index at,
                                  Index count, Index origin, double* sums) {
  alignas(64) In in[stripe] = {};
  alignas(64) T out[stripe] = {};
  alignas(64) X parameters[stripe] = {};
  alignas(64) P target[stripe] = {};
  for (Index i = 0; i < count; ++i) {
    in[i] = io.in[at + i];
    parameters[i] = io.parameters[at + i];
  }
  const Streams<T, In, X, P> padded{in, out, parameters, parameters, target, io.sign, io.rounding};
  Pack<decltype(tail_of(std::declval<B>()))...> tails;
  alignas(64) double tail_sums[(M::sums + 1) * stripe] = {};

  [&]<std::size_t... K>(std::index_sequence<K...>) {
    const Pack<B...> inner = pack<B...>(item<K>(tails).enter(item<K>(kernels), at, count)...);
    if constexpr (M::sums == 0) {
      sweep_range<store>(padded, inner, measure, 0, stripe, origin + at, tail_sums);
    } else {
      decltype(tail_of(measure.bound)) measured;
      const M inner_measure{measured.enter(measure.bound, at, count)};
      sweep_range<store>(padded, inner, inner_measure, 0, stripe, origin + at, tail_sums);
      measured.leave(measure.bound, at, count);
    }
    (item<K>(tails).leave(item<K>(kernels), at, count), ...);
  }
  (std::index_sequence_for<B...>{});

  for (Index i = 0; i < count; ++i) {
    if constexpr (store == Store::update) io.out[at + i] = out[i];
    if constexpr (store == Store::parameters) {
      io.target[at + i] = target[i];
      if constexpr (!std::is_same_v<X, P>) io.kept[at + i] = parameters[i];
    }
    for (int k = 0; k < M::sums; ++k) sums[k * stripe + i] += tail_sums[k * stripe + i];
  }
}

/// Coefficients [begin, end): whole lanes, or stripes where sums are taken, then the tail.
template <Store store, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class Kernels, class M>
void sweep_stretch(const Streams<T, In, X, P>& io, const Kernels& kernels, const M& measure, Index begin, Index end,
                   Index origin, double* sums) {
  constexpr Index unit = M::sums > 0 ? stripe : static_cast<Index>(group<T, P, Kernels>) * Lane<T>::width;
  const Index full = end - (end - begin) % unit;
  if (full > begin) sweep_range<store>(io, kernels, measure, begin, full, origin, sums);
  if (full < end) sweep_tail<store>(io, kernels, measure, full, end - full, origin, sums);
}

/// What a block of every array of a kernel becomes on its way through a pass, and the way back. A full block
/// of codes is decoded lane by lane, the last one before the pass. Plain arrays are only shifted.
template <class C, std::size_t N, ComputeScalar T>
struct Stage {
  alignas(64) T values[N + 1][code_block];
  Stage() {}  // leaves the values alone: only what was decoded or computed is read

  template <bool Whole, class Kernel, class R>
  auto enter(const Coded<Kernel, C, N, R, T>& coded, Index begin, Index count) {
    using Slots = std::conditional_t<Whole, Decoded<C, N, R>, Arrays<T, N>>;
    Bound<Kernel, Slots, is_indexed<R>> bound{coded.kernel, {}};
    for (std::size_t s = 0; s < N; ++s) {
      T* const numbers = slot_has_full_precision<R>(s) ? coded.numbers[s] + begin : values[s];
      if constexpr (Whole)
        bound.slots.values[s] = numbers;
      else
        bound.slots.at[s] = numbers;
      if (slot_has_full_precision<R>(s)) continue;
      const float scale = coded.scales[s][begin / code_block];
      if constexpr (Whole) {
        bound.slots.codes[s] = coded.codes[s] + begin;
        bound.slots.scales[s] = scale;
      } else {
        decode(coded.codes[s] + begin, count, scale, !slot_is_non_negative<R>(s), numbers);
      }
    }
    return bound;
  }
  template <class Kernel, class R>
  void leave(const Coded<Kernel, C, N, R, T>& coded, Index begin, Index count) const {
    for (std::size_t s = 0; s < N; ++s)
      if (!slot_has_full_precision<R>(s))
        coded.scales[s][begin / code_block] =
            encode(values[s], count, !slot_is_non_negative<R>(s), coded.codes[s] + begin);
  }

 private:
  static void decode(const std::uint8_t* codes, Index count, float scale, bool is_signed, T* numbers) {
    if constexpr (std::is_same_v<T, float>) {
      C::decode(codes, count, scale, is_signed, numbers);
    } else {
      float narrow[code_block];
      C::decode(codes, count, scale, is_signed, narrow);
      std::copy_n(narrow, count, numbers);
    }
  }
  static float encode(const T* numbers, Index count, bool is_signed, std::uint8_t* codes) {
    if constexpr (std::is_same_v<T, float>) {
      return encode_block<C>(numbers, count, is_signed, codes);
    } else {
      float narrow[code_block];
      for (Index i = 0; i < count; ++i) narrow[i] = static_cast<float>(numbers[i]);
      return encode_block<C>(narrow, count, is_signed, codes);
    }
  }
};
struct Shift {
  template <bool, class Kernel, class S, std::size_t N, bool Indexed>
  auto enter(const Bound<Kernel, Arrays<S, N>, Indexed>& bound, Index begin, Index) const {
    Bound<Kernel, Arrays<S, N>, Indexed> shifted = bound;
    for (S*& array : shifted.slots.at) array += begin;
    return shifted;
  }
  void leave(const auto&, Index, Index) const {}
};
template <class Kernel, class C, std::size_t N, class R, class T>
Stage<C, N, T> stage_of(const Coded<Kernel, C, N, R, T>&);
template <class Kernel, class S, std::size_t N, bool Indexed>
Shift stage_of(const Bound<Kernel, Arrays<S, N>, Indexed>&);

template <class B>
inline constexpr bool is_coded = false;
template <class Kernel, class C, std::size_t N, class R, class T>
inline constexpr bool is_coded<Coded<Kernel, C, N, R, T>> = true;

/// A code whose lanes of T can be decoded one by one.
template <class C, class T>
concept LaneCode = requires(const std::uint8_t* codes, Lane<T> scale) {
  { C::template load<true>(codes, scale) } -> std::same_as<Lane<T>>;
};
template <class T, class B>
inline constexpr bool decodes_lanes = true;
template <class T, class Kernel, class C, std::size_t N, class R>
inline constexpr bool decodes_lanes<T, Coded<Kernel, C, N, R, T>> = LaneCode<C, T>;

/// One block of the coded arrays of a tensor, [begin, begin + count).
template <Store store, bool Whole, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class... B, class M>
EIGEN_ALWAYS_INLINE void sweep_block(const Streams<T, In, X, P>& io, const Pack<B...>& kernels, const M& measure,
                                     Index begin, Index count, double* sums) {
  const auto from = [=](auto* array) { return array == nullptr ? nullptr : array + begin; };
  const Streams<T, In, X, P> here{io.in + begin,   from(io.out), io.parameters + begin, from(io.kept),
                                  from(io.target), io.sign,      io.rounding,           io.fetchable - begin};
  Pack<decltype(stage_of(std::declval<B>()))...> stages;
  [&]<std::size_t... K>(std::index_sequence<K...>) {
    const auto run = [&](const auto& measured) {
      const auto staged = pack(item<K>(stages).template enter<Whole>(item<K>(kernels), begin, count)...);
      if constexpr (Whole)
        sweep_range<store>(here, staged, measured, 0, count, begin, sums);
      else
        sweep_stretch<store>(here, staged, measured, 0, count, begin, sums);
    };
    if constexpr (M::sums == 0) {
      run(measure);
    } else {
      decltype(stage_of(measure.bound)) stage;
      auto bound = stage.template enter<Whole>(measure.bound, begin, count);
      run(Measure<decltype(bound), M::sums>{bound});
      stage.leave(measure.bound, begin, count);
    }
    (item<K>(stages).leave(item<K>(kernels), begin, count), ...);
  }
  (std::index_sequence_for<B...>{});
}

/// Coefficients [begin, end) of a tensor, begin a multiple of a code block: block by block where an
/// array is coded, else at once.
template <Store store, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class... B, class M>
void sweep_part(const Streams<T, In, X, P>& io, const Pack<B...>& kernels, const M& measure, Index begin, Index end,
                double* sums) {
  constexpr bool measures = M::sums > 0;
  constexpr bool coded = [] {
    if constexpr (measures)
      return (is_coded<B> || ... || is_coded<typename M::BoundType>);
    else
      return (false || ... || is_coded<B>);
  }();
  if constexpr (!coded) {
    sweep_stretch<store>(io, kernels, measure, begin, end, 0, sums);
  } else {
    constexpr bool lanes = [] {
      if constexpr (measures)
        return (decodes_lanes<T, B> && ... && decodes_lanes<T, typename M::BoundType>);
      else
        return (true && ... && decodes_lanes<T, B>);
    }();
    for (Index at = begin; at < end; at += code_block) {
      const Index count = (std::min)(code_block, end - at);
      if (lanes && count == code_block)
        sweep_block<store, lanes>(io, kernels, measure, at, code_block, sums);
      else
        sweep_block<store, false>(io, kernels, measure, at, count, sums);
    }
  }
}

/// The whole tensor. `totals` receives the sums of the measure; `partials` is scratch for
/// ceil(size / block) * sums doubles.
template <Store store, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class Kernels, class M>
void sweep(const Streams<T, In, X, P>& io, const Kernels& kernels, const M& measure, Index size, int threads,
           [[maybe_unused]] double* partials, [[maybe_unused]] double* totals) {
  if constexpr (M::sums == 0) {
    const Index tasks = (size + task - 1) / task;
    if (threads == 1 || tasks < 2)
      sweep_part<store>(io, kernels, measure, 0, size, nullptr);
    else
      parallel_for(tasks, threads, [&](Index t) {
        sweep_part<store>(io, kernels, measure, t * task, (std::min)(size, (t + 1) * task), nullptr);
      });
  } else {
    const Index blocks = (size + block - 1) / block;
    parallel_for(blocks, threads, [&](Index b) {
      alignas(64) double sums[M::sums * stripe] = {};
      sweep_part<store>(io, kernels, measure, b * block, (std::min)(size, (b + 1) * block), sums);
      for (int k = 0; k < M::sums; ++k) partials[b * M::sums + k] = sum_stripe(sums + k * stripe);
    });
    for (int k = 0; k < M::sums; ++k) {
      totals[k] = 0;
      for (Index b = 0; b < blocks; ++b) totals[k] += partials[b * M::sums + k];
    }
  }
}

}  // namespace glissade::detail
