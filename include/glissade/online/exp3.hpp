// Exponential weights for bandits: EXP3, EXP3-IX and EXP3.S.
#pragma once

#include <cmath>

#include "../core/random.hpp"
#include "learner.hpp"
#include "log_weights.hpp"

namespace glissade {

enum class ArmEstimate {
  unbiased,  // loss / p
  implicit   // loss / (p + eta / 2), which is lower and varies less: EXP3-IX
};

/// Options of Exp3. One of horizon and learning_rate must be given.
///
///     horizon T        >= 0 (0), the number of rounds: the rate is sqrt(2 ln K / (K T))
///     learning_rate    >= 0 (0)
///     estimate         (unbiased)
///     exploration      in [0, 1) (0): the part of all rounds in which any arm is drawn; 0 with implicit
///     share a          in [0, 1) (0): EXP3.S, for best arms that change; S / T where they change S times
///     seed             (0), of the draws
struct Exp3Options {
  static constexpr std::string_view name = "Exp3";

  std::int64_t horizon = 0;
  double learning_rate = 0;
  ArmEstimate estimate = ArmEstimate::unbiased;
  double exploration = 0;
  double share = 0;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("horizon", self.horizon, Range{0, static_cast<double>(most_rounds)});
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("estimate", self.estimate, range::up_to(ArmEstimate::implicit));
    visit("exploration", self.exploration, range::decay);
    visit("share", self.share, range::decay);
    visit("seed", self.seed);
  }
  void check() const {
    if (horizon == 0 && learning_rate == 0) reject(name, "horizon", 0, ">= 1 where no learning_rate is given");
    if (horizon > 0 && learning_rate > 0) reject(name, "learning_rate", learning_rate, "0 where a horizon is given");
    if (exploration > 0 && estimate == ArmEstimate::implicit)
      reject(name, "exploration", exploration, "0 with ArmEstimate::implicit");
  }
};

/// Which of K arms to pull, for losses that may follow any plan, where only the loss of the arm that was pulled is
/// known.
///
///     p = (1 - exploration) w + exploration / K,  w_i ~ exp(-eta L_i);  draw an arm by p
///     L_arm <- L_arm + loss / p_arm    or, implicit, loss / (p_arm + eta / 2)
///     with share: w <- (1 - a) w + a / K and L accordingly
///
///     Exp3 learner({.horizon = 10'000}, losses.size());
///     for (...) {
///       const Index arm = learner.play();
///       learner.learn(losses[arm]);
///     }
///
/// Mean regret against every arm, for losses in [0, 1]: unbiased at most ln K / eta + eta T K / 2 + exploration T,
/// which is sqrt(2 K T ln K) with a horizon; implicit twice that, and not only in the mean: more than 2 sqrt(2 K T ln
/// K) + (sqrt(2 K T / ln K) + 1) ln(2 / d) has a chance of at most d. With share, against arms that change S times: (ln
/// K + S ln(K / a) - (T - 1 - S) ln(1 - a + a / K)) / eta + eta T K / 2.
/// State, in files: losses L (estimates, their least is 0), chances p, arm, rounds. Draws are a function of seed and
/// round.
/// Cost: K exponentials per round, with share K logarithms.
/// Errors: std::invalid_argument for options out of range, no arm, and a loss outside of [0, 1]; then nothing has been
/// touched.
/// Source: "The Nonstochastic Multiarmed Bandit Problem", 2002; "Explore no more: Improved high-probability regret
/// bounds for non-stochastic bandits", 2015, arXiv 1506.03271.
class Exp3 {
 public:
  static constexpr std::string_view name = Exp3Options::name;

  Exp3(const Exp3Options& options, Index arms) : options_(options) {
    check_learner(options_);
    require(name, "arms", static_cast<double>(arms), Range{.low = 1});
    losses_ = Eigen::VectorXd::Zero(arms);
    chances_ = Eigen::VectorXd::Constant(arms, 1 / static_cast<double>(arms));
    choose();
  }

  [[nodiscard]] Index play() const { return static_cast<Index>(arm_); }
  /// Of all arms, by which play() was drawn.
  [[nodiscard]] const Eigen::VectorXd& chances() const { return chances_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }
  [[nodiscard]] double learning_rate() const {
    if (options_.learning_rate > 0) return options_.learning_rate;
    const auto arms = static_cast<double>(chances_.size());
    return std::sqrt(2 * std::log(arms) / arms / static_cast<double>(options_.horizon));
  }

  /// Takes the loss of the arm that was played.
  void learn(double loss) {
    require(name, "loss", loss, range::fraction);
    ++rounds_;
    const double eta = learning_rate();
    const double p = chances_[play()];
    add_loss(losses_, play(), loss / (options_.estimate == ArmEstimate::implicit ? p + eta / 2 : p));
    weights_of(-eta * losses_, chances_);
    if (options_.share > 0 && eta > 0) share_out(options_.share, eta, chances_, losses_);
    const double g = options_.exploration;
    chances_.array() = (1 - g) * chances_.array() + g / static_cast<double>(chances_.size());
    choose();
  }

  static void visit(auto& self, auto&& field) {
    field("losses", self.losses_);
    field("chances", self.chances_);
    field("arm", self.arm_, 0, self.chances_.size() - 1);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  void choose() { arm_ = draw(chances_, RandomKey{options_.seed}.uniform(static_cast<std::uint64_t>(rounds_))); }

  Exp3Options options_;
  Eigen::VectorXd losses_, chances_;
  std::int64_t arm_ = 0;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
