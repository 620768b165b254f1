// Products of sets on consecutive segments of a vector: every player's strategies.
#pragma once

#include <tuple>
#include <utility>

#include "values.hpp"

namespace glissade {

/// The same set on segments of given sizes.
///
///     Repeated players{Simplex{}, {3, 3, 2}};   players.project(x);   // x has 8 coefficients
///
/// Options: set; sizes >= 0, whose sum is that of the coefficients.
/// x is a vector. The tangent cone is there where the set has one.
template <class Set>
struct Repeated {
  static constexpr std::string_view name = "Repeated";

  Set set;
  std::vector<Index> sizes;

  static void options(auto& self, auto&& visit) {
    visit("set", self.set);
    visit("sizes", self.sizes);
  }
  void check() const { check_set(set); }

  template <class V>
  void project(V&& x) const {
    check();
    detail::require_sizes(name, sizes, x.size());
    Index begin = 0;
    for (const Index size : sizes) {
      auto part = x.segment(begin, size);
      set.project(part);
      begin += size;
    }
  }
  template <class X, class V>
  void project_tangent(const X& x, V&& v) const requires requires(Set s, X a, X b) {
    s.project_tangent(a, b);
  }
  {
    check();
    detail::require_sizes(name, sizes, x.size());
    require_shape(name, "v", v, x.rows(), x.cols());
    Index begin = 0;
    for (const Index size : sizes) {
      const auto at = x.segment(begin, size);
      auto part = v.segment(begin, size);
      set.project_tangent(at, part);
      begin += size;
    }
  }
};
template <class Set>
Repeated(Set, std::vector<Index>) -> Repeated<Set>;

/// A set for `size` consecutive coefficients.
template <class Set>
struct Part {
  Set set;
  Index size;
};
template <class Set, class I>
Part(Set, I) -> Part<Set>;

/// Different sets on consecutive segments.
///
///     const auto set = product_of(Part{Simplex{}, 3}, Part{Box{.low = 0, .high = 1}, 2});
///
/// Options: parts, each a set and the size of its segment.
/// x is a vector. The tangent cone is there where all sets have one.
template <class... Sets>
struct Product {
  static constexpr std::string_view name = "Product";

  std::tuple<Part<Sets>...> parts;

  static void options(auto& self, auto&& visit) { visit("parts", self.parts); }
  void check() const {
    std::apply([](const auto&... part) { (check_set(part.set), ...); }, parts);
  }

  template <class V>
  void project(V&& x) const {
    check();
    for_parts(x.size(), [&](const auto& part, Index begin) {
      auto segment = x.segment(begin, part.size);
      part.set.project(segment);
    });
  }
  template <class X, class V>
  void project_tangent(const X& x, V&& v) const {
    check();
    require_shape(name, "v", v, x.rows(), x.cols());
    for_parts(x.size(), [&](const auto& part, Index begin) {
      const auto at = x.segment(begin, part.size);
      auto segment = v.segment(begin, part.size);
      part.set.project_tangent(at, segment);
    });
  }

 private:
  template <class F>
  void for_parts(Index size, F&& action) const {
    std::apply(
        [&](const auto&... part) {
          const std::array<Index, sizeof...(Sets)> sizes{part.size...};
          detail::require_sizes(name, sizes, size);
          Index begin = 0;
          ((action(part, begin), begin += part.size), ...);
        },
        parts);
  }
};

template <class... Sets>
[[nodiscard]] Product<Sets...> product_of(Part<Sets>... parts) {
  return {{std::move(parts)...}};
}

}  // namespace glissade
