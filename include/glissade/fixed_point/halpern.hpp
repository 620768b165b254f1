// Halpern's anchored iteration.
#pragma once

#include <cstdint>

#include "find_fixed_point.hpp"

namespace glissade {

/// Draws every point back towards the start: the fastest there is for a nonexpansive T, where Picard may circle for
/// ever.
///
///     x_{k+1} = x_0 / (k + 2) + (1 - 1 / (k + 2)) T x_k
///     |x_k - T x_k| <= 2 |x_0 - x*| / (k + 1)
///
/// For a contraction Picard is faster. T x = x - v, without a fixed point: x_k = x_0 - (k / 2) v.
/// State: image, residual, measure, anchor (x_0), updates (k). Cost: one T per iteration.
/// Source: B. Halpern, "Fixed points of nonexpanding maps", 1967; the bound: F. Lieder, "On the convergence rate of the
/// Halpern-iteration", 2021.
struct Halpern {
  static constexpr std::string_view name = "Halpern";
  static void options(auto&, auto&&) {}

  template <class V>
  struct State : FixedPointState<V> {
    static constexpr std::string_view name = Halpern::name;
    V anchor;
    std::int64_t updates = 0;

    static void visit(auto& self, auto&& field) {
      FixedPointState<V>::visit(self, field);
      field("anchor", self.anchor);
      field("updates", self.updates, 0, std::int64_t{1} << 53);
    }
  };

  template <class F, class V>
  State<V> init(F&& problem, const V& x) const {
    auto&& f = oracle_of(problem, x);
    check_honours<Halpern, std::remove_reference_t<F>, V>();
    State<V> state;
    state.anchor = x;
    detail::look_at_image(f, x, state);
    return state;
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    const double weight = 1 / (static_cast<double>(state.updates) + 2);
    x = weight * state.anchor + (1 - weight) * state.image;
    ++state.updates;
    return detail::look_at_image(f, x, state);
  }
};

}  // namespace glissade
