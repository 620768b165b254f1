// The Levenberg-Marquardt method for nonlinear least squares.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "trust_region.hpp"

namespace glissade {

/// The first choice for small and medium least squares problems: curves fitted to data, systems of equations, poses.
///
///     z = argmin |A z + q|^2 + damping |z|^2      A, q, D: the model of trust_region.hpp,  p = D^-1 z
///     the damping is 0 where |z| is within 1.1 radius, else such that |z| is within a tenth of the radius
///     ratio = (f(x) - f(x + p)) / (what the model promised);   x <- x + p where ratio > accept
///     radius shrinks to 0.1 to 0.5 of itself where ratio < 1/4, and becomes 2 |z| where ratio > 3/4
///     with acceleration: p + a / 2,  a the second derivative of the way that the residuals ask for, by the residuals
///     at x + p / 10, where 2 |D a| <= acceleration |z|
///
/// The objective gives residuals(x, r) and jacobian(x, J) (oracle/residuals.hpp makes the latter), and may have a
/// robust loss (LeastSquares) and bounds (subject_to a Box): variables at a bound out of which the gradient leads are
/// held, and steps are cut at the bounds; Result::measure is |P(x - g) - x|. Variables may be scaled in any way. The
/// Jacobian may have any rank, also fewer rows than columns. Values that differ by rounding errors only say nothing:
/// there a smaller gradient is progress. It ends with search_failed where no trial is, which after many digits is how a
/// run without tolerances ends.
///
/// Options: initial_radius in units of |D x|, > 0 (1; 100 in MINPACK); accept in [0, 1/4) (1e-4); acceleration >= 0 (0:
/// none; 0.75 where narrow valleys turn); max_trials >= 1 (100), per step.
/// State: ResidualState. Cost: a value per trial, accelerated two; a Jacobian per step; 2 m n^2 flops, n^3 a damping.
/// Errors: std::invalid_argument for options out of range, and residuals or Jacobians whose size changes.
/// Source: More, The Levenberg-Marquardt algorithm: implementation and theory, 1978; acceleration: Transtrum and
/// Sethna, Improvements to the Levenberg-Marquardt algorithm for nonlinear least-squares minimization, 2012, arXiv
/// 1201.5885. Deviation: a step whose acceleration is too large is taken without it. The bounds are treated by
/// projection.
struct LevenbergMarquardt {
  static constexpr std::string_view name = "LevenbergMarquardt";
  static constexpr bool honours_box = true;

  double initial_radius = 1;
  double accept = 1e-4;
  double acceleration = 0;
  int max_trials = 100;

  static void options(auto& self, auto&& visit) {
    visit("initial_radius", self.initial_radius, range::positive);
    visit("accept", self.accept, Range{0, 0.25, false, true});
    visit("acceleration", self.acceleration, range::non_negative);
    visit("max_trials", self.max_trials, range::at_least_one);
  }

  template <class V>
  struct State : ResidualState<V> {
    static constexpr std::string_view name = LevenbergMarquardt::name;
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    return ResidualTrustRegion::init<State<V>>(*this, objective, x);
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    const ResidualTrustRegion region{initial_radius, accept, max_trials};
    return region.step(
        f, x, state, [](ResidualState<V>& here) { return damped_step(here); },
        [this](F& oracle, const V& at, ResidualState<V>& here) {
          if (acceleration > 0) accelerate(oracle, at, here);
        });
  }

 private:
  /// z = argmin |A z + q|^2 + damping |z|^2 with |z| within a tenth of the radius, or undamped within it.
  template <class V>
  static bool damped_step(ResidualState<V>& state) {
    constexpr double tenth = 0.1;
    constexpr double least = std::numeric_limits<double>::min();
    const double radius = state.radius;
    DampedQr& qr = state.qr;
    Eigen::VectorXd& z = state.z;
    qr.solve(state.right, z);
    double norm = norm_of(z);
    double excess = norm - radius;
    if (excess <= tenth * radius) {
      state.damping = 0;
      return false;
    }
    double lower = 0;
    if (qr.rank() == z.size()) {
      z /= norm;
      lower = excess / radius / qr.inverse_square(z, false);
    }
    const double steepest = norm_of(state.free);
    double upper = steepest / radius;
    if (upper == 0) upper = least / std::min(radius, tenth);
    double damping = std::clamp(state.damping, std::min(lower, upper), std::max(lower, upper));
    if (damping == 0) damping = steepest / norm;
    for (int k = 0; k < 10; ++k) {
      if (damping == 0) damping = std::max(least, 1e-3 * upper);
      qr.solve(state.right, std::sqrt(damping), z);
      norm = norm_of(z);
      const double last = excess;
      excess = norm - radius;
      state.damping = damping;
      if (std::abs(excess) <= tenth * radius || (lower == 0 && excess <= last && last < 0) || norm == 0) break;
      state.other = z / norm;
      const double correction = excess / radius / qr.inverse_square(state.other, true);
      (excess > 0 ? lower : upper) = excess > 0 ? std::max(lower, damping) : std::min(upper, damping);
      damping = std::max(lower, damping + correction);
    }
    return true;
  }

  template <class F, class V>
  void accelerate(F& f, const V& x, ResidualState<V>& state) const {
    constexpr double h = 0.1;
    state.trial = x + h * state.p;
    f.residuals(state.trial, state.trial_residuals);
    if (!state.trial_residuals.allFinite()) return;
    state.change.noalias() = state.jacobian * state.p;
    Eigen::VectorXd& right = state.bend_right;
    right = -(2 / h) * ((state.trial_residuals - state.residuals) / h - state.change);
    if constexpr (F::has_robust_loss) right.array() *= state.weight.array();
    state.qr.set_right(right);
    if (state.damping > 0)
      state.qr.solve(right, std::sqrt(state.damping), state.other);
    else
      state.qr.solve(right, state.other);
    if (2 * norm_of(state.other) <= acceleration * norm_of(state.z))
      state.p += 0.5 * state.other.cwiseQuotient(state.scale);
  }
};

}  // namespace glissade
