// Proximal gradient steps, plain (ISTA) and accelerated (FISTA).
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "../drive/method.hpp"
#include "restart.hpp"

namespace glissade {

/// For a smooth function plus a term with a prox (the lasso), or on a set (then it is the projected gradient method).
///
///     y = x + m (x - x_last)                        m = 0 unless accelerated
///     x <- prox( y - s grad f(y), s )               or project( y - s grad f(y) )
///     accelerated:  t' = (1 + sqrt(1 + 4 t^2)) / 2,  m = (t - 1) / t'
///     backtracking: s is halved until  f(x) <= f(y) + <grad f(y), x - y> + |x - y|^2 / (2 s)
///                   where these values are too near to tell:  <grad f(x) - grad f(y), x - y> <= |x - y|^2 / s
///
/// For convex f and steps of at most 1 / L the value is within |x_0 - x*|^2 / (2 s k) of the least one, accelerated
/// 2 |x_0 - x*|^2 / (s (k + 1)^2). Plain steps first try twice the last s; an accelerated run takes plain steps until
/// one trial was refused, and after a restart, so that s may grow there, and nowhere else.
/// Value and gradient are those of f alone. Result::measure is the norm of the prox-gradient step,
/// (x - prox(x - s grad f(x), s)) / s, which is the gradient where there is neither a prox nor a set; s is never
/// shorter there than 1e-12 |x| / |grad f(x)|.
///
/// Options: step_size s (>= 0; 0: backtracking from 1 / |grad f(x_0)|); accelerated (true); restart (gradient; function
/// needs the whole value, hence no prox). State: value, gradient, measure, last (x before), length (s), momentum (t),
/// searched. Cost: a gradient per step, accelerated two; a value per trial; two proxes or projections.
/// Errors: std::invalid_argument for options out of range. Ends with search_failed where 100 halvings are not enough:
/// the gradient is wrong or f is not finite nearby. With a fixed step that is too long it may diverge.
/// Source: "A Fast Iterative Shrinkage-Thresholding Algorithm for Linear Inverse Problems", 2009; the second test:
/// "Templates for Convex Cone Problems with Applications to Sparse Signal Recovery", 2011, arXiv 1009.2065.
/// Deviation: when s may grow.
struct ProximalGradient {
  static constexpr std::string_view name = "ProximalGradient";
  static constexpr bool honours_prox = true;
  static constexpr bool honours_set = true;

  double step_size = 0;
  bool accelerated = true;
  Restart restart = Restart::gradient;

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::non_negative);
    visit("accelerated", self.accelerated);
    visit("restart", self.restart, range::up_to(Restart::gradient));
  }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = ProximalGradient::name;
    double measure = 0;
    double length = 0;
    double momentum = 1;
    bool searched = false;  // a trial was refused since the start or restart
    V last;
    V base, base_gradient, trial, trial_gradient, difference, scratch;  // workspace

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("measure", self.measure);
      field("length", self.length);
      field("momentum", self.momentum);
      field("searched", self.searched);
      field("last", self.last);
    }
    friend Report report_of(const State& state, Status status = Status::running) {
      return {state.measure, state.value, status, norm_of(state.gradient)};
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    using Problem = std::remove_reference_t<decltype(f)>;
    static_assert(!(Problem::has_prox && Problem::has_set),
                  "the objective declares prox(x, step) and project(x), whose composition is not the prox of both");
    auto state = state_at<State<V>>(*this, f, x);
    if (Problem::has_prox && restart == Restart::function)
      throw std::invalid_argument(
          "ProximalGradient: restart = function, but the value of the term with the prox is not known; take gradient");
    const double norm = norm_of(state.gradient);
    state.length = step_size > 0 ? step_size : norm > 0 && std::isfinite(norm) ? std::min(1 / norm, 1e300) : 1;
    state.last = x;
    set_measure(f, x, state);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    double base_value = state.value;
    double next_momentum = 1;
    double m = 0;
    if (accelerated && (state.searched || step_size > 0)) {
      next_momentum = (1 + std::sqrt(1 + 4 * state.momentum * state.momentum)) / 2;
      m = (state.momentum - 1) / next_momentum;
    }
    if (m > 0) {
      state.base = x + m * (x - state.last);
      base_value = f.value_and_gradient(state.base, state.base_gradient);
    } else {
      state.base = x;
      state.base_gradient = state.gradient;
    }
    double value = 0;
    if (step_size > 0) {
      state.length = step_size;
      move(f, state);
      value = f.value_and_gradient(state.trial, state.trial_gradient);
    } else {
      if (m == 0 && (!accelerated || !state.searched)) state.length = std::min(2 * state.length, 1e300);
      if (!search(f, state, base_value, value)) return report_of(state, Status::search_failed);
    }
    // The momentum of a step that led uphill has done its work.
    const bool uphill = restart == Restart::function   ? value > state.value
                        : restart == Restart::gradient ? m > 0 && leads_uphill(x, state)
                                                       : false;
    state.momentum = uphill ? 1 : next_momentum;
    if (uphill) state.searched = false;
    state.last = uphill ? state.trial : x;
    x = state.trial;
    state.value = value;
    state.gradient = state.trial_gradient;
    set_measure(f, x, state);
    return report_of(state);
  }

 private:
  /// trial = prox(base - length gradient), difference = trial - base
  template <class F, class V>
  static void move(F& f, State<V>& state) {
    state.trial = state.base - state.length * state.base_gradient;
    forward(f, state.trial, state.length);
    state.difference = state.trial - state.base;
  }
  template <class F, class V>
  static void forward(F& f, V& x, double length) {
    if constexpr (F::has_prox)
      f.prox(x, length);
    else
      f.project(x);
  }

  /// Halves the length until the quadratic model lies above f at the trial point, whose gradient it fills.
  template <class F, class V>
  static bool search(F& f, State<V>& state, double base_value, double& value) {
    constexpr int most = 100;
    for (int trial = 0; trial < most && !f.refused(); ++trial, state.length /= 2, state.searched = true) {
      move(f, state);
      value = f.probe(state.trial, state.trial_gradient);
      if (!(value < std::numeric_limits<double>::infinity())) continue;
      const double bound = square_over(state.difference, 2 * state.length);
      const double change = value - base_value;
      if (std::abs(change) > 1e-10 * std::max(std::abs(value), std::abs(base_value))) {
        if (!(change - state.base_gradient.dot(state.difference) <= bound)) continue;
        f.complete_probe(state.trial, state.trial_gradient);
        return true;
      }
      f.complete_probe(state.trial, state.trial_gradient);
      state.scratch = state.trial_gradient - state.base_gradient;
      if (state.scratch.dot(state.difference) <= 2 * bound) return true;
    }
    return false;
  }

  template <class V>
  static bool leads_uphill(const V& x, State<V>& state) {
    state.scratch = state.trial - x;
    return state.difference.dot(state.scratch) < 0;
  }

  template <class F, class V>
  static void set_measure(F& f, const V& x, State<V>& state) {
    if constexpr (F::has_prox || F::has_set) {
      // A step that x would swallow by rounding would seem to find nothing to do.
      const double visible = 1e-12 * norm_of(x) / norm_of(state.gradient);
      const double length = visible > state.length && std::isfinite(visible) ? visible : state.length;
      state.difference = x - length * state.gradient;
      forward(f, state.difference, length);
      state.difference = x - state.difference;
      state.measure = norm_of(state.difference) / length;
    } else {
      state.measure = norm_of(state.gradient);
    }
  }
};

}  // namespace glissade
