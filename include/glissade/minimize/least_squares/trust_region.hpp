// What methods for least squares share: the linear model of the residuals in a trust region, robust losses and bounds.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../../drive/method.hpp"
#include "../../oracle/least_squares.hpp"
#include "damped_qr.hpp"

namespace glissade {

/// Where a method for least squares is: x has these residuals r and Jacobian J, and the next step is within the radius.
///
///     value = 1/2 sum rho(r_i^2),   gradient = J'(rho' r)
///     the model, after Triggs:  1/2 |A z + q|^2,   A = W J D^-1,   z = D p
///         W_i^2 = rho' + 2 rho'' r_i^2,   q_i = rho' r_i / W_i
///
/// W_i^2 is the curvature of the loss along r_i; where it is below rho' / 10^4, as of outliers, that stands for it,
/// which changes the model but not its gradient. Without a robust loss W = I and q = r.
template <class V>
struct ResidualState : ValueAndGradient<V> {
  double measure = 0;
  double radius = 0;      // 0 before the first step
  double damping = 0;     // of the last step
  Eigen::VectorXd scale;  // D: the largest norms of the columns of W J so far
  Eigen::VectorXd residuals;
  Eigen::MatrixXd jacobian;

  Bounds<V> bounds;
  // Workspace.
  V trial, trial_gradient;
  Eigen::VectorXd trial_residuals, weight, right, bend_right, change, p, z, other;
  Eigen::VectorXd free;  // D^-1 gradient of what is not held at a bound
  Eigen::MatrixXd trial_jacobian;
  DampedQr qr;

  static void visit(auto& self, auto&& field) {
    ValueAndGradient<V>::visit(self, field);
    field("measure", self.measure);
    field("radius", self.radius);
    field("damping", self.damping);
    field("scale", self.scale);
    field("residuals", self.residuals);
    field("jacobian", self.jacobian);
  }
  friend Report report_of(const ResidualState& state, Status status = Status::running) {
    return {state.measure, state.value, status, norm_of(state.gradient)};
  }
};

/// One step of a method that gives `propose(state)`: state.z becomes a step for the factored model, |z| about within
/// the radius, and it returns whether the radius stopped it; and `bend(f, x, state)`, which may change the step p that
/// was made of it. They are asked again with smaller radii until the value falls.
struct ResidualTrustRegion {
  double initial_radius;
  double accept;
  int max_trials;

  template <class State, class M, class F, class V>
  static State init(const M& method, F&& objective, const V& x) {
    check_honours<M, std::remove_reference_t<F>, V>();
    check_method(method);
    return start<State>(oracle_of(objective, x), x);
  }

  template <class F, class V, class Propose, class Bend>
  Report step(F& f, V& x, ResidualState<V>& state, const Propose& propose, const Bend& bend) const {
    const double radius = state.radius;
    hold_at_bounds<F>(x, state.gradient, state);
    model(f, state);
    if (state.radius == 0) {
      state.z = state.scale.cwiseProduct(x);
      const double length = norm_of(state.z);
      state.radius = initial_radius * (length > 0 && std::isfinite(length) ? length : 1);
    }
    for (int trial = 0; trial < max_trials && !f.refused(); ++trial) {
      const bool bounded = propose(state);
      const double length = norm_of(state.z);
      state.p = state.z.cwiseQuotient(state.scale);
      const bool stopped = stop_at_bounds<F>(x, state);
      const double slope = state.p.dot(state.gradient);
      state.change.noalias() = state.jacobian * state.p;
      if constexpr (F::has_robust_loss) state.change.array() *= state.weight.array();
      const double promised = -slope - 0.5 * state.change.squaredNorm();
      if (!(promised > 0)) {
        // Where a bound cut a step, what is left of it may lead uphill; a short one does not.
        if (!stopped || !(length > 0)) break;
        shorten(state, -1, -1, length);
        continue;
      }
      bend(f, x, state);
      stop_at_bounds<F>(x, state);
      state.trial = x + state.p;
      if constexpr (F::has_box) state.bounds.project(state.trial);
      if (state.trial == x || !state.trial.allFinite()) break;
      f.residuals(state.trial, state.trial_residuals);
      const double value = half_sum_of_losses<F::has_robust_loss>(f, state.trial_residuals);
      const double fall = state.value - value;
      const double ratio = std::isfinite(value) ? fall / promised : -1;
      // Values that differ by rounding errors only say nothing: there a smaller gradient is progress.
      const bool rounded = std::abs(fall) <= 1e-14 * std::abs(state.value) && promised <= 1e-14 * std::abs(state.value);
      if ((ratio > accept || rounded) && take(f, x, state, value, rounded)) {
        if (!(ratio >= 0.25) && !rounded)
          shorten(state, slope, fall, length);
        else if (ratio >= 0.75 || !bounded)
          state.radius = 2 * length;
        return report_of(state);
      }
      shorten(state, slope, std::isfinite(value) ? fall : -std::numeric_limits<double>::infinity(), length);
    }
    state.radius = radius;
    return report_of(state, Status::search_failed);
  }

