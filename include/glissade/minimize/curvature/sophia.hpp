// Sophia as a method: with Hutchinson's and with the Gauss-Newton-Bartlett estimate.
#pragma once

#include <string>
#include <vector>

#include "../../linalg/diagonal_estimate.hpp"
#include "../../optimizer/curvature.hpp"
#include "../../rules/sophia.hpp"
#include "../from_rule.hpp"

namespace glissade {

namespace detail {

template <class V>
struct SophiaState : Lifted<Sophia>::template State<V> {
  double unclipped = 0;  // fraction of the coordinates that the last step did not clip
  V probe, estimate;     // workspace

  static void visit(auto& self, auto&& field) {
    Lifted<Sophia>::template State<V>::visit(self, field);
    field("unclipped", self.unclipped);
  }
};

/// What SophiaH and SophiaG share; Estimate is called at the first step and every `period` after it.
template <class M, class F, class V, class Estimate>
Report sophia_step(const M& method, F&& objective, V& x, SophiaState<V>& state, const Estimate& estimate) {
  check_method(method);
  auto&& f = oracle_of(objective, x);
  TensorState& tensor = state.memory.states[0];
  const std::int64_t time = state.memory.counts.updates;
  if (time % method.period == 0) {
    estimate(f, RandomKey{method.seed}.derive(static_cast<std::uint64_t>(time)));
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
}

}  // namespace detail

/// Sophia with Hutchinson's estimate of the Hessian's diagonal: curvature-aware steps that no coordinate can blow up.
///
///     every period steps:  h <- beta2 h + (1 - beta2) z (H z), z random
///     m <- beta1 m + (1 - beta1) g
///     x <- (1 - learning_rate weight_decay) x - learning_rate clip( m / max(gamma h, epsilon), -1, 1 )
///
/// state.unclipped is the fraction of coordinates that the step did not clip: gamma is right where it is 0.1 to 0.5.
/// That steps do not depend on the condition number, or on the scale of a coordinate, holds where the Hessian is near
/// its diagonal: what is off the diagonal is noise of the estimate and is not corrected for.
/// The function is used whole; in a loop over mini-batches use the rule Sophia with update_curvature.
/// State: value, gradient, first_moment, curvature, unclipped, counts; probes follow from the seed.
/// Cost: one gradient a step and one Hessian-vector product every `period`.
/// Errors: std::invalid_argument for options out of range.
/// Source: "Sophia: A Scalable Stochastic Second-order Optimizer for Language Model Pre-training", 2023, arXiv
/// 2305.14342, Algorithms 1 and 3. Probes of +-1 by default, which have less variance than the paper's normal numbers.
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

  static void options(auto& self, auto&& visit) { detail::sophia_options(self, visit); }
  template <class V>
  using State = detail::SophiaState<V>;

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    return detail::sophia_init(*this, objective, x);
  }
  template <class F, class V>
  Report step(F&& objective, V& x, State<V>& state) const {
    return detail::sophia_step(*this, objective, x, state, [&](auto& f, const RandomKey& key) {
      hutchinson(f, x, probe, key, state.probe, state.estimate);
    });
  }
};

/// Sophia with the Gauss-Newton-Bartlett estimate: for finite sums of log-likelihoods in natural units, such as
/// SoftmaxRegression, which can draw labels from the model.
///
///     every period steps:  h <- beta2 h + (1 - beta2) B ghat^2,  ghat the gradient over B terms with drawn labels
///     otherwise as SophiaH
///
/// State, errors, source: as SophiaH, Algorithm 2 for the estimate.
/// Cost: one gradient a step and one over `curvature_batch` terms every `period`.
struct SophiaG {
  static constexpr std::string_view name = "SophiaG";
  Schedule learning_rate = 1e-3;     // >= 0
  double beta1 = 0.96;               // in [0, 1)
  double beta2 = 0.99;               // in [0, 1)
  double gamma = 0.05;               // > 0
  double epsilon = 1e-12;            // >= 0
  double weight_decay = 0;           // >= 0, decoupled
  std::int64_t period = 10;          // >= 1
  std::int64_t curvature_batch = 0;  // >= 0, at most n terms, drawn with replacement; 0: each once
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    detail::sophia_options(self, visit);
    visit("curvature_batch", self.curvature_batch, range::non_negative);
  }
  template <class V>
  struct State : detail::SophiaState<V> {
    std::vector<Index> indices;  // workspace
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    require(name, "curvature_batch", static_cast<double>(curvature_batch), Range{0, static_cast<double>(f.size())});
    State<V> state;
    static_cast<detail::SophiaState<V>&>(state) = detail::sophia_init(*this, f, x);
    return state;
  }
  template <class F, class V>
  Report step(F&& objective, V& x, State<V>& state) const {
    return detail::sophia_step(*this, objective, x, state, [&](auto& f, const RandomKey& key) {
      const Index n = f.size();
      state.indices.resize(static_cast<std::size_t>(curvature_batch > 0 ? curvature_batch : n));
      std::iota(state.indices.begin(), state.indices.end(), Index{0});
      if (curvature_batch > 0)
        for (std::size_t k = 0; k < state.indices.size(); ++k)
          state.indices[k] = static_cast<Index>(key.derive(1).uniform(k) * static_cast<double>(n));
      gauss_newton_bartlett(f, x, state.indices, key, state.estimate);
    });
  }
};

}  // namespace glissade
