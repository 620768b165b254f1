// SPIDER.
#pragma once

#include <algorithm>

#include "inner_loop.hpp"

namespace glissade {

/// SPIDER: SARAH's directions with steps of limited length; for finite sums that need not be convex.
///
///     v = gradient f(x), one step;   then inner_steps - 1 times, with batches S:
///     v <- g_S(x) - g_S(x_last) + v,   x <- x - min(step_size, longest_step / |v|) v
///
/// One step of the method is one such loop; value and gradient are exact after it. Where no step is as long as
/// longest_step it is Sarah.
/// Options: step_size > 0 (0.1), about 1 / (2 L k), and longest_step >= 0 (1; 0: no limit), about e / (L k) for a
/// gradient of norm e, where batches have sqrt(n) / k terms; batching (size 1, one pass).
/// State: value, gradient, measure, outer and inner (counts); batches follow from the seed.
/// Cost: one gradient and 2 batching.size (inner_steps - 1) gradients of terms per step.
/// Errors: std::invalid_argument for options out of range. Too large a step_size without a limit ends as
/// Status::non_finite.
/// Source: "SPIDER: Near-Optimal Non-Convex Optimization via Stochastic Path Integrated Differential Estimator", 2018,
/// arXiv 1807.01695, Algorithm 1 for finite sums, option II, with the last point in place of one drawn at random.
struct Spider {
  static constexpr std::string_view name = "Spider";
  double step_size = 0.1;
  double longest_step = 1;
  Batching<> batching = {};

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    visit("longest_step", self.longest_step, range::non_negative);
    self.batching.options(self.batching, visit);
  }
  template <class V>
  using State = FiniteSumState<V>;

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    return detail::begin_finite_sum<State<V>>(*this, objective, x);
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    return step_with(f, x, state, detail::PlainMove{});
  }
  /// The same with the user's move(x, direction, step) in place of x -= step direction.
  template <class F, class V, class Move>
  Report step_with(F&& objective, V& x, State<V>& state, Move&& move) const {
    auto&& f = oracle_of(objective, x);
    Spider method = *this;
    method.batching.inner_steps = batching.steps_or(batching.terms(name, f) / batching.size);
    const auto limited = [&](V& point, const V& v, double step) {
      if (longest_step > 0) step = (std::min)(step, longest_step / norm_of(v));
      move(point, v, step);
    };
    return detail::variance_reduced_loop<true>(method, f, x, state, 0, limited);
  }
};

}  // namespace glissade
