// Tsallis-INF: a bandit without parameters that is optimal against random and against planned losses.
#pragma once

#include <cmath>

#include "../core/random.hpp"
#include "learner.hpp"
#include "log_weights.hpp"

namespace glissade {

/// Options of TsallisInf: the seed (0) of the draws.
struct TsallisInfOptions {
  static constexpr std::string_view name = "TsallisInf";

  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) { visit("seed", self.seed); }
};

/// Which of K arms to pull, with nothing to tune and no horizon: the bandit to begin with.
///
///     p_i = 4 / (eta (L_i - x))^2 with the x < min L for which they add up to 1,  eta = 2 / sqrt(t);  draw an arm by p
///     L_arm <- L_arm + loss / p_arm
///
///     TsallisInf learner({}, losses.size());
///     for (...) {
///       const Index arm = learner.play();
///       learner.learn(losses[arm]);
///     }
///
/// x by Newton's iteration, from the side where it rises to x without overshooting; three to six steps. Mean regret
/// against every arm, for losses in [0, 1]: at most 4 sqrt(K t) + 1 at every t, without the logarithm of Exp3; where
/// the losses of each arm are drawn around a mean of their own, it grows with ln t alone.
/// State, in files: losses L (estimates, their least is 0), chances p, arm, rounds. Draws are a function of seed and
/// round.
/// Cost: a few divisions and square roots per arm and round.
/// Errors: std::invalid_argument for no arm and a loss outside of [0, 1]; then nothing has been touched.
/// Source: "Tsallis-INF: An Optimal Algorithm for Stochastic and Adversarial Bandits", 2021, arXiv 1807.07623, with the
/// estimates weighted by importance.
class TsallisInf {
 public:
  static constexpr std::string_view name = TsallisInfOptions::name;

  TsallisInf(const TsallisInfOptions& options, Index arms) : options_(options) {
    check_learner(options_);
    require(name, "arms", static_cast<double>(arms), Range{.low = 1});
    losses_ = Eigen::VectorXd::Zero(arms);
    choose();
  }

  [[nodiscard]] Index play() const { return static_cast<Index>(arm_); }
  /// Of all arms, by which play() was drawn.
  [[nodiscard]] const Eigen::VectorXd& chances() const { return chances_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }

  /// Takes the loss of the arm that was played.
  void learn(double loss) {
    require(name, "loss", loss, range::fraction);
    ++rounds_;
    add_loss(losses_, play(), loss / chances_[play()]);
    choose();
  }

  static void visit(auto& self, auto&& field) {
    field("losses", self.losses_);
    field("chances", self.chances_);
    field("arm", self.arm_, 0, self.chances_.size() - 1);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  void choose() {
    // p = 1 / (a + v)^2 with a = eta L / 2 and v between 1 and sqrt K.
    const Eigen::ArrayXd a = losses_.array() / std::sqrt(static_cast<double>(rounds_ + 1));
    double v = 1;
    for (int k = 0; k < 100; ++k) {
      chances_ = (a + v).inverse().square();
      const double next = v + (chances_.sum() - 1) / (2 * (a + v).inverse().cube().sum());
      if (!(next > v)) break;
      v = next;
    }
    chances_ /= chances_.sum();
    arm_ = draw(chances_, RandomKey{options_.seed}.uniform(static_cast<std::uint64_t>(rounds_)));
  }

  TsallisInfOptions options_;
  Eigen::VectorXd losses_, chances_;
  std::int64_t arm_ = 0;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
