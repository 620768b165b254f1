// Who beat whom how often: the data of a ranking.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "../core/checks.hpp"

namespace glissade {

using Index = Eigen::Index;

/// Wins and ties between pairs of players, as many as there are games, of n players numbered from 0.
///
///     Comparisons league(3);
///     league.add_wins(0, 1, 5);   // player 0 beat player 1 five times
///     league.add_ties(1, 2);
///
/// Memory: two entries per pair that met. Throws std::invalid_argument for a player who is not there, for a game of a
/// player against itself and for a count that is negative or not finite.
class Comparisons {
 public:
  /// All games of player i against one opponent.
  struct Games {
    Index opponent;
    double wins, losses, ties;
  };

  explicit Comparisons(Index players) : games_(checked_size(players)) {}

  /// wins(i, j): how often i beat j; ties(i, j) = ties(j, i), or no ties.
  explicit Comparisons(const Eigen::MatrixXd& wins, const Eigen::MatrixXd& ties = {}) : Comparisons(wins.rows()) {
    require_shape("Comparisons", "wins", wins, wins.rows(), wins.rows());
    if (ties.size() > 0) require_shape("Comparisons", "ties", ties, wins.rows(), wins.rows());
    for (Index i = 0; i < players(); ++i)
      for (Index j = 0; j < players(); ++j) {
        if (wins(i, j) != 0) add_wins(i, j, wins(i, j));
        if (ties.size() == 0) continue;
        if (!(ties(i, j) == ties(j, i)))
          throw std::invalid_argument("Comparisons: ties(" + std::to_string(i) + ", " + std::to_string(j) +
                                      ") = " + to_text(ties(i, j)) + ", must be ties(" + std::to_string(j) + ", " +
                                      std::to_string(i) + ") = " + to_text(ties(j, i)));
        if (i < j && ties(i, j) != 0) add_ties(i, j, ties(i, j));
      }
  }

  void add_wins(Index winner, Index loser, double count = 1) {
    check(winner, loser, count);
    games(winner, loser).wins += count;
    games(loser, winner).losses += count;
  }
  void add_ties(Index first, Index second, double count = 1) {
    check(first, second, count);
    games(first, second).ties += count;
    games(second, first).ties += count;
  }

  [[nodiscard]] Index players() const { return static_cast<Index>(games_.size()); }
  /// Sorted by opponent.
  [[nodiscard]] const std::vector<Games>& of(Index player) const { return games_.at(static_cast<std::size_t>(player)); }
  [[nodiscard]] double ties() const {
    double total = 0;
    for (const auto& list : games_)
      for (const Games& g : list) total += g.ties / 2;
    return total;
  }

  /// A player from whom not every other one is reached by going from winner to loser (a tie goes both ways, if it
  /// counts), or -1: only then are all strengths finite.
  [[nodiscard]] Index outside_of_cycles(bool ties_count) const {
    if (players() == 0) return -1;
    for (const bool up : {false, true}) {
      std::vector<bool> seen(games_.size(), false);
      std::vector<Index> todo{0};
      seen[0] = true;
      while (!todo.empty()) {
        const Index i = todo.back();
        todo.pop_back();
        for (const Games& g : of(i)) {
          const auto j = static_cast<std::size_t>(g.opponent);
          if (seen[j] || !((up ? g.losses : g.wins) > 0 || (ties_count && g.ties > 0))) continue;
          seen[j] = true;
          todo.push_back(g.opponent);
        }
      }
      const auto missing = std::find(seen.begin(), seen.end(), false);
      if (missing != seen.end()) return static_cast<Index>(missing - seen.begin());
    }
    return -1;
  }

 private:
  static std::size_t checked_size(Index players) {
    require("Comparisons", "players", static_cast<double>(players), range::at_least_one);
    return static_cast<std::size_t>(players);
  }
  void check(Index i, Index j, double count) const {
    const Range players_there{0, static_cast<double>(players() - 1)};
    require("Comparisons", "player", static_cast<double>(i), players_there);
    require("Comparisons", "player", static_cast<double>(j), players_there);
    require("Comparisons", "count", count, range::non_negative);
    if (i == j) throw std::invalid_argument("Comparisons: player " + std::to_string(i) + " against itself");
  }
  Games& games(Index i, Index j) {
    auto& list = games_[static_cast<std::size_t>(i)];
    const auto place = std::lower_bound(list.begin(), list.end(), j,
                                        [](const Games& g, Index opponent) { return g.opponent < opponent; });
    if (place != list.end() && place->opponent == j) return *place;
    return *list.insert(place, Games{j, 0, 0, 0});
  }

  std::vector<std::vector<Games>> games_;
};

}  // namespace glissade
