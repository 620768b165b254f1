// The optimistic gradient method, plain and accelerated.
#pragma once

#include <cstdint>

#include "solve_game.hpp"

namespace glissade {

namespace detail {

/// The state of both: where the next step begins beside the point that is played.
template <class V>
struct OptimisticState : OperatorValue<V> {
  V base;    // zhat
  V anchor;  // z_0
  std::int64_t updates = 0;
  V scratch;  // workspace

  static void visit(auto& self, auto&& field) {
    OperatorValue<V>::visit(self, field);
    field("base", self.base);
    field("anchor", self.anchor);
    field("updates", self.updates, 0, std::int64_t{1} << 53);
  }
};

template <class S, class M, class F, class V>
S begin_optimistic(const M& method, F&& game, const V& z) {
  check_method(method);
  check_honours<M, std::remove_reference_t<F>, V>();
  auto&& f = oracle_of(game, z);
  S state;
  state.base = z;
  f.project(state.base);
  state.anchor = state.base;
  look_at_game(f, z, state, state.scratch);
  return state;
}

/// zhat <- project(zhat - eta g + a (z_0 - zhat)), z <- project(zhat - eta g + b (z_0 - zhat)), g the value of F at
/// the last point played.
template <class F, class V, class S>
Report step_optimistic(F& f, V& z, S& state, double step_size, double a, double b) {
  state.base += a * (state.anchor - state.base) - step_size * state.image;
  f.project(state.base);
  z = state.base + b * (state.anchor - state.base) - step_size * state.image;
  f.project(z);
  ++state.updates;
  return look_at_game(f, z, state, state.scratch);
}

}  // namespace detail

/// Optimistic gradient: the extragradient method that looks ahead with the last gradient, at half the cost.
///
///     g = F(z)
///     zhat <- project(zhat - eta g)
///     z <- project(zhat - eta g)
///
/// Options: step_size eta (> 0; below 1 / (2 L)). State: image (F(z)), measure, base (zhat), updates. Cost: one F and
/// two projections per iteration. Source: L. Popov 1980.
struct OptimisticGradient {
  static constexpr std::string_view name = "OptimisticGradient";
  static constexpr bool honours_set = true;

  double step_size = 0.1;

  static void options(auto& self, auto&& visit) { visit("step_size", self.step_size, range::positive); }

  template <class V>
  struct State : detail::OptimisticState<V> {
    static constexpr std::string_view name = OptimisticGradient::name;
  };

  template <class F, class V>
  State<V> init(F&& game, const V& z) const {
    return detail::begin_optimistic<State<V>>(*this, game, z);
  }
  template <class F, class V>
  Report step(F& f, V& z, State<V>& state) const {
    return detail::step_optimistic(f, z, state, step_size, 0.0, 0.0);
  }
};

/// Optimistic gradient drawn back towards the start: every player runs it on own gradients, one per round, and the last
/// point that is played is a solution up to O(1 / t), where extragradient and optimistic gradient reach O(1 / sqrt t).
///
///     t = 1:  g = F(z_0), zhat = project(z_0 - eta g), z = project(zhat - eta g + (z_0 - zhat) / 3)
///     then    g = F(z)
///             zhat <- project(zhat - eta g + (z_0 - zhat) / (t + 1))
///             z <- project(zhat - eta g + (z_0 - zhat) / (t + 2))
///
/// In the end, after about the square of the number of variables, the plain method is linear and overtakes it.
/// Options: step_size eta (> 0; below 1 / (2 L), L the Lipschitz constant of F: 0.49 / L). State: image (F(z)),
/// measure, base (zhat), anchor (z_0), updates (t). Cost: one F and two projections per iteration. A z outside the set
/// is projected at the start. Source: "Doubly Optimal No-Regret Learning in Monotone Games", 2023, arXiv 2301.13120.
struct AcceleratedOptimisticGradient {
  static constexpr std::string_view name = "AcceleratedOptimisticGradient";
  static constexpr bool honours_set = true;

  double step_size = 0.1;

  static void options(auto& self, auto&& visit) { visit("step_size", self.step_size, range::positive); }

  template <class V>
  struct State : detail::OptimisticState<V> {
    static constexpr std::string_view name = AcceleratedOptimisticGradient::name;
  };

  template <class F, class V>
  State<V> init(F&& game, const V& z) const {
    return detail::begin_optimistic<State<V>>(*this, game, z);
  }
  template <class F, class V>
  Report step(F& f, V& z, State<V>& state) const {
    const auto t = static_cast<double>(state.updates + 1);
    const double first = state.updates == 0 ? 0.0 : 1 / (t + 1);
    return detail::step_optimistic(f, z, state, step_size, first, 1 / (t + 2));
  }
};

}  // namespace glissade
