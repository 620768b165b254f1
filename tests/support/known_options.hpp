// The options of rules and methods: every member is visited, under a name of its own, and defaults and ranges are those
// that users know.
#pragma once

#include <glissade/rule/options.hpp>

#include <array>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <type_traits>
#include <typeindex>
#include <utility>

#include "catch.hpp"

namespace glissade {

/// Stands for a member of any type.
struct Anything {
  template <class T>
  requires(!std::is_same_v<T, Anything>) operator T() const {  // NOLINT: implicit
    std::abort();
  }
};

/// How many members an aggregate has: as many as braces can hold.
template <class T, class... A>
constexpr std::size_t members() {
  if constexpr (requires { T{A{}..., Anything{}}; })
    return members<T, A..., Anything>();
  else
    return sizeof...(A);
}

template <class T, class Use>
void for_each_member(const T& t, const Use& use) {
  const auto all = [&](const auto&... member) { (use(member), ...); };
  constexpr std::size_t count = members<T>();
  static_assert(count <= 18, "more members than there are cases of here");
  if constexpr (count == 1) {
    const auto& [a] = t;
    all(a);
  } else if constexpr (count == 2) {
    const auto& [a, b] = t;
    all(a, b);
  } else if constexpr (count == 3) {
    const auto& [a, b, c] = t;
    all(a, b, c);
  } else if constexpr (count == 4) {
    const auto& [a, b, c, d] = t;
    all(a, b, c, d);
  } else if constexpr (count == 5) {
    const auto& [a, b, c, d, e] = t;
    all(a, b, c, d, e);
  } else if constexpr (count == 6) {
    const auto& [a, b, c, d, e, f] = t;
    all(a, b, c, d, e, f);
  } else if constexpr (count == 7) {
    const auto& [a, b, c, d, e, f, g] = t;
    all(a, b, c, d, e, f, g);
  } else if constexpr (count == 8) {
    const auto& [a, b, c, d, e, f, g, h] = t;
    all(a, b, c, d, e, f, g, h);
  } else if constexpr (count == 9) {
    const auto& [a, b, c, d, e, f, g, h, i] = t;
    all(a, b, c, d, e, f, g, h, i);
  } else if constexpr (count == 10) {
    const auto& [a, b, c, d, e, f, g, h, i, j] = t;
    all(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (count == 11) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k] = t;
    all(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (count == 12) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l] = t;
    all(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (count == 13) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = t;
    all(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (count == 14) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = t;
    all(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  } else if constexpr (count == 15) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = t;
    all(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  } else if constexpr (count == 16) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = t;
    all(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  } else if constexpr (count == 17) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q] = t;
    all(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q);
  } else if constexpr (count == 18) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r] = t;
    all(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r);
  }
}

template <class T>
constexpr bool is_array = false;
template <class T, std::size_t N>
constexpr bool is_array<std::array<T, N>> = true;

/// Where an option lies, and its type: a struct lies where its first member does.
using Place = std::pair<const void*, std::type_index>;
template <class T>
Place place_of(const T& t) {
  return {&t, typeid(T)};
}

/// Checks that each member of `t` is among the places, and takes it out. Structs and arrays of options are looked into;
/// what is a rule has options of its own.
template <class T>
void take_out(const T& t, std::set<Place>& places) {
  for_each_member(t, [&]<class M>(const M& member) {
    if (places.erase(place_of(member)) == 1) return;
    if constexpr (
        requires { M::is_rule; } || requires { M::name; }) {
      return;
    } else if constexpr (is_array<M>) {
      for (const auto& item : member) CHECK(places.erase(place_of(item)) == 1);
    } else if constexpr (std::is_aggregate_v<M> && std::is_class_v<M>) {
      take_out(member, places);
    } else {
      INFO("byte " << reinterpret_cast<const char*>(&member) - reinterpret_cast<const char*>(&t));
      CHECK(false);
    }
  });
}

/// A number, where an option is one.
template <class T>
std::string text_of(const T& option) {
  if constexpr (std::is_same_v<T, Schedule>)
    return option.constant() ? " = " + to_text(option(0)) : "";
  else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>)
    return " = " + to_text(static_cast<double>(option));
  else
    return "";
}

/// Defaults and ranges as users know them: a line for each option, such as "Adam: beta1 = 0.9, in [0, 1)".
inline std::set<std::string> known_options(const char* file_name) {
  std::set<std::string> all;
  std::ifstream file(std::string(GLISSADE_TEST_DATA) + "/laws/" + file_name);
  for (std::string line; std::getline(file, line);) all.insert(line);
  return all;
}

/// Checks that every member of a rule or method is visited, once and by a name of its own, and is among the known ones.
template <class R>
void check_options_of(const R& rule, const std::set<std::string>& known) {
  INFO(R::name);
  visit_options(rule, [&](std::string_view name, const auto& option,
                          const Range& allowed = range_of<std::remove_cvref_t<decltype(option)>>) {
    const std::string line = std::string(R::name) + ": " + std::string(name) + text_of(option) + ", " + allowed.text();
    INFO(line);
    CHECK(known.contains(line));
  });
  std::set<Place> places;
  std::set<std::string> names;
  std::size_t visited = 0;
  visit_options(rule, [&](std::string_view name, const auto& option, const Range& = {}) {
    names.emplace(name);
    places.insert(place_of(option));
    ++visited;
  });
  CHECK(visited > 0);
  CHECK(names.size() == visited);
  CHECK(places.size() == visited);
  take_out(rule, places);
  CHECK(places.empty());
}

}  // namespace glissade
