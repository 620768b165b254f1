// Regularized Newton steps that share a Hessian.
#pragma once

#include "lazy_cycle.hpp"

namespace glissade {

/// Newton's method for convex functions that keeps a Hessian for `period` steps: where a Hessian costs n
/// gradients, a period of n saves a factor of about sqrt(n) in work. No search, no parameter to tune.
///
///     every `period` steps:  z = x,  H = Hessian(z), factorized once
///     x <- x - (H + lambda I)^{-1} g(x),   lambda = sqrt(M ||g(x)||)
///
/// Adaptive: M is halved at every snapshot; if after `period` steps
///     f(z) - f(x) < accept sum_i ||g(x_i)||^2 / lambda_i
/// or as soon as a point is not finite, x goes back to z and M is doubled; the Hessian is kept. Otherwise M
/// is `constant`, or 3 period L where the Hessian's Lipschitz constant L is given: then f falls over each cycle,
/// though not in every step, and the Hessian is asked for exactly ceil(iterations / period) times.
/// A period of 1 is the gradient-regularized Newton method. A fixed M that is too small does not converge, whatever the
/// period.
///
/// Options: period, 0: n (the default); adaptive (true); constant > 0, the first M or the fixed one;
/// hessian_lipschitz >= 0 (0: unknown); accept in (0, 0.23] (0.2); max_constant (1e16); form.
/// State: the factorized Hessian, M, the snapshot. Cost: one gradient and 8 n^2 flops a step; one Hessian
/// and 4/3 n^3 flops a cycle (9 n^3 where the Hessian is not positive definite, or with form = eigen).
/// Ends with not_convex where H + lambda I is not positive definite and M is fixed, with constant_too_large where
/// no M will do.
/// Source: Doikov, Chayti and Jaggi, Second-order optimization with lazy Hessians, 2023, arXiv 2212.00781,
/// algorithm 2. Deviation: the acceptance test of the adaptive version is a heuristic of this library.
struct LazyNewton {
  static constexpr std::string_view name = "LazyNewton";
  static constexpr double lipschitz_factor = 3;

  int period = 0;
  bool adaptive = true;
  double constant = 1;
  double hessian_lipschitz = 0;
  double accept = 0.2;
  double max_constant = 1e16;
  SpectralForm form = SpectralForm::tridiagonal;

  static void options(auto& self, auto&& visit) { detail::lazy_options(self, visit); }

  template <class V>
  struct State : detail::LazyState<V> {
    static constexpr std::string_view name = LazyNewton::name;
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    check_method(*this);
    return detail::lazy_init<State<V>>(*this, f, x);
  }

  template <class F, class V>
  Report step(F&& objective, V& x, State<V>& state) const {
    auto&& f = oracle_of(objective, x);
    return detail::lazy_step(*this, f, x, state);
  }

  template <class V>
  bool direction(ShiftedSolver<V>& H, double M, double norm, V& v) const {
    const double lambda = std::sqrt(M * norm);
    if (!H.positive(lambda)) return false;
    H.solve(lambda, v);
    v = -v;
    return true;
  }
  double demand(double M, double before, double after) const { return after * after / std::sqrt(M * before); }
};

}  // namespace glissade
