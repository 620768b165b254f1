// Gradient descent with the step lengths of Barzilai and Borwein.
#pragma once

#include <algorithm>
#include <cmath>

#include "../line/armijo.hpp"

namespace glissade {

/// Gradient descent whose step length is a secant estimate of the curvature: often as fast as conjugate
/// gradients on large smooth problems, with one gradient per step. The value does not fall in every step.
///
///     s = x_k - x_{k-1},  y = g_k - g_{k-1}
///     a = s's / s'y  (long_step)   or   s'y / y'y  (short_step), clamped to [1e-10, 1e10] times the one before
///     a = the one before, where s'y <= 0;  first_length(x, g) in the first step
///     x <- x - a shrink^j g   with the first j for which
///     f(x_new) <= max(last `window` values) - c a ||g||^2
///
/// Options: kind; window in [1, 100], 1 makes it monotone; sufficient_decrease c; shrink; max_trials.
/// State: a and the last values; memory of six vectors. Cost: one gradient, rarely more than one value.
/// Source: Barzilai and Borwein, IMA J. Numer. Anal. 8, 1988; Raydan, SIAM J. Optim. 7, 1997.
struct BarzilaiBorwein {
  static constexpr std::string_view name = "BarzilaiBorwein";
  enum class Kind { long_step, short_step };

  Kind kind = Kind::long_step;
  int window = 10;
  double sufficient_decrease = 1e-4;
  double shrink = 0.5;
  int max_trials = 60;

  static void options(auto& self, auto&& visit) {
    visit("kind", self.kind, range::up_to(Kind::short_step));
    visit("window", self.window, Range{1, 100});
    visit("sufficient_decrease", self.sufficient_decrease, Range{0, 0.5, true, true});
    visit("shrink", self.shrink, range::open_fraction);
    visit("max_trials", self.max_trials, range::at_least_one);
  }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = BarzilaiBorwein::name;
    using Values = Eigen::Matrix<typename V::Scalar, Eigen::Dynamic, 1, Eigen::ColMajor, 100, 1>;
    double length = 0;  // a of the coming step
    Values recent;      // the last values, in a ring
    std::int64_t steps = 0;
    V last_x;
    V last_gradient;
    V direction;
    LineScratch<V> scratch;

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("length", self.length);
      field("recent", self.recent);
      field("steps", self.steps, 0, std::int64_t{1} << 53);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto state = state_at<State<V>>(*this, objective, x);
    state.length = first_length(x, state.gradient);
    state.recent.setConstant(window, state.value);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    state.last_x = x;
    state.last_gradient = state.gradient;
    state.direction = -state.gradient;
    Line line(f, x, state, state.direction, state.scratch);
    line.set_reference(state.recent.maxCoeff());
    const Armijo search{sufficient_decrease, shrink, max_trials};
    if (!(search(line, state.length / line.unit()) > 0)) return report_of(state, why_failed(state.scratch));
    ++state.steps;
    state.recent[static_cast<Index>(state.steps % state.recent.size())] = state.value;

    state.last_x = x - state.last_x;                             // s
    state.last_gradient = state.gradient - state.last_gradient;  // y
    const double sy = state.last_x.dot(state.last_gradient);
    const double secant =
        kind == Kind::long_step ? square_over(state.last_x, sy) : over_square(sy, state.last_gradient);
    if (sy > 0 && std::isfinite(secant)) state.length = std::clamp(secant, 1e-10 * state.length, 1e10 * state.length);
    return report_of(state);
  }
};

}  // namespace glissade
