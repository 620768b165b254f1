// Games in normal and in sequence form, against what their rules say.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/problems/matrix_game.hpp>
#include <glissade/problems/sequence_game.hpp>

#include <algorithm>
#include <functional>
#include <vector>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::MatrixGame;
using problems::SequenceGame;

namespace {

MatrixXd normals(Index rows, Index cols, std::uint64_t stream) {
  MatrixXd out(rows, cols);
  for (Index k = 0; k < out.size(); ++k) out.data()[k] = RandomKey{stream}.normal(static_cast<std::uint64_t>(k));
  return out;
}
VectorXd policy(Index n, std::uint64_t stream) {
  const VectorXd weights = normals(n, 1, stream).cwiseAbs();
  return weights / weights.sum();
}

/// A strategy from the choices at every information set.
VectorXd strategy_of(const Treeplex& tree, const VectorXd& choices) {
  VectorXd z = choices;
  for (const InformationSet& set : tree.information_sets)
    if (set.parent >= 0)
      for (Index k = 0; k < set.count; ++k) z[set.first + k] *= z[set.parent];
  return z;
}
VectorXd random_strategy(const Treeplex& tree, std::uint64_t stream) {
  VectorXd choices(tree.size());
  for (const InformationSet& set : tree.information_sets)
    choices.segment(set.first, set.count) = policy(set.count, 1000 * stream + static_cast<std::uint64_t>(set.first));
  return strategy_of(tree, choices);
}
/// action(z) for every strategy without chance of the information sets from `begin` to `end`, the rest as in z.
void for_pure(const Treeplex& tree, std::size_t begin, std::size_t end, VectorXd choices,
              const std::function<void(const VectorXd&)>& action) {
  if (begin == end) return action(strategy_of(tree, choices));
  const InformationSet& set = tree.information_sets[begin];
  for (Index k = 0; k < set.count; ++k) {
    choices.segment(set.first, set.count).setZero();
    choices[set.first + k] = 1;
    for_pure(tree, begin + 1, end, choices, action);
  }
}
/// The gains of both players by their best strategies, one after the other, on average.
double exploitability_by_trial(const SequenceGame& game, std::size_t sets_of_first, const VectorXd& z) {
  const auto& tree = game.tree();
  const VectorXd choices = game.choices(z);
  double most = -1e9, least = 1e9;
  for_pure(tree, 0, sets_of_first, choices, [&](const VectorXd& at) { most = std::max(most, game.value(at)); });
  for_pure(tree, sets_of_first, tree.information_sets.size(), choices,
           [&](const VectorXd& at) { least = std::min(least, game.value(at)); });
  return (most - least) / 2;
}

/// What the first player wins at Kuhn's poker on average, by the rules; the choices as kuhn_poker numbers them.
double play_kuhn(const VectorXd& pi) {
  double won = 0;
  for (Index c = 0; c < 3; ++c)
    for (Index d = 0; d < 3; ++d) {
      if (c == d) continue;
      const double show = c > d ? 1 : -1;
      const double check = pi[4 * c], bet = pi[4 * c + 1], fold = pi[4 * c + 2], call = pi[4 * c + 3];
      const double other_checks = pi[12 + 4 * d], other_bets = pi[12 + 4 * d + 1];
      const double other_folds = pi[12 + 4 * d + 2], other_calls = pi[12 + 4 * d + 3];
      won += (check * (other_checks * show + other_bets * (fold * -1 + call * 2 * show)) +
              bet * (other_folds * 1 + other_calls * 2 * show)) /
             6;
    }
  return won;
}

/// F(z) is how the costs change with the player's own part; value is that of the first player.
void check_gradient(const auto& game, Index first, const VectorXd& z) {
  VectorXd cost(z.size());
  game(z, cost);
  const double value = game.value(z);
  for (Index i = 0; i < z.size(); ++i) {
    VectorXd moved = z;
    moved[i] += 1;  // the value is linear in each player's part
    CHECK((i < first ? -1 : 1) * (game.value(moved) - value) == Approx(cost[i]).margin(1e-13));
  }
}

}  // namespace

