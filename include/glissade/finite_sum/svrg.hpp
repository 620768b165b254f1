// SVRG.
#pragma once

#include "inner_loop.hpp"

namespace glissade {

namespace detail {

struct SnapshotDifferences {
  static constexpr std::string_view name = "Svrg";
  static constexpr bool recursive = false;
};

}  // namespace detail

/// SVRG: stochastic gradient steps with a variance that vanishes, so that a constant step converges; for finite sums.
///
///     snapshot s = x, mu = gradient f(s);   then inner_steps times, with batches S:
///     x <- x - step_size ( g_S(x) - g_S(s) + mu ),   where the objective has a prox or set then its prox or projection
///
/// One step of the method is one such outer loop; value and gradient are exact after it. The first inner step, which is
/// along mu whatever S is, asks for no batch. With a prox or set, what ends a run, Result::measure, is the norm of the
/// prox-gradient step, as Saga's.
/// Options: step_size > 0 (0.1), about 1 / (10 L), L of the terms; batching (size 1, two passes).
/// State: value, gradient, outer and inner (counts); batches follow from the seed.
/// Cost: one gradient and 2 batching.size (inner_steps - 1) gradients of terms per step.
/// Errors: std::invalid_argument for options out of range. Too large a step_size ends as Status::non_finite.
/// Source: "Accelerating Stochastic Gradient Descent using Predictive Variance Reduction", Johnson and Zhang, NIPS
/// 2013, with the last inner point as the next snapshot (option I); with a prox: "A Proximal Stochastic Gradient Method
/// with Progressive Variance Reduction", 2014, arXiv 1403.4699, without the average of the inner points.
using Svrg = detail::VarianceReduced<detail::SnapshotDifferences>;

}  // namespace glissade
