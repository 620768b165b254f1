// AdaHedge: exponential weights that find their rate, for losses of any range.
#pragma once

#include <cmath>

#include "learner.hpp"
#include "log_weights.hpp"

namespace glissade {

struct AdaHedgeOptions {
  static constexpr std::string_view name = "AdaHedge";
};

/// Weights for K experts without anything to tune: nearly no regret where one expert is clearly the best, and that of a
/// well tuned Hedge where the losses are against it.
///
///     play_i ~ exp(-eta L_i),  eta = ln K / gap;  while gap = 0 all weight lies evenly on the experts with the least L
///     mix  = -(1 / eta) ln sum_i play_i exp(-eta loss_i)    (the least loss of those with weight while gap = 0)
///     gap <- gap + max(0, play'losses - mix),  L <- L + losses
///
///     AdaHedge learner({}, losses.size());
///     for (...) learner.learn(losses);
///
/// Regret against every expert: at most 2 gap(), whatever the losses, and gap() is known; for losses in [l, l + s] at
/// most s (sqrt(t ln K) + 4 / 3 ln K + 2). The play is the same for losses and for a losses + b, a > 0.
/// State, in files: losses L (their least is 0), play, gap, rounds.
/// Cost: 2 K exponentials per round.
/// Errors: std::invalid_argument for no expert and for losses that are not finite or not K; then nothing has been
/// touched.
/// Source: "Follow the Leader If You Can, Hedge If You Must", 2014, arXiv 1301.0534.
class AdaHedge {
 public:
  static constexpr std::string_view name = AdaHedgeOptions::name;

  AdaHedge(const AdaHedgeOptions&, Index experts) {
    require(name, "experts", static_cast<double>(experts), Range{.low = 1});
    losses_ = Eigen::VectorXd::Zero(experts);
    weigh();
  }

  [[nodiscard]] const Eigen::VectorXd& play() const { return play_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }
  /// Half of what the regret is at most.
  [[nodiscard]] double gap() const { return gap_; }
  /// eta of the coming round; infinity while gap() = 0.
  [[nodiscard]] double learning_rate() const { return std::log(static_cast<double>(play_.size())) / gap_; }

  /// Takes the losses of all experts in the round.
  void learn(const Eigen::Ref<const Eigen::VectorXd>& losses) {
    require_vector(name, "losses", losses, play_.size());
    ++rounds_;
    // The difference of two numbers that are nearly equal, both minus the least loss.
    const Eigen::ArrayXd above = (losses.array() - losses.minCoeff()).min(1e300);
    const double paid = (play_.array() * above).sum();
    const double eta = learning_rate();
    const double mix = follows_leaders() ? (play_.array() > 0).select(above, 1e300).minCoeff()
                                         : -std::log1p((play_.array() * (-eta * above).expm1()).sum()) / eta;
    if (paid > mix) gap_ += paid - mix;
    add_losses(losses_, losses);
    weigh();
  }

  static void visit(auto& self, auto&& field) {
    field("losses", self.losses_);
    field("play", self.play_);
    field("gap", self.gap_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  /// Also where gap is so small that the rate overflows, and with a single expert.
  [[nodiscard]] bool follows_leaders() const { return !(gap_ > 0) || !std::isfinite(learning_rate()); }
  void weigh() {
    if (follows_leaders()) {
      play_ = (losses_.array() == 0).cast<double>();
      play_ /= play_.sum();
    } else {
      weights_of(-learning_rate() * losses_, play_);
    }
  }

  Eigen::VectorXd losses_, play_;
  double gap_ = 0;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
