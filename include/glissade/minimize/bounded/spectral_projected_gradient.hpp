// Projected gradients with the step lengths of Barzilai and Borwein.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "../line/line.hpp"

namespace glissade {

/// The spectral projected gradient method, for a smooth function on any convex set with a projection: as cheap as
/// projected gradients and far faster. The value does not fall in every step.
///
///     s = x_k - x_{k-1},  y = g_k - g_{k-1}
///     l = s's / s'y, clamped to [1e-10, 1e10] times the one before, which stays where s'y <= 0
///         first_length(x, g) in the first step
///     d = P(x - l g) - x,   x <- x + a d,   a = 1, then where a parabola is least, in [0.1 a, 0.9 a], else a / 2,
///     until f(x + a d) <= max(last `window` values) + c a g'd
///
/// The step of a = 1 ends at the projection bit for bit. A start outside of the set is moved to the nearest point
/// first. Result::measure is |P(x - g) - x|, without a set |g|; where r = 1e-12 |x| / |g| is above 1, |P(x - r g) - x|
/// / r.
///
/// Options: window in [1, 100] (10), 1 makes it monotone; sufficient_decrease c in (0, 1/2) (1e-4); max_trials (60).
/// State: length (l), recent (the last values), steps.
/// Cost: one gradient, rarely more than one value, two projections.
/// Errors: std::invalid_argument for options out of range. Ends with search_failed where no trial is low enough.
/// Source: "Nonmonotone Spectral Projected Gradient Methods on Convex Sets", 2000, algorithm SPG2.
/// Deviations: l is clamped by the one before, not by numbers that hang on the scale of f, and stays where s'y <= 0,
/// where the paper takes the largest.
struct SpectralProjectedGradient {
  static constexpr std::string_view name = "SpectralProjectedGradient";
  static constexpr bool honours_set = true;

  int window = 10;
  double sufficient_decrease = 1e-4;
  int max_trials = 60;

  static void options(auto& self, auto&& visit) {
    visit("window", self.window, Range{1, 100});
    visit("sufficient_decrease", self.sufficient_decrease, Range{0, 0.5, true, true});
    visit("max_trials", self.max_trials, range::at_least_one);
  }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = SpectralProjectedGradient::name;
    using Values = Eigen::Matrix<double, Eigen::Dynamic, 1, Eigen::ColMajor, 100, 1>;
    double measure = 0;
    double length = 0;
    Values recent;
    std::int64_t steps = 0;
    V last_x, last_gradient, target, direction;
    LineScratch<V> scratch;

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("measure", self.measure);
      field("length", self.length);
      field("recent", self.recent);
      field("steps", self.steps, 0, std::int64_t{1} << 53);
    }
    friend Report report_of(const State& state, Status status = Status::running) {
      return {state.measure, state.value, status, norm_of(state.gradient)};
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    if constexpr (std::remove_reference_t<decltype(f)>::has_box) static_cast<void>(f.box(x));  // which is checked
    auto state = state_at<State<V>>(*this, f, x);
    set_measure(f, x, state);
    state.length = first_length(x, state.gradient);
    state.recent.setConstant(window, state.value);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    state.last_x = x;
    state.last_gradient = state.gradient;
    state.target = x - state.length * state.gradient;
    f.project(state.target);
    state.direction = state.target - x;
    if (!search(f, x, state)) return report_of(state, why_failed(state.scratch));
    ++state.steps;
    state.recent[static_cast<Index>(state.steps % state.recent.size())] = state.value;

    state.last_x = x - state.last_x;                             // s
    state.last_gradient = state.gradient - state.last_gradient;  // y
    const double sy = state.last_x.dot(state.last_gradient);
    const double secant = square_over(state.last_x, sy);
    set_measure(f, x, state);
    if (sy > 0 && std::isfinite(secant)) state.length = std::clamp(secant, 1e-10 * state.length, 1e10 * state.length);
    return report_of(state);
  }

 private:
  static constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

  /// The oracle for a line to the target: at a length of 1 it is asked at the target itself.
  template <class F, class V>
  struct Towards {
    static constexpr bool has_value = F::has_value;
    F& f;
    const V& target;
    bool at_target = true;

    double probe(V& point, V& gradient) {
      if (at_target) point = target;
      return f.probe(point, gradient);
    }
    void complete_probe(const V& point, V& gradient) { f.complete_probe(point, gradient); }
  };

  template <class F, class V>
  bool search(F& f, V& x, State<V>& state) const {
    Towards<F, V> towards{f, state.target};
    Line line(towards, x, state, state.direction, state.scratch);
    if (!(line.slope() < 0)) return false;
    line.set_reference(state.recent.maxCoeff());
    const double whole = 1 / line.unit();
    double length = whole;
    for (int trial = 0; trial < max_trials; ++trial) {
      towards.at_target = trial == 0;
      const double value = line.look(length);
      if (line.low_enough(length, sufficient_decrease) && line.accept()) return true;
      const double least = -line.slope() * length * length / (2 * (value - line.value() - length * line.slope()));
      length = least >= 0.1 * length && least <= 0.9 * length ? least : length / 2;
    }
    return false;
  }

  template <class F, class V>
  static void set_measure(F& f, const V& x, State<V>& state) {
    if constexpr (F::has_set) {
      // A step that x would swallow by rounding would seem to find nothing to do.
      const double visible = 1e-12 * norm_of(x) / norm_of(state.gradient);
      const double length = visible > 1 && std::isfinite(visible) ? visible : 1;
      state.direction = x - length * state.gradient;
      f.project(state.direction);
      state.direction -= x;
      // A projection would hide a gradient that is not finite.
      state.measure = state.gradient.allFinite() ? norm_of(state.direction) / length : not_a_number;
    } else {
      state.measure = norm_of(state.gradient);
    }
  }
};

}  // namespace glissade
