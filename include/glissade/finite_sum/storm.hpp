// STORM.
#pragma once

#include <algorithm>
#include <cmath>

#include "inner_loop.hpp"

namespace glissade {

/// STORM: momentum that reduces the variance, without snapshots or large batches, and with steps that shorten by
/// themselves; for finite sums that need not be convex, and streams.
///
///     v = g_S(x) at the start;   inner_steps times, with batches S:
///     step = scale / (offset + sum of all |g_S|^2)^(1/3),   x_last = x,   x <- x - step v
///     a = min(forgetting step^2, 1),   v <- g_S(x) + (1 - a) (v - g_S(x_last))
///
/// The sum is over the gradients g_S(x) at new points. With a = 1 it is plain SGD with these steps. One step of the
/// method is inner_steps of these, and then value and gradient of the whole, which it does not use.
/// Options: scale > 0 (0.1), offset > 0 (0.1), forgetting >= 0 (100); batching (size 1, drawn independently, one pass).
/// State: value, gradient, measure, outer and inner (counts), direction, squares (the sum); batches follow from the
/// seed.
/// Cost: one gradient per step, 2 batching.size gradients of terms per inner step.
/// Errors: std::invalid_argument for options out of range.
/// Source: "Momentum-Based Variance Reduction in Non-Convex SGD", 2019, arXiv 1905.10018, Algorithm 1, with the last
/// point in place of one drawn at random.
/// Deviation: a is cut off at 1, where the paper chooses an offset that is large enough.
struct Storm {
  static constexpr std::string_view name = "Storm";
  double scale = 0.1;
  double offset = 0.1;
  double forgetting = 100;
  Batching<1, Order::independent> batching = {};

  static void options(auto& self, auto&& visit) {
    visit("scale", self.scale, range::positive);
    visit("offset", self.offset, range::positive);
    visit("forgetting", self.forgetting, range::non_negative);
    self.batching.options(self.batching, visit);
  }
  template <class V>
  struct State : FiniteSumState<V> {
    double squares = 0;

    static void visit(auto& self, auto&& field) {
      FiniteSumState<V>::visit(self, field);
      field("direction", self.direction);
      field("squares", self.squares);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto state = detail::begin_finite_sum<State<V>>(*this, objective, x);
    state.direction.setZero(x.size());
    return state;
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    return step_with(f, x, state, detail::PlainMove{});
  }
  /// The same with the user's move(x, direction, step) in place of x -= step direction.
  template <class F, class V, class Move>
  Report step_with(F&& objective, V& x, State<V>& state, Move&& move) const {
    auto&& f = oracle_of(objective, x);
    detail::begin_batches(*this, f, state);
    if (state.outer == 0) {
      f.batch_gradient(x, state.batches.next(), state.direction);
      state.squares = state.direction.squaredNorm();
    }
    const std::int64_t steps = batching.steps_or(state.batches.per_pass());
    for (std::int64_t t = 0; t < steps && !f.refused(); ++t) {
      const double step = scale / std::cbrt(offset + state.squares);
      state.anchor = x;
      move(x, state.direction, step);
      ++state.inner;
      const auto batch = state.batches.next();
      f.batch_gradient(x, batch, state.scratch);
      f.batch_gradient(state.anchor, batch, state.at_anchor);
      state.squares += state.scratch.squaredNorm();
      const double kept = 1 - (std::min)(forgetting * step * step, 1.0);
      state.direction = state.scratch + kept * (state.direction - state.at_anchor);
    }
    return detail::end_outer(f, x, state);
  }
};

}  // namespace glissade
