// Regularized Newton steps that share a Hessian.
#pragma once

#include "lazy_cycle.hpp"

namespace glissade {

namespace detail {

struct RegularizedStep {
  static constexpr std::string_view name = "LazyNewton";
  static constexpr double lipschitz_factor = 3;

  template <class V>
  static bool direction(ShiftedSolver<V>& H, double M, double norm, V& v) {
    const double lambda = std::sqrt(M * norm);
    if (!H.positive(lambda)) return false;
    H.solve(lambda, v);
    v = -v;
    return true;
  }
  static double demand(double M, double before, double after) {
    return after * (after / (std::sqrt(M) * std::sqrt(before)));
  }
};

}  // namespace detail

/// Newton's method for convex functions that keeps a Hessian for `period` steps: where a Hessian costs n
/// gradients, a period of n saves a factor of about sqrt(n) in work. No search, no parameter to tune.
///
///     every `period` steps:  z = y,  H = Hessian(z), factorized once
///     y <- y - (H + lambda I)^{-1} g(y),   lambda = sqrt(M ||g(y)||)
///
/// Adaptive: M is halved at every snapshot; if after `period` steps
///     f(z) - f(y) < accept sum_i ||g(y_i)||^2 / lambda_i
/// or as soon as a point is not finite, y goes back to z and M is doubled; the Hessian is kept. Otherwise M
/// is `constant`, or 3 period L where the Hessian's Lipschitz constant L is given: then f falls over each cycle,
/// though not in every step, and the Hessian is asked for exactly ceil(iterations / period) times.
/// A period of 1 is the gradient-regularized Newton method. A fixed M that is too small does not converge, whatever the
/// period.
///
/// x is the lowest of the y that have fallen as far as they should have by then, or with a fixed M of all. The cycle
/// stands in the state, so a run that ends within one ends at a good point and is resumed where it stood.
///
/// Options: period, 0: n (the default); adaptive (true); constant > 0, the first M or the fixed one;
/// hessian_lipschitz >= 0 (0: unknown); accept in (0, 0.23] (0.2); max_constant >= constant (1e16);
/// form.
/// State: the factorized Hessian, M, the snapshot, y. Cost: one gradient and 8 n^2 flops per step; one Hessian
/// and 4/3 n^3 flops per cycle (9 n^3 where the Hessian is not positive definite, or with form = eigen).
/// Ends with not_convex where H + lambda I is not positive definite and M is fixed, with constant_too_large where
/// no M will do.
/// Source: Doikov, Chayti and Jaggi, Second-order optimization with lazy Hessians, 2023, arXiv 2212.00781,
/// algorithm 2. Deviation: the acceptance test of the adaptive version is a heuristic of this library.
using LazyNewton = detail::LazyMethod<detail::RegularizedStep>;

}  // namespace glissade
