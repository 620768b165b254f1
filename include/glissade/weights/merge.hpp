// Weights between two models.
#pragma once

#include <Eigen/Core>

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "../core/checks.hpp"

namespace glissade {

namespace detail {
template <class A, class B>
void check_shapes(const char* owner, const Eigen::DenseBase<A>& a, const Eigen::DenseBase<B>& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols())
    throw std::invalid_argument(std::string(owner) + ": weights of " + std::to_string(a.rows()) + " x " +
                                std::to_string(a.cols()) + " and " + std::to_string(b.rows()) + " x " +
                                std::to_string(b.cols()) + ", must be of one shape");
}
template <class A, class B>
void check_weights(const char* owner, const Eigen::DenseBase<A>& a, const Eigen::DenseBase<B>& b) {
  check_shapes(owner, a, b);
  if (!a.derived().array().isFinite().all() || !b.derived().array().isFinite().all())
    throw std::invalid_argument(std::string(owner) + ": weights that are infinite or NaN");
}
/// What is about to become the new weights.
void check_result(const char* owner, const auto& weights) {
  if (!weights.isFinite().all())
    throw std::invalid_argument(std::string(owner) + ": the new weights would be infinite or NaN");
}
}  // namespace detail

/// Interpolates between an old model and one fine-tuned from it, so that the new one keeps more of what
/// the old one got right.
///
///     target <- share old + (1 - share) target
///
/// `target` holds the new weights and receives the result. Shares outside [0, 1] extrapolate and must be
/// asked for.
/// Throws std::invalid_argument for shapes that differ, weights that are not finite or would not be, and a share out of
/// range.
/// Source: "Backward Compatibility During Data Updates by Weight Interpolation", 2023, arXiv 2301.10546.
/// Its "soup" is the same with the mean of several new models (average_weights).
template <class Old, class New>
void interpolate_weights(const Eigen::DenseBase<Old>& old, Eigen::DenseBase<New>& target, double share,
                         bool extrapolate = false) {
  require("interpolate_weights", "share", share, extrapolate ? range::finite : range::fraction);
  detail::check_weights("interpolate_weights", old, target);
  using T = typename New::Scalar;
  auto& x = target.derived();
  const auto merged = static_cast<T>(share) * old.derived().array() + static_cast<T>(1 - share) * x.array();
  detail::check_result("interpolate_weights", merged);
  x = merged.matrix();
}

/// The same, where the old model's weights count in proportion to its diagonal Fisher information.
///
///     target_i <- (share F_i old_i + (1 - share) target_i) / (share F_i + 1 - share);   old_i where that is 0 / 0
///
/// F_i is the mean over the old data of the squared derivative of the log-likelihood, times any scale;
/// F >= 0.
/// Source: arXiv 2301.10546, section 3; how its authors normalize F is not known.
template <class Old, class Fisher, class New>
void interpolate_weights_by_fisher(const Eigen::DenseBase<Old>& old, const Eigen::DenseBase<Fisher>& fisher,
                                   Eigen::DenseBase<New>& target, double share) {
  require("interpolate_weights_by_fisher", "share", share, range::fraction);
  detail::check_weights("interpolate_weights_by_fisher", old, target);
  detail::check_weights("interpolate_weights_by_fisher", fisher, target);
  auto& x = target.derived();
  const auto smallest = static_cast<double>(x.size() > 0 ? fisher.derived().minCoeff() : 0);
  require("interpolate_weights_by_fisher", "fisher", smallest, range::non_negative);
  for (Eigen::Index c = 0; c < x.cols(); ++c)
    for (Eigen::Index r = 0; r < x.rows(); ++r) {
      const double kept = share * static_cast<double>(fisher.derived().coeff(r, c));
      const double all = kept + (1 - share);
      const auto before = static_cast<double>(old.derived().coeff(r, c));
      const auto now = static_cast<double>(x.coeff(r, c));
      const double merged = all == 0 ? before : kept / all * before + (1 - share) / all * now;
      x.coeffRef(r, c) = static_cast<typename New::Scalar>(merged);
    }
}

/// The share of test points that the old model got right and the new one gets wrong.
/// Throws std::invalid_argument for spans of different lengths, and empty ones.
[[nodiscard]] inline double negative_flip_rate(std::span<const int> labels, std::span<const int> old_answers,
                                               std::span<const int> new_answers) {
  if (labels.empty() || labels.size() != old_answers.size() || labels.size() != new_answers.size())
    throw std::invalid_argument("negative_flip_rate: " + std::to_string(labels.size()) + " labels, " +
                                std::to_string(old_answers.size()) + " and " + std::to_string(new_answers.size()) +
                                " answers, must be as many and at least one");
  std::int64_t flips = 0;
  for (std::size_t i = 0; i < labels.size(); ++i)
    flips += old_answers[i] == labels[i] && new_answers[i] != labels[i] ? 1 : 0;
  return static_cast<double>(flips) / static_cast<double>(labels.size());
}

}  // namespace glissade
