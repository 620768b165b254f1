// The perceptron of second order.
#pragma once

#include <cmath>

#include "learner.hpp"

namespace glissade {

/// Options of SecondOrderPerceptron.
///
///     regularization r > 0 (1)
struct SecondOrderPerceptronOptions {
  static constexpr std::string_view name = "SecondOrderPerceptron";

  double regularization = 1;

  static void options(auto& self, auto&& visit) { visit("regularization", self.regularization, range::positive); }
};

/// A classifier that learns from its mistakes alone, in coordinates in which features that it has erred on have all the
/// same spread: fewer mistakes than the perceptron's where features are correlated.
///
///     predict the sign of  <v, (A + a a')^-1 a>;   on a mistake  v <- v + y a,  A <- A + a a'       A = r I at the
///     start
///
///     SecondOrderPerceptron learner({}, a.size());
///     for (...) learner.learn(a, y);
///
/// Mistakes against every u: at most sum of u's hinge losses plus sqrt((r |u|^2 + u'X u) log det(I + X / r)), where the
/// sum and X = sum of a a' are over the rounds with a mistake; predict = 0 is one. For r to infinity it is the
/// perceptron.
/// State, in files: sum (v), inverse (A^-1, d times d), rounds.
/// Cost: 2 d^2 flops per prediction, 5 d^2 per mistake.
/// Errors: std::invalid_argument for options out of range, features that are not finite or of another size and labels
/// other than -1 and 1; then nothing has been touched.
/// Source: "A Second-Order Perceptron Algorithm", 2005; its theorem as remembered, which tests hold it to.
class SecondOrderPerceptron {
 public:
  static constexpr std::string_view name = SecondOrderPerceptronOptions::name;

  SecondOrderPerceptron(const SecondOrderPerceptronOptions& options, Index features) : options_(options) {
    check_learner(options_);
    require(name, "features", static_cast<double>(features), Range{.low = 1});
    sum_ = Eigen::VectorXd::Zero(features);
    inverse_ = Eigen::MatrixXd::Identity(features, features) / options_.regularization;
  }

  /// Its sign is the answer.
  [[nodiscard]] double predict(const Eigen::Ref<const Eigen::VectorXd>& features) const {
    require_vector(name, "features", features, sum_.size());
    const Eigen::VectorXd s = inverse_ * features;
    return sum_.dot(s) / (1 + features.dot(s));
  }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }

  /// Takes the label of the features: -1 or 1.
  void learn(const Eigen::Ref<const Eigen::VectorXd>& features, double label) {
    const double margin = label * predict(features);
    if (label != 1 && label != -1) reject(name, "label", label, "-1 or 1");
    ++rounds_;
    if (margin > 0) return;
    const Eigen::VectorXd s = inverse_ * features;
    const Eigen::VectorXd root = s / std::sqrt(1 + features.dot(s));
    sum_ += label * features;
    inverse_.noalias() -= root * root.transpose();
  }

  static void visit(auto& self, auto&& field) {
    field("sum", self.sum_);
    field("inverse", self.inverse_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  SecondOrderPerceptronOptions options_;
  Eigen::VectorXd sum_;
  Eigen::MatrixXd inverse_;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
