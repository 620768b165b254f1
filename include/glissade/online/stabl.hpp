// A bandit with little regret in every stretch of time, for one more loss seen per round.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>

#include "../core/random.hpp"
#include "learner.hpp"
#include "log_weights.hpp"

namespace glissade {

enum class MetaForm {
  second_order,  // exp(x - x^2)
  one_plus       // 1 + x
};

/// Options of Stabl.
///
///     horizon T >= 1   the number of rounds, to be given; it may go on after them, with intervals of at most T
///     shortest         (0) a power of two, the length of the shortest intervals; 0 is the least that is not below n
///     meta_form        (second_order), how intervals are weighed
///     seed             (0), of the draws
struct StablOptions {
  static constexpr std::string_view name = "Stabl";

  std::int64_t horizon = 0;
  std::int64_t shortest = 0;
  MetaForm meta_form = MetaForm::second_order;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("horizon", self.horizon, Range{1, static_cast<double>(most_rounds)});
    visit("shortest", self.shortest, Range{0, static_cast<double>(most_rounds)});
    visit("meta_form", self.meta_form, range::up_to(MetaForm::one_plus));
    visit("seed", self.seed);
  }
  void check() const {
    if (shortest > 0 && !std::has_single_bit(static_cast<std::uint64_t>(shortest)))
      reject(name, "shortest", static_cast<double>(shortest), "0 or a power of two");
  }
};

/// Which of n arms to pull where the best one changes, nobody knows how often, and where the loss of a second arm can
/// be seen after each round: of solvers, settings or servers that are tried beside the one in use.
///
/// One Exp3 for each of K lengths 2^k begins anew every 2^k rounds; weights over them follow what they would have lost.
///
///     p_k ~ exp(-b_k L_k),  b_k = sqrt(ln n / (n 2^k));   W_k ~ eta_k exp(gain_k),  p = sum_k W_k p_k
///     play drawn by p;  query drawn by q = mean_k p_k / 2 + 1 / (2 n);   l = observed / q_query, at the query alone
///     x_k = eta_k (p - p_k)'l;   gain_k <- gain_k + x_k - x_k^2  (one_plus: + ln(1 + x_k));   L_k <- L_k + l
///     every 2^k rounds: L_k <- 0, gain_k <- 0;   eta_k = min(1 / (4 K), sqrt(ln T / (n 2^k)))
///
///     Stabl learner({.horizon = 10'000}, losses.size());
///     for (...) {
///       const Index arm = learner.play(), second = learner.query();
///       learner.learn(losses[arm], losses[second]);
///     }
///
/// Always: gain(k) <= ln starts(), whatever the losses in [0, 1], since |x_k| <= 1/2. So mean regret in each of the
/// intervals is at most ln(starts) / eta_k + 4 eta_k min(n, K) 2^k + 2 sqrt(n 2^k ln n). Exp3 with share is better
/// where the number of changes is known; this needs no such number. The loss of the play itself moves no weights;
/// paid() adds it up.
/// State, in files: losses L and policies p_k (n x K), gains, chances p, watched q, arm, second, starts, paid, rounds.
/// Draws are a function of seed and round.
/// Cost: n K exponentials per round, K is at most 1 + log2 T.
/// Errors: std::invalid_argument for options out of range, fewer than two arms, and losses outside of [0, 1]; then
/// nothing has been touched.
/// Source: "Adaptive Regret for Bandits Made Possible: Two Queries Suffice", 2024, arXiv 2401.09278: the structure. All
/// constants, and with them the bounds above, are derived here; the paper's are not known.
class Stabl {
 public:
  static constexpr std::string_view name = StablOptions::name;

