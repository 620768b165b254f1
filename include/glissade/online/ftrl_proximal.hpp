// FTRL-Proximal: the learner of click models.
#pragma once

#include <cmath>

#include "../losses/linear_losses.hpp"
#include "learner.hpp"

namespace glissade {

/// Options of FtrlProximal.
///
///     learning_rate alpha > 0 (0.5)
///     beta          >= 0 (1), what is added to the root of a coefficient's squared gradients
///     l1, l2        >= 0 (0), of penalties l1 |x|_1 + l2 |x|^2 / 2; l1 leaves zeros that are exact
///     loss          which of losses/linear_losses.hpp learn(a, y) takes (logistic)
struct FtrlProximalOptions {
  static constexpr std::string_view name = "FtrlProximal";

  double learning_rate = 0.5;
  double beta = 1;
  double l1 = 0;
  double l2 = 0;
  PredictionLoss loss{.kind = LinearLoss::logistic};

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::positive);
    visit("beta", self.beta, range::non_negative);
    visit("l1", self.l1, range::non_negative);
    visit("l2", self.l2, range::non_negative);
    visit("loss", self.loss);
  }
  void check() const { loss.check(); }
};

/// A learner with a rate for each coefficient, for many features of which few matter: rare ones keep long steps, and
/// those that do not pay stay exactly 0.
///
///     sigma = (sqrt(n + g^2) - sqrt n) / alpha,   z <- z + g - sigma x,   n <- n + g^2
///     x = 0 if |z| <= l1, else -(z - sign(z) l1) / ((beta + sqrt n) / alpha + l2)        coefficient by coefficient
///
///     FtrlProximal learner({.learning_rate = 0.1, .l1 = 1}, a.size());
///     for (...) {
///       double p = learner.predict(a);  // <a, x>
///       learner.learn(a, y);
///     }
///
/// Where gradients come from elsewhere: play() and learn(g). With l1 = l2 = beta = 0 it is AdaGrad from the origin,
/// x <- x - alpha g / sqrt n.
/// Regret against every u, without penalties, with sums over coefficients i and rounds t: at most
///     sum_i beta u_i^2 / (2 alpha) + sum_ti sigma_ti (u_i - x_ti)^2 / 2 + alpha / 2 sum_ti g_ti^2 / (beta + sqrt n_ti)
/// where the last sum is at most 2 sum_i sqrt(n_Ti).
/// State, in files: play (x, 0 at the start), z, root (sqrt n), one of each per coefficient; rounds.
/// Cost: some 10 flops, a root and two divisions per coefficient whose gradient is not 0.
/// Errors: std::invalid_argument for options out of range, gradients or features that are not finite or of another size
/// and labels that the loss does not take; then nothing has been touched.
/// Source: "Ad Click Prediction: a View from the Trenches", 2013, algorithm 1; the bound: "A Survey of Algorithms and
/// Analysis for Adaptive Online Learning", 2014, arXiv 1403.3465. Defaults are those of Vowpal Wabbit.
class FtrlProximal {
 public:
  static constexpr std::string_view name = FtrlProximalOptions::name;

  FtrlProximal(const FtrlProximalOptions& options, Index size) : options_(options) {
    check_learner(options_);
    require(name, "size", static_cast<double>(size), Range{.low = 1});
    play_ = z_ = root_ = Eigen::VectorXd::Zero(size);
  }

  [[nodiscard]] const Eigen::VectorXd& play() const { return play_; }
  [[nodiscard]] double predict(const Eigen::Ref<const Eigen::VectorXd>& features) const {
    require_vector(name, "features", features, play_.size());
    return features.dot(play_);
  }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }

  /// Takes the gradient of the round's loss at play().
  void learn(const Eigen::Ref<const Eigen::VectorXd>& gradient) {
    require_vector(name, "gradient", gradient, play_.size());
    ++rounds_;
    for (Index i = 0; i < play_.size(); ++i) learn(i, gradient[i]);
  }
  /// Takes the label of the features.
  void learn(const Eigen::Ref<const Eigen::VectorXd>& features, double label) {
    const double p = predict(features);
    options_.loss.require_label(name, label);
    ++rounds_;
    const double slope = options_.loss.slope(p, label);
    for (Index i = 0; i < play_.size(); ++i) learn(i, slope * features[i]);
  }

  static void visit(auto& self, auto&& field) {
    field("play", self.play_);
    field("z", self.z_);
    field("root", self.root_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  void learn(Index i, double g) {
    if (g == 0) return;
    const double root = std::hypot(root_[i], g);
    z_[i] += g - (root - root_[i]) / options_.learning_rate * play_[i];
    root_[i] = root;
    const double weight = (options_.beta + root) / options_.learning_rate + options_.l2;
    play_[i] = std::abs(z_[i]) <= options_.l1 ? 0 : (std::copysign(options_.l1, z_[i]) - z_[i]) / weight;
  }

  FtrlProximalOptions options_;
  Eigen::VectorXd play_, z_, root_;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
