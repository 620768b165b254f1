// CBCE: weights of experts with little regret in every stretch of time, by betting on coins.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>

#include "learner.hpp"
#include "log_weights.hpp"

namespace glissade {

struct CbceOptions {
  static constexpr std::string_view name = "Cbce";
};

/// Weights for K experts where the best one changes, nobody knows when or how often: no rate, no horizon.
///
/// One Hedge begins anew every 2^k rounds, from round 2^k on, for each k; a coin is bet on each of them, which pays
/// where it loses less than the mixture. In round t, J = (k, start t_1):
///
///     bet_J = sum gain_J / (t - t_1 + 1) (1 + sum gain_J bet_J),  sums over the rounds of J so far
///     p_J ~ max(bet_J, 0) / (t_1^2 (1 + floor(log2 t_1))),  without bet_J where all are 0;   play = sum_J p_J play_J
///     gain_J = play'losses - play_J'losses, within [-1, 1]; not below 0 where bet_J <= 0
///     play_J ~ exp(-sqrt(8 ln K / 2^k) L_J)
///
///     Cbce learner({}, losses.size());
///     for (...) learner.learn(losses);
///
/// Regret against every expert in each J, for losses in [0, 1]: at most sqrt(2^k (7 ln t + 5)) + sqrt(2^k ln K / 2), t
/// its last round; every stretch of time is a row of such intervals, first longer and longer, then shorter. A round
/// without losses moves the play, since bets get older.
/// State, in files: losses L_J (K x 53), gains, winnings (sums of gain and of gain bet), bets, play, rounds.
/// Cost: K exponentials for each of 1 + log2 t lengths and round.
/// Errors: std::invalid_argument for no expert and losses that are not finite or not K; then nothing has been touched.
/// Source: "Improved Strongly Adaptive Online Learning using Coin Betting", 2017, arXiv 1610.04578.
class Cbce {
 public:
  static constexpr std::string_view name = CbceOptions::name;

  Cbce(const CbceOptions&, Index experts) {
    require(name, "experts", static_cast<double>(experts), Range{.low = 1});
    losses_ = Eigen::MatrixXd::Zero(experts, most_lengths);
    gains_ = winnings_ = bets_ = Eigen::VectorXd::Zero(most_lengths);
    choose();
  }

  [[nodiscard]] const Eigen::VectorXd& play() const { return play_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }
  /// The round in which the interval of 2^k rounds began that holds the coming one, from 1; 0 where there is none yet.
  [[nodiscard]] std::int64_t start(Index k) const { return ((rounds_ + 1) >> k) << k; }

  /// Takes the losses of all experts in the round.
  void learn(const Eigen::Ref<const Eigen::VectorXd>& losses) {
    require_vector(name, "losses", losses, play_.size());
    const double paid = play_.dot(losses);
    Eigen::VectorXd policy;
    for (Index k = 0; k < lengths(); ++k) {
      weights_of(-rate(k) * losses_.col(k), policy);
      const double gain = std::clamp(paid - policy.dot(losses), bets_[k] > 0 ? -1.0 : 0.0, 1.0);
      gains_[k] += gain;
      winnings_[k] += gain * bets_[k];
      losses_.col(k) = (losses_.col(k).array() + (losses.array() - losses.minCoeff())).min(1e300);
    }
    ++rounds_;
    choose();
  }

  static void visit(auto& self, auto&& field) {
    field("losses", self.losses_);
    field("gains", self.gains_);
    field("winnings", self.winnings_);
    field("bets", self.bets_);
    field("play", self.play_);
    field("rounds", self.rounds_, 0, most_rounds - 1);
  }

 private:
  static constexpr Index most_lengths = 53;

  /// How many lengths have an interval in the coming round.
  [[nodiscard]] Index lengths() const {
    return std::min<Index>(most_lengths, static_cast<Index>(std::bit_width(static_cast<std::uint64_t>(rounds_ + 1))));
  }
  [[nodiscard]] double rate(Index k) const {
    return std::sqrt(8 * std::log(static_cast<double>(losses_.rows())) / std::exp2(k));
  }
  /// Begins the intervals of the coming round and mixes its play.
  void choose() {
    const std::int64_t t = rounds_ + 1;
    Eigen::VectorXd prior(lengths()), mix(lengths()), policy;
    for (Index k = 0; k < lengths(); ++k) {
      if (start(k) == t) {
        losses_.col(k).setZero();
        gains_[k] = winnings_[k] = 0;
      }
      const auto age = static_cast<double>(t - start(k) + 1);
      bets_[k] = gains_[k] / age * (1 + winnings_[k]);
      const auto begun = static_cast<double>(start(k));
      const auto bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(start(k))));
      prior[k] = 1 / (begun * begun * bits);
      mix[k] = prior[k] * std::max(bets_[k], 0.0);
    }
    if (!(mix.sum() > 0)) mix = prior;
    play_ = Eigen::VectorXd::Zero(losses_.rows());
    for (Index k = 0; k < lengths(); ++k) {
      weights_of(-rate(k) * losses_.col(k), policy);
      play_ += mix[k] / mix.maxCoeff() * policy;
    }
    play_ /= play_.sum();
  }

  Eigen::MatrixXd losses_;
  Eigen::VectorXd gains_, winnings_, bets_, play_;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
