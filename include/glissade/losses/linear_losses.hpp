// Losses of linear predictors: what a prediction p = <a, x> costs when y was right.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "../rule/options.hpp"

namespace glissade {

enum class LinearLoss {
  hinge,                // max(0, 1 - y p)
  absolute,             // |p - y|
  epsilon_insensitive,  // max(0, |p - y| - epsilon)
  pinball,              // (1 - quantile) (p - y) above y, quantile (y - p) below
  squared,              // (p - y)^2 / 2
  squared_hinge,        // max(0, 1 - y p)^2 / 2
  logistic              // log(1 + exp(-y p))
};

/// A convex loss of one prediction with all that first-order, implicit and dual methods need of it, in closed form.
///
///     const PredictionLoss loss{.kind = LinearLoss::pinball, .quantile = 0.9};
///     const double p = a.dot(x);
///     x -= 0.1 * loss.slope(p, y) * a;
///
/// value        phi(p)
/// slope        a subgradient s of phi at p, the one nearest to 0
/// conjugate    phi*(s) = sup_p s p - phi(p); infinity where s is no slope
/// prox_slope   the slope s of phi at q = pbar - s c, which minimizes phi(q) + (q - pbar)^2 / (2 c): the implicit step.
///              For x' = argmin phi(<a, x>) + (lambda / 2) |x - theta / lambda|^2 it gives x' = (theta - s a) / lambda,
///              with pbar = <a, theta> / lambda and c = |a|^2 / lambda
///
/// Options: kind (squared); quantile in (0, 1) (0.5), for pinball; epsilon >= 0 (0.1), for epsilon_insensitive.
/// hinge, squared_hinge and logistic take labels -1 and 1; the others any finite number. The least value of all is 0.
/// Cost: a few flops; prox_slope of logistic some 10 exponentials, at most 80.
/// Errors: require_label throws std::invalid_argument; the functions themselves check nothing.
/// Source: closed forms of the conjugates and proximal points are standard; the root of logistic is found by Newton's
/// method in a bracket ("rtsafe" of Numerical Recipes), since Newton's points clipped to the bracket may circle.
struct PredictionLoss {
  static constexpr std::string_view name = "PredictionLoss";

  LinearLoss kind = LinearLoss::squared;
  double quantile = 0.5;
  double epsilon = 0.1;

  static void options(auto& self, auto&& visit) {
    visit("kind", self.kind, range::up_to(LinearLoss::logistic));
    visit("quantile", self.quantile, range::open_fraction);
    visit("epsilon", self.epsilon, range::non_negative);
  }
  void check() const { visit_options(*this, CheckOption{name, 0}); }

  [[nodiscard]] bool labels_are_signs() const {
    return kind == LinearLoss::hinge || kind == LinearLoss::squared_hinge || kind == LinearLoss::logistic;
  }
  void require_label(std::string_view owner, double y) const {
    require(owner, "label", y, range::finite);
    if (labels_are_signs() && y != 1 && y != -1) reject(owner, "label", y, "-1 or 1");
  }

  [[nodiscard]] double value(double p, double y) const {
    const double r = p - y, short_of = positive_part(1 - y * p);
    switch (kind) {
      case LinearLoss::hinge:
        return short_of;
      case LinearLoss::absolute:
        return std::abs(r);
      case LinearLoss::epsilon_insensitive:
        return positive_part(std::abs(r) - epsilon);
      case LinearLoss::pinball:
        return r > 0 ? (1 - quantile) * r : -quantile * r;
      case LinearLoss::squared:
        return r * r / 2;
      case LinearLoss::squared_hinge:
        return short_of * short_of / 2;
      case LinearLoss::logistic:
        return y * p > 0 ? std::log1p(std::exp(-y * p)) : std::log1p(std::exp(y * p)) - y * p;
    }
    return 0;
  }

