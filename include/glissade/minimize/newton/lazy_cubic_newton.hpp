// Cubic Newton steps that share a Hessian.
#pragma once

#include "../../linalg/cubic_model.hpp"
#include "lazy_cycle.hpp"

namespace glissade {

namespace detail {

struct CubicStep {
  static constexpr std::string_view name = "LazyCubicNewton";
  static constexpr double lipschitz_factor = 6;

  template <class V>
  static bool direction(ShiftedSolver<V>& H, double M, double, V& v) {
    minimize_cubic_model(H, M, v);
    return true;
  }
  static double demand(double M, double, double after) { return after * std::sqrt(after / M); }
};

}  // namespace detail

/// Cubic Newton for functions that need not be convex, keeping a Hessian for `period` steps: where a Hessian
/// costs n gradients, a period of n saves a factor of about sqrt(n) in work. It leaves saddles, unless it
/// starts on one, where the gradient is zero already.
///
///     every `period` steps:  z = y,  H = Hessian(z), factorized once
///     h = argmin <g(y), h> + h'H h / 2 + (M / 6) ||h||^3,   globally
///     y <- y + h
///
/// Adaptive: M is halved at every snapshot; if after `period` steps
///     f(z) - f(y) < accept / sqrt(M) sum_i ||g(y_i)||^(3/2)
/// or as soon as a point is not finite, y goes back to z and M is doubled; the Hessian is kept. M never
/// exceeds max(constant, 12 period L). Otherwise M is `constant`, or 6 period L where the Hessian's
/// Lipschitz constant L is given: then f falls over each cycle, though not in every step, and the Hessian is
/// asked for exactly ceil(iterations / period) times. A period of 1 is the cubic Newton method. A
/// fixed M that is too small for its period does not converge: what M must be grows with the period.
///
/// x is the lowest of the y that have fallen as far as they should have by then, or with a fixed M of all. The cycle
/// stands in the state, so a run that ends within one ends at a good point and is resumed where it stood.
///
/// Options: period, 0: n (the default); adaptive (true); constant > 0, the first M or the fixed one;
/// hessian_lipschitz >= 0 (0: unknown); accept in (0, 0.23] (0.2); max_constant >= constant (1e16);
/// form.
/// State: the factorized Hessian, M, the snapshot, y. Cost: one gradient and 8 n^2 flops per step; one Hessian
/// and 4/3 n^3 flops per cycle (9 n^3 where the Hessian is not positive definite, or with form = eigen).
/// Ends with constant_too_large where no M will do.
/// Source: Doikov, Chayti and Jaggi, Second-order optimization with lazy Hessians, 2023, arXiv 2212.00781,
/// algorithm 1. Deviation: the constant of the acceptance test is derived here, the paper's may differ.
using LazyCubicNewton = detail::LazyMethod<detail::CubicStep>;

}  // namespace glissade
