// Coin betting: a learner without a learning rate.
#pragma once

#include <utility>

#include "../oracle/norm.hpp"
#include "learner.hpp"

namespace glissade {

/// Options of CoinBetting.
///
///     initial_wealth  > 0 (1), in units of lipschitz: what may be lost where nothing moves
///     lipschitz G     > 0 (1), a bound of |g|, which gradients must keep
struct CoinBettingOptions {
  static constexpr std::string_view name = "CoinBetting";

  double initial_wealth = 1;
  double lipschitz = 1;

  static void options(auto& self, auto&& visit) {
    visit("initial_wealth", self.initial_wealth, range::positive);
    visit("lipschitz", self.lipschitz, range::positive);
  }
};

/// A learner for who knows neither the right rate nor how far the best point is: it bets a part of what it has won
/// against the next gradient, the part of Krichevsky and Trofimov.
///
///     W = initial_wealth - sum <g, x - start> / G,   theta = - sum g / G
///     x = start + theta W / (t + 1)                  after t gradients that are not 0
///
///     CoinBetting learner({}, start);
///     for (...) learner.learn(g);
///
/// Regret against every u, with epsilon for initial_wealth and r = |u - start|: at most G ( epsilon + r sqrt(T log(1 +
/// 24 T^2 r^2 / epsilon^2)) ); more than the best rate by a logarithm alone.
/// State, in files: start, play, theta, wealth, bets (t), rounds.
/// Cost: 6 d flops per round. Wealth stays positive; where the same gradient comes a thousand times it may overflow,
/// and the play with it.
/// Errors: std::invalid_argument for options out of range, a start or gradient that is not finite or of another size,
/// |g| > G; then nothing has been touched.
/// Source: "Coin Betting and Parameter-Free Online Learning", 2016, arXiv 1602.04128, algorithm 1.
class CoinBetting {
 public:
  static constexpr std::string_view name = CoinBettingOptions::name;

  CoinBetting(const CoinBettingOptions& options, const Eigen::VectorXd& start)
      : options_(options), start_(start), play_(start), wealth_(options.initial_wealth) {
    check_learner(options_);
    require_vector(name, "start", start, start.size());
    theta_ = Eigen::VectorXd::Zero(start.size());
  }

  [[nodiscard]] const Eigen::VectorXd& play() const { return play_; }
  [[nodiscard]] double wealth() const { return wealth_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }

  /// Takes the gradient of the round's loss at play().
  void learn(const Eigen::Ref<const Eigen::VectorXd>& gradient) {
    require_vector(name, "gradient", gradient, play_.size());
    const double length = norm_of(gradient);
    if (!(length <= options_.lipschitz * (1 + 1e-12)))
      reject(name, "the norm of gradient", length, "<= lipschitz = " + to_text(options_.lipschitz));
    ++rounds_;
    if (length == 0) return;
    ++bets_;
    wealth_ -= gradient.dot(play_ - start_) / options_.lipschitz;
    theta_ -= gradient / options_.lipschitz;
    // theta / (t + 1) first: it is at most 1, where theta W may overflow.
    play_ = start_ + theta_ / static_cast<double>(bets_ + 1) * wealth_;
  }

  static void visit(auto& self, auto&& field) {
    field("start", self.start_);
    field("play", self.play_);
    field("theta", self.theta_);
    field("wealth", self.wealth_);
    field("bets", self.bets_, 0, most_rounds);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  CoinBettingOptions options_;
  Eigen::VectorXd start_, play_, theta_;
  double wealth_;
  std::int64_t bets_ = 0;  // gradients that are not 0
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
