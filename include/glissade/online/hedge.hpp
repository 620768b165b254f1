// Hedge: exponential weights of experts, with fixed share where the best expert changes.
#pragma once

#include <cmath>

#include "learner.hpp"
#include "log_weights.hpp"

namespace glissade {

/// Options of Hedge. Of learning_rate and horizon at most one is given; with neither, the rate falls.
///
///     horizon T        >= 0 (0), the number of rounds: the best constant rate for them, sqrt(8 ln K / T)
///     learning_rate    >= 0 (0), a constant rate
///     share a          in [0, 1) (0): the part of all weight that is shared out evenly after each round, S / T where
///                      the best expert changes S times in T rounds; needs a constant rate
struct HedgeOptions {
  static constexpr std::string_view name = "Hedge";

  std::int64_t horizon = 0;
  double learning_rate = 0;
  double share = 0;

  static void options(auto& self, auto&& visit) {
    visit("horizon", self.horizon, Range{0, static_cast<double>(most_rounds)});
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("share", self.share, range::decay);
  }
  void check() const {
    if (horizon > 0 && learning_rate > 0) reject(name, "learning_rate", learning_rate, "0 where a horizon is given");
    if (share > 0 && horizon == 0 && learning_rate == 0)
      reject(name, "share", share, "0 without horizon or learning_rate");
  }
};

/// Weights for K experts, or the chances of K pure strategies: the more an expert has lost, the less it weighs.
///
///     play_i ~ exp(-eta L_i),  L <- L + losses;   then play <- (1 - a) play + a / K  and L accordingly
///     eta = sqrt(8 ln K / T) for a horizon T,  2 sqrt(ln K / t) in round t without
///
///     Hedge learner({.horizon = 1000}, losses.size());
///     for (...) learner.learn(losses);  // of all experts; learner.play() weighs them
///
/// Regret against every expert, for losses in [0, 1]: at most sqrt(T ln K / 2) with a horizon, sqrt(t ln K) without, at
/// every t. With share, against every sequence of experts that changes S times: at most (ln K + S ln(K / a) - (T - 1 -
/// S) ln(1 - a + a / K)) / eta + eta T / 8. Losses in another range [l, h] are to be told as (loss - l) / (h - l), or
/// to AdaHedge, which needs no range. With share or without a horizon, a round without losses still moves the play.
/// State, in files: losses L (their least is 0), play, rounds.
/// Cost: K exponentials per round, with share K logarithms.
/// Errors: std::invalid_argument for options out of range, no expert, and losses that are not finite or not K; then
/// nothing has been touched.
/// Source: "A Decision-Theoretic Generalization of On-Line Learning and an Application to Boosting", 1997; "Tracking
/// the Best Expert", 1998; the falling rate: "Prediction, Learning, and Games", 2006, section 2.3.
class Hedge {
 public:
  static constexpr std::string_view name = HedgeOptions::name;

  Hedge(const HedgeOptions& options, Index experts) : options_(options) {
    check_learner(options_);
    require(name, "experts", static_cast<double>(experts), Range{.low = 1});
    losses_ = Eigen::VectorXd::Zero(experts);
    play_ = Eigen::VectorXd::Constant(experts, 1 / static_cast<double>(experts));
  }

  [[nodiscard]] const Eigen::VectorXd& play() const { return play_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }
  /// eta of the coming round.
  [[nodiscard]] double learning_rate() const {
    if (options_.learning_rate > 0) return options_.learning_rate;
    const double logarithm = std::log(static_cast<double>(play_.size()));
    if (options_.horizon > 0) return std::sqrt(8 * logarithm / static_cast<double>(options_.horizon));
    return 2 * std::sqrt(logarithm / static_cast<double>(rounds_ + 1));
  }

  /// Takes the losses of all experts in the round.
  void learn(const Eigen::Ref<const Eigen::VectorXd>& losses) {
    require_vector(name, "losses", losses, play_.size());
    ++rounds_;
    add_losses(losses_, losses);
    const double eta = learning_rate();
    weights_of(-eta * losses_, play_);
    if (options_.share > 0 && eta > 0) share_out(options_.share, eta, play_, losses_);
  }

  static void visit(auto& self, auto&& field) {
    field("losses", self.losses_);
    field("play", self.play_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  HedgeOptions options_;
  Eigen::VectorXd losses_, play_;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
