// A tuple and a reference to a function that compile faster than the standard ones: no constructor is constrained, no
// comparison made. Every optimizer makes dozens of both.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace glissade::detail {

template <std::size_t I, class T>
struct PackItem {
  T value;
};
template <class Places, class... T>
struct PackItems;
template <std::size_t... I, class... T>
struct PackItems<std::index_sequence<I...>, T...> : PackItem<I, T>... {};

/// Values or references in order; item<I>(pack) is one of them.
template <class... T>
struct Pack : PackItems<std::index_sequence_for<T...>, T...> {
  static constexpr std::size_t size = sizeof...(T);
};

template <class... T>
constexpr Pack<T...> pack(T... values) {
  return {{{std::forward<T>(values)}...}};
}

template <std::size_t I, class T>
constexpr T& item(PackItem<I, T>& place) {
  return place.value;
}
template <std::size_t I, class T>
constexpr const T& item(const PackItem<I, T>& place) {
  return place.value;
}

template <std::size_t I, class T>
std::type_identity<T> type_of_item(const PackItem<I, T>&);
template <std::size_t I, class R>
using item_t = typename decltype(type_of_item<I>(std::declval<const R&>()))::type;

/// visit(item) for each of them.
template <class R, class F>
constexpr void for_each_item(R& packed, const F& visit) {
  [&]<std::size_t... I>(std::index_sequence<I...>) { (visit(item<I>(packed)), ...); }
  (std::make_index_sequence<R::size>{});
}

/// All packs, one after the other.
constexpr Pack<> join() { return {}; }
template <class... A>
constexpr const Pack<A...>& join(const Pack<A...>& a) {
  return a;
}
template <class... A, class... B, class... More>
constexpr auto join(const Pack<A...>& a, const Pack<B...>& b, const More&... more) {
  const Pack<A..., B...> both = [&]<std::size_t... I, std::size_t... J>(std::index_sequence<I...>,
                                                                        std::index_sequence<J...>) {
    return pack<A..., B...>(item<I>(a)..., item<J>(b)...);
  }
  (std::index_sequence_for<A...>{}, std::index_sequence_for<B...>{});
  if constexpr (sizeof...(More) == 0)
    return both;
  else
    return join(both, more...);
}

/// Refers to a callable that outlives it.
template <class... A>
class FunctionRef {
 public:
  template <class F>
  requires(!std::is_same_v<F, FunctionRef>) FunctionRef(const F& f)
      : object_(&f), call_(&invoke<F>) {}  // NOLINT: implicit, as a function argument

  void operator()(A... values) const { call_(object_, values...); }

 private:
  template <class F>
  static void invoke(const void* object, A... values) {
    (*static_cast<const F*>(object))(values...);
  }

  const void* object_;
  void (*call_)(const void*, A...);
};

}  // namespace glissade::detail
