// Means of models: plain, by Fisher information, and on the sphere.
#pragma once

#include <cmath>
#include <span>
#include <stdexcept>
#include <string>

#include "merge.hpp"

namespace glissade {

/// A soup: the mean of models of one origin, such as those of several seeds.
///
///     target <- 1 / K  sum_k model_k
///
/// Throws std::invalid_argument where there is no model, for shapes that differ and weights that are not finite.
/// Source: "Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing inference
/// time", 2022, arXiv 2203.05482.
template <class Model, class New>
void average_weights(std::span<const Model> models, Eigen::DenseBase<New>& target) {
  if (models.empty()) throw std::invalid_argument("average_weights: there are no models");
  for (const Model& model : models) detail::check_weights("average_weights", model, models[0]);
  detail::check_shapes("average_weights", models[0], target);
  auto x = target.derived().eval();
  const auto count = static_cast<double>(models.size());
  for (Eigen::Index c = 0; c < x.cols(); ++c)
    for (Eigen::Index r = 0; r < x.rows(); ++r) {
      double mean = 0;
      for (const Model& model : models) mean += static_cast<double>(model.coeff(r, c)) / count;
      x.coeffRef(r, c) = static_cast<typename New::Scalar>(mean);
    }
  detail::check_result("average_weights", x.array());
  target.derived() = x;
}

/// Fisher merging: the mean in which each weight of a model counts by how much the model depends on it.
///
///     target_i <- sum_k shares_k F_k,i model_k,i  /  sum_k shares_k F_k,i;     the plain mean where that is 0 / 0
///
/// F_k >= 0 is the diagonal Fisher information of model k, shares >= 0 sum to more than 0; without shares all are 1.
/// Throws std::invalid_argument where there are not as many models as informations and, if any, shares; for shapes that
/// differ, numbers that are not finite and negative ones.
/// Source: "Merging Models with Fisher-Weighted Averaging", 2021, arXiv 2111.09832.
template <class Model, class New>
void merge_by_fisher(std::span<const Model> models, std::span<const Model> fisher, Eigen::DenseBase<New>& target,
                     std::span<const double> shares = {}) {
  constexpr auto owner = "merge_by_fisher";
  const std::size_t count = models.size();
  if (count == 0 || fisher.size() != count || (!shares.empty() && shares.size() != count))
    throw std::invalid_argument("merge_by_fisher: " + std::to_string(count) + " models, " +
                                std::to_string(fisher.size()) + " informations and " + std::to_string(shares.size()) +
                                " shares, must be as many and at least one");
  double total = 0;
  for (const double share : shares) {
    require(owner, "share", share, range::non_negative);
    total += share;
  }
  if (!shares.empty()) require(owner, "sum of shares", total, range::positive);
  for (std::size_t k = 0; k < count; ++k) {
    detail::check_weights(owner, models[k], models[0]);
    detail::check_weights(owner, fisher[k], models[0]);
    if (fisher[k].size() > 0) require(owner, "fisher", static_cast<double>(fisher[k].minCoeff()), range::non_negative);
  }
  detail::check_shapes(owner, models[0], target);
  auto x = target.derived().eval();
  for (Eigen::Index c = 0; c < x.cols(); ++c)
    for (Eigen::Index r = 0; r < x.rows(); ++r) {
      double sum = 0, merged = 0;
      const auto share = [&](std::size_t k) { return shares.empty() ? 1 : shares[k] / total; };
      for (std::size_t k = 0; k < count; ++k)
        sum += share(k) * static_cast<double>(fisher[k].coeff(r, c)) / static_cast<double>(count);
      for (std::size_t k = 0; k < count; ++k) {
        const double part = share(k) * static_cast<double>(fisher[k].coeff(r, c)) / static_cast<double>(count);
        const double weight = sum > 0 ? part / sum : 1 / static_cast<double>(count);
        merged += weight * static_cast<double>(models[k].coeff(r, c));
      }
      x.coeffRef(r, c) = static_cast<typename New::Scalar>(merged);
    }
  detail::check_result(owner, x.array());
  target.derived() = x;
}

/// SLERP: interpolates two models along the arc between them, so that the length does not sink in the middle as it does
/// on the line between weights that are far apart.
///
///     cos(theta) = <old, target> / (|old| |target|), of the whole tensor as one vector
///     target <- sin(share theta) / sin(theta) old + sin((1 - share) theta) / sin(theta) target
///
/// Where the angle is nothing, or one of them 0, it is the line. share 0 leaves the target, 1 makes it the old model.
/// Throws std::invalid_argument for shapes that differ, weights that are not finite, a share out of [0, 1], and weights
/// that point in opposite directions, between which there is no one arc.
/// Source: "Animating Rotation with Quaternion Curves", Shoemake, 1985; as models are merged by mergekit.
template <class Old, class New>
void slerp_weights(const Eigen::DenseBase<Old>& old, Eigen::DenseBase<New>& target, double share) {
  using T = typename New::Scalar;
  require("slerp_weights", "share", share, range::fraction);
  detail::check_weights("slerp_weights", old, target);
  auto& x = target.derived();
  const Eigen::MatrixXd a = old.derived().matrix().template cast<double>();
  const Eigen::MatrixXd b = x.matrix().template cast<double>();
  const double length_a = a.stableNorm(), length_b = b.stableNorm();
  double of_old = share, of_target = 1 - share;
  if (length_a > 0 && length_b > 0) {
    // Half the angle from the diagonals of the rhombus: the cosine would lose small angles.
    const double apart = (a / length_a - b / length_b).norm(), together = (a / length_a + b / length_b).norm();
    if (together < 1e-6)
      throw std::invalid_argument("slerp_weights: the weights point in opposite directions, there is no one arc");
    const double theta = 2 * std::atan2(apart, together);
    if (theta > 1e-8) {
      of_old = std::sin(share * theta) / std::sin(theta);
      of_target = std::sin((1 - share) * theta) / std::sin(theta);
    }
  }
  const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> merged = (of_old * a + of_target * b).template cast<T>();
  detail::check_result("slerp_weights", merged.array());
  x.matrix() = merged;
}

}  // namespace glissade
