// The table of learners with late feedback: a new one adds one line here and is held to every law of
// tests/laws/delayed_learners.cpp.
#pragma once

#include <glissade/online/dual_averaging.hpp>
#include <glissade/sets/ball.hpp>

#include <functional>
#include <vector>

/// What became of one prediction.
struct DelayedRound {
  Eigen::VectorXd x, gradient;
  Eigen::VectorXd last;               // the gradient that had come last
  std::vector<std::int64_t> missing;  // predictions that waited then
  double rate = 0;                    // of the learner at that time
};

/// What the laws know of a learner of points of R^4 that is told gradients of norm at most 1 late.
struct DelayedSubject {
  const char* name;
  std::function<bool(const Eigen::VectorXd& x)> contains;
  std::vector<Eigen::VectorXd> comparators;
  /// What its regret may be against u; the proven bound, not a measured one.
  std::function<double(const Eigen::VectorXd& u, const std::vector<DelayedRound>& rounds)> bound;
  /// Whether its rate depends on the number of the round, so that a round without a loss moves the play later.
  bool rates_fall = false;
};

namespace delayed_tables {

inline constexpr Eigen::Index dimension = 4;

inline double with_half_of_own(const Eigen::VectorXd& u, const std::vector<DelayedRound>& rounds) {
  double sum = u.squaredNorm() / 2 / rounds.back().rate;
  for (const DelayedRound& r : rounds) {
    const double own = r.gradient.norm();
    sum += r.rate * own * own / 2;
    for (const std::int64_t s : r.missing) sum += r.rate * own * rounds[static_cast<std::size_t>(s)].gradient.norm();
  }
  return sum;
}
inline double with_guess(const Eigen::VectorXd& u, const std::vector<DelayedRound>& rounds) {
  double sum = u.squaredNorm() / 2 / rounds.back().rate;
  for (const DelayedRound& r : rounds) {
    Eigen::VectorXd wrong = (static_cast<double>(r.missing.size()) + 1) * r.last - r.gradient;
    for (const std::int64_t s : r.missing) wrong -= rounds[static_cast<std::size_t>(s)].gradient;
    sum += r.rate * r.gradient.norm() * wrong.norm();
  }
  return sum;
}
inline DelayedSubject in_ball(const char* name, decltype(DelayedSubject::bound) bound, bool rates_fall = false) {
  DelayedSubject subject{
      name, [](const Eigen::VectorXd& x) { return x.norm() <= 1 + 1e-12; }, {}, std::move(bound), rates_fall};
  subject.comparators.emplace_back(Eigen::VectorXd::Zero(dimension));
  for (Eigen::Index i = 0; i < dimension; ++i)
    for (const double sign : {-1.0, 1.0}) subject.comparators.emplace_back(sign * Eigen::VectorXd::Unit(dimension, i));
  return subject;
}

}  // namespace delayed_tables

/// use(subject, make): make() is a new learner that lets at least 40 predictions wait.
template <class Use>
void for_each_delayed_learner(const Use& use) {
  using namespace glissade;
  using namespace delayed_tables;
  const auto make = [](DelayedDualAveragingOptions options) {
    options.max_outstanding = 40;
    return [options] { return DelayedDualAveraging(options, Eigen::VectorXd::Zero(dimension), Ball{.radius = 1}); };
  };
  use(in_ball("ada_delay", with_half_of_own), make({}));
  use(in_ball("ada_delay, optimistic", with_guess), make({.optimism = DelayOptimism::last_times_missing}));
  use(in_ball("constant", with_half_of_own), make({.rate = DelayRate::constant, .learning_rate = 0.02}));
  use(in_ball("decreasing", with_half_of_own, true), make({.rate = DelayRate::decreasing, .delay = 39}));
  use(in_ball("decreasing, optimistic", with_guess, true),
      make({.rate = DelayRate::decreasing, .optimism = DelayOptimism::last_times_missing}));
}
