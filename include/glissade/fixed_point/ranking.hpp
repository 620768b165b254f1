// Strengths of players from their games: Bradley-Terry and its models of ties, by Newman's iteration.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../rule/options.hpp"
#include "comparisons.hpp"

namespace glissade {

/// In which order players are updated: each by the newest strengths of the others, or all by the last ones. Newman's
/// iteration may circle for ever where it is synchronous.
enum class SweepOrder { cyclic, synchronous };
/// What is known beforehand: nothing, or one win and one loss of every player against a player of strength 1, which
/// gives a most probable ranking to all data.
enum class RankingPrior { none, logistic };
/// How ties come about: `ignored` (there may be none), or by the model of Davidson or of Rao and Kupper.
enum class TieModel { ignored, davidson, rao_kupper };

struct RankingOptions {
  static constexpr std::string_view name = "Ranking";
  double family = 0;  // a in [0, 1]: 0 is Newman's iteration, 1 is Zermelo's; without ties
  SweepOrder order = SweepOrder::cyclic;
  RankingPrior prior = RankingPrior::none;
  TieModel ties = TieModel::ignored;

  static void options(auto& self, auto&& visit) {
    visit("family", self.family, range::fraction);
    visit("order", self.order, range::up_to(SweepOrder::synchronous));
    visit("prior", self.prior, range::up_to(RankingPrior::logistic));
    visit("ties", self.ties, range::up_to(TieModel::rao_kupper));
  }
};

/// The operator whose fixed point is the vector of the most likely strengths of players: one sweep over all of them.
///
///     Comparisons league(20);
///     Eigen::VectorXd scores = Eigen::VectorXd::Zero(20);
///     find_fixed_point(Ranking{league}, scores, Picard{}, {.tolerance = 1e-6});
///
/// P(i beats j) = p_i / (p_i + p_j) with strengths p = exp(scores); w_ij wins of i over j. Player by player
///
///     p_i <- sum_j w_ij (a p_i + p_j) / (p_i + p_j)  /  sum_j (a w_ij + w_ji) / (p_i + p_j)
///
/// with 1 / (1 + p_i) added to both sums by the logistic prior; without it scores are moved to mean 0. Ties, with q =
/// sqrt(p_i p_j) and the last of n + 1 scores as the logarithm of the model's own number, which is updated once per
/// sweep:
///
///     Davidson      P(tie) = 2 nu q / D, D = p_i + p_j + 2 nu q                          (score n: log nu)
///     Rao, Kupper   P(i beats j) = p_i / (p_i + kappa p_j)                               (score n: log kappa)
///
/// What is measured is the largest change of a chance p / (1 + p) against an average player. Every update of a player
/// raises the likelihood. Zermelo's iteration has the same fixed points and takes up to a hundred times as many sweeps.
/// Cost: one division per pair that met and side, one exponential and one logarithm per player.
/// Errors: std::invalid_argument for options out of range, for ties that are ignored, for ties together with family or
/// prior, and where no finite strengths are the most likely: then some players never lost to the others, and
/// RankingPrior::logistic helps. Scores must be as many as variables().
/// Source: "Efficient computation of rankings from pairwise comparisons", 2023, arXiv 2207.00076, equations 12 and 26;
/// ties: derived likewise.
class Ranking {
 public:
  explicit Ranking(Comparisons games, const RankingOptions& options = {})
      : games_(std::move(games)), options_(options), ties_(games_.ties()) {
    visit_options(options_, CheckOption{RankingOptions::name, 0});
    const bool tied = options_.ties != TieModel::ignored;
    if (!tied && ties_ > 0)
      throw std::invalid_argument("Ranking: " + to_text(ties_) +
                                  " ties, which TieModel::ignored does not take; choose davidson or rao_kupper");
    if (tied && !(ties_ > 0)) throw std::invalid_argument("Ranking: a model of ties, but no ties");
    if (tied && (options_.family != 0 || options_.prior != RankingPrior::none))
      throw std::invalid_argument("Ranking: models of ties have family 0 and no prior");
    if (options_.prior != RankingPrior::none) return;
    if (const Index player = games_.outside_of_cycles(tied); player >= 0)
      throw std::invalid_argument(
          "Ranking: no strengths are the most likely: some players, among them 0 or " + std::to_string(player) +
          ", are never beaten by the others; RankingPrior::logistic gives a ranking to all data");
  }

  /// The number of players, one more with a model of ties.
  [[nodiscard]] Index variables() const { return games_.players() + (options_.ties == TieModel::ignored ? 0 : 1); }

  void operator()(const Eigen::VectorXd& scores, Eigen::VectorXd& image) const {
    check_size(scores);
    image.resize(scores.size());
    sweep({scores.data(), scores.data() + scores.size()}, image.data());
  }

  /// By which find_fixed_point measures.
  [[nodiscard]] double distance(const Eigen::VectorXd& a, const Eigen::VectorXd& b) const {
    double largest = 0;
    for (Index i = 0; i < a.size(); ++i) {
      const double change = std::abs(1 / (1 + std::exp(-a[i])) - 1 / (1 + std::exp(-b[i])));
      if (!(change <= largest)) largest = change;  // NaN stays
      if (std::isnan(largest)) return largest;
    }
    return largest;
  }

