// A rule's kernel with the arrays that it reads and writes.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "../../rule/rule.hpp"
#include "../lanes/codes.hpp"
#include "../lanes/storage.hpp"
#include "../tensors/field.hpp"

namespace glissade::detail {

/// A number on its way to a narrower type S: finite ones stay finite, and what is positive in an array that is never
/// negative stays positive, since a second moment that vanished before the first would make a huge step.
template <class S, ComputeScalar T>
EIGEN_ALWAYS_INLINE Lane<T> fitted(Lane<T> value, bool non_negative) {
  const auto number = [](S limit) { return Lane<T>(convert<T>(limit)); };
  if constexpr (!(std::is_same_v<S, Eigen::bfloat16> && std::is_same_v<T, float>)) {  // which have the same range
    const Lane<T> most = number((std::numeric_limits<S>::max)());
    value = select(is_finite(value), min(max(value, -most), most), value);
  }
  if (!non_negative) return value;
  return select(value > Lane<T>(0), max(value, number(std::numeric_limits<S>::denorm_min())), value);
}

/// N arrays of one storage type, the first ones of rule R.
template <class S, std::size_t N, class R>
struct Arrays {
  using Scalar = S;
  static constexpr std::size_t count = N;
  template <ComputeScalar T>
  static constexpr std::size_t together = lanes_together<T, S>;
  std::array<S*, N> at;

  template <ComputeScalar T, std::size_t J>
  EIGEN_ALWAYS_INLINE Lane<T> load(Index i) const {
    return load_lane<T>(at[J] + i);
  }
  template <std::size_t Count, ComputeScalar T, std::size_t M>
  EIGEN_ALWAYS_INLINE void store(Index i, const Lane<T> (&lanes)[Count][M]) const {
    if constexpr (!std::is_same_v<S, T>) {
      Lane<T> narrowed[Count][M];
      for (std::size_t j = 0; j < Count; ++j)
        for (std::size_t k = 0; k < N; ++k) narrowed[j][k] = fitted<S>(lanes[j][k], slot_is_non_negative<R>(k));
      store_lanes<N>(at.data(), i, narrowed);
    } else {
      store_lanes<N>(at.data(), i, lanes);
    }
  }
  EIGEN_ALWAYS_INLINE void fetch(Index i) const {
    for (std::size_t k = 0; k < N; ++k) __builtin_prefetch(at[k] + i, 1);
  }
};

/// A block of N arrays in code C, decoded lane by lane; what is stored waits beside it to be encoded. R is
/// the rule that they belong to; of its slots of full precision `at` is the array itself.
template <class C, std::size_t N, class R>
struct Decoded {
  static constexpr std::size_t count = N;
  template <ComputeScalar T>
  static constexpr std::size_t together = 1;
  std::array<const std::uint8_t*, N> codes;
  std::array<float, N> scales;
  std::array<float*, N> at;

  template <ComputeScalar T, std::size_t J>
  EIGEN_ALWAYS_INLINE Lane<T> load(Index i) const {
    if constexpr (slot_has_full_precision<R>(J))
      return Lane<T>::load(at[J] + i);
    else
      return C::template load<!slot_is_non_negative<R>(J)>(codes[J] + i, Lane<T>(scales[J]));
  }
  EIGEN_ALWAYS_INLINE void store(Index i, const auto& lanes) const { store_lanes<N>(at.data(), i, lanes); }
  EIGEN_ALWAYS_INLINE void fetch(Index i) const {
    for (std::size_t k = 0; k < N; ++k)
      if (!slot_has_full_precision<R>(k)) __builtin_prefetch(codes[k] + i, 1);
  }
};

/// Whether a kernel can be called with lanes A.
template <class Kernel, bool Indexed, class... A>
constexpr bool takes() {
  if constexpr (Indexed)
    return std::is_invocable_v<const Kernel&, Index, A...>;
  else
    return std::is_invocable_v<const Kernel&, A...>;
}

/// How many of its rule's arrays a kernel takes: all, or the first ones; the others are not even fetched. A kernel that
/// takes the update alone sees no parameters either.
struct Taken {
  std::size_t slots;
  bool parameters;
};
template <class Kernel, class L, bool Indexed, std::size_t... J>
constexpr Taken what_is_taken(std::index_sequence<J...>) {
  if constexpr (takes<Kernel, Indexed, L&, const L&, decltype((void(J), std::declval<L&>()))...>()) {
    return {sizeof...(J), true};
  } else if constexpr (sizeof...(J) > 0) {
    return what_is_taken<Kernel, L, Indexed>(std::make_index_sequence<sizeof...(J) - 1>{});
  } else {
    static_assert(takes<Kernel, Indexed, L&>(),
                  "a rule's kernel takes (u, x, slots...), all slots or the first ones, or (u)");
    return {0, false};
  }
}

/// A kernel with its arrays: changes the update or, with Sums, measures so many terms of it. Parameters: takes them;
/// Reads: and looks at them.
template <class Kernel, class SlotArrays, bool Indexed, bool Parameters, bool Reads, int Sums>
struct Bound {
  using Slots = SlotArrays;
  template <class Others>
  using WithSlots = Bound<Kernel, Others, Indexed, Parameters, Reads, Sums>;
  static constexpr bool needs_parameters = Reads;
  static constexpr int sums = Sums;
  static constexpr std::make_index_sequence<Slots::count> each{};
  Kernel kernel;
  Slots slots;

