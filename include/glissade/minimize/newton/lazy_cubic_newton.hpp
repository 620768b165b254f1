// Cubic Newton steps that share a Hessian.
#pragma once

#include "../../linalg/cubic_model.hpp"
#include "lazy_cycle.hpp"

namespace glissade {

/// Cubic Newton for functions that need not be convex, keeping a Hessian for `period` steps: where a Hessian
/// costs n gradients, a period of n saves a factor of about sqrt(n) in work. It leaves saddles, if it
/// does not start on one, where the gradient is zero already.
///
///     every `period` steps:  z = x,  H = Hessian(z), factorized once
///     h = argmin <g(x), h> + h'H h / 2 + (M / 6) ||h||^3,   globally
///     x <- x + h
///
/// Adaptive: M is halved at every snapshot; if after `period` steps
///     f(z) - f(x) < accept / sqrt(M) sum_i ||g(x_i)||^{3/2}
/// or as soon as a point is not finite, x goes back to z and M is doubled; the Hessian is kept. M never
/// exceeds max(constant, 12 period L). Otherwise M is `constant`, or 6 period L where the Hessian's
/// Lipschitz constant L is given: then f falls over each cycle, though not in every step, and the Hessian is
/// asked for exactly ceil(iterations / period) times. A period of 1 is the cubic Newton method. A
/// fixed M that is too small for its period does not converge: what M must be grows with the period.
///
/// Options: period, 0: n (the default); adaptive (true); constant > 0, the first M or the fixed one;
/// hessian_lipschitz >= 0 (0: unknown); accept in (0, 0.23] (0.2); max_constant (1e16); form.
/// State: the factorized Hessian, M, the snapshot. Cost: one gradient and 8 n^2 flops a step; one Hessian
/// and 4/3 n^3 flops a cycle (9 n^3 where the Hessian is not positive definite, or with form = eigen).
/// Ends with constant_too_large where no M will do.
/// Source: Doikov, Chayti and Jaggi, Second-order optimization with lazy Hessians, 2023, arXiv 2212.00781,
/// algorithm 1. Deviation: the constant of the acceptance test is derived here, the paper's may differ.
struct LazyCubicNewton {
  static constexpr std::string_view name = "LazyCubicNewton";
  static constexpr double lipschitz_factor = 6;

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
    static constexpr std::string_view name = LazyCubicNewton::name;
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
  bool direction(ShiftedSolver<V>& H, double M, double, V& v) const {
    minimize_cubic_model(H, M, v);
    return true;
  }
  double demand(double M, double, double after) const { return std::pow(after, 1.5) / std::sqrt(M); }
};

}  // namespace glissade
