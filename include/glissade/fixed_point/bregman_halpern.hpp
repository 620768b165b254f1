// Halpern's iteration in the coordinates of a mirror map.
#pragma once

#include <cstdint>

#include "../sets/mirror_map.hpp"
#include "find_fixed_point.hpp"

namespace glissade {

/// Draws points back towards the start where distance is a Bregman divergence: operators on probabilities.
///
///     grad psi(x_{k+1}) = grad psi(x_0) / (k + 2) + (1 - 1 / (k + 2)) grad psi(T x_k)
///
/// With the entropy on the simplex the point is mixed by geometric means, with the map Euclidean<> this is Halpern bit
/// for bit. For an operator that is strongly nonexpansive in the divergence it is known to converge, but not how fast:
/// no rate is claimed.
/// Options: map (Euclidean<>); T x must lie where it has a gradient: positive for the entropies. State: image,
/// residual, measure, anchor (grad psi(x_0)), updates (k). Cost: one T, one gradient of the map and one mirror per
/// iteration. Errors: std::invalid_argument for an x_0 or T x where the map has no gradient. Source: form as in
/// "Iterate to Accelerate: A Unified Framework for Iterative Reasoning and Feedback Convergence" (arXiv 2502.03787),
/// whose O(1 / t^2) is not claimed for it.
template <class Map = Euclidean<>>
struct BregmanHalpern {
  static constexpr std::string_view name = "BregmanHalpern";

  Map map = {};

  static void options(auto& self, auto&& visit) { visit("map", self.map); }
  void check() const {
    if constexpr (requires { map.check(); }) map.check();
  }

  template <class V>
  struct State : FixedPointState<V> {
    static constexpr std::string_view name = BregmanHalpern::name;
    V anchor;
    std::int64_t updates = 0;
    V dual, mixed;  // workspace

    static void visit(auto& self, auto&& field) {
      FixedPointState<V>::visit(self, field);
      field("anchor", self.anchor);
      field("updates", self.updates, 0, std::int64_t{1} << 53);
    }
  };

  template <class F, class V>
  State<V> init(F&& problem, const V& x) const {
    auto&& f = oracle_of(problem, x);
    check_honours<BregmanHalpern, std::remove_reference_t<F>, V>();
    check_method(*this);
    State<V> state;
    state.anchor = state.dual = state.mixed = x;
    if (x.allFinite()) map.gradient(x, state.anchor);  // else the driver says so
    detail::look_at_image(f, x, state);
    return state;
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    const double weight = 1 / (static_cast<double>(state.updates) + 2);
    state.dual.resizeLike(x);
    map.gradient(state.image, state.dual);
    state.mixed = weight * state.anchor + (1 - weight) * state.dual;
    map.mirror(state.mixed, x);
    ++state.updates;
    return detail::look_at_image(f, x, state);
  }
};

}  // namespace glissade