 private:
  /// The radius that a parabola through the values and the slope at x suggests.
  template <class V>
  static void shorten(ResidualState<V>& state, double slope, double fall, double length) {
    const double factor = fall >= 0 ? 0.5 : std::clamp(0.5 * slope / (slope + fall), 0.1, 0.5);
    state.radius = factor * std::min(state.radius, 10 * length);
    state.damping /= factor;
  }

  template <class State, class F, class V>
  static State start(F&& oracle, const V& x) {
    using Problem = std::remove_reference_t<F>;
    State state;
    if constexpr (Problem::has_box) state.bounds = oracle.box(x);
    oracle.residuals(x, state.residuals);
    state.value = half_sum_of_losses<Problem::has_robust_loss>(oracle, state.residuals);
    oracle.residual_jacobian(x, state.jacobian);
    gradient_of_losses<Problem::has_robust_loss>(oracle, state.residuals, state.jacobian, state.right, state.gradient);
    state.scale.setZero(x.size());
    state.trial_residuals.setZero(state.residuals.size());
    state.trial_jacobian.setZero(state.residuals.size(), x.size());
    set_measure<Problem>(x, state);
    return state;
  }

  template <class F, class V>
  static void set_measure(const V& x, ResidualState<V>& state) {
    if constexpr (F::has_box) {
      state.bounds.gradient_step(x, state.gradient, state.trial_gradient);
      state.measure = norm_of(state.trial_gradient);
    } else {
      state.measure = norm_of(state.gradient);
    }
  }

  /// free = D^-1 gradient, 0 where x is at a bound and the gradient leads out of it.
  template <class F, class V>
  static void hold_at_bounds(const V& x, const V& gradient, ResidualState<V>& state) {
    state.free.resize(x.size());
    for (Index i = 0; i < x.size(); ++i) {
      state.free[i] = gradient[i];
      if constexpr (F::has_box)
        if (gradient[i] > 0 ? x[i] <= state.bounds.low[i] : x[i] >= state.bounds.high[i]) state.free[i] = 0;
    }
  }

  /// Cuts p where it leaves the bounds; true if it did.
  template <class F, class V>
  static bool stop_at_bounds(const V& x, ResidualState<V>& state) {
    bool stopped = false;
    if constexpr (F::has_box)
      for (Index i = 0; i < x.size(); ++i) {
        const double moved = x[i] + state.p[i];
        const double inside = state.bounds.nearest(i, moved);
        if (inside == moved) continue;
        state.p[i] = inside - x[i];
        stopped = true;
      }
    return stopped;
  }

  /// Factors A and turns -q into Q'(-q).
  template <class F, class V>
  static void model(const F& f, ResidualState<V>& state) {
    const Index m = state.residuals.size();
    const Index n = state.jacobian.cols();
    state.right = -state.residuals;
    auto& a = state.qr.matrix(m, n);
    a = state.jacobian;
    if constexpr (F::has_robust_loss) {
      state.weight.resize(m);
      for (Index i = 0; i < m; ++i) {
        const double r = state.residuals[i];
        const RobustValue rho = f.robust_loss(r * r);
        const double square = std::max(rho.slope + 2 * rho.curvature * r * r, 1e-4 * rho.slope);
        const double w = state.weight[i] = std::sqrt(square);
        state.right[i] = w > 0 ? -rho.slope * r / w : 0;
      }
      for (Index j = 0; j < n; ++j) a.col(j).array() *= state.weight.array();
    }
    for (Index j = 0; j < n; ++j) {
      const double norm = norm_of(a.col(j));
      if (norm > state.scale[j]) state.scale[j] = norm;
      if (state.scale[j] == 0) state.scale[j] = 1;
      a.col(j) /= state.scale[j];
      // What is held at its bound does not move.
      if constexpr (F::has_box)
        if (state.free[j] == 0) a.col(j).setZero();
    }
    state.free = state.free.cwiseQuotient(state.scale);
    state.qr.factor();
    state.qr.set_right(state.right);
  }

  /// Moves to the trial point; false, and x stays, if its derivatives are not finite or, where only the gradient can
  /// tell, if that is no smaller.
  template <class F, class V>
  static bool take(F& f, V& x, ResidualState<V>& state, double value, bool rounded) {
    f.residual_jacobian(state.trial, state.trial_jacobian);
    gradient_of_losses<F::has_robust_loss>(f, state.trial_residuals, state.trial_jacobian, state.change,
                                           state.trial_gradient);
    if (!state.trial_gradient.allFinite()) return false;
    if (rounded) {
      const double before = norm_of(state.free);
      state.other = state.free;
      hold_at_bounds<F>(state.trial, state.trial_gradient, state);
      state.free = state.free.cwiseQuotient(state.scale);
      const double after = norm_of(state.free);
      state.free = state.other;
      if (!(after < before)) return false;
    }
    x.swap(state.trial);
    state.gradient.swap(state.trial_gradient);
    state.residuals.swap(state.trial_residuals);
    state.jacobian.swap(state.trial_jacobian);
    state.value = value;
    set_measure<F>(x, state);
    return true;
  }
};

}  // namespace glissade
