// The extragradient method, plain and anchored.
#pragma once

#include <cstdint>

#include "solve_game.hpp"

namespace glissade {

/// Looks one step ahead and takes the step from there: the classical method for monotone games.
///
///     w = project(z - eta F(z))                            anchored: + (z_0 - z) / (k + 2) in both
///     z <- project(z - eta F(w))
///
/// Anchored (EAG) it reaches a residual O(1 / k) in its last iterate, the best there is; plain O(1 / sqrt k), but
/// linear in the end where the game is strongly monotone or bilinear. Options: step_size eta (> 0; below 1 / L,
/// anchored below 1 / (8 L) for the published bound, L the Lipschitz constant of F), anchored (false). State: image
/// (F(z)), measure, anchor (z_0), updates (k), lookahead. Cost: two F and two projections per iteration. A z outside
/// the set is projected at the start. Source: G. Korpelevich 1976; anchored: "Accelerated Algorithms for Smooth
/// Convex-Concave Minimax Problems with O(1/k^2) Rate on Squared Gradient Norm", 2021, arXiv 2102.07922.
struct Extragradient {
  static constexpr std::string_view name = "Extragradient";
  static constexpr bool honours_set = true;

  double step_size = 0.1;
  bool anchored = false;

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    visit("anchored", self.anchored);
  }

  template <class V>
  struct State : OperatorValue<V> {
    static constexpr std::string_view name = Extragradient::name;
    V anchor;
    std::int64_t updates = 0;
    V at_lookahead, scratch;  // workspace

    static void visit(auto& self, auto&& field) {
      OperatorValue<V>::visit(self, field);
      field("anchor", self.anchor);
      field("updates", self.updates, 0, std::int64_t{1} << 53);
    }
  };

  template <class F, class V>
  State<V> init(F&& game, const V& z) const {
    check_method(*this);
    check_honours<Extragradient, std::remove_reference_t<F>, V>();
    auto&& f = oracle_of(game, z);
    State<V> state;
    state.anchor = z;
    f.project(state.anchor);
    detail::look_at_game(f, z, state, state.scratch);
    return state;
  }
  template <class F, class V>
  Report step(F& f, V& z, State<V>& state) const {
    const double pull = anchored ? 1 / (static_cast<double>(state.updates) + 2) : 0.0;
    state.scratch = z + pull * (state.anchor - z) - step_size * state.image;
    f.project(state.scratch);
    f.operator_value(state.scratch, state.at_lookahead);
    z += pull * (state.anchor - z) - step_size * state.at_lookahead;
    f.project(z);
    ++state.updates;
    return detail::look_at_game(f, z, state, state.scratch);
  }
};

}  // namespace glissade
