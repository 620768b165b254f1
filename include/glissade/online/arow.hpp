// Adaptive regularization of weight vectors.
#pragma once

#include <algorithm>
#include <cmath>

#include "learner.hpp"

namespace glissade {

/// Options of Arow.
///
///     regularization r  > 0 (1): larger is more careful with labels that may be wrong
///     diagonal          whether only variances are kept, d in place of d^2 numbers (false)
struct ArowOptions {
  static constexpr std::string_view name = "Arow";

  double regularization = 1;
  bool diagonal = false;

  static void options(auto& self, auto&& visit) {
    visit("regularization", self.regularization, range::positive);
    visit("diagonal", self.diagonal);
  }
};

/// A linear classifier that knows how sure it is of each weight: rare features keep long steps, frequent ones settle.
///
///     if y <a, x> < 1:   s = Sigma a,   beta = 1 / (<a, s> + r)
///         x <- x + beta (1 - y <a, x>) y s,   Sigma <- Sigma - beta s s'
///         diagonal: Sigma is diagonal, and 1 / Sigma_ii <- 1 / Sigma_ii + a_i^2 / r
///
///     Arow learner({.regularization = 0.1}, a.size());
///     for (...) {
///       double sure = 1 / learner.variance(a);
///       learner.learn(a, y);
///     }
///
/// Mistakes (y <a, x> <= 0), not diagonal, against every u: at most sum of u's hinge losses, minus U, plus sqrt((r
/// |u|^2 + u'X u) (log det(I + X / r) + U)), where sums and X = sum of a a' are over rounds with y <a, x> < 1, of which
/// U were no mistakes.
/// State, in files: weights (x, 0 at the start), covariance (Sigma, the identity at the start; d times d, or d times
/// 1), rounds.
/// Cost: 5 d^2 flops where a round teaches, 10 d with diagonal, 2 d elsewhere.
/// Errors: std::invalid_argument for options out of range, features that are not finite or of another size and labels
/// other than -1 and 1; then nothing has been touched.
/// Source: "Adaptive Regularization of Weight Vectors", 2009, figure 1; its theorem as remembered, which tests hold it
/// to.
class Arow {
 public:
  static constexpr std::string_view name = ArowOptions::name;

  Arow(const ArowOptions& options, Index features) : options_(options) {
    check_learner(options_);
    require(name, "features", static_cast<double>(features), Range{.low = 1});
    weights_ = Eigen::VectorXd::Zero(features);
    covariance_.setOnes(features, 1);
    if (!options_.diagonal) covariance_ = Eigen::MatrixXd::Identity(features, features);
  }

  [[nodiscard]] double predict(const Eigen::Ref<const Eigen::VectorXd>& features) const {
    require_vector(name, "features", features, weights_.size());
    return features.dot(weights_);
  }
  /// <a, Sigma a>, of what predict says.
  [[nodiscard]] double variance(const Eigen::Ref<const Eigen::VectorXd>& features) const {
    require_vector(name, "features", features, weights_.size());
    return features.dot(times_covariance(features));
  }
  [[nodiscard]] const Eigen::VectorXd& weights() const { return weights_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }

  /// Takes the label of the features: -1 or 1.
  void learn(const Eigen::Ref<const Eigen::VectorXd>& features, double label) {
    const double margin = label * predict(features);
    if (label != 1 && label != -1) reject(name, "label", label, "-1 or 1");
    ++rounds_;
    if (margin >= 1 || features.isZero(0)) return;
    const Eigen::VectorXd s = times_covariance(features);
    const double beta = 1 / (features.dot(s) + options_.regularization);
    weights_ += beta * (1 - margin) * label * s;
    if (options_.diagonal)
      covariance_.array() /= 1 + covariance_.array() * features.array().square() / options_.regularization;
    else  // as a product with its own transpose, which stays symmetric to the last bit
      covariance_.noalias() -= (std::sqrt(beta) * s) * (std::sqrt(beta) * s).transpose();
  }

  static void visit(auto& self, auto&& field) {
    field("weights", self.weights_);
    field("covariance", self.covariance_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  [[nodiscard]] Eigen::VectorXd times_covariance(const Eigen::Ref<const Eigen::VectorXd>& a) const {
    if (options_.diagonal) return covariance_.col(0).cwiseProduct(a);
    return covariance_ * a;
  }

  ArowOptions options_;
  Eigen::VectorXd weights_;
  Eigen::MatrixXd covariance_;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
