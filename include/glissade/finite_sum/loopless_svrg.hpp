// L-SVRG: SVRG without the outer loop.
#pragma once

#include "inner_loop.hpp"

namespace glissade {

/// Loopless SVRG: the snapshot is renewed by a coin that is thrown at every step, and the inner length needs no
/// condition number; for finite sums, with an optional second term that has a prox, or a set.
///
///     snapshot s = x at the start, mu = gradient f(s);   inner_steps times, with batches S:
///     v = g_S(x) - g_S(s) + mu,   s' = x and mu' = gradient f(x) with the given probability, else s and mu
///     x <- x - step_size v, then its prox or projection;   s <- s', mu <- mu'
///
/// For convex terms of smoothness L, f mu-strongly convex, batches of one and step_size <= 1 / (6 L), |x - x*|^2 + 4
/// step_size^2 / (n probability) sum of |g_i(s) - g_i(x*)|^2 falls in expectation by max(1 - step_size mu, 1 -
/// probability / 2) per inner step. One step of the method is inner_steps of these; value and gradient are exact after
/// it. With a prox or set, what ends a run, Result::measure, is the norm of the prox-gradient step, as Saga's.
/// Options: step_size > 0 (0.1), about 1 / (6 L); probability in [0, 1] (0: batching.size / n); batching (size 1, drawn
/// independently, two passes).
/// State: value, gradient, measure, outer and inner (counts), snapshot and its gradient; all that is random follows
/// from the seed.
/// Cost: one gradient per step, and per inner step 2 batching.size gradients of terms and with `probability` a
/// gradient.
/// Errors: std::invalid_argument for options out of range. Too large a step_size ends as Status::non_finite.
/// Source: "Don't Jump Through Hoops and Remove Those Loops: SVRG and Katyusha are Better Without the Outer Loop",
/// 2019, arXiv 1901.08689, Algorithm 1.
/// Deviation: the prox.
struct LooplessSvrg {
  static constexpr std::string_view name = "LooplessSvrg";
  static constexpr bool honours_prox = true;
  static constexpr bool honours_set = true;
  double step_size = 0.1;
  double probability = 0;
  Batching<1, Order::independent> batching = {};

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    visit("probability", self.probability, range::fraction);
    self.batching.options(self.batching, visit);
  }
  template <class V>
  struct State : FiniteSumState<V> {
    V snapshot, snapshot_gradient;

    static void visit(auto& self, auto&& field) {
      FiniteSumState<V>::visit(self, field);
      field("snapshot", self.snapshot);
      field("snapshot_gradient", self.snapshot_gradient);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto state = detail::begin_finite_sum<State<V>>(*this, objective, x, step_size);
    state.snapshot = x;
    state.snapshot_gradient = state.gradient;
    return state;
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    return step_with(f, x, state, detail::PlainMove{});
  }
  /// The same with the user's move(x, direction, step_size) in place of x -= step_size direction.
  template <class F, class V, class Move>
  Report step_with(F&& objective, V& x, State<V>& state, Move&& move) const {
    auto&& f = oracle_of(objective, x);
    detail::begin_batches(*this, f, state);
    const RandomKey coins = detail::coins(detail::key_of(*this, state));
    const double share = static_cast<double>(batching.size) / static_cast<double>(f.size());
    const std::int64_t steps = batching.steps_or(2 * state.batches.per_pass());
    for (std::int64_t t = 0; t < steps && !f.refused(); ++t) {
      const bool renewed = coins.uniform(static_cast<std::uint64_t>(t)) < (probability > 0 ? probability : share);
      const auto batch = state.batches.next();
      f.batch_gradient(x, batch, state.scratch);
      f.batch_gradient(state.snapshot, batch, state.at_anchor);
      state.direction = state.scratch - state.at_anchor + state.snapshot_gradient;
      if (renewed) {
        state.snapshot = x;
        f.value_and_gradient(x, state.snapshot_gradient);
      }
      move(x, state.direction, step_size);
      detail::proximal_step(f, x, step_size);
      ++state.inner;
    }
    return detail::end_outer(f, x, state, step_size);
  }
};

}  // namespace glissade
