// Estimates of the diagonal of a Hessian from products with random vectors.
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include "../core/random.hpp"
#include "../oracle/objective.hpp"

namespace glissade {

/// Where random probes come from: +-1, or standard normal random numbers. Both are unbiased; the variance of entry i is
/// sum over j != i of H_ij^2 with +-1 and H_ii^2 + sum over j of H_ij^2 with normal numbers.
enum class Probe { rademacher, gaussian };

namespace detail {

template <class V>
void fill_probe(Probe kind, const RandomKey& key, V& probe) {
  for (Index i = 0; i < probe.size(); ++i) {
    const auto counter = static_cast<std::uint64_t>(i);
    probe[i] = kind == Probe::gaussian ? key.normal(counter) : (key.bits(counter) & 1U) != 0 ? 1.0 : -1.0;
  }
}

/// Uniform random numbers for labels, a function of the place in the batch.
struct UniformDraws {
  RandomKey key;
  double operator()(Index k) const { return key.uniform(static_cast<std::uint64_t>(k)); }
};

}  // namespace detail

/// Hutchinson's estimate z * (H z), element by element, with one random probe z: one Hessian-vector product. For a
/// diagonal Hessian a probe of +-1 gives the diagonal exactly.
template <class F, class V>
void hutchinson(F&& objective, const V& x, Probe kind, const RandomKey& key, V& probe, V& estimate) {
  auto&& f = oracle_of(objective, x);
  probe.resize(x.size());
  detail::fill_probe(kind, key, probe);
  f.hessian_vector(x, probe, estimate);
  estimate.array() *= probe.array();
}

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
