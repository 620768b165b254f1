// Sophia as a method, with Hutchinson's estimate of the curvature.
#pragma once

#include "../../linalg/diagonal_estimate.hpp"
#include "../../optimizer/curvature.hpp"
#include "../../rules/sophia.hpp"
#include "../from_rule.hpp"

namespace glissade {

template <class V>
struct SophiaState : Lifted<Sophia>::template State<V> {
  double unclipped = 0;  // fraction of the coordinates that the last step did not clip
  V probe, estimate;     // workspace

  static void visit(auto& self, auto&& field) {
    Lifted<Sophia>::template State<V>::visit(self, field);
    field("unclipped", self.unclipped);
  }
};

/// What SophiaH and SophiaG share; estimate(key) is called at the first step and every `period` after it.
template <class M, class F, class V, class Estimate>
Report sophia_step(const M& method, F& f, V& x, SophiaState<V>& state, const Estimate& estimate) {
  TensorState& tensor = state.memory.states[0];
  const std::int64_t time = state.memory.counts.updates;
  if (time % method.period == 0) {
    estimate(RandomKey{method.seed}.derive(static_cast<std::uint64_t>(time)));
    if (!state.estimate.allFinite()) return report_of(state, Status::non_finite_hessian);
    fold_curvature(tensor, method.beta2, state.estimate);
  }
  const Sophia rule{method.learning_rate, method.beta1, method.gamma, method.epsilon, method.weight_decay};
  const Report report = Lifted<Sophia>{rule}.step(f, x, state);
  const auto counts = count_unclipped(tensor, method.gamma, method.epsilon);
  state.unclipped = counts[1] == 0 ? 0 : static_cast<double>(counts[0]) / static_cast<double>(counts[1]);
  return report;
}

template <class M, class F, class V>
SophiaState<V> sophia_init(const M& method, F&& objective, const V& x) {
  check_method(method);
  SophiaState<V> state;
  static_cast<typename Lifted<Sophia>::template State<V>&>(state) = Lifted<Sophia>{Sophia{}}.init(objective, x);
  state.name = M::name;
  return state;
}

void sophia_options(auto& self, auto&& visit) {
  visit("learning_rate", self.learning_rate, range::non_negative);
  visit("beta1", self.beta1, range::decay);
  visit("beta2", self.beta2, range::decay);
  visit("gamma", self.gamma, range::positive);
  visit("epsilon", self.epsilon, range::non_negative);
  visit("weight_decay", self.weight_decay, range::non_negative);
  visit("period", self.period, range::at_least_one);
  visit("seed", self.seed);
}

/// Sophia with Hutchinson's estimate of the Hessian's diagonal: curvature-aware steps that no coordinate can blow up.
///
///     every period steps:  h <- beta2 h + (1 - beta2) z (H z), z random
///     m <- beta1 m + (1 - beta1) g
///     x <- (1 - learning_rate weight_decay) x - learning_rate clip( m / max(gamma h, epsilon), -1, 1 )
///
/// state.unclipped is the fraction of coordinates that the step did not clip: gamma is right where it is 0.1 to 0.5.
/// That steps do not depend on the condition number, or on the scale of a coordinate, holds where the Hessian is near
/// its diagonal: what is off the diagonal is noise of the estimate and is not corrected for. The function is used
/// whole; in a loop over mini-batches use the rule Sophia with update_curvature.
/// State: value, gradient, first_moment, curvature, unclipped, counts; probes follow from the seed.
/// Cost: one gradient per step and one Hessian-vector product every `period` steps.
/// Errors: std::invalid_argument for options out of range. Ends with non_finite_hessian where an estimate is not
/// finite.
/// Source: "Sophia: A Scalable Stochastic Second-order Optimizer for Language Model Pre-training", 2023, arXiv
/// 2305.14342, Algorithms 1 and 3. Probes of +-1 by default, which have less variance than the paper's normal ones.
struct SophiaH {
  static constexpr std::string_view name = "SophiaH";
  Schedule learning_rate = 1e-3;  // >= 0
  double beta1 = 0.96;            // in [0, 1)
  double beta2 = 0.99;            // in [0, 1)
  double gamma = 0.01;            // > 0
  double epsilon = 1e-12;         // >= 0
  double weight_decay = 0;        // >= 0, decoupled
  std::int64_t period = 10;       // >= 1
  Probe probe = Probe::rademacher;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    sophia_options(self, visit);
    visit("probe", self.probe, range::up_to(Probe::gaussian));
  }
  template <class V>
  using State = SophiaState<V>;

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    return sophia_init(*this, objective, x);
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    const auto product = [&](const V& v, V& Hv) { f.hessian_vector(x, v, Hv); };
    return sophia_step(*this, f, x, state, [&](const RandomKey& key) {
      hutchinson(product, x.size(), probe, key, state.probe, state.estimate);
    });
  }
};

}  // namespace glissade
