// Games of two players in sequence form, and Kuhn poker.
#pragma once

#include <Eigen/Core>

#include <string>
#include <utility>

#include "../sets/dilated_entropy.hpp"
#include "formula.hpp"

namespace glissade::problems {

/// A zero-sum game with hidden information: z = (x, y), both players' strategies as vectors on treeplexes.
///
///     the first player is paid  [1 x'] U [1 y]'
///     F(z) = (-U (1, y), U' (1, x))                but for the empty sequences: the gradients of the costs
///
/// U has a row for the empty sequence and each sequence of the first player, columns likewise. An entry is the sum of
/// probability times payoff over the ends of the game to which the two sequences lead.
/// tree() is the strategies of both as one Treeplex, for DilatedEntropy{game.tree()}.
/// Cost: one pass over U per call, no memory.
/// Errors: std::invalid_argument for a treeplex with the empty sequence, a U of another shape or not finite, and
/// vectors of another size.
class SequenceGame {
 public:
  static constexpr std::string_view name = "SequenceGame";

  SequenceGame(const Treeplex& first, const Treeplex& second, Eigen::MatrixXd payoff)
      : m_(first.size()), n_(second.size()), U_(std::move(payoff)), tree_(first) {
    first.check();
    second.check();
    if (first.with_empty || second.with_empty)
      throw std::invalid_argument("SequenceGame: a treeplex is with_empty, must be without");
    require_shape(name, "the payoff", U_, m_ + 1, n_ + 1);
    detail::require_finite(name, "the payoff", U_);
    for (const InformationSet& set : second.information_sets)
      tree_.information_sets.push_back({set.parent < 0 ? -1 : set.parent + m_, set.first + m_, set.count});
  }

  [[nodiscard]] Index dimension() const { return m_ + n_; }
  /// How many of the coefficients of z are the first player's.
  [[nodiscard]] Index first_size() const { return m_; }
  [[nodiscard]] const Eigen::MatrixXd& payoff() const { return U_; }
  [[nodiscard]] const Treeplex& tree() const { return tree_; }
  [[nodiscard]] Eigen::VectorXd uniform() const { return tree_.uniform(); }

  void operator()(const auto& z, auto&& out) const {
    detail::require_size(name, "z", z.size(), dimension());
    detail::require_size(name, "the output", out.size(), dimension());
    out.head(m_) = -U_.col(0).tail(m_);
    for (Index j = 0; j < n_; ++j) {
      const auto column = U_.col(j + 1);
      out.head(m_) -= column.tail(m_) * z[m_ + j];
      out[m_ + j] = column[0] + column.tail(m_).dot(z.head(m_));
    }
  }

  /// What the first player is paid.
  [[nodiscard]] double value(const Eigen::VectorXd& z) const {
    detail::require_size(name, "z", z.size(), dimension());
    double sum = 0;
    for (Index j = 0; j <= n_; ++j)
      sum += (U_(0, j) + U_.col(j).tail(m_).dot(z.head(m_))) * (j == 0 ? 1.0 : z[m_ + j - 1]);
    return sum;
  }
  /// The strategies of least cost <cost, z>, without chance, one player's and the other's alike.
  [[nodiscard]] Eigen::VectorXd best_response(Eigen::VectorXd cost) const {
    detail::require_size(name, "the cost", cost.size(), dimension());
    const auto& sets = tree_.information_sets;
    std::vector<Index> choice(sets.size());
    for (std::size_t j = sets.size(); j-- > 0;) {
      const double least = cost.segment(sets[j].first, sets[j].count).minCoeff(&choice[j]);
      if (sets[j].parent >= 0) cost[sets[j].parent] += least;
    }
    Eigen::VectorXd z = Eigen::VectorXd::Zero(dimension());
    for (std::size_t j = 0; j < sets.size(); ++j)
      z[sets[j].first + choice[j]] = sets[j].parent < 0 ? 1.0 : z[sets[j].parent];
    return z;
  }
  /// What each player would gain by a best response to the other, on average: 0 at an equilibrium.
  [[nodiscard]] double exploitability(const Eigen::VectorXd& z) const {
    Eigen::VectorXd cost(z.size());
    (*this)(z, cost);
    return cost.dot(z - best_response(cost)) / 2;
  }
  /// The probability of each action where it is chosen; 1 / count where play never comes.
  [[nodiscard]] Eigen::VectorXd choices(const Eigen::VectorXd& z) const {
    detail::require_size(name, "z", z.size(), dimension());
    Eigen::VectorXd pi(z.size());
    for (const InformationSet& set : tree_.information_sets) {
      const double reach = set.parent < 0 ? 1.0 : z[set.parent];
      for (Index k = 0; k < set.count; ++k)
        pi[set.first + k] = reach > 0 ? z[set.first + k] / reach : 1 / static_cast<double>(set.count);
    }
    return pi;
  }

 private:
  Index m_, n_;
  Eigen::MatrixXd U_;
  Treeplex tree_;
};

/// Kuhn's poker: jack, queen, king, a card each, one chip in the pot from each, one more may be bet.
///
/// The first player's sequences, four for each card c = 0, 1, 2:
///     4 c, 4 c + 1: check, bet;   4 c + 2, 4 c + 3: fold, call, after check and the other's bet
/// The second player's, 12 behind:
///     4 c, 4 c + 1: check, bet, after check;   4 c + 2, 4 c + 3: fold, call, after bet
/// The value of the game is -1 / 18. Source: H. W. Kuhn, "A simplified two-person poker", 1950.
[[nodiscard]] inline SequenceGame kuhn_poker() {
  Treeplex first, second;
  for (Index c = 0; c < 3; ++c) {
    first.information_sets.push_back({-1, 4 * c, 2});
    first.information_sets.push_back({4 * c, 4 * c + 2, 2});
    second.information_sets.push_back({-1, 4 * c, 2});
    second.information_sets.push_back({-1, 4 * c + 2, 2});
  }
  Eigen::MatrixXd payoff = Eigen::MatrixXd::Zero(13, 13);
  for (Index c = 0; c < 3; ++c)
    for (Index d = 0; d < 3; ++d) {
      if (c == d) continue;
      const double chance = 1.0 / 6, won = c > d ? chance : -chance;
      const auto end = [&](Index own, Index other, double paid) { payoff(1 + 4 * c + own, 1 + 4 * d + other) = paid; };
      end(0, 0, won);      // check, check
      end(2, 1, -chance);  // check, bet, fold
      end(3, 1, 2 * won);  // check, bet, call
      end(1, 2, chance);   // bet, fold
      end(1, 3, 2 * won);  // bet, call
    }
  return {first, second, std::move(payoff)};
}

}  // namespace glissade::problems
