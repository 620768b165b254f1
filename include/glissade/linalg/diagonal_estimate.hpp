// Estimates of the diagonal of a matrix from products with random vectors.
#pragma once

#include <Eigen/Core>

#include <cstdint>

#include "../core/random.hpp"

namespace glissade {

/// Where random probes come from: +-1, or the standard normal distribution. Both are unbiased; the variance of entry i
/// is sum over j != i of H_ij^2 with +-1 and H_ii^2 + sum over j of H_ij^2 with normal ones.
enum class Probe { rademacher, gaussian };

namespace detail {

template <class V>
void fill_probe(Probe kind, const RandomKey& key, V& probe) {
  for (Eigen::Index i = 0; i < probe.size(); ++i) {
    const auto counter = static_cast<std::uint64_t>(i);
    probe[i] = kind == Probe::gaussian ? key.normal(counter) : (key.bits(counter) & 1U) != 0 ? 1.0 : -1.0;
  }
}

}  // namespace detail

/// Hutchinson's estimate z * (H z), element by element, with one random probe z of n numbers: one product(z, Hz), which
/// fills Hz. For a diagonal H a probe of +-1 gives the diagonal exactly.
template <class Product, class V>
void hutchinson(const Product& product, Eigen::Index n, Probe kind, const RandomKey& key, V& probe, V& estimate) {
  probe.resize(n);
  detail::fill_probe(kind, key, probe);
  product(probe, estimate);
  estimate.array() *= probe.array();
}

}  // namespace glissade
