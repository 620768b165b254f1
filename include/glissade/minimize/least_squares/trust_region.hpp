// What methods for least squares share: the linear model of the residuals in a trust region, robust losses and bounds.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../../drive/method.hpp"
#include "damped_qr.hpp"

namespace glissade {

/// Where a method for least squares is: x has these residuals r and Jacobian J, and the next step is within the radius.
///
/// value = 1/2 sum rho(r_i^2),   gradient = J'(rho' r)
/// the model, after Triggs:  1/2 |A z + q|^2,   A = W J D^-1,   z = D p,   W_i^2 = rho' + 2 rho'' r_i^2,   q_i = rho' r_i / W_i
///
/// W_i^2 is the curvature of the loss along r_i; where it is below rho' / 10^4, as of outliers, that stands for it, which
/// changes the model but not its gradient. Without a robust loss W = I and q = r.
template <class V>
struct ResidualState : ValueAndGradient<V> {
  double measure = 0;
  double radius = 0;     // 0 before the first step
  double damping = 0;    // of the last step
  Eigen::VectorXd scale;  // D: the largest norms of the columns of W J so far
  Eigen::VectorXd residuals;
  Eigen::MatrixXd jacobian;

  // Workspace.
  V trial, trial_gradient;
  Eigen::VectorXd trial_residuals, weight, right, bend_right, change, p, z, other;
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

namespace detail {

/// 1/2 sum rho(r_i^2); NaN where the call was refused or there is a residual that is not a number.
template <class F>
double half_sum(const F& f, const Eigen::VectorXd& r) {
  double sum = 0;
  if constexpr (F::has_robust_loss)
    for (Eigen::Index i = 0; i < r.size(); ++i) sum += f.robust_loss(r[i] * r[i]).value;
  else
    sum = r.squaredNorm();
  return 0.5 * sum;
}

/// J'(rho' r), with rho' r in `pull`.
template <class F, class V>
void gradient_of_residuals(const F& f, const Eigen::VectorXd& r, const Eigen::MatrixXd& J, Eigen::VectorXd& pull,
                           V& gradient) {
  pull = r;
  if constexpr (F::has_robust_loss)
    for (Eigen::Index i = 0; i < r.size(); ++i) pull[i] *= f.robust_loss(r[i] * r[i]).slope;
  gradient.resize(J.cols());
  for (Eigen::Index j = 0; j < J.cols(); ++j) gradient[j] = J.col(j).dot(pull);
}

}  // namespace detail

/// One step of a method that gives `propose(state)`: state.z becomes a step for the factored model, |z| about within the
/// radius, and it returns whether the radius stopped it; and `bend(f, x, state)`, which may change the step p that was
/// made of it. They are asked again with smaller radii until the value falls.
struct ResidualTrustRegion {
  double initial_radius;
  double accept;
  int max_trials;

  template <class State, class M, class F, class V>
  static State init(const M& method, F&& objective, const V& x) {
    using Problem = std::remove_reference_t<F>;
    check_honours<M, Problem, V>();
    check_method(method);
    auto&& f = oracle_of(objective, x);
    State state;
    f.residuals(x, state.residuals);
    state.value = detail::half_sum(f, state.residuals);
    f.residual_jacobian(x, state.jacobian);
    const Index m = state.residuals.size();
    detail::gradient_of_residuals(f, state.residuals, state.jacobian, state.right, state.gradient);
    state.measure = norm_of(state.gradient);
    state.scale.setZero(x.size());
    state.trial_residuals.setZero(m);
    state.trial_jacobian.setZero(m, x.size());
    return state;
  }

  template <class F, class V, class Propose, class Bend>
  Report step(F& f, V& x, ResidualState<V>& state, const Propose& propose,
              const Bend& bend) const {
    const double radius = state.radius;
    model(f, x, state);
    if (state.radius == 0) {
      state.z = state.scale.cwiseProduct(x);
      const double length = norm_of(state.z);
      state.radius = initial_radius * (length > 0 && std::isfinite(length) ? length : 1);
    }
    for (int trial = 0; trial < max_trials && !f.refused(); ++trial) {
      const bool bounded = propose(state);
      const double length = norm_of(state.z);
      state.p = state.z.cwiseQuotient(state.scale);
      const double slope = state.p.dot(state.gradient);
      state.change.noalias() = state.jacobian * state.p;
      if constexpr (F::has_robust_loss) state.change.array() *= state.weight.array();
      const double promised = -slope - 0.5 * state.change.squaredNorm();
      if (!(promised > 0)) break;
      bend(f, x, state);
      state.trial = x + state.p;
      if (state.trial == x || !state.trial.allFinite()) break;
      f.residuals(state.trial, state.trial_residuals);
      const double value = detail::half_sum(f, state.trial_residuals);
      const double fall = state.value - value;
      const double ratio = std::isfinite(value) ? fall / promised : -1;
      // Values that differ by rounding errors only say nothing: there a smaller gradient is progress.
      const bool rounded = std::abs(fall) <= 1e-14 * std::abs(state.value) && promised <= 1e-14 * std::abs(state.value);
      if ((ratio > accept || rounded) && take(f, x, state, value, rounded)) {
        if (ratio >= 0.75 || !bounded) state.radius = std::max(bounded ? 2 * length : 2 * length, 1e-300);
        else if (ratio < 0.25) shorten(state, slope, fall, length);
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

  /// Factors A and turns -q into Q'(-q).
  template <class F, class V>
  static void model(const F& f, const V&, ResidualState<V>& state) {
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
    }
    state.qr.factor();
    state.qr.set_right(state.right);
  }

  /// Moves to the trial point; false, and x stays, if its derivatives are not finite or, where only the gradient can
  /// tell, if that is no smaller.
  template <class F, class V>
  static bool take(F& f, V& x, ResidualState<V>& state, double value, bool rounded) {
    f.residual_jacobian(state.trial, state.trial_jacobian);
    detail::gradient_of_residuals(f, state.trial_residuals, state.trial_jacobian, state.change, state.trial_gradient);
    if (!state.trial_gradient.allFinite()) return false;
    if (rounded) {
      state.other = state.gradient.cwiseQuotient(state.scale);
      const double before = norm_of(state.other);
      state.other = state.trial_gradient.cwiseQuotient(state.scale);
      if (!(norm_of(state.other) < before)) return false;
    }
    x.swap(state.trial);
    state.gradient.swap(state.trial_gradient);
    state.residuals.swap(state.trial_residuals);
    state.jacobian.swap(state.trial_jacobian);
    state.value = value;
    state.measure = norm_of(state.gradient);
    return true;
  }
};

}  // namespace glissade
