// This is a research kernel and not a certified implementation of differential privacy: its noise is floating-point.
// A minimizer made private by noise, and how far one user or a few can move it.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "../core/random.hpp"
#include "gaussian_mechanism.hpp"

namespace glissade {

/// How far the minimizer of a mean of n users' losses moves at most when one user is replaced. This is a research
/// kernel and not a certified implementation of differential privacy: its noise is floating-point.
///
///     |w(D) - w(D')| <= 2 G / (lambda n)  +  2 sqrt(2 tolerance / lambda)
///
/// where the mean is lambda-strongly convex and every user's loss G-Lipschitz, everywhere. tolerance: w is a point
/// whose value is that far above the minimum at most, proven; 0 for the exact minimizer. lambda > 0, G > 0, n >= 1,
/// tolerance >= 0, else std::invalid_argument. Source: "Differentially Private Empirical Risk Minimization", 2011,
/// Corollary 8; the term of the tolerance is derived here: a value within tolerance of the minimum is within sqrt(2
/// tolerance / lambda) of the minimizer.
[[nodiscard]] inline double minimizer_sensitivity(double lambda, double G, std::int64_t n, double tolerance = 0) {
  constexpr std::string_view name = "minimizer_sensitivity";
  require(name, "lambda", lambda, range::positive);
  require(name, "G", G, range::positive);
  require(name, "n", static_cast<double>(n), range::at_least_one);
  require(name, "tolerance", tolerance, range::non_negative);
  return 2 * G / (lambda * static_cast<double>(n)) + 2 * std::sqrt(2 * (tolerance / lambda));
}

/// Output perturbation: w with the noise of the Gaussian mechanism, in place. It is (epsilon, delta)-differentially
/// private where no person moves w by more than the sensitivity. This is a research kernel and not a certified
/// implementation of differential privacy: its noise is floating-point.
///
///     perturb_output(x, 1, 1e-5, minimizer_sensitivity(0.5, 3, 1000), seed);   // lambda = 0.5, G = 3
///
/// Returns the standard deviation of the noise, gaussian_noise(epsilon, delta, sensitivity). The seed must be secret
/// and be used once. Errors: std::invalid_argument for what is out of range and a w that is not finite; then w is what
/// it was.
inline double perturb_output(Eigen::Ref<Eigen::VectorXd> w, double epsilon, double delta, double sensitivity,
                             std::uint64_t seed) {
  const double noise = gaussian_noise(epsilon, delta, sensitivity);
  if (!w.allFinite()) throw std::invalid_argument("perturb_output: w is not finite");
  const RandomKey key = RandomKey{seed}.derive(2);
  for (Eigen::Index i = 0; i < w.size(); ++i) w[i] += noise * key.normal(static_cast<std::uint64_t>(i));
  return noise;
}

/// How far the minimizer w of the mean of n users' losses moves at most when the given users are deleted:
///
///     |w(D) - w(D minus S)| <= |sum_{i in S} g_i| / (lambda (n - |S|))
///
/// for losses that are lambda-strongly convex for each user; g_i, in the columns, are their gradients at w. Where a
/// user's loss is the mean of m items, g_i falls like 1 / sqrt(m), and so does this, unlike minimizer_sensitivity. This
/// is a research kernel and not a certified implementation of differential privacy: its noise is floating-point.
///
/// It says how far; it is no sensitivity to calibrate noise by, since it depends on the data itself. A rule of release
/// would need a private test that it is small, with a proof of its own, which is not here.
/// Errors: std::invalid_argument for lambda <= 0, users out of 0 .. n - 1 or not in rising order, and all n of them.
/// Derived here: the gradient of the loss without S is -sum_{i in S} g_i at w, and that loss is lambda (n -
/// |S|)-strongly convex. The setting is that of "On User-Level Private Convex Optimization", 2023, arXiv 2305.04912.
[[nodiscard]] inline double deletion_bound(const Eigen::Ref<const Eigen::MatrixXd>& gradients,
                                           std::span<const Eigen::Index> deleted, double lambda) {
  constexpr std::string_view name = "deletion_bound";
  require(name, "lambda", lambda, range::positive);
  const auto n = static_cast<double>(gradients.cols()), k = static_cast<double>(deleted.size());
  double last = -1;
  for (const Eigen::Index i : deleted) {
    require(name, "deleted", static_cast<double>(i), Range{last + 1, n - 1});
    last = static_cast<double>(i);
  }
  if (!(k < n)) reject(name, "number of deleted users", k, "< " + to_text(n));
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(gradients.rows());
  for (const Eigen::Index i : deleted) sum += gradients.col(i);
  return sum.stableNorm() / (lambda * (n - k));
}

/// The same for the worst k users: the sum of the k longest gradients, at most k max |g_i|, over lambda (n - k).
/// k in [0, n - 1], lambda > 0, else std::invalid_argument.
[[nodiscard]] inline double deletion_sensitivity_bound(const Eigen::Ref<const Eigen::MatrixXd>& gradients,
                                                       std::int64_t k, double lambda) {
  constexpr std::string_view name = "deletion_sensitivity_bound";
  require(name, "lambda", lambda, range::positive);
  require(name, "k", static_cast<double>(k), Range{0, static_cast<double>(gradients.cols() - 1)});
  std::vector<double> lengths;
  for (Eigen::Index i = 0; i < gradients.cols(); ++i) lengths.push_back(gradients.col(i).stableNorm());
  std::sort(lengths.begin(), lengths.end(), std::greater<>{});
  double sum = 0;
  for (std::int64_t i = 0; i < k; ++i) sum += lengths[static_cast<std::size_t>(i)];
  return sum / (lambda * static_cast<double>(gradients.cols() - k));
}

}  // namespace glissade
