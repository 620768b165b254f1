// A rule's kernel with the arrays that it reads and writes.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "../../rule/rule.hpp"
#include "../lanes/codes.hpp"
#include "../lanes/storage.hpp"

namespace glissade::detail {

/// N arrays of one storage type.
template <class S, std::size_t N>
struct Arrays {
  static constexpr std::size_t count = N;
  template <ComputeScalar T>
  static constexpr std::size_t together = lanes_together<T, S>;
  std::array<S*, N> at;

  template <ComputeScalar T, std::size_t J>
  EIGEN_ALWAYS_INLINE Lane<T> load(Index i) const {
    return load_lane<T>(at[J] + i);
  }
  EIGEN_ALWAYS_INLINE void store(Index i, const auto& lanes) const { store_lanes<N>(at.data(), i, lanes); }
  EIGEN_ALWAYS_INLINE void fetch(Index i) const {
    for (std::size_t k = 0; k < N; ++k) __builtin_prefetch(at[k] + i, 1);
  }
};

/// A block of N arrays in code C, decoded lane by lane; what is stored waits beside it to be encoded. R is
/// the rule that they belong to; of its slots of full precision `values` are the array itself.
template <class C, std::size_t N, class R>
struct Decoded {
  static constexpr std::size_t count = N;
  template <ComputeScalar T>
  static constexpr std::size_t together = 1;
  std::array<std::uint8_t*, N> codes;
  std::array<float, N> scales;
  std::array<float*, N> values;

  template <ComputeScalar T, std::size_t J>
  EIGEN_ALWAYS_INLINE Lane<T> load(Index i) const {
    if constexpr (slot_has_full_precision<R>(J))
      return Lane<T>::load(values[J] + i);
    else
      return C::template load<!slot_is_non_negative<R>(J)>(codes[J] + i, Lane<T>(scales[J]));
  }
  EIGEN_ALWAYS_INLINE void store(Index i, const auto& lanes) const { store_lanes<N>(values.data(), i, lanes); }
  EIGEN_ALWAYS_INLINE void fetch(Index i) const {
    for (std::size_t k = 0; k < N; ++k)
      if (!slot_has_full_precision<R>(k)) __builtin_prefetch(codes[k] + i, 1);
  }
};

/// A kernel for lanes L that takes the update, the parameter and so many arrays.
template <class Kernel, class L, bool Indexed, std::size_t Slots>
constexpr bool takes_slots() {
  return []<std::size_t... J>(std::index_sequence<J...>) {
    if constexpr (Indexed)
      return std::is_invocable_v<const Kernel&, Index, L&, const L&, decltype((void(J), std::declval<L&>()))...>;
    else
      return std::is_invocable_v<const Kernel&, L&, const L&, decltype((void(J), std::declval<L&>()))...>;
  }
  (std::make_index_sequence<Slots>{});
}

/// A kernel for lanes L that takes the update and nothing else.
template <class Kernel, class L, bool Indexed>
constexpr bool takes_update_only() {
  if constexpr (Indexed)
    return std::is_invocable_v<const Kernel&, Index, L&>;
  else
    return std::is_invocable_v<const Kernel&, L&>;
}

/// How many of its rule's arrays a kernel takes: all, or the first ones; the others are not even fetched.
template <class Kernel, class L, bool Indexed, std::size_t Slots>
constexpr std::size_t slots_taken() {
  if constexpr (takes_slots<Kernel, L, Indexed, Slots>()) {
    return Slots;
  } else if constexpr (Slots > 0) {
    return slots_taken<Kernel, L, Indexed, Slots - 1>();
  } else {
    static_assert(takes_update_only<Kernel, L, Indexed>(),
                  "a rule's kernel takes (u, x, slots...), all slots or the first ones, or (u)");
    return 0;
  }
}

/// A kernel with its arrays.
template <class Kernel, class Slots, bool Indexed>
struct Bound {
  Kernel kernel;
  Slots slots;

  template <ComputeScalar T>
  static constexpr bool needs_parameters = takes_slots<Kernel, Lane<T>, Indexed, Slots::count>();

  /// Runs on the coefficients from i on that are in the lanes u and x, reading and writing the slots there.
  template <std::size_t Count, ComputeScalar T>
  EIGEN_ALWAYS_INLINE void run(Index i, Index position, Lane<T> (&u)[Count], const Lane<T> (&x)[Count]) const {
    run(i, position, u, x, std::make_index_sequence<Slots::count>{});
  }
  /// What the kernel measures on one lane.
  template <ComputeScalar T>
  EIGEN_ALWAYS_INLINE auto measure(Index i, Index position, const Lane<T>& u, const Lane<T>& x) const {
    return measure(i, position, u, x, std::make_index_sequence<Slots::count>{});
  }

 private:
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
  template <ComputeScalar T, std::size_t... J>
  EIGEN_ALWAYS_INLINE auto measure(Index i, Index position, const Lane<T>& u, const Lane<T>& x,
                                   std::index_sequence<J...>) const {
    Lane<T> lanes[1][Slots::count + 1] = {{slots.template load<T, J>(i)...}};
    const auto result = call(position, u, x, lanes[0][J]...);
    slots.store(i, lanes);
    return result;
  }
  template <ComputeScalar T>
  EIGEN_ALWAYS_INLINE auto call([[maybe_unused]] Index position, auto& u, [[maybe_unused]] const Lane<T>& x,
                                auto&... slot) const {
    if constexpr (!needs_parameters<T> && Indexed)
      return kernel(position, u);
    else if constexpr (!needs_parameters<T>)
      return kernel(u);
    else if constexpr (Indexed)
      return kernel(position, u, x, slot...);
    else
      return kernel(u, x, slot...);
  }
};

/// A kernel whose arrays are block codes, or numbers where the rule R has slots of full precision.
template <class Kernel, class C, std::size_t N, class R, ComputeScalar T>
struct Coded {
  Kernel kernel;
  std::array<std::uint8_t*, N> codes;
  std::array<float*, N> scales;
  std::array<T*, N> numbers;
};

/// The kernel of a rule R on a tensor of `size` coefficients, with its arrays, whose first is `fields`.
template <class Storage, class R, ComputeScalar T, class Kernel>
auto bind_kernel(const Kernel& kernel, Field* fields, [[maybe_unused]] Index size) {
  using S = std::conditional_t<std::is_void_v<Storage>, T, Storage>;
  constexpr std::size_t slots = slots_taken<Kernel, Lane<T>, is_indexed<R>, slot_count<R>>();
  if constexpr (!BlockCode<S> || !has_coded_slot<R>(slots)) {
    using Plain = std::conditional_t<BlockCode<S>, T, S>;
    Bound<Kernel, Arrays<Plain, slots>, is_indexed<R>> bound{kernel, {}};
    for (std::size_t s = 0; s < slots; ++s) bound.slots.at[s] = fields[s].template as<Plain>();
    return bound;
  } else {
    Coded<Kernel, S, slots, R, T> bound{kernel, {}, {}, {}};
    for (std::size_t s = 0; s < slots; ++s) {
      if (slot_has_full_precision<R>(s)) {
        bound.numbers[s] = fields[s].template as<T>();
        continue;
      }
      bound.codes[s] = fields[s].template as<std::uint8_t>();
      bound.scales[s] = reinterpret_cast<float*>(bound.codes[s] + code_bytes(size));
    }
    return bound;
  }
}

}  // namespace glissade::detail
