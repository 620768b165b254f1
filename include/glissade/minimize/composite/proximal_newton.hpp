// Newton's method for a smooth function plus an l1 norm.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "l1_term.hpp"

namespace glissade {

/// Proximal Newton steps by coordinate descent, for a convex f with a Hessian and up to a few hundred variables plus
/// sum_i w_i |x_i|: l1 logistic regression in about ten Hessians, with zeros that are zeros.
///
///     d = about argmin  g'd + d'(H + m I)d / 2 + h(x + d),  m = 0, one coefficient after another:
///         z_i <- S(z_i - r_i / H_ii, w_i / H_ii),  z = x + d,  r = g + H d,  S(z, t) = sign(z) max(|z| - t, 0)
///         in sweeps over all coefficients, then over those that are not 0 until these are done, until the changes of a
///         sweep, each times its H_ii, have a norm of at most e |v|;  e = min(0.1, |v| / |v of the last step|)
///     x <- x + a d,  a = 1, shrink, ...  until  f(x + a d) + h(x + a d) <= f(x) + h(x) + c a (g'd + h(x + d) - h(x))
///
/// v is the subgradient of f + h that is least in norm. Where the values are too near to tell, |v| must fall. Where the
/// Hessian has a diagonal that is not positive or no step is found, one with m = max(|H|_inf, |v| / max(1, |x|)) is
/// tried once; then the run ends with search_failed. Result::value is f + h, gradient_norm that of the gradient of f,
/// measure |v|.
///
/// The objective says that its term is an l1 norm: plus_term(f, L1{.weight = 0.1}), or its own l1_weights(). Any other
/// prox does not compile.
///
/// Options: sufficient_decrease c in (0, 1/2) (1e-4); shrink in (0, 1) (0.5); max_trials >= 1 (60);
/// max_sweeps >= 1 (500).
/// State: penalty (h), measure, subgradient (v), last_measure.
/// Cost: a Hessian, n flops per coefficient that a sweep moves, mostly one gradient per step.
/// Errors: std::invalid_argument for options out of range, weights that are negative or not as many as coefficients.
/// Ends with non_finite_hessian where the Hessian is not finite.
/// Source: "Proximal Newton-type Methods for Minimizing Composite Functions", 2014, arXiv 1206.1623, algorithm 1.
/// Deviations: e; m; the test where values are too near to tell.
struct ProximalNewton {
  static constexpr std::string_view name = "ProximalNewton";
  static constexpr bool honours_l1 = true;

  double sufficient_decrease = 1e-4;
  double shrink = 0.5;
  int max_trials = 60;
  int max_sweeps = 500;

  static void options(auto& self, auto&& visit) {
    visit("sufficient_decrease", self.sufficient_decrease, Range{0, 0.5, true, true});
    visit("shrink", self.shrink, range::open_fraction);
    visit("max_trials", self.max_trials, range::at_least_one);
    visit("max_sweeps", self.max_sweeps, range::at_least_one);
  }

  template <class V>
  struct State : ValueAndGradient<V>, L1State<V> {
    static constexpr std::string_view name = ProximalNewton::name;
    double last_measure = 0;                                   // 0: at the start
    V next, slope, direction, trial, trial_gradient, scratch;  // workspace, as all that follows
    SquareOf<V> hessian;
    bool unbounded = false;

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      L1State<V>::visit(self, field);
      field("last_measure", self.last_measure);
    }
    friend Report report_of(const State& state, Status status = Status::running) {
      return {state.measure, state.value + state.penalty, status, norm_of(state.gradient)};
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    V weights = f.l1_weights(x);
    auto state = state_at<State<V>>(*this, f, x);
    state.term.weights = std::move(weights);
    state.look(x, state.gradient);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    f.hessian(x, state.hessian);
    if (!state.hessian.allFinite()) return report_of(state, Status::non_finite_hessian);
    state.unbounded = false;
    const double last = state.last_measure;
    const double factor = last > 0 ? std::min(0.1, state.measure / last) : 0.1;
    state.last_measure = state.measure;
    const double tolerance = factor * state.measure;
    if (solve_model(x, state, tolerance) && search(f, x, state)) return report_of(state);
    const double size = state.hessian.size() > 0 ? state.hessian.cwiseAbs().rowwise().sum().maxCoeff() : 0.0;
    state.hessian.diagonal().array() += std::max(size, state.measure / std::max(1.0, norm_of(x)));
    if (solve_model(x, state, tolerance) && search(f, x, state)) return report_of(state);
    return report_of(state, state.unbounded ? Status::unbounded : Status::search_failed);
  }

 private:
  /// direction = d; false where the Hessian has a diagonal that is not positive, or d is not finite.
  template <class V>
  bool solve_model(const V& x, State<V>& state, double tolerance) const {
    const auto& H = state.hessian;
    V& z = state.next;   // x + d
    V& r = state.slope;  // g + H d
    z = x;
    r = state.gradient;
    if (!(x.size() == 0 || H.diagonal().minCoeff() > 0)) return false;
    bool all = true;
    for (int sweep = 0; sweep < max_sweeps; ++sweep) {
      double left = 0;  // squared, of the model's subgradient before each change
      for (Index i = 0; i < x.size(); ++i) {
        if (!all && z[i] == 0) continue;
        const double a = H(i, i), w = state.term.weights[i];
        const double aim = z[i] - r[i] / a;
        const double next = aim > w / a ? aim - w / a : aim < -w / a ? aim + w / a : 0.0;
        const double change = next - z[i];
        if (change == 0) continue;
        left += a * change * (a * change);
        z[i] = next;
        r += change * H.col(i);
      }
      if (std::sqrt(left) <= tolerance) {
        if (all) break;
        all = true;
      } else {
        all = false;
      }
    }
    state.direction = z - x;
    return state.direction.allFinite();
  }

  template <class F, class V>
  bool search(F& f, V& x, State<V>& state) const {
    double promised = 0;
    for (Index i = 0; i < x.size(); ++i) {
      const double d = state.direction[i], z = state.next[i], w = state.term.weights[i];
      // |x + d| - |x| without the rounding errors of either, unless the sign changes.
      const double sign = x[i] > 0 || (x[i] == 0 && z > 0) ? 1 : -1;
      promised += (x[i] > 0 && z < 0) || (x[i] < 0 && z > 0)
                      ? state.gradient[i] * d + w * (std::abs(z) - std::abs(x[i]))
                      : (state.gradient[i] + sign * w) * d;
    }
    if (!(promised < 0)) return false;
    double length = 1;
    for (int k = 0; k < max_trials && !f.refused(); ++k, length *= shrink) {
      if (k == 0)
        state.trial = state.next;
      else
        state.trial = x + length * state.direction;
      const double value = f.probe(state.trial, state.trial_gradient);
      if (value == -std::numeric_limits<double>::infinity()) state.unbounded = true;
      const double now = state.value + state.penalty, then = value + state.term.value(state.trial);
      const bool low = then < now && then <= now + sufficient_decrease * length * promised;
      if (!low && !(std::abs(then - now) <= 1e-14 * std::abs(now))) continue;
      f.complete_probe(state.trial, state.trial_gradient);
      if (!std::isfinite(value) || !state.trial_gradient.allFinite()) continue;
      if (!low) {
        state.term.subgradient(state.trial, state.trial_gradient, state.scratch);
        if (!(norm_of(state.scratch) < state.measure)) continue;
      }
      x = state.trial;
      state.value = value;
      state.gradient = state.trial_gradient;
      state.look(x, state.gradient);
      return true;
    }
    return false;
  }
};

}  // namespace glissade