  /// The logarithm of the likelihood of all games, with the prior where there is one.
  [[nodiscard]] double log_likelihood(const Eigen::VectorXd& scores) const {
    check_size(scores);
    double total = 0;
    const Index n = games_.players();
    for (Index i = 0; i < n; ++i) {
      for (const auto& g : games_.of(i)) {
        const double d = scores[g.opponent] - scores[i];  // log p_j / p_i
        if (options_.ties == TieModel::davidson) {
          const double tie = scores[n] + std::log(2.0) + d / 2;
          const double sum = std::log1p(std::exp(d) + std::exp(tie));
          total += g.wins * -sum + g.ties / 2 * (tie - sum);
        } else if (options_.ties == TieModel::rao_kupper) {
          const double kappa = scores[n];
          const double win = -std::log1p(std::exp(kappa + d)), loss = d - std::log(std::exp(d) + std::exp(kappa));
          total += g.wins * win + g.ties / 2 * (win + loss + std::log(std::expm1(2 * kappa)));
        } else {
          total -= g.wins * std::log1p(std::exp(d));
        }
      }
      if (options_.prior == RankingPrior::logistic) total += scores[i] - 2 * std::log1p(std::exp(scores[i]));
    }
    return total;
  }

 private:
  void check_size(const Eigen::VectorXd& scores) const {
    if (scores.size() != variables())
      throw std::invalid_argument("Ranking: " + std::to_string(scores.size()) + " scores, must be " +
                                  std::to_string(variables()));
  }

  void sweep(std::vector<double> p, double* image) const {
    const std::size_t n = static_cast<std::size_t>(games_.players());
    for (double& strength : p) strength = std::exp(strength);
    const std::vector<double> last = p;
    const std::vector<double>& seen = options_.order == SweepOrder::cyclic ? p : last;
    for (std::size_t i = 0; i < n; ++i) p[i] = updated(i, seen);
    if (options_.ties == TieModel::davidson) p[n] = updated_nu(p);
    if (options_.ties == TieModel::rao_kupper) p[n] = updated_kappa(p);
    double mean = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      image[i] = std::log(p[i]);
      if (i < n) mean += image[i] / static_cast<double>(n);
    }
    if (options_.prior != RankingPrior::none) return;
    for (std::size_t i = 0; i < n; ++i) image[i] -= mean;
  }

  /// The strength of player i by those of the others.
  [[nodiscard]] double updated(std::size_t i, const std::vector<double>& p) const {
    const double a = options_.family;
    double up = 0, down = 0;
    for (const auto& g : games_.of(static_cast<Index>(i))) {
      const double pi = p[i], pj = p[static_cast<std::size_t>(g.opponent)];
      if (options_.ties == TieModel::davidson) {
        const double nu = p.back(), q = std::sqrt(pi * pj), sum = pi + pj + 2 * nu * q;
        up += (g.wins + g.ties / 2) * (pj + nu * q) / sum;
        down += (g.losses + g.ties / 2) * (1 + nu * std::sqrt(pj / pi)) / sum;
      } else if (options_.ties == TieModel::rao_kupper) {
        const double kappa = p.back();
        up += (g.wins + g.ties) * pj / (pi + kappa * pj);
        down += (g.losses + g.ties) / (pj + kappa * pi);
      } else {
        const double meeting = 1 / (pi + pj);
        up += g.wins * (a * pi + pj) * meeting;
        down += (a * g.wins + g.losses) * meeting;
      }
    }
    if (options_.prior == RankingPrior::logistic) {
      up += 1 / (1 + p[i]);
      down += 1 / (1 + p[i]);
    }
    return down > 0 ? up / down : p[i];  // a player without games
  }

  [[nodiscard]] double updated_nu(const std::vector<double>& p) const {
    double up = 0, down = 0;
    const std::size_t n = static_cast<std::size_t>(games_.players());
    for (std::size_t i = 0; i < n; ++i)
      for (const auto& g : games_.of(static_cast<Index>(i))) {
        if (g.opponent < static_cast<Index>(i)) continue;
        const double pi = p[i], pj = p[static_cast<std::size_t>(g.opponent)], q = std::sqrt(pi * pj),
                     sum = pi + pj + 2 * p[n] * q;
        up += g.ties * (pi + pj) / sum;
        down += (g.wins + g.losses) * 2 * q / sum;
      }
    return up / down;
  }
  [[nodiscard]] double updated_kappa(const std::vector<double>& p) const {
    double sum = 0;
    const std::size_t n = static_cast<std::size_t>(games_.players());
    for (std::size_t i = 0; i < n; ++i)
      for (const auto& g : games_.of(static_cast<Index>(i)))
        sum += (g.wins + g.ties) * p[static_cast<std::size_t>(g.opponent)] /
               (p[i] + p[n] * p[static_cast<std::size_t>(g.opponent)]);
    const double ratio = ties_ / sum;
    return ratio + std::sqrt(1 + ratio * ratio);
  }

  Comparisons games_;
  RankingOptions options_;
  double ties_;
};

}  // namespace glissade
