// The function along a line, as a search sees it.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../../drive/method.hpp"

namespace glissade {

/// Memory that a search needs only while it runs.
template <class V>
struct LineScratch {
  V point;
  V gradient;
  bool unbounded = false;  // the value at a trial was minus infinity
};

/// Why the last search did not move.
template <class V>
Status why_failed(const LineScratch<V>& scratch) {
  return scratch.unbounded ? Status::unbounded : Status::search_failed;
}

/// The length of a first step along -g, where only x tells how large its variables are: no variable that is not 0 moves
/// by more than a quarter of itself, unless all together would move by less than 1e-4 ||x||; ||x|| / ||g|| where the
/// variables that would move are all 0, and 1 / ||g|| where x = 0.
template <class V>
double first_length(const V& x, const V& gradient) {
  double least = std::numeric_limits<double>::infinity();
  for (Index i = 0; i < x.size(); ++i)
    if (x[i] != 0 && gradient[i] != 0) least = std::min(least, 0.25 * std::abs(x[i] / gradient[i]));
  const double size = norm_of(gradient);
  const double whole = norm_of(x) / size;
  for (const double length : {std::max(least, 1e-4 * whole), whole, 1 / size})
    if (length > 0 && std::isfinite(length)) return length;
  return 1;
}

/// phi(a) = f(x + a p) with phi'(0) = <g, p>. A search asks for trial points and accepts one, which moves
/// x, value and gradient there.
///
/// A trial is low enough, with c in (0, 1/2), if
///     phi(a) <= phi_0 + c a phi'(0)
/// where phi_0 is phi(0) or, for searches that need not be monotone, a larger reference value. Near a
/// minimum the difference of two values is all rounding error; then the same is asked of the slopes:
///     |phi(a) - phi_0| <= 1e-14 |phi_0|   and   |phi'(a)| <= (1 - 2 c) |phi'(0)|
/// (after the approximate condition of Hager and Zhang, SIAM J. Optim. 16, 2005).
///
/// Where <g, p> would overflow or vanish, the line goes along p unit(), a power of two of about 1 / ||p||: its
/// lengths and slopes are those along p unit().
template <class F, class V>
class Line {
 public:
  Line(F& f, V& x, ValueAndGradient<V>& at, const V& direction, LineScratch<V>& scratch)
      : f_(f),
        x_(x),
        at_(at),
        direction_(direction),
        scratch_(scratch),
        slope_(at.gradient.dot(direction)),
        reference_(at.value) {
    scratch.unbounded = false;
    if (std::abs(slope_) > 1e-250 && std::abs(slope_) < 1e250) return;
    unit_ = unit_of(norm_of(direction));
    slope_ = at.gradient.dot(unit_ * direction);
  }

  [[nodiscard]] double value() const { return at_.value; }
  /// phi'(0); negative for a direction of descent.
  [[nodiscard]] double slope() const { return slope_; }
  /// A length of a is a unit() of p.
  [[nodiscard]] double unit() const { return unit_; }
  void set_reference(double value) { reference_ = value; }
  /// The shortest first trial that is of use, along p: it moves x by more than rounding errors.
  [[nodiscard]] double shortest() const { return 1e-15 * norm_of(x_) / norm_of(direction_); }

  /// phi(a).
  double look(double length) {
    scratch_.point.noalias() = x_ + (length * unit_) * direction_;
    trial_value_ = f_.probe(scratch_.point, scratch_.gradient);
    if (trial_value_ == -std::numeric_limits<double>::infinity()) scratch_.unbounded = true;
    complete_ = !F::has_value;
    return trial_value_;
  }
  /// phi'(a) of the last look.
  double look_at_slope() {
    complete();
    return unit_ == 1 ? scratch_.gradient.dot(direction_) : scratch_.gradient.dot(unit_ * direction_);
  }
  /// Whether the last look, at this length, was low enough.
  bool low_enough(double length, double c) {
    if (trial_value_ < reference_ && trial_value_ <= reference_ + c * length * slope_) return true;
    if (!(std::abs(trial_value_ - reference_) <= 1e-14 * std::abs(reference_))) return false;
    return std::abs(look_at_slope()) <= (1 - 2 * c) * std::abs(slope_);
  }
  /// Moves to the point of the last look; false if its gradient is not finite.
  bool accept() {
    complete();
    if (!std::isfinite(trial_value_) || !scratch_.gradient.allFinite()) return false;
    x_.swap(scratch_.point);
    at_.gradient.swap(scratch_.gradient);
    at_.value = trial_value_;
    return true;
  }

 private:
  void complete() {
    if (!complete_) f_.complete_probe(scratch_.point, scratch_.gradient);
    complete_ = true;
  }

  F& f_;
  V& x_;
  ValueAndGradient<V>& at_;
  const V& direction_;
  LineScratch<V>& scratch_;
  double unit_ = 1;
  double slope_;
  double reference_;
  double trial_value_ = std::numeric_limits<double>::quiet_NaN();
  bool complete_ = false;
};

}  // namespace glissade
