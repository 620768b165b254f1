// Generalized implicit follow-the-regularized-leader.
#pragma once

#include <algorithm>
#include <cmath>

#include "../losses/linear_losses.hpp"
#include "../oracle/norm.hpp"
#include "learner.hpp"

namespace glissade {

/// What is taken from theta in a round.
enum class ImplicitMode {
  linear,     // the loss's slope where it was paid: follow-the-regularized-leader, dual averaging
  prox,       // its slope where the next point will be: the implicit step
  truncated,  // the implicit step on the model max(tangent, 0) of the loss
  two_step    // its slope at the point that the linear step leads to, or that of the linear step if it is no better
};
/// The weight lambda_t of the regularizer, which never falls.
enum class ImplicitRate {
  fixed_sqrt,   // regularization sqrt t
  ada_norm,     // sqrt(sum |g|^2) / beta
  ada_implicit  // grows by what a round costs in the bound of the regret, which is little where losses change little
};

/// Options of ImplicitFtrl.
///
///     loss                     which of losses/linear_losses.hpp (squared)
///     mode                     (prox)
///     rate                     (ada_implicit)
///     beta                     > 0 (1), for ada_norm and ada_implicit: the length that the weights may have
///     initial_regularization   > 0 (1e-3), lambda_1 of ada_implicit
///     regularization           > 0 (1), for fixed_sqrt
struct ImplicitFtrlOptions {
  static constexpr std::string_view name = "ImplicitFtrl";

  PredictionLoss loss{};
  ImplicitMode mode = ImplicitMode::prox;
  ImplicitRate rate = ImplicitRate::ada_implicit;
  double beta = 1;
  double initial_regularization = 1e-3;
  double regularization = 1;

  static void options(auto& self, auto&& visit) {
    visit("loss", self.loss);
    visit("mode", self.mode, range::up_to(ImplicitMode::two_step));
    visit("rate", self.rate, range::up_to(ImplicitRate::ada_implicit));
    visit("beta", self.beta, range::positive);
    visit("initial_regularization", self.initial_regularization, range::positive);
    visit("regularization", self.regularization, range::positive);
  }
  void check() const { loss.check(); }
};

/// A linear predictor for streams of examples whose scale nobody knows beforehand: as cheap as stochastic gradient, but
/// no rate makes its step overshoot the loss.
///
///     predict p = <a, theta> / lambda_t, pay phi(p), with a slope g of phi there
///     theta <- theta - s a,   where s is no worse than g in  H(s) = |theta - s a|^2 / (2 lambda) + phi*(s)
///
///     lambda is lambda_{t+1}, for ada_implicit lambda_t; pbar = <a, theta> / lambda, c = |a|^2 / lambda
///     linear     s = g
///     prox       s = argmin H = loss.prox_slope(pbar, y, c)
///     truncated  s = g clip((phi(p) + g (pbar - p)) / (g^2 c), 0, 1)
///     two_step   s = the slope of phi at pbar - g c, if H(s) <= H(g), else g
///     ada_implicit:  lambda_{t+1} = lambda_t + gamma / beta^2,   gamma = phi(p) + phi*(s) - s p + s^2 c / 2 >= 0
///
///     ImplicitFtrl learner({.loss = {.kind = LinearLoss::absolute}, .beta = 10}, a.size());
///     for (...) {
///       double p = learner.predict(a);
///       learner.learn(a, y);
///     }
///
/// Regret against every u, for all modes and rates: at most lambda_{T+1} |u|^2 / 2 + sum_t [ |theta - g a|^2 / (2
/// lambda) - |theta|^2 / (2 lambda_t) + g p - (H(g) - H(s)) ]; with ada_implicit that is lambda_{T+1} |u|^2 / 2 +
/// beta^2 (lambda_{T+1} - lambda_1).
/// State, in files: theta (one per feature, 0 at the start), regularization (lambda_t), root (sqrt(sum |g a|^2)),
/// rounds.
/// Cost: 6 d flops per round and what the loss's prox_slope costs.
/// Errors: std::invalid_argument for options out of range, features that are not finite or of another size and labels
/// that the loss does not take; then nothing has been touched. linear and two_step may diverge with squared losses.
/// Source: "Generalized Implicit Follow-The-Regularized-Leader", 2023, arXiv 2306.00201. The closed forms and the rate
/// ada_implicit were derived here; they need not be the paper's.
class ImplicitFtrl {
 public:
  static constexpr std::string_view name = ImplicitFtrlOptions::name;

