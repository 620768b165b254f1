// Katyusha.
#pragma once

#include <algorithm>
#include <cmath>

#include "inner_loop.hpp"

namespace glissade {

/// Katyusha: SVRG with two kinds of momentum, accelerated for condition numbers larger than the number of terms; for
/// finite sums of convex terms, with an optional second term h that has a prox, or a set.
///
///     snapshot s = x, mu = gradient f(s);   m = inner_steps times, with batches S, from y = z = x at the start:
///     p = t z + s / 2 + (1/2 - t) y,   v = g_S(p) - g_S(s) + mu
///     z <- prox of a h (z - a v),   y <- prox of h / (3 L) (p - v / (3 L)),   a = 1 / (3 t L)
///     x <- the mean of all y, with weights that grow by 1 + a strong_convexity
///     t = min( sqrt(m strong_convexity / (3 L)), 1/2 ), or 2 / (outer + 4) where strong_convexity is 0
///
/// One step of the method is one such outer loop; value and gradient are exact after it. Where it is small beside L /
/// m, strong_convexity lets the gap fall by about 1 + sqrt(strong_convexity / (3 L m)) per inner step. With a prox or
/// set, what ends a run, Result::measure, is the norm of the prox-gradient step of length 1 / (3 L).
/// Options: smoothness L > 0 (1), of the terms; strong_convexity >= 0 (0), of f plus h; batching (size 1, drawn
/// independently, two passes).
/// State: value, gradient, measure, outer and inner (counts), y, z; batches follow from the seed.
/// Cost: one gradient, 2 batching.size inner_steps gradients of terms and 2 inner_steps proxes per step.
/// Errors: std::invalid_argument for options out of range. Too small an L ends as Status::non_finite.
/// Source: "Katyusha: The First Direct Acceleration of Stochastic Gradient Methods", 2016, arXiv 1603.05953, Algorithm
/// 1 with option I, and Algorithm 2 (Katyusha^ns) without strong convexity.
/// Deviation: mini-batches leave the weight 1/2 of the snapshot as it is.
struct Katyusha {
  static constexpr std::string_view name = "Katyusha";
  static constexpr bool honours_prox = true;
  static constexpr bool honours_set = true;
  double smoothness = 1;
  double strong_convexity = 0;
  Batching<1, Order::independent> batching = {};

  static void options(auto& self, auto&& visit) {
    visit("smoothness", self.smoothness, range::positive);
    visit("strong_convexity", self.strong_convexity, range::non_negative);
    self.batching.options(self.batching, visit);
  }
  template <class V>
  struct State : FiniteSumState<V> {
    V y, z;
    V point;  // workspace

    static void visit(auto& self, auto&& field) {
      FiniteSumState<V>::visit(self, field);
      field("y", self.y);
      field("z", self.z);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto state = detail::begin_finite_sum<State<V>>(*this, objective, x, short_step());
    state.y = x;
    state.z = x;
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    detail::begin_batches(*this, f, state);
    const std::int64_t steps = batching.steps_or(2 * state.batches.per_pass());
    const double weight =
        strong_convexity > 0
            ? (std::min)(std::sqrt(static_cast<double>(steps) * strong_convexity / 3 / smoothness), 0.5)
            : 2 / (static_cast<double>(state.outer) + 4);
    const double long_step = short_step() / weight;
    const double growth = 1 + long_step * strong_convexity;
    state.anchor = x;
    double total = 0;  // of the weights so far, in units of the last one
    for (std::int64_t t = 0; t < steps && !f.refused(); ++t) {
      state.point = weight * state.z + 0.5 * state.anchor + (0.5 - weight) * state.y;
      const auto batch = state.batches.next();
      f.batch_gradient(state.point, batch, state.scratch);
      f.batch_gradient(state.anchor, batch, state.at_anchor);
      state.direction = state.scratch - state.at_anchor + state.gradient;
      state.z -= long_step * state.direction;
      detail::proximal_step(f, state.z, long_step);
      state.y = state.point - short_step() * state.direction;
      detail::proximal_step(f, state.y, short_step());
      total = 1 + total / growth;
      if (t == 0)
        x = state.y;
      else
        x += (state.y - x) / total;
      ++state.inner;
    }
    return detail::end_outer(f, x, state, short_step());
  }

 private:
  [[nodiscard]] double short_step() const { return 1 / (3 * smoothness); }
};

}  // namespace glissade
