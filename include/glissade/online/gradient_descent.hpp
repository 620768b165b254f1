// Online gradient descent.
#pragma once

#include <cmath>
#include <utility>

#include "../oracle/norm.hpp"
#include "../sets/box.hpp"
#include "learner.hpp"

namespace glissade {

enum class OnlineRate {
  decreasing,      // diameter / (lipschitz sqrt t)
  adaptive,        // diameter / sqrt(2 sum of |g|^2), which needs no bound of the gradients
  strongly_convex  // 1 / (curvature t)
};

/// Options of OnlineGradientDescent.
///
///     rate           (adaptive)
///     diameter D     > 0 (1), of the set, or of a ball around the start that holds what it is compared with
///     lipschitz G    > 0 (1), a bound of |g|; for decreasing alone
///     curvature mu   > 0 (1), of losses that are mu-strongly convex; for strongly_convex alone
struct OnlineGradientDescentOptions {
  static constexpr std::string_view name = "OnlineGradientDescent";

  OnlineRate rate = OnlineRate::adaptive;
  double diameter = 1;
  double lipschitz = 1;
  double curvature = 1;

  static void options(auto& self, auto&& visit) {
    visit("rate", self.rate, range::up_to(OnlineRate::strongly_convex));
    visit("diameter", self.diameter, range::positive);
    visit("lipschitz", self.lipschitz, range::positive);
    visit("curvature", self.curvature, range::positive);
  }
};

/// The learner to begin with: a step against the gradient of every round's loss, back into the set.
///
///     x <- project( x - eta_t g )
///
///     OnlineGradientDescent learner({.diameter = 2}, start, Box{.low = -1, .high = 1});
///     for (...) learner.learn(gradient(learner.play()));
///
/// Regret against every u of the set, for convex losses: adaptive at most sqrt(2) D sqrt(sum |g|^2); decreasing at most
/// 1.5 D G sqrt T; strongly_convex at most G^2 (1 + ln T) / (2 mu).
/// Set: as of sets/, without one all of the space.
/// State, in files: play x, root sqrt(sum |g|^2), rounds.
/// Cost: one projection and 2 d flops per round.
/// Errors: std::invalid_argument for options out of range, for a start or gradient that is not finite or of another
/// size; then nothing has been touched.
/// Source: "Online Convex Programming and Generalized Infinitesimal Gradient Ascent", 2003; "Adaptive Bound
/// Optimization for Online Convex Optimization", 2010, arXiv 1002.4908; "Logarithmic Regret Algorithms for Online
/// Convex Optimization", 2007.
template <class Set = WholeSpace>
class OnlineGradientDescent {
 public:
  static constexpr std::string_view name = OnlineGradientDescentOptions::name;

  OnlineGradientDescent(const OnlineGradientDescentOptions& options, const Eigen::VectorXd& start, Set set = {})
      : options_(options), set_(std::move(set)), play_(start) {
    check_learner(options_);
    check_set(set_);
    require_vector(name, "start", start, start.size());
    set_.project(play_);
  }

  [[nodiscard]] const Eigen::VectorXd& play() const { return play_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }

  /// Takes the gradient of the round's loss at play().
  void learn(const Eigen::Ref<const Eigen::VectorXd>& gradient) {
    require_vector(name, "gradient", gradient, play_.size());
    ++rounds_;
    const double length = norm_of(gradient);
    if (length == 0) return;
    root_ = std::hypot(root_, length);
    play_ -= eta() * gradient;
    set_.project(play_);
  }

  static void visit(auto& self, auto&& field) {
    field("play", self.play_);
    field("root", self.root_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  [[nodiscard]] double eta() const {
    const auto t = static_cast<double>(rounds_);
    switch (options_.rate) {
      case OnlineRate::decreasing:
        return options_.diameter / (options_.lipschitz * std::sqrt(t));
      case OnlineRate::adaptive:
        return options_.diameter / std::sqrt(2.0) / root_;
      case OnlineRate::strongly_convex:
        return 1 / (options_.curvature * t);
    }
    return 0;
  }

  OnlineGradientDescentOptions options_;
  Set set_;
  Eigen::VectorXd play_;
  double root_ = 0;  // of the sum of |g|^2
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
