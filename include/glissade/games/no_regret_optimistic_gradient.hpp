// A learner that plays games as fast as can be and is safe against anybody.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "../drive/method.hpp"
#include "../sets/box.hpp"

namespace glissade {

/// Options of NoRegretOptimisticGradient, for gradients of norm at most 1.
///
///     lipschitz L > 0 (1)          of all players' gradients as a function of all players' points
///     step_size eta                in (0, 1 / (2 L)) (0.3)
///     diameter D > 0 (2)           of the product of all players' sets, or a bound on twice the way to a solution
///     switch_constant c >= 0 (0)   where 0 is 4 (L D)^2 and infinity is never
struct NoRegretOptions {
  static constexpr std::string_view name = "NoRegretOptimisticGradient";

  double step_size = 0.3;
  double lipschitz = 1;
  double diameter = 2;
  double switch_constant = 0;

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    visit("lipschitz", self.lipschitz, range::positive);
    visit("diameter", self.diameter, range::positive);
    visit("switch_constant", self.switch_constant, Range{.low = 0});
  }
  void check() const {
    if (!(step_size * lipschitz < 0.5)) reject(name, "step_size", step_size, "< 1 / (2 lipschitz)");
  }
  [[nodiscard]] double threshold() const {
    return switch_constant > 0 ? switch_constant : 4 * std::pow(lipschitz * diameter, 2);
  }
};

/// A player of its own: AcceleratedOptimisticGradient while the others do the same, and optimistic gradient with a
/// falling step, whose regret is O(sqrt T), once the gradients move as they never do in a game of such players.
///
///     S = sum over t >= 2 of |g_t - g_{t-1}|^2
///     while S <= c:   zhat <- project(zhat - eta g + (z_0 - zhat) / (t + 1))
///                     play project(zhat - eta g + (z_0 - zhat) / (t + 2))
///     then for good:  e = min(eta, D / sqrt(1 + S))
///                     zhat <- project(zhat - e g),   play project(zhat - e g)
///
///     NoRegretOptimisticGradient player({.step_size = 0.3, .diameter = 2}, x, Box{.low = -1, .high = 1});
///     for (...) {
///       F(player.play(), z);  // the gradient of the player's own loss
///       player.learn(z);
///     }
///
/// In a monotone game that all play so, the points played are a solution up to O(1 / t) and the switch never occurs.
/// Set: as of sets/, the player's own; without one all of the space. State, in files as that of a method: play,
/// base (zhat), anchor (z_0), gradient (the last one), variation (S), rounds, switched.
/// Cost: two projections per round. Errors: std::invalid_argument for options out of range, a start or a gradient that
/// is not finite, a gradient of another size; then nothing has been touched.
/// Source: "Doubly Optimal No-Regret Learning in Monotone Games", 2023, arXiv 2301.13120. The constant 4 (L D)^2 and
/// the step after the switch are derived and measured here, not the paper's.
template <class Set = WholeSpace>
class NoRegretOptimisticGradient {
 public:
  static constexpr std::string_view name = NoRegretOptions::name;

  NoRegretOptimisticGradient(const NoRegretOptions& options, const Eigen::VectorXd& start, Set set = {})
      : options_(options), set_(std::move(set)), play_(start) {
    check_method(options_);
    check_set(set_);
    require_finite("start", start);
    set_.project(play_);
    base_ = anchor_ = play_;
    gradient_ = Eigen::VectorXd::Zero(start.size());
  }

  [[nodiscard]] const Eigen::VectorXd& play() const { return play_; }
  [[nodiscard]] double variation() const { return variation_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }
  [[nodiscard]] bool switched() const { return switched_; }

  /// Takes the gradient of the player's loss at the point that was played.
  void learn(const Eigen::Ref<const Eigen::VectorXd>& gradient) {
    if (gradient.size() != play_.size())
      throw std::invalid_argument(std::string(name) + ": gradient has " + std::to_string(gradient.size()) +
                                  " coefficients, must have " + std::to_string(play_.size()));
    require_finite("gradient", gradient);
    if (rounds_ > 0) {
      gradient_ -= gradient;
      variation_ += std::pow(norm_of(gradient_), 2);
      switched_ = switched_ || variation_ > options_.threshold();
    }
    gradient_ = gradient;
    ++rounds_;
    const auto t = static_cast<double>(rounds_);
    if (switched_)
      move(std::min(options_.step_size, options_.diameter / std::sqrt(1 + variation_)), 0, 0);
    else
      move(options_.step_size, 1 / (t + 1), 1 / (t + 2));
  }

  static void visit(auto& self, auto&& field) {
    field("play", self.play_);
    field("base", self.base_);
    field("anchor", self.anchor_);
    field("gradient", self.gradient_);
    field("variation", self.variation_);
    field("rounds", self.rounds_, 0, std::int64_t{1} << 53);
    field("switched", self.switched_);
  }

 private:
  static void require_finite(const char* what, const auto& numbers) {
    for (Index i = 0; i < numbers.size(); ++i)
      require(name, std::string(what) + "[" + std::to_string(i) + "]", numbers[i], range::finite);
  }
  /// The same arithmetic as that of AcceleratedOptimisticGradient.
  void move(double step, double first, double second) {
    base_ += first * (anchor_ - base_) - step * gradient_;
    set_.project(base_);
    play_ = base_ + second * (anchor_ - base_) - step * gradient_;
    set_.project(play_);
  }

  NoRegretOptions options_;
  Set set_;
  Eigen::VectorXd play_, base_, anchor_, gradient_;
  double variation_ = 0;
  std::int64_t rounds_ = 0;
  bool switched_ = false;
};

}  // namespace glissade
