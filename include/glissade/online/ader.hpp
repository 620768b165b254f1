// Ader: a learner of points that follows what it is compared with.
#pragma once

#include <cmath>
#include <utility>

#include "../sets/box.hpp"
#include "learner.hpp"
#include "log_weights.hpp"

namespace glissade {

/// Options of Ader.
///
///     horizon T      >= 1, to be given: the number of rounds
///     diameter D     > 0 (1), of the set
///     lipschitz G    > 0 (1), a bound of |g|
struct AderOptions {
  static constexpr std::string_view name = "Ader";

  std::int64_t horizon = 0;
  double diameter = 1;
  double lipschitz = 1;

  static void options(auto& self, auto&& visit) {
    visit("horizon", self.horizon, Range{1, static_cast<double>(most_rounds)});
    visit("diameter", self.diameter, range::positive);
    visit("lipschitz", self.lipschitz, range::positive);
  }
};

/// For convex losses whose best point moves, nobody knows how far: gradient descent at a few rates at once, which
/// differ by factors of two, and weights over them.
///
///     eta_i = 2^(i-1) (D / G) sqrt(7 / (2 T)),  i = 1, ..., N,  N = ceil(log2(1 + 4 T / 7) / 2) + 1
///     play = sum_i w_i x_i,  w_i ~ exp(-alpha L_i) / (i (i + 1)),  alpha = sqrt(2 / T) / (G D)
///     L_i <- L_i + g'x_i,  x_i <- project( x_i - eta_i g )      with the gradient g at the play alone
///
///     Ader learner({.horizon = 1000, .diameter = 2}, start, Ball{.radius = 1});
///     for (...) learner.learn(gradient(learner.play()));
///
/// Regret against points u_1, ..., u_T of the set that move by P = sum |u_t - u_{t-1}| in all: at most 3 / 4 G sqrt(2 T
/// (7 D^2 + 4 D P)) + G D sqrt(T / 2) (1 + 2 ln(k + 1)),  k = floor(log2(1 + 4 P / (7 D)) / 2) + 1.
/// Set: as of sets/, bounded; without one all of the space, where the bound holds as long as all x_i stay within D.
/// State, in files: points x_i (a column each), losses L (their least is 0), weights, play, rounds.
/// Cost: N projections and 6 N d flops per round; N is about log2(T) / 2.
/// Errors: std::invalid_argument for options out of range, for a start or gradient that is not finite or of another
/// size; then nothing has been touched.
/// Source: "Adaptive Online Learning in Dynamic Environments", 2018, arXiv 1810.10815: the improved Ader, which needs
/// one gradient per round.
template <class Set = WholeSpace>
class Ader {
 public:
  static constexpr std::string_view name = AderOptions::name;

  Ader(const AderOptions& options, const Eigen::VectorXd& start, Set set = {})
      : options_(options), set_(std::move(set)), play_(start) {
    check_learner(options_);
    check_set(set_);
    require_vector(name, "start", start, start.size());
    set_.project(play_);
    const double ratio = 1 + 4 * static_cast<double>(options_.horizon) / 7;
    const auto rates = static_cast<Index>(std::ceil(std::log2(ratio) / 2)) + 1;
    points_ = play_.replicate(1, rates);
    losses_ = weights_ = Eigen::VectorXd::Zero(rates);
    weigh();
  }

  [[nodiscard]] const Eigen::VectorXd& play() const { return play_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }
  /// Of all rates.
  [[nodiscard]] const Eigen::VectorXd& weights() const { return weights_; }
  [[nodiscard]] double learning_rate(Index i) const {
    const double slowest = std::sqrt(3.5 / static_cast<double>(options_.horizon));
    return std::ldexp(slowest * options_.diameter / options_.lipschitz, static_cast<int>(i));
  }

  /// Takes the gradient of the round's loss at play().
  void learn(const Eigen::Ref<const Eigen::VectorXd>& gradient) {
    require_vector(name, "gradient", gradient, play_.size());
    ++rounds_;
    if ((gradient.array() == 0).all()) return;
    add_losses(losses_, points_.transpose() * gradient);
    for (Index i = 0; i < points_.cols(); ++i) {
      play_ = points_.col(i) - learning_rate(i) * gradient;
      set_.project(play_);
      points_.col(i) = play_;
    }
    weigh();
    play_ = points_ * weights_;
  }

  static void visit(auto& self, auto&& field) {
    field("points", self.points_);
    field("losses", self.losses_);
    field("weights", self.weights_);
    field("play", self.play_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  void weigh() {
    const double scale = options_.lipschitz * options_.diameter;
    const double alpha = std::sqrt(2 / static_cast<double>(options_.horizon)) / scale;
    Eigen::VectorXd logarithms = -alpha * losses_;
    for (Index i = 0; i < losses_.size(); ++i)
      logarithms[i] -= std::log(static_cast<double>(i + 1) * static_cast<double>(i + 2));
    weights_of(logarithms, weights_);
  }

  AderOptions options_;
  Set set_;
  Eigen::MatrixXd points_;
  Eigen::VectorXd losses_, weights_, play_;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
