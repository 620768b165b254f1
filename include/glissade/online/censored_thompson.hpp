// Thompson sampling for the choice of an algorithm by its running time, which is cut at a limit.
#pragma once

#include <cmath>
#include <limits>
#include <numbers>

#include "../core/random.hpp"
#include "../oracle/norm.hpp"
#include "learner.hpp"

namespace glissade {

/// E[T; T <= limit] + penalty limit P(T > limit) for a time T whose logarithm is normal with mean m and deviation s >
/// 0.
[[nodiscard]] inline double expected_cut_time(double m, double s, double limit, double penalty) {
  const auto below = [](double v) { return std::erfc(-v / std::numbers::sqrt2) / 2; };
  const double part = below((std::log(limit) - m) / s - s);
  const double finished = part > 0 ? std::exp(m + s * s / 2 + std::log(part)) : 0;  // neither factor may overflow alone
  return finished + penalty * limit * below((m - std::log(limit)) / s);
}

/// E[Z | Z > bound] for a normal Z with mean m and deviation s > 0.
[[nodiscard]] inline double mean_above(double m, double s, double bound) {
  const double u = (bound - m) / s;
  if (u > 8) {  // u + 1 / (u + 2 / (u + 3 / ...)), where both factors below vanish
    double rest = u;
    for (int k = 60; k > 0; --k) rest = u + k / rest;
    return m + s * rest;
  }
  return m + s * std::exp(-u * u / 2) / (std::sqrt(std::numbers::pi / 2) * std::erfc(u / std::numbers::sqrt2));
}

/// Options of CensoredThompson.
///
///     limit C    > 0, to be given: the time at which a run is cut
///     penalty    >= 1 (10): a run that was cut counts as so many limits
///     noise      > 0 (1): sigma, the deviation of the logarithm of a time from what the features foretell
///     prior      > 0 (1): lambda; the larger, the less is tried
///     seed       (0)
struct CensoredThompsonOptions {
  static constexpr std::string_view name = "CensoredThompson";

  double limit = 0;
  double penalty = 10;
  double noise = 1;
  double prior = 1;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("limit", self.limit, range::positive);
    visit("penalty", self.penalty, range::at_least_one);
    visit("noise", self.noise, range::positive);
    visit("prior", self.prior, range::positive);
    visit("seed", self.seed);
  }
};

/// Which of some algorithms, solvers or settings to run on a problem, by features of the problem; learns from every
/// run, also from those that were cut. What it remembers does not grow.
///
/// For each algorithm the logarithm of its time is taken for theta'x + sigma N(0, 1), x the features at norm 1:
///
///     draw m from N(x'A^-1 b, sigma^2 x'A^-1 x),  s^2 = sigma^2 (1 + x'A^-1 x)
///     choose the least  e^(m + s^2 / 2) Phi((ln C - m - s^2) / s) + 10 C (1 - Phi((ln C - m) / s))
///     z = ln time, or where it was cut what is above ln C in the mean: m_0 + sigma phi(u) / (1 - Phi(u)),
///         m_0 = x'A^-1 b, u = (ln C - m_0) / sigma
///     A <- A + x x',  b <- b + z x    of the algorithm that was chosen; A = lambda I, b = 0 in the beginning
///
///     CensoredThompson chooser({.limit = 5}, 4, x.size());
///     for (...) {
///       const Index algorithm = chooser.choose(x);
///       const double time = losses[algorithm];
///       chooser.learn(x, time);  // 5 or more: cut
///     }
///
/// State, in files: inverses (A^-1 of all algorithms, side by side), sums (b, a column each), rounds. Draws are a
/// function of seed and round.
/// Cost: 2 d^2 flops per algorithm to choose, 4 d^2 to learn. Features of norm 0 tell nothing and change nothing.
/// Errors: std::invalid_argument for options out of range, no algorithm or feature, features that are not finite or of
/// another size, and a time that is not positive and finite; then nothing has been touched.
/// Source: "Machine Learning for Online Algorithm Selection under Censored Feedback", 2021, arXiv 2109.06234, with the
/// exact mean of a cut time where the paper's code has an approximation. m is drawn in place of theta, which is the
/// same.
class CensoredThompson {
 public:
  static constexpr std::string_view name = CensoredThompsonOptions::name;

