// The Gauss-Newton method in a trust region, for nonlinear least squares.
#pragma once

#include <algorithm>
#include <cmath>

#include "trust_region.hpp"

namespace glissade {

/// Least squares by Gauss-Newton steps, cut by Powell's dogleg: one factorization a step, where LevenbergMarquardt
/// solves a few damped problems; the choice for many variables and residuals that are small at the solution.
///
///     z_n = argmin |A z + q|                       A, q, D: the model of trust_region.hpp,  p = D^-1 z
///     z_c = -g |g|^2 / |A g|^2,   g = D^-1 grad f  the lowest point of the model along its steepest descent
///     z = z_n where |z_n| <= radius;   else from 0 to z_c and on towards z_n as far as the radius allows
///     ratio = (f(x) - f(x + p)) / (what the model promised);   x <- x + p where ratio > accept
///     radius shrinks to 0.1 to 0.5 of itself where ratio < 1/4, and becomes 2 |z| where ratio > 3/4
///
/// Where A has no full rank, columns that add nothing to it do not move. Values that differ by rounding errors only say
/// nothing: there a smaller gradient is progress. It ends with search_failed where no trial is. Bounds (subject_to a
/// Box) and a robust loss are honoured as by LevenbergMarquardt.
///
/// Options: initial_radius in units of |D x|, > 0 (1); accept in [0, 1/4) (1e-4); max_trials >= 1 (100), per step.
/// State: ResidualState. Cost: a value per trial, a Jacobian per step, 2 m n^2 flops.
/// Errors: std::invalid_argument for options out of range, and residuals or Jacobians whose size changes.
/// Source: Powell, A hybrid method for nonlinear equations, 1970; Nocedal and Wright, 2006, section 4.1 and chapter 10.
struct GaussNewton {
  static constexpr std::string_view name = "GaussNewton";
  static constexpr bool honours_box = true;

  double initial_radius = 1;
  double accept = 1e-4;
  int max_trials = 100;

  static void options(auto& self, auto&& visit) {
    visit("initial_radius", self.initial_radius, range::positive);
    visit("accept", self.accept, Range{0, 0.25, false, true});
    visit("max_trials", self.max_trials, range::at_least_one);
  }

  template <class V>
  struct State : ResidualState<V> {
    static constexpr std::string_view name = GaussNewton::name;
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    return ResidualTrustRegion::init<State<V>>(*this, objective, x);
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    const ResidualTrustRegion region{initial_radius, accept, max_trials};
    return region.step(
        f, x, state, [](ResidualState<V>& here) { return dogleg<F>(here); }, [](auto&...) {});
  }

 private:
  template <class F, class V>
  static bool dogleg(ResidualState<V>& state) {
    const double radius = state.radius;
    Eigen::VectorXd& z = state.z;
    state.qr.solve(state.right, z);
    const double norm = norm_of(z);
    if (norm <= radius) return false;
    // In units of |g|: neither its square nor that of A g leaves the range.
    const double steepest = norm_of(state.free);
    if (steepest == 0) return false;
    Eigen::VectorXd& cauchy = state.other;
    state.p = state.free.cwiseQuotient(state.scale) / steepest;
    state.change.noalias() = state.jacobian * state.p;
    if constexpr (F::has_robust_loss) state.change.array() *= state.weight.array();
    const double curvature = norm_of(state.change);
    const double length = std::min(radius, steepest / curvature / curvature);
    cauchy = state.free * (-length / steepest);
    if (!(length < radius) || !std::isfinite(norm)) {
      z = cauchy;
      return true;
    }
    // |cauchy + t (z - cauchy)| = radius
    z -= cauchy;
    const double square = z.squaredNorm();
    const double across = cauchy.dot(z);
    const double left = (radius - length) * (radius + length);
    const double root = std::sqrt(std::max(0.0, across * across + square * left));
    const double t = across > 0 ? left / (across + root) : (root - across) / square;
    z = cauchy + t * z;
    return true;
  }
};

}  // namespace glissade