  /// Runs on the coefficients from i on that are in the lanes u and x, reading and writing the slots there.
  template <std::size_t Count, ComputeScalar T, std::size_t... J>
  EIGEN_ALWAYS_INLINE void run(Index i, Index position, Lane<T> (&u)[Count], const Lane<T> (&x)[Count],
                               std::index_sequence<J...>) const {
    Lane<T> lanes[Count][Slots::count + 1] = {};
    for (std::size_t k = 0; k < Count; ++k) {
      const Index at = static_cast<Index>(k) * Lane<T>::width;
      ((lanes[k][J] = slots.template load<T, J>(i + at)), ...);
      call(position + at, u[k], x[k], lanes[k][J]...);
    }
    slots.store(i, lanes);
  }
  /// What the kernel measures on one lane.
  template <ComputeScalar T, std::size_t... J>
  EIGEN_ALWAYS_INLINE auto measure(Index i, Index position, const Lane<T>& u, const Lane<T>& x,
                                   std::index_sequence<J...>) const {
    Lane<T> lanes[1][Slots::count + 1] = {{slots.template load<T, J>(i)...}};
    const auto result = call(position, u, x, lanes[0][J]...);
    slots.store(i, lanes);
    return result;
  }

 private:
  EIGEN_ALWAYS_INLINE auto call([[maybe_unused]] Index position, auto& u, [[maybe_unused]] const auto& x,
                                auto&... slot) const {
    if constexpr (!Parameters && Indexed)
      return kernel(position, u);
    else if constexpr (!Parameters)
      return kernel(u);
    else if constexpr (Indexed)
      return kernel(position, u, x, slot...);
    else
      return kernel(u, x, slot...);
  }
};

/// A kernel whose arrays are codes C; `bound` has it with the arrays of numbers, of the rule R's slots of full
/// precision.
template <class B, class C, class R, ComputeScalar T>
struct Coded {
  static constexpr std::size_t count = B::Slots::count;
  static constexpr int sums = B::sums;
  B bound;
  std::array<std::uint8_t*, count> codes;
  std::array<float*, count> scales;
};

/// The kernel of a rule R on a tensor of `size` coefficients, with its arrays, whose first is `fields`; or one that
/// measures so many Sums.
template <class Storage, class R, ComputeScalar T, int Sums, class Kernel>
auto bind_kernel(const Kernel& kernel, Field* fields, [[maybe_unused]] Index size) {
  using S = std::conditional_t<std::is_void_v<Storage>, T, Storage>;
  constexpr Taken taken = what_is_taken<Kernel, Lane<T>, is_indexed<R>>(std::make_index_sequence<slot_count<R>>{});
  using Numbers = Arrays<std::conditional_t<BlockCode<S>, T, S>, taken.slots, R>;
  constexpr bool reads = taken.parameters && !ignores_parameters<R>;
  Bound<Kernel, Numbers, is_indexed<R>, taken.parameters, reads, Sums> bound{kernel, {}};
  if constexpr (!BlockCode<S> || !has_coded_slot<R>(taken.slots)) {
    for (std::size_t s = 0; s < taken.slots; ++s) bound.slots.at[s] = fields[s].template as<typename Numbers::Scalar>();
    return bound;
  } else {
    Coded<decltype(bound), S, R, T> coded{bound, {}, {}};
    for (std::size_t s = 0; s < taken.slots; ++s) {
      if (slot_has_full_precision<R>(s)) {
        coded.bound.slots.at[s] = fields[s].template as<T>();
        continue;
      }
      coded.codes[s] = fields[s].template as<std::uint8_t>();
      coded.scales[s] = reinterpret_cast<float*>(coded.codes[s] + code_bytes(size));
    }
    return coded;
  }
}

}  // namespace glissade::detail