  ImplicitFtrl(const ImplicitFtrlOptions& options, Index features)
      : options_(options), lambda_(options.initial_regularization) {
    check_learner(options_);
    require(name, "features", static_cast<double>(features), Range{.low = 1});
    theta_ = Eigen::VectorXd::Zero(features);
    if (options_.rate == ImplicitRate::fixed_sqrt) lambda_ = options_.regularization;
    if (options_.rate == ImplicitRate::ada_norm) lambda_ = 0;
  }

  [[nodiscard]] double predict(const Eigen::Ref<const Eigen::VectorXd>& features) const {
    require_vector(name, "features", features, theta_.size());
    return lambda_ > 0 ? features.dot(theta_) / lambda_ : 0;
  }
  /// Takes the label of the features.
  void learn(const Eigen::Ref<const Eigen::VectorXd>& features, double label) {
    const double p = predict(features);
    options_.loss.require_label(name, label);
    ++rounds_;
    const double slope = options_.loss.slope(p, label), length = norm_of(features);
    root_ = std::hypot(root_, slope * length);
    if (options_.rate == ImplicitRate::fixed_sqrt)
      lambda_ = options_.regularization * std::sqrt(static_cast<double>(rounds_ + 1));
    if (options_.rate == ImplicitRate::ada_norm) lambda_ = root_ / options_.beta;
    if (!(length > 0) || !(lambda_ > 0)) return;

    const double pbar = features.dot(theta_) / lambda_, c = std::pow(length / std::sqrt(lambda_), 2);
    const double s = dual_step(label, p, slope, pbar, c);
    if (options_.rate == ImplicitRate::ada_implicit) {
      const double price = options_.loss.value(p, label) + options_.loss.conjugate(s, label) - s * p + s * s * c / 2;
      lambda_ += std::max(0.0, price) / options_.beta / options_.beta;
    }
    theta_ -= s * features;
  }

  /// theta / lambda.
  [[nodiscard]] Eigen::VectorXd weights() const { return theta_ * (lambda_ > 0 ? 1 / lambda_ : 0); }
  /// lambda_t of the round that comes.
  [[nodiscard]] double regularization() const { return lambda_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }

  static void visit(auto& self, auto&& field) {
    field("theta", self.theta_);
    field("regularization", self.lambda_);
    field("root", self.root_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  [[nodiscard]] double dual_step(double y, double p, double slope, double pbar, double c) const {
    switch (options_.mode) {
      case ImplicitMode::linear:
        return slope;
      case ImplicitMode::prox:
        return options_.loss.prox_slope(pbar, y, c);
      case ImplicitMode::truncated: {
        if (slope == 0) return 0;
        const double share = (options_.loss.value(p, y) / slope + (pbar - p)) / (slope * c);
        return slope * std::clamp(share, 0.0, 1.0);
      }
      case ImplicitMode::two_step: {
        const double ahead = options_.loss.slope(pbar - slope * c, y);
        const auto height = [&](double s) { return (s * c / 2 - pbar) * s + options_.loss.conjugate(s, y); };
        return height(ahead) <= height(slope) ? ahead : slope;
      }
    }
    return slope;
  }

  ImplicitFtrlOptions options_;
  Eigen::VectorXd theta_;
  double lambda_;
  double root_ = 0;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
