// What the lazy Newton methods share: cycles of steps with one Hessian, and the search for the constant.
#pragma once

#include <algorithm>
#include <cmath>

#include "../../drive/method.hpp"
#include "../../linalg/shifted_solver.hpp"

namespace glissade::detail {

template <class V>
struct LazyState : ValueAndGradient<V> {
  ShiftedSolver<V> solver;  // the factorized Hessian at the snapshot
  double constant = 0;      // M
  std::int64_t taken = 0;   // steps of this cycle
  bool stale = true;        // the next step takes a new snapshot
  V start;                  // the snapshot, with
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
    field("start", self.start);
    field("start_value", self.start_value);
    field("start_gradient", self.start_gradient);
    field("progress", self.progress);
  }
};

/// A lazy method, by its step: direction(solver, M, norm, v) turns v = Q'g into Q'h and returns false where there is no
/// such step; demand(M, norm before, norm after) is a term of the progress.
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
    state.start = x;
    state.start_gradient = state.gradient;
    return state;
  }

  /// One step of a cycle: one gradient.
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    const bool adapts = adaptive && !(hessian_lipschitz > 0);
    if (state.stale) {
      f.hessian(x, state.hessian);
      if (!state.solver.compute(state.hessian, form)) return report_of(state, Status::non_finite_hessian);
      state.stale = false;
      state.taken = 0;
      state.progress = 0;
      if (adapts) {
        state.constant /= 2;
        state.start = x;
        state.start_value = state.value;
        state.start_gradient = state.gradient;
      }
    }
    const double before = norm_of(state.gradient);
    state.direction = state.gradient;
    state.solver.into(state.direction);
    const bool possible = Step::direction(state.solver, state.constant, before, state.direction);
    if (!possible && !adapts) return report_of(state, Status::not_convex);
    bool good = possible;
    if (possible) {
      state.solver.out_of(state.direction);
      x += state.direction;
      state.value = f.value_and_gradient(x, state.gradient);
      good = std::isfinite(state.value) && state.gradient.allFinite();
    }
    const bool last = ++state.taken >= steps_of_cycle(x.size());
    if (!adapts) {
      state.stale = last;
      return report_of(state);
    }
    if (good) state.progress += Step::demand(state.constant, before, norm_of(state.gradient));
    // Values near a minimum differ by rounding errors only; those are no reason to reject.
    const double rounding = 1e-15 * std::abs(state.start_value);
    const bool enough = good && state.start_value - state.value + rounding >= accept * state.progress;
    if (good && last) state.stale = good = enough;
    if (!good) {
      x = state.start;
      state.value = state.start_value;
      state.gradient = state.start_gradient;
      state.taken = 0;
      state.progress = 0;
      state.constant *= 2;
      if (state.constant > max_constant) return report_of(state, Status::constant_too_large);
    }
    Report report = report_of(state);
    report.progress = enough;  // until a cycle has achieved enough its points are on trial
    return report;
  }

 private:
  [[nodiscard]] Index steps_of_cycle(Index n) const { return period > 0 ? period : std::max<Index>(n, 1); }
};

}  // namespace glissade::detail
