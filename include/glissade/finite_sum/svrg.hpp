// SVRG.
#pragma once

#include "inner_loop.hpp"

namespace glissade {

/// SVRG: stochastic gradient steps with a variance that vanishes, so that a constant step converges; for finite sums.
///
///     snapshot s = x, mu = gradient f(s);   then inner_steps times, with batches S:
///     x <- x - step_size ( g_S(x) - g_S(s) + mu )
///
/// One step of the method is one such outer loop; value and gradient are exact after it. The first inner step, which is
/// along mu whatever S is, asks for no batch.
/// State: value, gradient, outer and inner (counts); batches follow from the seed.
/// Cost: one gradient and 2 batch_size (inner_steps - 1) gradients of terms a step.
/// Errors: std::invalid_argument for options out of range. Too large a step_size ends as Status::non_finite.
/// Source: "Accelerating Stochastic Gradient Descent using Predictive Variance Reduction", Johnson and Zhang, NIPS
/// 2013, with the last inner point as the next snapshot (option I).
struct Svrg {
  static constexpr std::string_view name = "Svrg";
  double step_size = 0.1;        // > 0; about 1 / (10 L), L of the terms
  std::int64_t batch_size = 1;   // in [1, n]
  std::int64_t inner_steps = 0;  // >= 0; 0: two passes
  Order order = Order::reshuffled;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    visit("batch_size", self.batch_size, range::at_least_one);
    visit("inner_steps", self.inner_steps, range::non_negative);
  }
  template <class V>
  using State = FiniteSumState<V>;

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    return detail::begin_finite_sum<State<V>>(*this, objective, x);
  }
  template <class F, class V>
  Report step(F&& objective, V& x, State<V>& state) const {
    return step_with(objective, x, state, detail::PlainMove{});
  }
  /// The same with the user's move(x, direction, step_size) in place of x -= step_size direction.
  template <class F, class V, class Move>
  Report step_with(F&& objective, V& x, State<V>& state, Move&& move) const {
    auto&& f = oracle_of(objective, x);
    return detail::variance_reduced_loop<false>(*this, f, x, state, 0, move);
  }
};

}  // namespace glissade
