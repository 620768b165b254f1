// The search of More and Thuente for the strong Wolfe conditions.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "line.hpp"

namespace glissade {

namespace detail {

/// A point of phi, or of the auxiliary function psi.
struct LinePoint {
  double at;
  double value;
  double slope;
};

/// The pieces of the cubic through two points: the next trial is where it is least.
struct Cubic {
  double theta;
  double gamma;

  Cubic(const LinePoint& a, const LinePoint& b, double sign)
      : theta(3 * (a.value - b.value) / (b.at - a.at) + a.slope + b.slope) {
    const double scale = std::max({std::abs(theta), std::abs(a.slope), std::abs(b.slope)});
    const double root = theta / scale;
    gamma = sign * scale * std::sqrt(std::max(0.0, root * root - (a.slope / scale) * (b.slope / scale)));
  }
};

/// The interval that More and Thuente shrink around a minimizer: `best` is its lower end.
struct WolfeInterval {
  LinePoint best;
  LinePoint other;
  bool bracketed = false;

  /// Takes in a trial and returns the next one; an extrapolation lies within [low, high].
  double update(const LinePoint& trial, double low, double high) {
    const double direction = trial.at > best.at ? 1 : -1;
    const bool turns = std::min(trial.slope, best.slope) < 0 && std::max(trial.slope, best.slope) > 0;
    double next;
    if (trial.value > best.value) {
      // Higher: a minimum lies between. The cubic, unless it is far from the lower end.
      const Cubic c(best, trial, direction);
      const double r = ((c.gamma - best.slope) + c.theta) / (((c.gamma - best.slope) + c.gamma) + trial.slope);
      const double cubic = best.at + r * (trial.at - best.at);
      const double quadratic = best.at + best.slope / ((best.value - trial.value) / (trial.at - best.at) + best.slope) /
                                             2 * (trial.at - best.at);
      next = std::abs(cubic - best.at) < std::abs(quadratic - best.at) ? cubic : cubic + (quadratic - cubic) / 2;
      bracketed = true;
    } else if (turns) {
      // Lower, on the other side of a minimum: the farther of cubic and secant.
      const Cubic c(best, trial, -direction);
      const double r = ((c.gamma - trial.slope) + c.theta) / (((c.gamma - trial.slope) + c.gamma) + best.slope);
      const double cubic = trial.at + r * (best.at - trial.at);
      const double secant = trial.at + trial.slope / (trial.slope - best.slope) * (best.at - trial.at);
      next = std::abs(cubic - trial.at) > std::abs(secant - trial.at) ? cubic : secant;
      bracketed = true;
    } else if (std::abs(trial.slope) < std::abs(best.slope)) {
      // Lower and flatter: the cubic may have its minimum on the wrong side or none at all.
      const Cubic c(best, trial, -direction);
      const double r = ((c.gamma - trial.slope) + c.theta) / ((c.gamma + (best.slope - trial.slope)) + c.gamma);
      const double cubic = r < 0 && c.gamma != 0 ? trial.at + r * (best.at - trial.at) : (direction > 0 ? high : low);
      const double secant = trial.at + trial.slope / (trial.slope - best.slope) * (best.at - trial.at);
      const bool cubic_is_closer = std::abs(cubic - trial.at) < std::abs(secant - trial.at);
      next = cubic_is_closer == bracketed ? cubic : secant;
      if (bracketed) {
        const double most = trial.at + 0.66 * (other.at - trial.at);
        next = direction > 0 ? std::min(most, next) : std::max(most, next);
      } else {
        next = std::max(low, std::min(high, next));
      }
    } else if (bracketed) {
      // Lower and no flatter.
      const Cubic c(trial, other, trial.at > other.at ? -1 : 1);
      const double r = ((c.gamma - trial.slope) + c.theta) / (((c.gamma - trial.slope) + c.gamma) + other.slope);
      next = trial.at + r * (other.at - trial.at);
    } else {
      next = direction > 0 ? high : low;
    }
    if (trial.value > best.value) {
      other = trial;
    } else {
      if (turns) other = best;
      best = trial;
    }
    return next;
  }
};

}  // namespace detail

/// Finds a step that lowers the value enough and flattens the slope, for quasi-Newton methods and
/// conjugate gradients.
///
///     phi(a) <= phi(0) + c1 a phi'(0)   and   |phi'(a)| <= c2 |phi'(0)|
///
/// Safeguarded cubic and quadratic interpolation; 1 to 2 trials per step are typical. Where rounding
/// errors let no point hold, the best one found is taken if it is lower than the start. A trial that is
/// not finite becomes the end of the interval. Cost: one value and one gradient per trial.
///
/// Options: sufficient_decrease c1 in (0, 1/2), curvature c2 in (c1, 1), without which there need not be such a step,
/// max_trials >= 1.
/// Source: More and Thuente, Line search algorithms with guaranteed sufficient decrease, ACM TOMS 20, 1994.
struct StrongWolfe {
  static constexpr std::string_view name = "StrongWolfe";

