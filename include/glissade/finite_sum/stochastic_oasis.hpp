// OASIS on the mini-batches of a finite sum.
#pragma once

#include <optional>

#include "../minimize/curvature/oasis.hpp"
#include "batching.hpp"

namespace glissade {

/// OASIS on mini-batches of a finite sum: gradient, Hessian-vector product and both gradients of the difference are of
/// the same batch, without which the step size would measure noise.
///
/// One step of the method is one pass over the data, each term once in a new order by default, or batching.inner_steps
/// batches, and then value and gradient of the whole function. Formulas, options, state, errors and source as Oasis;
/// for noisy gradients use a learning_rate (a schedule's argument counts batches). Cost: a pass is two gradients and
/// one Hessian-vector product of every term, and one gradient of the whole; with a learning_rate, minus one gradient of
/// every term.
struct StochasticOasis {
  static constexpr std::string_view name = "StochasticOasis";
  std::optional<Schedule> learning_rate = {};  // >= 0; empty: adaptive
  double initial_learning_rate = 1e-3;         // in (0, largest_learning_rate]
  double largest_learning_rate = 1e10;         // > 0
  double beta1 = 0;                            // in [0, 1)
  double beta2 = 0.99;                         // in [0, 1)
  double truncation = 1e-3;                    // > 0
  double weight_decay = 0;                     // >= 0, decoupled
  std::int64_t warm_start = 1;                 // >= 1
  Batching<64> batching = {};                  // inner_steps 0: one pass

  static void options(auto& self, auto&& visit) {
    oasis_options(self, visit);
    self.batching.options(self.batching, visit);
  }
  void check() const { check_oasis(*this); }
  template <class V>
  struct State : OasisState<V> {
    Batches batches = {};
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    check_method(*this);
    Batches whole;
    const Index n = batching.terms(name, f);
    whole.begin(n, n, Order::in_order, {});
    return begin_oasis<State<V>>(
        *this, RandomKey{batching.seed}, f, x,
        [&f, &x, all = whole.next()](const V& v, V& Hv) { f.batch_hessian_vector(x, all, v, Hv); });
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    const RandomKey key{batching.seed};
    state.batches.begin(batching.terms(name, f), batching.size, batching.order,
                        key.derive(2).derive(static_cast<std::uint64_t>(state.steps)));
    const std::int64_t steps = batching.steps_or(state.batches.per_pass());
    for (std::int64_t k = 0; k < steps && !f.refused(); ++k) {
      const auto batch = state.batches.next();
      f.batch_gradient(x, batch, state.gradient);
      if (!learning_rate) f.batch_gradient(state.last, batch, state.last_gradient);
      if (!oasis_move(*this, key, x, state, state.gradient, state.last_gradient,
                      [&](const V& v, V& Hv) { f.batch_hessian_vector(x, batch, v, Hv); }))
        return report_of(state, Status::non_finite_hessian);
    }
    state.value = f.value_and_gradient(x, state.gradient);
    return report_of(state);
  }
};

}  // namespace glissade
