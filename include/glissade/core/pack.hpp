// What the engine passes from hand to hand: a tuple that asks next to nothing of the compiler, and the reference to a
// function. Every optimizer makes dozens of both, and most of the time of a std::tuple is spent on questions that are
// never asked here.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace glissade::detail {

template <std::size_t I, class T>
struct RowItem {
  T value;
};
template <class Places, class... T>
struct RowItems;
template <std::size_t... I, class... T>
struct RowItems<std::index_sequence<I...>, T...> : RowItem<I, T>... {};

/// Values or references in order; item<I>(row) is one of them.
template <class... T>
struct Row : RowItems<std::index_sequence_for<T...>, T...> {
  static constexpr std::size_t size = sizeof...(T);
};

template <class... T>
constexpr Row<T...> row_of(T... values) {
  return {{{std::forward<T>(values)}...}};
}

template <std::size_t I, class T>
constexpr T& item(RowItem<I, T>& place) {
  return place.value;
}
template <std::size_t I, class T>
constexpr const T& item(const RowItem<I, T>& place) {
  return place.value;
}

template <std::size_t I, class T>
std::type_identity<T> type_of_item(const RowItem<I, T>&);
template <std::size_t I, class R>
using item_t = typename decltype(type_of_item<I>(std::declval<const R&>()))::type;

/// visit(item) for each of them.
template <class R, class F>
constexpr void for_each_item(R& row, const F& visit) {
  [&]<std::size_t... I>(std::index_sequence<I...>) { (visit(item<I>(row)), ...); }
  (std::make_index_sequence<R::size>{});
}

/// All rows, one behind the other.
constexpr Row<> join() { return {}; }
template <class... A>
constexpr const Row<A...>& join(const Row<A...>& a) {
  return a;
}
template <class... A, class... B, class... More>
constexpr auto join(const Row<A...>& a, const Row<B...>& b, const More&... more) {
  const Row<A..., B...> both = [&]<std::size_t... I, std::size_t... J>(std::index_sequence<I...>,
                                                                       std::index_sequence<J...>) {
    return row_of<A..., B...>(item<I>(a)..., item<J>(b)...);
  }
  (std::index_sequence_for<A...>{}, std::index_sequence_for<B...>{});
  if constexpr (sizeof...(More) == 0)
    return both;
  else
    return join(both, more...);
}

/// Refers to a callable that outlives it.
template <class... A>
class Callback {
 public:
  template <class F>
  requires(!std::is_same_v<F, Callback>) Callback(const F& f)
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