  double sufficient_decrease = 1e-4;
  double curvature = 0.9;
  int max_trials = 40;

  static void options(auto& self, auto&& visit) {
    visit("sufficient_decrease", self.sufficient_decrease, Range{0, 0.5, true, true});
    visit("curvature", self.curvature, range::open_fraction);
    visit("max_trials", self.max_trials, range::at_least_one);
  }
  void check() const { require(name, "curvature", curvature, Range{sufficient_decrease, 1, true, true}); }

  /// Moves the line's x and returns the length of the step, which is at most `most` >= first; 0: not moved. A step of
  /// `most` need only lower the value where the slope says that a longer one would be better.
  template <class F, class V>
  double operator()(Line<F, V>& line, double first, double most = std::numeric_limits<double>::infinity()) const {
    if (!(line.slope() < 0)) return 0;
    const double smallest = 1e-20 * first;
    const double largest = std::min(1e20 * first, most);
    const double start = line.value();
    const double needed = sufficient_decrease * line.slope();
    detail::WolfeInterval interval{{0, start, line.slope()}, {0, start, line.slope()}};
    bool first_stage = true;
    double width = largest - smallest;
    double width_before = 2 * width;
    double low = 0;
    double high = first + 4 * first;
    double cap = std::numeric_limits<double>::infinity();  // where the function is not finite
    double at = first;
    for (int trial = 0; trial < max_trials; ++trial) {
      const double value = line.look(at);
      const double slope = std::isfinite(value) ? line.look_at_slope() : value;
      if (!std::isfinite(value) || !std::isfinite(slope)) {
        cap = high = at;
        low = interval.best.at;
        at = low + 0.5 * (at - low);
        continue;
      }
      if (line.low_enough(at, sufficient_decrease) && std::abs(slope) <= curvature * std::abs(line.slope()))
        return line.accept() ? at : 0;
      if (at >= largest && value <= start + at * needed && slope <= needed) return line.accept() ? at : 0;

      if (first_stage && value <= start + at * needed && slope >= 0) first_stage = false;
      if (first_stage && value <= interval.best.value && value > start + at * needed) {
        // Where the value is lower than at `best` but not low enough, psi(a) = phi(a) - c1 a phi'(0) decides.
        const auto tilt = [&](detail::LinePoint& p, double sign) {
          p.value -= sign * p.at * needed;
          p.slope -= sign * needed;
        };
        tilt(interval.best, 1);
        tilt(interval.other, 1);
        at = interval.update({at, value - at * needed, slope - needed}, low, high);
        tilt(interval.best, -1);
        tilt(interval.other, -1);
      } else {
        at = interval.update({at, value, slope}, low, high);
      }

      const double best = interval.best.at;
      if (interval.bracketed) {
        const double other = interval.other.at;
        if (std::abs(other - best) >= 0.66 * width_before) at = best + 0.5 * (other - best);
        width_before = std::exchange(width, std::abs(other - best));
        low = std::min(best, other);
        high = std::max(best, other);
      } else {
        low = at + 1.1 * (at - best);
        high = at + 4 * (at - best);
        if (at >= cap) at = best + 0.5 * (cap - best);
      }
      at = std::clamp(at, smallest, largest);
      if (interval.bracketed && (at <= low || at >= high || high - low <= 1e-16 * high)) break;
    }
    // Rounding errors or a function that is not smooth: the best point is better than none.
    if (interval.best.at == 0 || !(line.look(interval.best.at) < start)) return 0;
    return line.accept() ? interval.best.at : 0;
  }
};

}  // namespace glissade
