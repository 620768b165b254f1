// AI-SARAH.
#pragma once

#include <cmath>

#include "inner_loop.hpp"

namespace glissade {

/// AI-SARAH: SARAH without a step size; every inner step takes one Newton step on the norm of the next direction.
///
///     v = gradient f(x);   while |v|^2 >= gamma |v_0|^2, with batches S, H and D3 at x over S:
///     a = <v, H v> / | |H v|^2 + <v, D3[v, v]> |       minimizes |g_S(x - a v) - g_S(x) + v|^2, about
///     alpha = min(a, 1 / delta),   delta <- beta delta + (1 - beta) / a     (first: alpha = a, delta = 1 / a)
///     v <- g_S(x - alpha v) - g_S(x) + v,   x <- x - alpha v
///
/// Where a is not a positive finite number, the last limit 1 / delta is the step; before there is one, the batch is
/// passed over. The third derivative is left out where drop_third asks for that or the objective has no batch_third.
/// One step of the method is one outer loop; value and gradient are exact after it.
/// On badly scaled data it beats a tuned SARAH if passes count the terms that were looked at (published_passes). By
/// work, where an inner step costs twice SARAH's, it is up to 35 times slower there than a tuned SARAH, and clearly
/// slower than a tuned SARAH+. By every count it is orders of magnitude faster than an untuned one.
/// State: value, gradient, delta, started, outer and inner (counts); batches follow from the seed.
/// Cost: one gradient per step; per inner step 2 batching.size gradients of terms, and batching.size of their
/// Hessian-vector products and of their third derivatives.
/// Errors: std::invalid_argument for options out of range.
/// Source: "AI-SARAH: Adaptive and Implicit Stochastic Recursive Gradient Methods", 2021, arXiv 2102.09700,
/// Algorithm 2. Deviation: the inner loop has a maximum length.
struct AiSarah {
  static constexpr std::string_view name = "AiSarah";
  double gamma = 1.0 / 32;     // in (0, 1)
  double beta = 0.999;         // in [0, 1)
  Batching<64> batching = {};  // inner_steps is the maximum length of an outer loop; 0: 20 passes
  bool drop_third = false;

  static void options(auto& self, auto&& visit) {
    visit("gamma", self.gamma, range::open_fraction);
    visit("beta", self.beta, range::decay);
    self.batching.options(self.batching, visit);
    visit("drop_third", self.drop_third);
  }
  template <class V>
  struct State : FiniteSumState<V> {
    double delta = 0;  // 1 / delta limits the steps
    std::int64_t started = 0;
    V product, third;  // workspace

    static void visit(auto& self, auto&& field) {
      FiniteSumState<V>::visit(self, field);
      field("delta", self.delta);
      field("started", self.started, 0, 1);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    return detail::begin_finite_sum<State<V>>(*this, objective, x);
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    return step_with(f, x, state, detail::PlainMove{});
  }
  /// The same with the user's move(x, direction, alpha) in place of x -= alpha direction.
  template <class F, class V, class Move>
  Report step_with(F&& objective, V& x, State<V>& state, Move&& move) const {
    auto&& f = oracle_of(objective, x);
    detail::begin_outer(*this, f, state);
    const std::int64_t most = batching.steps_or(20 * state.batches.per_pass());
    const double end = std::sqrt(gamma) * norm_of(state.gradient);
    for (std::int64_t t = 0; t < most && !f.refused(); ++t) {
      if (t > 0 && !(norm_of(state.direction) >= end)) break;
      const auto batch = state.batches.next();
      const double newton = newton_step(f, x, state, batch);
      double alpha = newton;
      if (!(newton > 0) || std::isinf(newton)) {
        if (state.started == 0) continue;
        alpha = 1 / state.delta;
      } else if (state.started == 0) {
        state.started = 1;
        state.delta = 1 / newton;
      } else {
        alpha = (std::min)(newton, 1 / state.delta);
        state.delta = beta * state.delta + (1 - beta) / newton;
      }
      f.batch_gradient(x, batch, state.at_anchor);
      move(x, state.direction, alpha);
      f.batch_gradient(x, batch, state.scratch);
      state.direction += state.scratch - state.at_anchor;
      ++state.inner;
    }
    return detail::end_outer(f, x, state);
  }

 private:
  /// With v and H v scaled to about 1, by powers of two: no product overflows or vanishes.
  template <class F, class V>
  double newton_step(F& f, const V& x, State<V>& state, std::span<const Index> batch) const {
    V& v = state.scratch;
    const double unit = unit_of(norm_of(state.direction));
    v = unit * state.direction;
    f.batch_hessian_vector(x, batch, v, state.product);
    const double product_unit = unit_of(norm_of(state.product));
    state.product *= product_unit;
    double curvature = state.product.squaredNorm();
    if constexpr (std::remove_reference_t<F>::has_batch_third) {
      if (!drop_third) {
        f.batch_third(x, batch, v, state.third);
        curvature += v.dot(product_unit * state.third) * (product_unit / unit);
      }
    }
    return v.dot(state.product) / std::abs(curvature) * product_unit;
  }
};

}  // namespace glissade
