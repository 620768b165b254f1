// How much worse a sequence of plays was than one fixed point.
#pragma once

#include <cstdint>

namespace glissade {

/// Adds up f_t(x_t) - f_t(u): the regret against a comparator u, with compensated sums, so that a million rounds lose
/// nothing. Negative regret is possible.
///
///     Regret regret;
///     for (...) regret.add(loss(x), loss(comparator));
class Regret {
 public:
  void add(double played, double comparator) {
    ++rounds_;
    add(played - comparator);
  }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }
  [[nodiscard]] double total() const { return sum_ + rest_; }
  /// total() / rounds(); 0 before the first round.
  [[nodiscard]] double average() const { return rounds_ == 0 ? 0 : total() / static_cast<double>(rounds_); }

 private:
  /// Neumaier's sum.
  void add(double term) {
    const double next = sum_ + term;
    rest_ += (sum_ < 0 ? -sum_ : sum_) >= (term < 0 ? -term : term) ? (sum_ - next) + term : (term - next) + sum_;
    sum_ = next;
  }
  double sum_ = 0;
  double rest_ = 0;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
