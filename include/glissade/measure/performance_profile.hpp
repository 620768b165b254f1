// Comparing optimizers over several problems: performance profiles and the AlgoPerf score.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../core/checks.hpp"

namespace glissade {

/// Times of submissions (rows) on workloads (columns), in any unit of work: seconds, gradients, passes. A target that
/// was not reached is infinity; NaN counts as that.
///
///     r_sw = t_sw / min over s' of t_s'w,   infinite above largest_ratio
///     rho_s(tau) = fraction of workloads with r_sw <= tau
///     score_s = integral of rho_s from 1 to largest_ratio, over largest_ratio - 1
///             = mean over w of max(0, largest_ratio - r_sw) / (largest_ratio - 1)
///
/// Where nobody reaches the target, the workload counts 0 for all. Scores are relative to the set of submissions: keep
/// the times.
/// Cost: submissions * workloads.
/// Errors: std::invalid_argument for a negative time, no submission or workload, largest_ratio <= 1, and a time of 0,
/// which has no ratio.
/// Source: "Benchmarking Neural Network Training Algorithms", 2023, arXiv 2306.07179, and Dolan and More,
/// "Benchmarking optimization software with performance profiles", arXiv cs/0102001. Deviation: the exact integral; the
/// competition's code sums 100 trapezoids, which is up to 2e-3 more.
class PerformanceProfile {
 public:
  explicit PerformanceProfile(const Eigen::MatrixXd& times, double largest_ratio = 4)
      : ratios_(times), largest_ratio_(largest_ratio) {
    require("PerformanceProfile", "largest_ratio", largest_ratio, Range{1, infinity, true, true});
    if (times.size() == 0) throw std::invalid_argument("PerformanceProfile: no times");
    for (Eigen::Index w = 0; w < times.cols(); ++w) {
      double best = infinity;
      for (Eigen::Index s = 0; s < times.rows(); ++s) {
        if (times(s, w) <= 0) reject("PerformanceProfile", "time", times(s, w), "> 0");
        if (times(s, w) < best) best = times(s, w);
      }
      for (Eigen::Index s = 0; s < times.rows(); ++s) {
        const double ratio = times(s, w) / best;
        ratios_(s, w) = ratio <= largest_ratio ? ratio : infinity;  // NaN too: nobody reached the target
      }
    }
  }

  [[nodiscard]] Eigen::Index submissions() const { return ratios_.rows(); }
  [[nodiscard]] Eigen::Index workloads() const { return ratios_.cols(); }
  /// From 1; infinity where the target was missed or the time exceeds largest_ratio times the best.
  [[nodiscard]] double ratio(Eigen::Index submission, Eigen::Index workload) const {
    return ratios_(submission, workload);
  }

  /// The fraction of workloads on which a submission is within tau of the best; for tau <= largest_ratio.
  [[nodiscard]] double profile(Eigen::Index submission, double tau) const {
    Eigen::Index within = 0;
    for (Eigen::Index w = 0; w < workloads(); ++w) within += ratios_(submission, w) <= tau ? 1 : 0;
    return static_cast<double>(within) / static_cast<double>(workloads());
  }

  /// In [0, 1]; 1: the fastest everywhere.
  [[nodiscard]] double score(Eigen::Index submission) const {
    double sum = 0;
    for (Eigen::Index w = 0; w < workloads(); ++w)
      sum += (std::max)(0.0, largest_ratio_ - ratios_(submission, w)) / (largest_ratio_ - 1);
    return sum / static_cast<double>(workloads());
  }
  [[nodiscard]] Eigen::VectorXd scores() const {
    Eigen::VectorXd all(submissions());
    for (Eigen::Index s = 0; s < submissions(); ++s) all[s] = score(s);
    return all;
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();
  Eigen::MatrixXd ratios_;
  double largest_ratio_;
};

/// A submission's time on a workload: each study is the best of its trials, and the result is their median; of an even
/// number, the mean of the middle two, so one infinity in two is infinity. NaN is a trial that failed.
/// Throws std::invalid_argument without studies or for a study without trials.
inline double time_of_studies(const std::vector<std::vector<double>>& studies) {
  if (studies.empty()) throw std::invalid_argument("time_of_studies: no studies");
  std::vector<double> best;
  for (const std::vector<double>& trials : studies) {
    if (trials.empty()) throw std::invalid_argument("time_of_studies: a study without trials");
    double least = std::numeric_limits<double>::infinity();
    for (const double time : trials) least = time < least ? time : least;
    best.push_back(least);
  }
  std::sort(best.begin(), best.end());
  const std::size_t middle = best.size() / 2;
  return best.size() % 2 == 1 ? best[middle] : 0.5 * (best[middle - 1] + best[middle]);
}

/// A base workload and its held-out variant are only reached together, each within largest_ratio of the best there:
/// infinity for the base time of a submission that misses one of them.
/// Throws std::invalid_argument for different lengths.
inline Eigen::VectorXd with_held_out(const Eigen::VectorXd& base, const Eigen::VectorXd& variant,
                                     double largest_ratio = 4) {
  if (base.size() != variant.size() || base.size() == 0)
    throw std::invalid_argument("with_held_out: " + std::to_string(base.size()) + " base times and " +
                                std::to_string(variant.size()) + " of the variant, must be as many and not none");
  Eigen::MatrixXd times(base.size(), 2);
  for (Eigen::Index s = 0; s < base.size(); ++s) {
    times(s, 0) = base[s];
    times(s, 1) = variant[s];
  }
  const PerformanceProfile profile(times, largest_ratio);
  Eigen::VectorXd out = base;
  for (Eigen::Index s = 0; s < base.size(); ++s)
    if (std::isinf(profile.ratio(s, 0)) || std::isinf(profile.ratio(s, 1)))
      out[s] = std::numeric_limits<double>::infinity();
  return out;
}

/// The geometric mean over workloads of reference / time; a target that was missed counts as max_runtime + 1.
/// Throws std::invalid_argument for different lengths, max_runtime <= 0 and times that are not positive.
inline double speed_up(const Eigen::VectorXd& times, const Eigen::VectorXd& reference, double max_runtime) {
  require("speed_up", "max_runtime", max_runtime, range::positive);
  if (times.size() != reference.size() || times.size() == 0)
    throw std::invalid_argument("speed_up: " + std::to_string(times.size()) + " times and " +
                                std::to_string(reference.size()) + " references, must be as many and not none");
  const auto finite = [&](double t) { return std::isfinite(t) ? t : max_runtime + 1; };
  for (Eigen::Index w = 0; w < times.size(); ++w)
    for (const double t : {times[w], reference[w]})
      if (t <= 0) reject("speed_up", "time", t, "> 0");
  double sum = 0;
  for (Eigen::Index w = 0; w < times.size(); ++w) sum += std::log(finite(reference[w]) / finite(times[w]));
  return std::exp(sum / static_cast<double>(times.size()));
}

}  // namespace glissade