  Stabl(const StablOptions& options, Index arms) : options_(options) {
    check_learner(options_);
    require(name, "arms", static_cast<double>(arms), Range{.low = 2});
    const auto least = static_cast<std::uint64_t>(options_.shortest > 0 ? options_.shortest : arms);
    shortest_ = static_cast<Index>(std::bit_width(least - 1));
    const auto longest = static_cast<Index>(std::bit_width(static_cast<std::uint64_t>(options_.horizon) - 1));
    const Index lengths = std::max<Index>(1, longest - shortest_ + 1);
    losses_ = policies_ = Eigen::MatrixXd::Zero(arms, lengths);
    gains_ = rates_ = base_rates_ = Eigen::VectorXd::Zero(lengths);
    const auto n = static_cast<double>(arms);
    for (Index k = 0; k < lengths; ++k) {
      const double volume = n * std::exp2(shortest_ + k);
      rates_[k] =
          std::min(0.25 / static_cast<double>(lengths),
                   std::sqrt(std::log(static_cast<double>(std::max<std::int64_t>(options_.horizon, 2))) / volume));
      base_rates_[k] = std::sqrt(std::log(n) / volume);
    }
    choose();
  }

  [[nodiscard]] Index play() const { return static_cast<Index>(arm_); }
  /// The arm whose loss is to be seen besides.
  [[nodiscard]] Index query() const { return static_cast<Index>(second_); }
  /// Of all arms, by which play() was drawn, and query().
  [[nodiscard]] const Eigen::VectorXd& chances() const { return chances_; }
  [[nodiscard]] const Eigen::VectorXd& query_chances() const { return watched_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }
  [[nodiscard]] double paid() const { return paid_; }
  /// How many lengths there are, each twice the one before.
  [[nodiscard]] Index lengths() const { return gains_.size(); }
  /// How many rounds an interval of the k-th length has.
  [[nodiscard]] std::int64_t length(Index k) const { return std::int64_t{1} << (shortest_ + k); }
  [[nodiscard]] double gain(Index k) const { return gains_[k]; }
  /// How many intervals have begun.
  [[nodiscard]] std::int64_t starts() const { return starts_; }

  /// Takes the losses of play() and query().
  void learn(double loss, double observed) {
    require(name, "loss", loss, range::fraction);
    require(name, "observed", observed, range::fraction);
    ++rounds_;
    paid_ += loss;
    const Index j = query();
    const double estimate = observed / watched_[j];
    for (Index k = 0; k < lengths(); ++k) {
      const double x = rates_[k] * (chances_[j] - policies_(j, k)) * estimate;
      gains_[k] += options_.meta_form == MetaForm::second_order ? x - x * x : std::log1p(x);
      losses_(j, k) += estimate;
    }
    choose();
  }

  static void visit(auto& self, auto&& field) {
    field("losses", self.losses_);
    field("policies", self.policies_);
    field("gains", self.gains_);
    field("chances", self.chances_);
    field("watched", self.watched_);
    field("arm", self.arm_, 0, self.chances_.size() - 1);
    field("second", self.second_, 0, self.chances_.size() - 1);
    field("starts", self.starts_, 0, most_rounds);
    field("paid", self.paid_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  /// Begins the intervals of the coming round and draws its arms.
  void choose() {
    Eigen::VectorXd weights;
    for (Index k = 0; k < lengths(); ++k) {
      if (rounds_ % length(k) == 0) {
        losses_.col(k).setZero();
        gains_[k] = 0;
        ++starts_;
      }
      weights_of(-base_rates_[k] * losses_.col(k), weights);
      policies_.col(k) = weights;
    }
    weights_of((rates_.array().log() + gains_.array()).matrix(), weights);
    chances_ = policies_ * weights;
    watched_ = (policies_.rowwise().mean().array() + 1 / static_cast<double>(policies_.rows())) / 2;
    const RandomKey key = RandomKey{options_.seed}.derive(static_cast<std::uint64_t>(rounds_));
    arm_ = draw(chances_, key.uniform(0));
    second_ = draw(watched_, key.uniform(1));
  }

  StablOptions options_;
  Index shortest_;  // 2^shortest_ rounds
  Eigen::MatrixXd losses_, policies_;
  Eigen::VectorXd gains_, rates_, base_rates_, chances_, watched_;
  std::int64_t arm_ = 0, second_ = 0, starts_ = 0, rounds_ = 0;
  double paid_ = 0;
};

}  // namespace glissade
