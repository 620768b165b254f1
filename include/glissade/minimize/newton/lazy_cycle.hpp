// What the lazy Newton methods share: cycles of steps with one Hessian, and the search for the constant.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../../drive/method.hpp"
#include "../../linalg/shifted_solver.hpp"

namespace glissade::detail {

template <class V>
struct LazyState : ValueAndGradient<V> {
  ShiftedSolver<V> solver;  // the factorized Hessian at the snapshot
  double constant = 0;      // M
  std::int64_t taken = 0;   // steps of this cycle
  bool stale = true;        // the next step takes a new snapshot
  V trial;                  // where the cycle stands, with
  double trial_value = 0;
  V trial_gradient;
  V start;  // the snapshot, with
  double start_value = 0;
  V start_gradient;
  double progress = 0;  // what the cycle must have achieved, up to a factor
  V direction;
  SquareOf<V> hessian;

  static void visit(auto& self, auto&& field) {
    ValueAndGradient<V>::visit(self, field);
    ShiftedSolver<V>::visit(self.solver, field);
    field("constant", self.constant);
    field("taken", self.taken, 0, std::int64_t{1} << 53);
    field("stale", self.stale);
    field("trial", self.trial);
    field("trial_value", self.trial_value);
    field("trial_gradient", self.trial_gradient);
    field("start", self.start);
    field("start_value", self.start_value);
    field("start_gradient", self.start_gradient);
    field("progress", self.progress);
  }
};

/// A lazy method, by its step: direction(solver, M, norm, v) turns v = Q'g into Q'h and returns false where there is no
/// such step; demand(M, norm before, norm after) is a term of the progress.
///
/// The points of a cycle are in the state; x moves to those alone that are good: no higher than x and, where M is
/// adaptive, low enough for the steps that the cycle has taken. Where values differ by rounding errors only, a
/// smaller gradient will do.
template <class Step>
struct LazyMethod {
  static constexpr std::string_view name = Step::name;

  int period = 0;
  bool adaptive = true;
  double constant = 1;
  double hessian_lipschitz = 0;
  double accept = 0.2;
  double max_constant = 1e16;
  SpectralForm form = SpectralForm::tridiagonal;

  static void options(auto& self, auto&& visit) {
    visit("period", self.period, range::non_negative);
    visit("adaptive", self.adaptive);
    visit("constant", self.constant, range::positive);
    visit("hessian_lipschitz", self.hessian_lipschitz, range::non_negative);
    visit("accept", self.accept, Range{0, 0.23, true, false});
    visit("max_constant", self.max_constant, range::positive);
    visit("form", self.form, range::up_to(SpectralForm::eigen));
  }
  void check() const {
    if (adaptive && !(hessian_lipschitz > 0)) require(name, "constant", constant, Range{0, max_constant, true, false});
  }

  template <class V>
  struct State : LazyState<V> {
    static constexpr std::string_view name = Step::name;
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto state = state_at<State<V>>(*this, objective, x);
    state.solver.resize(x.size());
    state.constant = hessian_lipschitz > 0
                         ? Step::lipschitz_factor * hessian_lipschitz * static_cast<double>(steps_of_cycle(x.size()))
                         : constant;
    state.trial = state.start = x;
    state.trial_value = state.start_value = state.value;
    state.trial_gradient = state.start_gradient = state.gradient;
    return state;
  }

  /// One step of a cycle: one gradient.
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    const bool adapts = adaptive && !(hessian_lipschitz > 0);
    if (state.stale) {
      f.hessian(state.trial, state.hessian);
      if (!state.solver.compute(state.hessian, form)) return report_of(state, Status::non_finite_hessian);
      state.stale = false;
      state.taken = 0;
      state.progress = 0;
      state.start_value = state.trial_value;
      if (adapts) {
        state.constant /= 2;
        state.start = state.trial;
        state.start_gradient = state.trial_gradient;
      }
    }
    const double before = norm_of(state.trial_gradient);
    state.direction = state.trial_gradient;
    state.solver.into(state.direction);
    const bool possible = Step::direction(state.solver, state.constant, before, state.direction);
    if (!possible && !adapts) return report_of(state, Status::not_convex);
    double after = before;
    if (possible) {
      state.solver.out_of(state.direction);
      state.trial += state.direction;
      state.trial_value = f.value_and_gradient(state.trial, state.trial_gradient);
      after = norm_of(state.trial_gradient);
    }
    const bool finite = std::isfinite(state.trial_value) && std::isfinite(after);
    // There is no way on: the driver goes back and says so.
    if (!finite && (!adapts || state.trial_value == -std::numeric_limits<double>::infinity()))
      return {after, state.trial_value, Status::running, after};
    bool good = possible && finite;
    if (good) state.progress += Step::demand(state.constant, before, after);
    // Values near a minimum differ by rounding errors only; those are no reason to reject.
    const double rounding = 1e-15 * std::abs(state.start_value);
    const bool enough =
        good && (!adapts || state.start_value - state.trial_value + rounding >= accept * state.progress);
    const double fall = state.value - state.trial_value;
    const bool flatter = std::abs(fall) <= 1e-14 * std::abs(state.value) && after < norm_of(state.gradient);
    if (good && (flatter || (enough && fall + rounding >= 0))) {
      x = state.trial;
      state.value = state.trial_value;
      state.gradient = state.trial_gradient;
    }
    const bool last = ++state.taken >= steps_of_cycle(x.size());
    if (good && last) state.stale = good = enough;
    if (!good) {
      state.trial = state.start;
      state.trial_value = state.start_value;
      state.trial_gradient = state.start_gradient;
      state.taken = 0;
      state.progress = 0;
      state.constant *= 2;
      if (state.constant > max_constant) return report_of(state, Status::constant_too_large);
    }
    return report_of(state);
  }

 private:
  [[nodiscard]] Index steps_of_cycle(Index n) const { return period > 0 ? period : std::max<Index>(n, 1); }
};

}  // namespace glissade::detail
