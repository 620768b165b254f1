// Sophia for finite sums of log-likelihoods, with the Gauss-Newton-Bartlett estimate of the curvature.
#pragma once

#include <numeric>
#include <vector>

#include "../minimize/curvature/sophia.hpp"
#include "gauss_newton_bartlett.hpp"

namespace glissade {

/// Sophia with the Gauss-Newton-Bartlett estimate: for finite sums of log-likelihoods in natural units, such as
/// SoftmaxRegression, which can draw labels from the model.
///
///     every period steps:  h <- beta2 h + (1 - beta2) B ghat^2,  ghat the gradient over B terms with drawn labels
///     otherwise as SophiaH
///
/// State, errors, source: as SophiaH, Algorithm 2 for the estimate.
/// Cost: one gradient per step and one over `curvature_batch` terms every `period` steps.
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
    sophia_options(self, visit);
    visit("curvature_batch", self.curvature_batch, range::non_negative);
  }
  template <class V>
  struct State : SophiaState<V> {
    std::vector<Index> indices;  // workspace
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    require(name, "curvature_batch", static_cast<double>(curvature_batch), Range{0, static_cast<double>(f.size())});
    State<V> state;
    static_cast<SophiaState<V>&>(state) = sophia_init(*this, f, x);
    return state;
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    return sophia_step(*this, f, x, state, [&](const RandomKey& key) {
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
