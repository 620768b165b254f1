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

inline constexpr Index block = 4096;              // coefficients of one partial sum
inline constexpr Index task = 4 * block;          // coefficients of one unit of work for a thread
inline constexpr Index far = Index{1} << 18;      // a tensor of that size is not expected in the cache
inline constexpr Index farther = Index{1} << 22;  // nor any part of it when the next pass begins
template <ComputeScalar T>
inline constexpr Index ahead = 2048 / Index{sizeof(T)};  // from what is computed to what is fetched meanwhile

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
  Index fetchable = 0;      // coefficients to be asked for ahead of time: hardware follows so many streams too late
  bool past_cache = false;  // `out` is aligned and goes past the caches

  /// Those of the coefficients from `begin` on.
  [[nodiscard]] Streams from(Index begin) const {
    const auto moved = [=](auto* array) { return array == nullptr ? nullptr : array + begin; };
    return {in + begin, moved(out), parameters + begin, moved(kept), moved(target),
            sign,       rounding,   fetchable - begin,  past_cache};
  }
};

/// The sums that the last kernel of a pass measures, or 0.
template <class Kernels>
inline constexpr int sums_of = 0;
template <class... B>
inline constexpr int sums_of<Pack<B...>> = (0 + ... + B::sums);
/// The kernels that change the update: all but one that measures.
template <class Kernels>
using Changing = std::make_index_sequence<Kernels::size - (sums_of<Kernels> > 0 ? 1 : 0)>;

/// Asks for what the coefficients from i on need.
template <Store store, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class... B>
EIGEN_ALWAYS_INLINE void fetch(const Streams<T, In, X, P>& io, const Pack<B...>& kernels, Index i) {
  __builtin_prefetch(io.in + i, 0);
  if constexpr (store == Store::parameters)
    __builtin_prefetch(io.parameters + i, 1);
  else if constexpr ((false || ... || B::needs_parameters))
    __builtin_prefetch(io.parameters + i, 0);
  for_each_item(kernels, [=](const auto& bound) { bound.slots.fetch(i); });
}

/// Lanes that go through the kernels together, since one of the arrays is best stored so.
template <ComputeScalar T, StorageScalar P, class Kernels>
inline constexpr std::size_t group = 1;
template <ComputeScalar T, StorageScalar P, class... B>
inline constexpr std::size_t group<T, P, Pack<B...>> = (std::max)({lanes_together<T, P>,
                                                                   B::Slots::template together<T>...});

/// Some lanes: the outgoing update and the parameter before the step.
template <ComputeScalar T, std::size_t Count>
struct Lanes {
  Lane<T> u[Count];
  Lane<T> x[Count];
};

/// `Count` lanes through the kernels K.
template <Store store, std::size_t Count, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class Kernels,
          std::size_t... K>