  CensoredThompson(const CensoredThompsonOptions& options, Index algorithms, Index features) : options_(options) {
    check_learner(options_);
    require(name, "algorithms", static_cast<double>(algorithms), Range{.low = 1});
    require(name, "features", static_cast<double>(features), Range{.low = 1});
    inverses_ = Eigen::MatrixXd::Identity(features, features).replicate(1, algorithms) / options_.prior;
    sums_ = Eigen::MatrixXd::Zero(features, algorithms);
  }

  /// The algorithm to run on a problem with these features.
  [[nodiscard]] Index choose(const Eigen::Ref<const Eigen::VectorXd>& features) const {
    const Eigen::VectorXd x = scaled(features);
    const RandomKey key = RandomKey{options_.seed}.derive(static_cast<std::uint64_t>(rounds_));
    Index best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (Index k = 0; k < sums_.cols(); ++k) {
      const Eigen::VectorXd ax = inverse(k) * x;
      const double spread = std::max(0.0, x.dot(ax));
      const double m =
          ax.dot(sums_.col(k)) + options_.noise * std::sqrt(spread) * key.normal(static_cast<std::uint64_t>(k));
      const double cost =
          expected_cut_time(m, options_.noise * std::sqrt(1 + spread), options_.limit, options_.penalty);
      if (cost < least) {
        least = cost;
        best = k;
      }
    }
    return best;
  }

  /// Takes the time of the algorithm that choose names for these features; a time of the limit or more was cut.
  void learn(const Eigen::Ref<const Eigen::VectorXd>& features, double time) {
    learn(features, choose(features), time);
  }
  /// The same for any algorithm.
  void learn(const Eigen::Ref<const Eigen::VectorXd>& features, Index algorithm, double time) {
    const Eigen::VectorXd x = scaled(features);
    require(name, "algorithm", static_cast<double>(algorithm), Range{0, static_cast<double>(sums_.cols() - 1)});
    require(name, "time", time, range::positive);
    const Eigen::VectorXd ax = inverse(algorithm) * x;
    const double z = time < options_.limit
                         ? std::log(time)
                         : mean_above(ax.dot(sums_.col(algorithm)), options_.noise, std::log(options_.limit));
    ++rounds_;
    inverses_.middleCols(algorithm * sums_.rows(), sums_.rows()) -= ax * (ax.transpose() / (1 + x.dot(ax)));
    sums_.col(algorithm) += z * x;
  }

  /// What the logarithm of the time is expected to be.
  [[nodiscard]] double predict(const Eigen::Ref<const Eigen::VectorXd>& features, Index algorithm) const {
    require(name, "algorithm", static_cast<double>(algorithm), Range{0, static_cast<double>(sums_.cols() - 1)});
    return scaled(features).dot(inverse(algorithm) * sums_.col(algorithm));
  }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }

  static void visit(auto& self, auto&& field) {
    field("inverses", self.inverses_);
    field("sums", self.sums_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  [[nodiscard]] Eigen::VectorXd scaled(const Eigen::Ref<const Eigen::VectorXd>& features) const {
    require_vector(name, "features", features, sums_.rows());
    const double length = norm_of(features);
    return length > 0 ? Eigen::VectorXd(features / length) : Eigen::VectorXd::Zero(features.size());
  }
  [[nodiscard]] Eigen::Ref<const Eigen::MatrixXd> inverse(Index k) const {
    return inverses_.middleCols(k * sums_.rows(), sums_.rows());
  }

  CensoredThompsonOptions options_;
  Eigen::MatrixXd inverses_, sums_;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
