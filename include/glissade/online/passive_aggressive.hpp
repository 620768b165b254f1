// Passive-aggressive learners.
#pragma once

#include <algorithm>
#include <cmath>

#include "../losses/linear_losses.hpp"
#include "learner.hpp"

namespace glissade {

enum class Aggression {
  full,    // PA: no loss is left on the example
  capped,  // PA-I: steps of at most aggressiveness, for labels that may be wrong
  damped   // PA-II: steps are shortened
};

/// Options of PassiveAggressive.
///
///     loss              hinge (the default), or for numbers epsilon_insensitive or absolute
///     aggression        (capped)
///     aggressiveness C  > 0 (1), for capped and damped
struct PassiveAggressiveOptions {
  static constexpr std::string_view name = "PassiveAggressive";

  PredictionLoss loss{.kind = LinearLoss::hinge};
  Aggression aggression = Aggression::capped;
  double aggressiveness = 1;

  static void options(auto& self, auto&& visit) {
    visit("loss", self.loss);
    visit("aggression", self.aggression, range::up_to(Aggression::damped));
    visit("aggressiveness", self.aggressiveness, range::positive);
  }
  void check() const {
    loss.check();
    if (static_cast<int>(loss.kind) > static_cast<int>(LinearLoss::epsilon_insensitive))
      reject(name, "loss.kind", static_cast<double>(loss.kind), "hinge, absolute or epsilon_insensitive");
  }
};

/// A linear predictor that moves as little as it can to be right about the example at hand, and not at all where it
/// was: no rate has to be chosen.
///
///     x <- x - tau g a,   g the slope and l the value of the loss at <a, x>
///     full     tau = l / |a|^2
///     capped   tau = min(C, l / |a|^2)
///     damped   tau = l / (|a|^2 + 1 / (2 C))
///
///     PassiveAggressive learner({.aggressiveness = 0.1}, a.size());
///     for (...) learner.learn(a, y);
///
/// Bounds, with |a| <= R and l*_t what any fixed u pays:
///     full     sum l_t^2 <= R^2 |u|^2, for a u that pays nothing
///     capped   mistakes <= max(R^2, 1 / C) (|u|^2 + 2 C sum l*_t), for hinge
///     damped   sum l_t^2 <= (R^2 + 1 / (2 C)) (|u|^2 + 2 C sum l*_t^2)
///     all      sum tau_t (2 l_t - tau_t |a_t|^2 - 2 l*_t) <= |u|^2
/// State, in files: weights (x, 0 at the start), rounds.
/// Cost: 6 d flops per round, 2 d where nothing is paid.
/// Errors: std::invalid_argument for options out of range or another loss, features that are not finite or of another
/// size and labels that the loss does not take; then nothing has been touched.
/// Source: "Online Passive-Aggressive Algorithms", 2006.
class PassiveAggressive {
 public:
  static constexpr std::string_view name = PassiveAggressiveOptions::name;

  PassiveAggressive(const PassiveAggressiveOptions& options, Index features) : options_(options) {
    check_learner(options_);
    require(name, "features", static_cast<double>(features), Range{.low = 1});
    weights_ = Eigen::VectorXd::Zero(features);
  }

  [[nodiscard]] double predict(const Eigen::Ref<const Eigen::VectorXd>& features) const {
    require_vector(name, "features", features, weights_.size());
    return features.dot(weights_);
  }
  [[nodiscard]] const Eigen::VectorXd& weights() const { return weights_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }

  /// Takes the label of the features.
  void learn(const Eigen::Ref<const Eigen::VectorXd>& features, double label) {
    const double p = predict(features);
    options_.loss.require_label(name, label);
    ++rounds_;
    const double paid = options_.loss.value(p, label), square = features.squaredNorm();
    if (paid == 0 || square == 0) return;
    double tau = paid / square;
    if (options_.aggression == Aggression::capped) tau = std::min(options_.aggressiveness, tau);
    if (options_.aggression == Aggression::damped) tau = paid / (square + 0.5 / options_.aggressiveness);
    weights_ -= tau * options_.loss.slope(p, label) * features;
  }

  static void visit(auto& self, auto&& field) {
    field("weights", self.weights_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  PassiveAggressiveOptions options_;
  Eigen::VectorXd weights_;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
