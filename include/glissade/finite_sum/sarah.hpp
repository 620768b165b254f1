// SARAH and SARAH+.
#pragma once

#include "inner_loop.hpp"

namespace glissade {

namespace detail {

struct RecursiveDifferences {
  static constexpr std::string_view name = "Sarah";
  static constexpr bool recursive = true;
};

}  // namespace detail

/// SARAH: like Svrg, but the differences are to the last point, so that the direction itself goes to zero within an
/// outer loop; for finite sums.
///
///     v = gradient f(x), x <- x - step_size v;   then inner_steps - 1 times, with batches S:
///     v <- g_S(x) - g_S(x_last) + v,   x <- x - step_size v
///     where the objective has a prox or set, each x then becomes its prox with step_size, or projection
///
/// One step of the method is one outer loop; value and gradient are exact after it.
/// A step with the default inner loop is 3 passes as the papers count them, by the terms that were looked at
/// (published_passes), and 5 passes by the gradients that were computed (work_passes): an inner step takes two of every
/// term in its batch. With a prox or set, what ends a run, Result::measure, is the norm of the prox-gradient step, as
/// Saga's.
/// Options: step_size > 0 (0.1), about 1 / (2 L), L of the terms; batching (size 1, two passes).
/// State: value, gradient, outer and inner (counts); batches follow from the seed.
/// Cost: one gradient and 2 batching.size (inner_steps - 1) gradients of terms per step.
/// Errors: std::invalid_argument for options out of range. Too large a step_size ends as Status::non_finite.
/// Source: "SARAH: A Novel Method for Machine Learning Problems Using Stochastic Recursive Gradient", 2017, arXiv
/// 1703.00102, Algorithm 1, with the last inner point as the next start, as in practice; with a prox: "ProxSARAH",
/// 2019, arXiv 1902.05679, with gamma = 1.
using Sarah = detail::VarianceReduced<detail::RecursiveDifferences>;

/// SARAH+: SARAH whose outer loops end as soon as |v|^2 <= gamma |v_0|^2, squared norms, so that their length need not
/// be tuned; with a prox or set, where v need not go to zero, as soon as that holds of the steps' squared lengths.
///
/// batching.inner_steps is the maximum length: without strong convexity |v| need not fall.
/// State, cost, errors: as Sarah. Source: the same, Algorithm 2.
struct SarahPlus {
  static constexpr std::string_view name = "SarahPlus";
  static constexpr bool honours_prox = true;
  static constexpr bool honours_set = true;
  double step_size = 0.1;    // > 0
  double gamma = 0.125;      // in (0, 1)
  Batching<> batching = {};  // inner_steps 0: two passes

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    visit("gamma", self.gamma, range::open_fraction);
    self.batching.options(self.batching, visit);
  }
  template <class V>
  using State = FiniteSumState<V>;

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    return detail::begin_finite_sum<State<V>>(*this, objective, x, step_size);
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    return step_with(f, x, state, detail::PlainMove{});
  }
  /// The same with the user's move(x, direction, step_size) in place of x -= step_size direction.
  template <class F, class V, class Move>
  Report step_with(F&& objective, V& x, State<V>& state, Move&& move) const {
    auto&& f = oracle_of(objective, x);
    return detail::variance_reduced_loop<true>(*this, f, x, state, gamma, move);
  }
};

}  // namespace glissade