EIGEN_ALWAYS_INLINE Lanes<T, Count> run_lanes(const Streams<T, In, X, P>& io, [[maybe_unused]] const Kernels& kernels,
                                              Index i, Index position, std::index_sequence<K...>) {
  constexpr Index width = Lane<T>::width;
  Lanes<T, Count> lanes;
  for (std::size_t k = 0; k < Count; ++k) {
    lanes.u[k] = flip_sign(load_lane<T>(io.in + i + static_cast<Index>(k) * width), Lane<T>(io.sign));
    lanes.x[k] = load_lane<T>(io.parameters + i + static_cast<Index>(k) * width);
  }
  (item<K>(kernels).run(i, position, lanes.u, lanes.x, item<K>(kernels).each), ...);
  Lane<T> out[Count][1];
  for (std::size_t k = 0; k < Count; ++k) {
    const Index at = i + static_cast<Index>(k) * width;
    if constexpr (store == Store::update)
      io.past_cache ? lanes.u[k].stream(io.out + at) : lanes.u[k].store(io.out + at);
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
template <Store store, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class Kernels>
[[gnu::flatten]] EIGEN_DONT_INLINE void sweep_range(const Streams<T, In, X, P> io, const Kernels kernels_in,
                                                    Index begin, Index end, Index origin,
                                                    [[maybe_unused]] double* sums) {
  constexpr int width = Lane<T>::width;
  constexpr std::size_t together = group<T, P, Kernels>;
  const Kernels kernels = kernels_in;  // a local copy: the compiler sees that no store changes what was captured
  if constexpr (sums_of<Kernels> == 0) {
    const Index chunk = io.fetchable > 0 ? 4 * stripe : end - begin;
    for (Index at = begin; at < end; at += chunk) {
      const Index stop = (std::min)(at + chunk, end);
      if (stop + ahead<T> <= io.fetchable)
        for (Index i = at; i < stop; i += stripe) fetch<store>(io, kernels, i + ahead<T>);
      for (Index i = at; i < stop; i += static_cast<Index>(together) * width)
        run_lanes<store, together>(io, kernels, i, origin + i, Changing<Kernels>{});
    }
  } else {
    constexpr int count = sums_of<Kernels>;
    constexpr std::size_t lanes = static_cast<std::size_t>(stripe) / width;
    const auto& measuring = item<Kernels::size - 1>(kernels);
    Lanes<T, together> run;
    using Wide = WideLane<width>;
    Wide total[std::size_t{count}][lanes];
    const auto place = [=](int k, std::size_t j) { return sums + k * stripe + static_cast<Index>(j) * width; };
    for (int k = 0; k < count; ++k)
      for (std::size_t j = 0; j < lanes; ++j) total[k][j] = Wide::load(place(k, j));
    for (Index i = begin; i < end; i += stripe) {
      if (i + ahead<T> < io.fetchable) fetch<store>(io, kernels, i + ahead<T>);
      for (std::size_t j = 0; j < lanes; ++j) {
        const Index at = i + static_cast<Index>(j) * width;
        if (j % together == 0) run = run_lanes<store, together>(io, kernels, at, origin + at, Changing<Kernels>{});
        const auto term = measuring.measure(at, origin + at, run.u[j % together], run.x[j % together], measuring.each);
        constexpr int given = static_cast<int>(std::extent_v<decltype(term.value)>);  // the other sums stay 0
        static_assert(given <= count, "measure returns at most as many terms as the rule has sums");
        for (int k = 0; k < given; ++k) total[k][j] = total[k][j] + term.value[k];
      }
    }
    for (int k = 0; k < count; ++k)
      for (std::size_t j = 0; j < lanes; ++j) total[k][j].store(place(k, j));
  }
  if constexpr (store == Store::update)
    if (io.past_cache) Lane<T>::end_stream();
}

/// Calls use(kernels) with the arrays that Stage<B>::enter gives them in place of those of some coefficients, then
/// Stage<B>::leave brings back what was written there.
template <template <class> class Stage, class... B, class Use>
EIGEN_ALWAYS_INLINE void with_stages(const Pack<B...>& kernels, Index begin, Index count, const Use& use) {
  Pack<Stage<B>...> stages;
  [&]<std::size_t... K>(std::index_sequence<K...>) {
    use(pack(item<K>(stages).enter(item<K>(kernels), begin, count)...));
    (item<K>(stages).leave(item<K>(kernels), begin, count), ...);
  }
  (std::index_sequence_for<B...>{});
}

/// Copies of the last few coefficients of every array of a kernel, padded with zeros.
template <class B>
struct Tail {
  using Slots = typename B::Slots;
  alignas(64) typename Slots::Scalar values[Slots::count + 1][stripe] = {};

  B enter(const B& bound, Index at, Index count) {
    B padded = bound;
    for (std::size_t k = 0; k < Slots::count; ++k) {
      for (Index i = 0; i < count; ++i) values[k][i] = bound.slots.at[k][at + i];
      padded.slots.at[k] = values[k];
    }
    return padded;
  }
  void leave(const B& bound, Index at, Index count) const {
    for (std::size_t k = 0; k < Slots::count; ++k)
      for (Index i = 0; i < count; ++i) bound.slots.at[k][at + i] = values[k][i];
  }
};

/// The last coefficients, fewer than a stripe, through the same instructions as all others: they are moved
/// to zero-padded copies and back.
template <Store store, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class Kernels>
EIGEN_DONT_INLINE void sweep_tail(const Streams<T, In, X, P>& io, const Kernels& kernels, Index at, Index count,
                                  Index origin, double* sums) {
  alignas(64) In in[stripe] = {};
  alignas(64) T out[stripe] = {};
  alignas(64) X parameters[stripe] = {};
  alignas(64) P target[stripe] = {};
  for (Index i = 0; i < count; ++i) {
    in[i] = io.in[at + i];
    parameters[i] = io.parameters[at + i];
  }
  const Streams<T, In, X, P> padded{in, out, parameters, parameters, target, io.sign, io.rounding};
  alignas(64) double tail_sums[std::size_t{(sums_of<Kernels> + 1) * stripe}] = {};
  with_stages<Tail>(kernels, at, count,
                    [&](const auto& inner) { sweep_range<store>(padded, inner, 0, stripe, origin + at, tail_sums); });
  for (Index i = 0; i < count; ++i) {
    if constexpr (store == Store::update) io.out[at + i] = out[i];
    if constexpr (store == Store::parameters) {
      io.target[at + i] = target[i];
      if constexpr (!std::is_same_v<X, P>) io.kept[at + i] = parameters[i];
    }
    for (int k = 0; k < sums_of<Kernels>; ++k) sums[k * stripe + i] += tail_sums[k * stripe + i];
  }
}

/// Coefficients [begin, end): whole lanes, or stripes where sums are taken, then the tail.
template <Store store, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class Kernels>
void sweep_stretch(const Streams<T, In, X, P>& io, const Kernels& kernels, Index begin, Index end, Index origin,
                   double* sums) {
  constexpr Index unit = sums_of<Kernels> != 0 ? stripe : static_cast<Index>(group<T, P, Kernels>) * Lane<T>::width;
  const Index full = end - (end - begin) % unit;
  if (full > begin) sweep_range<store>(io, kernels, begin, full, origin, sums);
  if (full < end) sweep_tail<store>(io, kernels, full, end - full, origin, sums);
}

/// A block of the arrays of a kernel, where it lies.
template <class B>
struct Shift {
  B enter(const B& bound, Index begin, Index) const {
    B shifted = bound;
    for (auto& array : shifted.slots.at) array += begin;
    return shifted;
  }
  void leave(const B&, Index, Index) const {}
};

/// A block of coded arrays: decoded before the pass or, with Whole, a full block lane by lane in the pass; encoded
/// after it.
template <bool Whole, class B>
struct CodedBlock : Shift<B> {};
template <bool Whole, class B, class C, class R, ComputeScalar T>
struct CodedBlock<Whole, Coded<B, C, R, T>> {
  using Kernel = Coded<B, C, R, T>;
  static constexpr std::size_t count = Kernel::count;
  alignas(64) T values[count + 1][code_block];
  CodedBlock() {}  // leaves the values alone: only what was decoded or computed is read

  auto enter(const Kernel& coded, Index begin, Index size) {
    using Slots = std::conditional_t<Whole, Decoded<C, count, R>, typename B::Slots>;
    typename B::template WithSlots<Slots> bound{coded.bound.kernel, {}};
    for (std::size_t s = 0; s < count; ++s) {
      T*& numbers = bound.slots.at[s];
      numbers = slot_has_full_precision<R>(s) ? coded.bound.slots.at[s] + begin : values[s];
      if (slot_has_full_precision<R>(s)) continue;
      const std::uint8_t* const codes = coded.codes[s] + begin;
      const float scale = coded.scales[s][begin / code_block];
      if constexpr (Whole) {
        bound.slots.codes[s] = codes;
        bound.slots.scales[s] = scale;
      } else if constexpr (std::is_same_v<T, float>) {
        decode_block<C>(codes, size, scale, !slot_is_non_negative<R>(s), numbers);
      } else {
        float narrow[code_block];
        decode_block<C>(codes, size, scale, !slot_is_non_negative<R>(s), narrow);
        std::copy_n(narrow, size, numbers);
      }
    }
    return bound;
  }
  void leave(const Kernel& coded, Index begin, Index size) const {
    for (std::size_t s = 0; s < count; ++s) {
      if (slot_has_full_precision<R>(s)) continue;
      const auto encode = [&](const float* numbers) {
        coded.scales[s][begin / code_block] =
            encode_block<C>(numbers, size, !slot_is_non_negative<R>(s), coded.codes[s] + begin);
      };
      if constexpr (std::is_same_v<T, float>) {
        encode(values[s]);
      } else {
        float narrow[code_block];
        for (Index i = 0; i < size; ++i)
          narrow[i] =
              static_cast<float>(fitted<float>(Lane<double>(values[s][i]), slot_is_non_negative<R>(s)).scalar());
        encode(narrow);
      }
    }
  }
};
template <class B>
using WholeBlock = CodedBlock<true, B>;
template <class B>
using DecodedBlock = CodedBlock<false, B>;

/// A code whose lanes of T can be decoded one by one.
template <class C, class T>
concept LaneCode = requires(const std::uint8_t* codes, Lane<T> scale) {
  { C::template load<true>(codes, scale) } -> std::same_as<Lane<T>>;
};
template <class B>
inline constexpr bool is_coded = false;
template <class B, class C, class R, class T>
inline constexpr bool is_coded<Coded<B, C, R, T>> = true;
template <class B>
inline constexpr bool decodes_lanes = true;
template <class B, class C, class R, class T>
inline constexpr bool decodes_lanes<Coded<B, C, R, T>> = LaneCode<C, T>;

/// Whether an array of a kernel holds infinity in the block from `at` on, which only whole blocks are decoded with.
template <class B>
bool block_overflows(const B&, Index) {
  return false;
}
template <class B, class C, class R, ComputeScalar T>
bool block_overflows(const Coded<B, C, R, T>& coded, Index at) {
  bool found = false;
  for (std::size_t s = 0; s < Coded<B, C, R, T>::count; ++s)
    found = found || (!slot_has_full_precision<R>(s) && coded.scales[s][at / code_block] < 0);
  return found;
}

/// Coefficients [begin, end) of a tensor, begin a multiple of a code block: block by block where an
/// array is coded, else at once.
template <Store store, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class... B>
void sweep_part(const Streams<T, In, X, P>& io, const Pack<B...>& kernels, Index begin, Index end, double* sums) {
  if constexpr (!(false || ... || is_coded<B>)) {
    sweep_stretch<store>(io, kernels, begin, end, 0, sums);
  } else {
    for (Index at = begin; at < end; at += code_block) {
      const Index count = (std::min)(code_block, end - at);
      const Streams<T, In, X, P> here = io.from(at);
      bool overflows = false;
      for_each_item(kernels, [&](const auto& bound) { overflows = overflows || block_overflows(bound, at); });
      if constexpr ((true && ... && decodes_lanes<B>))
        if (count == code_block && !overflows) {
          with_stages<WholeBlock>(kernels, at, count,
                                  [&](const auto& inner) { sweep_range<store>(here, inner, 0, code_block, at, sums); });
          continue;
        }
      with_stages<DecodedBlock>(kernels, at, count,
                                [&](const auto& inner) { sweep_stretch<store>(here, inner, 0, count, at, sums); });
    }
  }
}

/// The whole tensor. `totals` receives the sums that the last kernel measures; `partials` is scratch for
/// ceil(size / block) * sums doubles.
template <Store store, ComputeScalar T, class In, StorageScalar X, StorageScalar P, class Kernels>
void sweep(const Streams<T, In, X, P>& io, const Kernels& kernels, Index size, int threads,
           [[maybe_unused]] double* partials, [[maybe_unused]] double* totals) {
  constexpr int count = sums_of<Kernels>;
  if constexpr (count == 0) {
    if (threads <= 1) return sweep_part<store>(io, kernels, 0, size, nullptr);  // memory is read best in one stretch
    parallel_for((size + task - 1) / task, threads,
                 [&](Index t) { sweep_part<store>(io, kernels, t * task, (std::min)(size, (t + 1) * task), nullptr); });
  } else {
    const Index blocks = (size + block - 1) / block;
    parallel_for(blocks, threads, [&](Index b) {
      alignas(64) double sums[std::size_t{count * stripe}] = {};
      sweep_part<store>(io, kernels, b * block, (std::min)(size, (b + 1) * block), sums);
      for (int k = 0; k < count; ++k) partials[b * count + k] = sum_stripe(sums + k * stripe);
    });
    for (int k = 0; k < count; ++k) {
      totals[k] = 0;
      for (Index b = 0; b < blocks; ++b) totals[k] += partials[b * count + k];
    }
  }
}

}  // namespace glissade::detail
