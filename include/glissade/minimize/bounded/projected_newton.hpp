// Newton's method between bounds.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../../linalg/absolute_solver.hpp"
#include "../line/line.hpp"

namespace glissade {

/// Projected Newton steps, for a function with a Hessian, bounds, and up to a few hundred variables: quadratic
/// convergence once it is known which bounds are met.
///
///     e = min(near, |x - P(x - g)|)
///     A = { i : x_i <= low_i + e and g_i > 0,  or  x_i >= high_i - e and g_i < 0 },  F: all others
///     d_F = -|H_FF|^{-1} g_F (linalg/absolute_solver.hpp),   d_i = -g_i / H_ii  (-g_i where H_ii <= 0)  for i in A
///     x(a) = P(x + a d),  s = x(a) - x,  a = 1, shrink, ...  until  f(x(a)) <= f(x) + c g's  and  g's < 0
///
/// Where the values are too near to tell, |g(x(a))'s| <= (1 - 2 c) |g's| is asked instead. Where H_FF is not positive
/// definite, a begins with less for a step longer than 1e4 max(1, |x|). Where no step is found along d, -g is tried,
/// then the run ends with search_failed. x never leaves the bounds, and a variable at a bound is equal to it.
/// Result::measure is |P(x - g) - x|.
///
/// Options: near > 0 (1e-3); sufficient_decrease c in (0, 1/2) (1e-4); shrink in (0, 1) (0.5); max_trials >= 1 (60).
/// State: none but value, gradient and measure.
/// Cost: a Hessian, n^3 / 3 flops and mostly one gradient per step.
/// Errors: std::invalid_argument for options out of range, bounds that are crossed or of another size than x. Ends with
/// non_finite_hessian where the Hessian is not finite.
/// Source: "Projected Newton Methods for Optimization Problems with Simple Constraints", 1982.
/// Deviations: |H_FF|; the test by slopes. The paper's rule promises a g_F'd_F for the variables in F, also where a
/// bound has cut their step, which a singular Hessian makes unattainable.
struct ProjectedNewton {
  static constexpr std::string_view name = "ProjectedNewton";
  static constexpr bool honours_box = true;

  double near = 1e-3;
  double sufficient_decrease = 1e-4;
  double shrink = 0.5;
  int max_trials = 60;

  static void options(auto& self, auto&& visit) {
    visit("near", self.near, range::positive);
    visit("sufficient_decrease", self.sufficient_decrease, Range{0, 0.5, true, true});
    visit("shrink", self.shrink, range::open_fraction);
    visit("max_trials", self.max_trials, range::at_least_one);
  }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = ProjectedNewton::name;
    double measure = 0;
    Bounds<V> bounds;
    V direction, trial, trial_gradient, moved;  // workspace, as all that follows
    Eigen::Matrix<bool, V::RowsAtCompileTime, 1> blocked;
    SquareOf<V> hessian;
    AbsoluteSolver<SquareOf<V>> factor;
    bool unbounded = false;

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("measure", self.measure);
    }
    friend Report report_of(const State& state, Status status = Status::running) {
      return {state.measure, state.value, status, norm_of(state.gradient)};
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    auto bounds = f.box(x);
    auto state = state_at<State<V>>(*this, f, x);
    state.bounds = std::move(bounds);
    state.blocked.resize(x.size());
    set_measure(x, state);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    if (!state.bounds.contains(x)) {
      state.bounds.project(x);
      state.value = f.value_and_gradient(x, state.gradient);
      set_measure(x, state);
    }
    f.hessian(x, state.hessian);
    if (!state.hessian.allFinite()) return report_of(state, Status::non_finite_hessian);
    find_blocked(x, state);
    state.unbounded = false;
    if (set_direction(state)) {
      // Along what the Hessian tells nothing of, the least |l| alone makes the step: its length hangs on rounding
      // errors.
      const double most = 1e4 * std::max(1.0, norm_of(x));
      const double first = state.factor.modified() ? std::min(1.0, most / norm_of(state.direction)) : 1.0;
      if (move(f, x, state, first)) return report_of(state);
    }
    state.direction = -state.gradient;
    if (move(f, x, state, first_length(x, state.gradient))) return report_of(state);
    return report_of(state, state.unbounded ? Status::unbounded : Status::search_failed);
  }

 private:
  template <class V>
  static void set_measure(const V& x, State<V>& state) {
    state.measure = state.bounds.measure(x, state.gradient, state.moved);
  }

  template <class V>
  void find_blocked(const V& x, State<V>& state) const {
    const double e = std::min(near, state.measure);
    for (Index i = 0; i < x.size(); ++i)
      state.blocked[i] = (x[i] <= state.bounds.low[i] + e && state.gradient[i] > 0) ||
                         (x[i] >= state.bounds.high[i] - e && state.gradient[i] < 0);
  }

  /// False where the Hessian tells nothing.
  template <class V>
  static bool set_direction(State<V>& state) {
    auto& H = state.hessian;
    if (H.isZero(0)) return false;
    for (Index i = 0; i < H.rows(); ++i) {
      if (!state.blocked[i]) continue;
      const double diagonal = H(i, i);
      H.row(i).setZero();
      H.col(i).setZero();
      H(i, i) = diagonal > 0 ? diagonal : 1;
    }
    if (!state.factor.compute(H)) return false;
    state.direction = -state.gradient;
    state.factor.solve_in_place(state.direction);
    return state.direction.allFinite();
  }

  /// Searches along the path that the bounds bend.
  template <class F, class V>
  bool move(F& f, V& x, State<V>& state, double first) const {
    if (!std::isfinite(first)) return false;
    double length = first;
    for (int trial = 0; trial < max_trials && !f.refused(); ++trial, length *= shrink) {
      double slope = 0;
      state.trial.resize(x.size());
      for (Index i = 0; i < x.size(); ++i) {
        state.trial[i] = state.bounds.nearest(i, x[i] + length * state.direction[i]);
        slope += state.gradient[i] * (state.trial[i] - x[i]);
      }
      if (!(slope < 0)) continue;
      const double value = f.probe(state.trial, state.trial_gradient);
      if (value == -std::numeric_limits<double>::infinity()) state.unbounded = true;
      bool low = value <= state.value + sufficient_decrease * slope && value < state.value;
      if (!low && !(std::abs(value - state.value) <= 1e-14 * std::abs(state.value))) continue;
      f.complete_probe(state.trial, state.trial_gradient);
      if (!low) {
        state.moved = state.trial - x;
        low = std::abs(state.trial_gradient.dot(state.moved)) <= (1 - 2 * sufficient_decrease) * std::abs(slope);
      }
      if (!low || !std::isfinite(value) || !state.trial_gradient.allFinite()) continue;
      x = state.trial;
      state.gradient = state.trial_gradient;
      state.value = value;
      set_measure(x, state);
      return true;
    }
    return false;
  }
};

}  // namespace glissade