  [[nodiscard]] double slope(double p, double y) const {
    const double r = p - y, short_of = positive_part(1 - y * p);
    const double sign = r > 0 ? 1 : r < 0 ? -1 : r;  // NaN stays
    switch (kind) {
      case LinearLoss::hinge:
        return short_of > 0 ? -y : -y * short_of;
      case LinearLoss::absolute:
        return sign;
      case LinearLoss::epsilon_insensitive:
        return std::abs(r) <= epsilon ? 0 : sign;
      case LinearLoss::pinball:
        return r > 0 ? 1 - quantile : r < 0 ? -quantile : r;
      case LinearLoss::squared:
        return r;
      case LinearLoss::squared_hinge:
        return -y * short_of;
      case LinearLoss::logistic:
        return -y * sigmoid(-y * p);
    }
    return 0;
  }

  [[nodiscard]] double conjugate(double s, double y) const {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    const double tau = -y * s;  // for signs
    switch (kind) {
      case LinearLoss::hinge:
        return tau >= 0 && tau <= 1 ? -tau : infinite;
      case LinearLoss::absolute:
        return std::abs(s) <= 1 ? s * y : infinite;
      case LinearLoss::epsilon_insensitive:
        return std::abs(s) <= 1 ? s * y + epsilon * std::abs(s) : infinite;
      case LinearLoss::pinball:
        return s >= -quantile && s <= 1 - quantile ? s * y : infinite;
      case LinearLoss::squared:
        return s * s / 2 + s * y;
      case LinearLoss::squared_hinge:
        return tau >= 0 ? tau * tau / 2 - tau : infinite;
      case LinearLoss::logistic:
        if (!(tau >= 0 && tau <= 1)) return infinite;
        return (tau > 0 ? tau * std::log(tau) : 0) + (tau < 1 ? (1 - tau) * std::log1p(-tau) : 0);
    }
    return 0;
  }

  /// c >= 0; with c = 0 the slope at pbar.
  [[nodiscard]] double prox_slope(double pbar, double y, double c) const {
    if (!(c > 0)) return slope(pbar, y);
    const double r = pbar - y;
    switch (kind) {
      case LinearLoss::hinge:
        return -y * std::clamp((1 - y * pbar) / c, 0.0, 1.0);
      case LinearLoss::absolute:
        return std::clamp(r / c, -1.0, 1.0);
      case LinearLoss::epsilon_insensitive:
        return std::copysign(std::min(positive_part(std::abs(r) - epsilon) / c, 1.0), r);
      case LinearLoss::pinball:
        return std::clamp(r / c, -quantile, 1 - quantile);
      case LinearLoss::squared:
        return r / (1 + c);
      case LinearLoss::squared_hinge:
        return -y * positive_part(1 - y * pbar) / (1 + c);
      case LinearLoss::logistic:
        return -y * sigmoid(-logistic_margin(y * pbar, c));
    }
    return 0;
  }

 private:
  static double positive_part(double v) { return v < 0 ? 0 : v; }  // NaN stays
  static double sigmoid(double m) { return m >= 0 ? 1 / (1 + std::exp(-m)) : std::exp(m) / (1 + std::exp(m)); }
  /// The root of r(m) = m - start - c sigmoid(-m), which rises and has its root in [start, start + c].
  static double logistic_margin(double start, double c) {
    double low = start, high = start + c;
    if (!std::isfinite(low) || !std::isfinite(high)) return high;
    double m = low + (high - low) / 2, last = high - low;
    for (int k = 0; k < 2000; ++k) {  // at most 80 for c up to 1e9
      const double tail = sigmoid(-m), residual = m - start - c * tail, rise = 1 + c * tail * (1 - tail);
      (residual < 0 ? low : high) = m;
      const double newton = m - residual / rise, middle = low + (high - low) / 2;
      const bool slow = std::abs(2 * residual) > std::abs(last * rise);
      const double next = newton < low || newton > high || slow ? middle : newton;
      last = next - m;
      m = next;
      if (std::abs(last) <= 4 * std::numeric_limits<double>::epsilon() * std::max(1.0, std::abs(m))) break;
    }
    return m;
  }
};

}  // namespace glissade
