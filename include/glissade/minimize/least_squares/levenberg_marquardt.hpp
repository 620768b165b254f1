// The Levenberg-Marquardt method for nonlinear least squares.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "trust_region.hpp"

namespace glissade {

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