TEST_CASE("matrix game: gradients, value, best responses and exploitability are what they are by definition") {
  const MatrixXd A = normals(4, 3, 1), B = normals(4, 3, 2);
  VectorXd z(7);
  z << policy(4, 3), policy(3, 4);
  const VectorXd x = z.head(4), y = z.tail(3);
  const MatrixGame zero_sum(A), general(A, B);
  check_gradient(zero_sum, 4, z);
  CHECK(zero_sum.value(z) == Approx(x.dot(A * y)));
  CHECK(zero_sum.exploitability(z) == Approx(((A * y).maxCoeff() - (A.transpose() * x).minCoeff()) / 2));
  const double gains = (A * y).maxCoeff() - x.dot(A * y) + (B.transpose() * x).maxCoeff() - x.dot(B * y);
  CHECK(general.exploitability(z) == Approx(gains / 2));
  VectorXd cost(7);
  general(z, cost);
  CHECK((cost.head(4) + A * y).norm() <= 1e-15);
  CHECK((cost.tail(3) + B.transpose() * x).norm() <= 1e-15);
  Index row = 0, column = 0;
  (A * y).maxCoeff(&row);
  (B.transpose() * x).maxCoeff(&column);
  CHECK(general.best_responses(z) == std::pair(row, column));
  CHECK(zero_sum.zero_sum());
  CHECK_FALSE(general.zero_sum());
  CHECK(general.largest_payoff() == std::max(A.cwiseAbs().maxCoeff(), B.cwiseAbs().maxCoeff()));
  CHECK(zero_sum.largest_payoff() == A.cwiseAbs().maxCoeff());
  VectorXd outside = 3 * z;
  general.set().project(outside);
  CHECK(outside.head(4).sum() == Approx(1));
  CHECK(outside.tail(3).sum() == Approx(1));

  const MatrixGame stones = problems::perturbed_rock_paper_scissors();
  CHECK(stones.payoff().minCoeff() == 0);
  CHECK(stones.payoff().maxCoeff() == 1);
  VectorXd equilibrium(6);
  equilibrium << 1, 3, 3, 1, 3, 3;
  CHECK(std::abs(stones.exploitability(equilibrium / 7)) <= 1e-15);
  CHECK(stones.exploitability(stones.uniform()) > 0.05);

  CHECK(message_of([&] { MatrixGame(A, MatrixXd(normals(3, 4, 5))); }) ==
        "MatrixGame: the second payoff is 3 x 4, must be 4 x 3");
  CHECK(message_of([&] { MatrixGame(MatrixXd(0, 3)); }) == "MatrixGame: no payoffs");
  CHECK(message_of([&] { MatrixGame(A / 0.0); }) == "MatrixGame: a coefficient of the payoff is not finite");
  CHECK(message_of([&] { zero_sum(x, cost); }) == "MatrixGame: z has 4 coefficients, must be 7");
  CHECK(message_of([&] { static_cast<void>(zero_sum.value(x)); }) == "MatrixGame: z has 4 coefficients, must be 7");
}

TEST_CASE("Kuhn poker is the game that its rules say") {
  const SequenceGame game = problems::kuhn_poker();
  CHECK(game.dimension() == 24);
  CHECK(game.payoff().rows() == 13);
  CHECK(game.payoff().cols() == 13);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const VectorXd z = random_strategy(game.tree(), seed);
    CHECK(game.value(z) == Approx(play_kuhn(game.choices(z))).margin(1e-15));
    CHECK(game.exploitability(z) == Approx(exploitability_by_trial(game, 6, z)).epsilon(1e-12));
    check_gradient(game, 12, z);
  }
  // Kuhn's equilibrium in which the first player bets a third of his kings, and a ninth of his jacks.
  const double a = 1.0 / 3;
  VectorXd choices(24);
  choices << 1 - a / 3, a / 3, 1, 0,                 // jack: bet rarely, never call
      1, 0, 1 - (a / 3 + 1 / 3.0), a / 3 + 1 / 3.0,  // queen
      1 - a, a, 0, 1,                                // king
      2 / 3.0, 1 / 3.0, 1, 0,                        // the other's jack
      1, 0, 2 / 3.0, 1 / 3.0,                        // queen
      0, 1, 0, 1;                                    // king
  const VectorXd equilibrium = strategy_of(game.tree(), choices);
  CHECK(game.value(equilibrium) == Approx(-1.0 / 18).epsilon(1e-13));
  CHECK(std::abs(game.exploitability(equilibrium)) <= 1e-15);
}

TEST_CASE("sequence game: one with ends where only one player has moved, or none") {
  // The first stays out for 0.3, or goes in and the second answers; then the first may move again. Another 0.1 to all.
  const Treeplex first{.information_sets = {{-1, 0, 2}, {1, 2, 3}}};
  const Treeplex second{.information_sets = {{-1, 0, 2}}};
  MatrixXd payoff = MatrixXd::Zero(6, 3);
  payoff(0, 0) = 0.1;
  payoff(1, 0) = 0.3;
  payoff(0, 1) = -0.2;
  payoff(2, 2) = 0.7;
  payoff.block(3, 1, 3, 1) << 1, -2, 0.5;
  const SequenceGame game(first, second, payoff);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const VectorXd z = random_strategy(game.tree(), seed);
    check_gradient(game, 5, z);
    CHECK(game.exploitability(z) == Approx(exploitability_by_trial(game, 2, z)).epsilon(1e-12));
  }
  // What is never reached is chosen evenly.
  VectorXd out = game.uniform();
  out.head(5) << 1, 0, 0, 0, 0;
  CHECK(game.choices(out).segment(2, 3).isConstant(1 / 3.0));

  Treeplex with_empty = first;
  with_empty.with_empty = true;
  for (InformationSet& set : with_empty.information_sets) ++set.first;
  with_empty.information_sets[1].parent = 2;
  CHECK(message_of([&] { SequenceGame(with_empty, second, payoff); }) ==
        "SequenceGame: a treeplex is with_empty, must be without");
  CHECK(message_of([&] { SequenceGame(second, first, payoff); }) == "SequenceGame: the payoff is 6 x 3, must be 3 x 6");
  CHECK(message_of([&] { SequenceGame(first, second, payoff / 0.0); }) ==
        "SequenceGame: a coefficient of the payoff is not finite");
  VectorXd z(3), cost(7);
  CHECK(message_of([&] { game(z, cost); }) == "SequenceGame: z has 3 coefficients, must be 7");
}
