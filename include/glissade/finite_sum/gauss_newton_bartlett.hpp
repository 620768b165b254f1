// An estimate of the diagonal of a Gauss-Newton matrix from gradients.
#pragma once

#include <cstdint>
#include <span>

#include "../core/random.hpp"
#include "../oracle/objective.hpp"

namespace glissade {

namespace detail {

/// Uniform in (0, 1), one for the label of each term of the batch.
struct UniformDraws {
  RandomKey key;
  double operator()(Index k) const { return key.uniform(static_cast<std::uint64_t>(k)); }
};

}  // namespace detail

/// The Gauss-Newton-Bartlett estimate B * g * g, element by element, where g is the mean gradient over a batch of B
/// terms with labels drawn from the model. Never negative, and unbiased for the diagonal of the Gauss-Newton matrix;
/// only for losses that are log-likelihoods in natural units.
template <class F, class V>
void gauss_newton_bartlett(F&& objective, const V& x, std::span<const Index> batch, const RandomKey& key, V& estimate) {
  auto&& f = oracle_of(objective, x);
  f.sampled_gradient(x, batch, detail::UniformDraws{key}, estimate);
  estimate = static_cast<double>(batch.size()) * estimate.cwiseAbs2();
}

}  // namespace glissade
