// PAGE.
#pragma once

#include "inner_loop.hpp"

namespace glissade {

/// PAGE: SARAH's differences without its loop; a coin decides at every step whether the direction is the gradient. For
/// finite sums that need not be convex, with an optional second term that has a prox, or a set.
///
///     v = gradient f(x) at the start;   inner_steps times, with batches S:
///     x_last = x,   x <- x - step_size v, then its prox or projection
///     v <- gradient f(x) with the given probability, else v + g_S(x) - g_S(x_last)
///
/// One step of the method is inner_steps of these; value and gradient are exact after it, and v goes on as it is. With
/// a prox or set, what ends a run, Result::measure, is the norm of the prox-gradient step, as Saga's.
/// Options: step_size > 0 (0.1), at most 1 / (L (1 + sqrt((1 - p) / (p batching.size)))) for the probability p and
/// terms that are L-smooth in the mean of squares; probability in [0, 1] (0: batching.size / (n + batching.size));
/// batching (size 1, drawn independently, two passes), best about sqrt(n).
/// State: value, gradient, measure, outer and inner (counts), direction; all that is random follows from the seed.
/// Cost: one gradient per step, and per inner step 2 batching.size gradients of terms or, with `probability`, a
/// gradient.
/// Errors: std::invalid_argument for options out of range. Too large a step_size ends as Status::non_finite.
/// Source: "PAGE: A Simple and Optimal Probabilistic Gradient Estimator for Nonconvex Optimization", 2020, arXiv
/// 2008.10898, Algorithm 1 for finite sums.
/// Deviation: the prox.
struct Page {
  static constexpr std::string_view name = "Page";
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
    static void visit(auto& self, auto&& field) {
      FiniteSumState<V>::visit(self, field);
      field("direction", self.direction);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto state = detail::begin_finite_sum<State<V>>(*this, objective, x, step_size);
    state.direction = state.gradient;
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
    const auto size = static_cast<double>(batching.size);
    const double p = probability > 0 ? probability : size / (static_cast<double>(f.size()) + size);
    const std::int64_t steps = batching.steps_or(2 * state.batches.per_pass());
    for (std::int64_t t = 0; t < steps && !f.refused(); ++t) {
      state.anchor = x;
      move(x, state.direction, step_size);
      detail::proximal_step(f, x, step_size);
      ++state.inner;
      if (coins.uniform(static_cast<std::uint64_t>(t)) < p) {
        f.value_and_gradient(x, state.direction);
        continue;
      }
      const auto batch = state.batches.next();
      f.batch_gradient(x, batch, state.scratch);
      f.batch_gradient(state.anchor, batch, state.at_anchor);
      state.direction += state.scratch - state.at_anchor;
    }
    return detail::end_outer(f, x, state, step_size);
  }
};

}  // namespace glissade
