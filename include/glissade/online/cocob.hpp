// COCOB: coin betting for each coefficient, as networks are trained by it.
#pragma once

#include <algorithm>
#include <cmath>

#include "learner.hpp"

namespace glissade {

/// Options of Cocob.
///
///     alpha              > 0 (100): the first bets are at most 1 / alpha of what a coefficient has
///     initial_lipschitz  > 0 (1e-8), of every coefficient, until a larger gradient has come
struct CocobOptions {
  static constexpr std::string_view name = "Cocob";

  double alpha = 100;
  double initial_lipschitz = 1e-8;

  static void options(auto& self, auto&& visit) {
    visit("alpha", self.alpha, range::positive);
    visit("initial_lipschitz", self.initial_lipschitz, range::positive);
  }
};

/// A learner without a learning rate and without a bound of the gradients, for each coefficient on its own: gradients
/// of a coefficient may be of any scale, its path is the same.
///
///     L <- max(L, |g|),   G <- G + |g|,   theta <- theta - g,   reward <- max(0, reward - g (x - start))
///     x <- start + theta (L + reward) / (L max(G + L, alpha L))
///
///     Cocob learner({}, start);
///     for (...) learner.learn(g);
///
/// State, in files: start, play, largest (L), lengths (G), theta, reward, one of each per coefficient; rounds.
/// Cost: some 12 flops per coefficient whose gradient is not 0.
/// Guarantee: none is proven for this variant; alpha keeps first steps short, as in the authors' code.
/// Errors: std::invalid_argument for options out of range, a start or gradient that is not finite or of another size;
/// then nothing has been touched.
/// Source: "Training Deep Networks without Learning Rates Through Coin Betting", 2017, arXiv 1705.07795, algorithm 2.
class Cocob {
 public:
  static constexpr std::string_view name = CocobOptions::name;

  Cocob(const CocobOptions& options, const Eigen::VectorXd& start) : options_(options), start_(start), play_(start) {
    check_learner(options_);
    require_vector(name, "start", start, start.size());
    largest_ = Eigen::VectorXd::Constant(start.size(), options_.initial_lipschitz);
    lengths_ = theta_ = reward_ = Eigen::VectorXd::Zero(start.size());
  }

  [[nodiscard]] const Eigen::VectorXd& play() const { return play_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }

  /// Takes the gradient of the round's loss at play().
  void learn(const Eigen::Ref<const Eigen::VectorXd>& gradient) {
    require_vector(name, "gradient", gradient, play_.size());
    ++rounds_;
    for (Index i = 0; i < play_.size(); ++i) {
      const double g = gradient[i];
      if (g == 0) continue;
      const double largest = largest_[i] = std::max(largest_[i], std::abs(g));
      lengths_[i] += std::abs(g);
      theta_[i] -= g;
      reward_[i] = std::max(0.0, reward_[i] - g * (play_[i] - start_[i]));
      const double bet = theta_[i] / std::max(lengths_[i] + largest, options_.alpha * largest);
      play_[i] = start_[i] + bet * (1 + reward_[i] / largest);
    }
  }

  static void visit(auto& self, auto&& field) {
    field("start", self.start_);
    field("play", self.play_);
    field("largest", self.largest_);
    field("lengths", self.lengths_);
    field("theta", self.theta_);
    field("reward", self.reward_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  CocobOptions options_;
  Eigen::VectorXd start_, play_, largest_, lengths_, theta_, reward_;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
