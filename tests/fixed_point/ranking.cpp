// Rankings: Newman's and Zermelo's iterations on leagues whose strengths are known.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/fixed_point/picard.hpp>
#include <glissade/fixed_point/ranking.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>
#include <glissade/oracle/differences.hpp>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

double logistic(double t) { return 1 / (1 + std::exp(-t)); }

/// n players a constant gap apart, who win as often as their strengths say.
MatrixXd ladder(Index n, double gap) {
  MatrixXd wins = MatrixXd::Zero(n, n);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j)
      if (i != j) wins(i, j) = 100 * logistic(gap * static_cast<double>(i - j));
  return wins;
}

/// Sweeps until no chance against an average player is wrong by more than 1e-6.
std::int64_t sweeps(Index n, double gap, const RankingOptions& options) {
  VectorXd right = gap * VectorXd::LinSpaced(n, 0, static_cast<double>(n - 1));
  right.array() -= right.mean();
  VectorXd scores = VectorXd::Zero(n);
  const Ranking ranking{Comparisons(ladder(n, gap)), options};
  return find_fixed_point(ranking, scores, Picard{},
                          {.max_iterations = 100'000,
                           .tolerance = 0,
                           .predicate = [&](const Record& record) { return ranking.distance(record.x, right) < 1e-6; }})
      .iterations;
}

/// Games of players with these scores, drawn at random; of each, ties with this chance where the players are equal.
struct Season {
  MatrixXd wins, ties;
};
Season draw(const VectorXd& scores, int games, double nu, std::uint64_t seed) {
  const RandomKey key{seed};
  const Index n = scores.size();
  Season season{MatrixXd::Zero(n, n), MatrixXd::Zero(n, n)};
  for (std::uint64_t k = 0; k < static_cast<std::uint64_t>(games); ++k) {
    const auto i = static_cast<Index>(key.bits(3 * k) % static_cast<std::uint64_t>(n));
    const auto j = static_cast<Index>(key.bits(3 * k + 1) % static_cast<std::uint64_t>(n));
    if (i == j) continue;
    const double u = static_cast<double>(key.bits(3 * k + 2) >> 11) * 0x1p-53;
    const double pi = std::exp(scores[i]), pj = std::exp(scores[j]), tie = 2 * nu * std::sqrt(pi * pj);
    const double sum = pi + pj + tie;
    if (u < pi / sum)
      season.wins(i, j) += 1;
    else if (u < (pi + pj) / sum)
      season.wins(j, i) += 1;
    else
      season.ties(i, j) += 1, season.ties(j, i) += 1;
  }
  return season;
}

VectorXd strengths() { return VectorXd::LinSpaced(12, -1.5, 1.5); }

/// The most likely scores by another way: quasi-Newton on the likelihood, with gradients by differences.
double best_likelihood(const Ranking& ranking, VectorXd scores) {
  const auto negative = [&](const VectorXd& x, VectorXd& g) {
    for (Index i = 0; i < x.size(); ++i) {
      const double h = 1e-5;
      VectorXd up = x, down = x;
      up[i] += h;
      down[i] -= h;
      g[i] = -(ranking.log_likelihood(up) - ranking.log_likelihood(down)) / (2 * h);
    }
    return -ranking.log_likelihood(x);
  };
  return -minimize(negative, scores, Lbfgs{}, {.max_iterations = 500, .gradient_tolerance = 1e-5}).value;
}

}  // namespace

TEST_CASE("ranking: on a ladder Newman's iteration takes a hundredth of the sweeps of Zermelo's", "[slow]") {
  struct Row {
    Index n;
    double gap;
    std::int64_t zermelo, newman;
  };
  for (const Row& row : {Row{20, 3, 63156, 363}, Row{20, 2, 17256, 259}, Row{10, 1, 302, 21}, Row{10, 2, 2000, 58},
                         Row{10, 3, 7120, 81}}) {
    INFO(row.n << " players, gap " << row.gap);
    CHECK(sweeps(row.n, row.gap, {}) == row.newman);
    CHECK(sweeps(row.n, row.gap, {.family = 1}) == row.zermelo);
  }
  CHECK(63156 >= 100 * sweeps(20, 3, {}));
  CHECK(sweeps(20, 3, {.order = SweepOrder::synchronous}) == 557);
}

TEST_CASE("ranking: the wider the strengths are spread, the more sweeps Newman's iteration saves", "[slow]") {
  // 50 players with strengths of N(0, sigma^2), random games: sweeps to an error of 1e-6, medians of five draws.
  const auto saved = [](double sigma, int games, std::uint64_t seed) {
    const RandomKey key = RandomKey{seed}.derive(1);
    VectorXd scores(50);
    for (Index i = 0; i < 50; ++i) {
      const auto uniform = [&](std::uint64_t k) {
        return (static_cast<double>(key.bits(2 * static_cast<std::uint64_t>(i) + k) >> 11) + 0.5) * 0x1p-53;
      };
      scores[i] = sigma * std::sqrt(-2 * std::log(uniform(0))) * std::cos(2 * 3.141592653589793 * uniform(1));
    }
    const Comparisons league(draw(scores, games, 0, seed).wins);
    const Ranking newman{league};
    VectorXd right = VectorXd::Zero(50);
    CHECK(find_fixed_point(newman, right, Picard{}, {.tolerance = 1e-14}).status == Status::tolerance);
    const auto count = [&](double family) {
      VectorXd at = VectorXd::Zero(50);
      const auto near = [&](const Record& record) { return newman.distance(record.x, right) < 1e-6; };
      const Stop stop{.max_iterations = 100'000, .tolerance = 0, .predicate = near};
      return static_cast<double>(find_fixed_point(Ranking{league, {.family = family}}, at, Picard{}, stop).iterations);
    };
    return count(1) / count(0);
  };
  double last = 1;
  for (const auto& [sigma, games, wanted] : {std::tuple{1.0, 2000, 8.0}, {2.0, 200'000, 18.0}, {5.0, 200'000, 40.0}}) {
    std::vector<double> ratios;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) ratios.push_back(saved(sigma, games, seed));
    std::sort(ratios.begin(), ratios.end());
    INFO("sigma " << sigma << ": " << ratios[0] << " to " << ratios[4]);
    CHECK(ratios[2] >= wanted);
    CHECK(ratios[2] > last);
    last = ratios[2];
  }
}

TEST_CASE("ranking: two players are ranked by one sweep") {
  Comparisons two(2);
  two.add_wins(0, 1, 99);
  two.add_wins(1, 0);
  VectorXd scores = VectorXd::Zero(2);
  const Result r = find_fixed_point(Ranking{two}, scores, Picard{}, {.tolerance = 1e-12});
  CHECK(r.evaluations.operator_value == 2);
  CHECK(scores[0] - scores[1] == Approx(std::log(99)).epsilon(1e-13));
  CHECK(scores.sum() == Approx(0).margin(1e-15));
  VectorXd by_zermelo = VectorXd::Zero(2);
  CHECK(find_fixed_point(Ranking{two, {.family = 1}}, by_zermelo, Picard{}, {.tolerance = 1e-12})
            .evaluations.operator_value >= 8);
}

TEST_CASE("ranking: every sweep raises the likelihood, and the end is the most likely ranking") {
  const Season season = draw(strengths(), 1500, 0, 1);
  for (const RankingPrior prior : {RankingPrior::none, RankingPrior::logistic})
    for (const double family : {0.0, 0.5, 1.0}) {
      const Ranking ranking{Comparisons(season.wins), {.family = family, .prior = prior}};
      VectorXd scores = VectorXd::Zero(12);
      double last = ranking.log_likelihood(scores);
      const Result r = find_fixed_point(ranking, scores, Picard{}, {.tolerance = 1e-10}, [&](const Record& record) {
        const double now = ranking.log_likelihood(record.x);
        CHECK(now >= last - 1e-9);
        last = now;
      });
      CHECK(r.status == Status::tolerance);
      CHECK(last == Approx(best_likelihood(ranking, VectorXd::Zero(12))).epsilon(1e-10));
    }
}

TEST_CASE("ranking: models of ties find the most likely ranking") {
  const Season season = draw(strengths(), 1500, 0.5, 2);
  for (const TieModel model : {TieModel::davidson, TieModel::rao_kupper}) {
    const Ranking ranking{Comparisons(season.wins, season.ties), {.ties = model}};
    VectorXd scores = VectorXd::Zero(13);
    scores[12] = model == TieModel::davidson ? 0.0 : 0.1;
    const VectorXd begin = scores;
    const Result r = find_fixed_point(ranking, scores, Picard{}, {.tolerance = 1e-11});
    CHECK(r.status == Status::tolerance);
    CHECK(r.iterations < 120);
    CHECK(ranking.log_likelihood(scores) == Approx(best_likelihood(ranking, begin)).epsilon(1e-9));
    CHECK(scores.head(12).sum() == Approx(0).margin(1e-12));
    if (model == TieModel::davidson) CHECK(std::exp(scores[12]) == Approx(0.5).epsilon(0.2));
  }
}

TEST_CASE("ranking: chances add up to one and the likelihood is that of the model") {
  for (const TieModel model : {TieModel::davidson, TieModel::rao_kupper}) {
    const VectorXd scores{{0.4, -0.4, 0.3}};
    double total = 0;
    for (int outcome = 0; outcome < 3; ++outcome) {
      Comparisons one(2);
      one.add_ties(0, 1);  // without which there is nothing to model
      const Ranking base{one, {.ties = model}};
      if (outcome == 0) one.add_wins(0, 1);
      if (outcome == 1) one.add_wins(1, 0);
      if (outcome == 2) one.add_ties(0, 1);
      const Ranking ranking{one, {.ties = model}};
      total += std::exp(ranking.log_likelihood(scores) - base.log_likelihood(scores));
    }
    CHECK(total == Approx(1).epsilon(1e-13));
  }
}

TEST_CASE("ranking: a prior ranks players who never lost, and floats are ranked as doubles") {
  Comparisons games(3);
  games.add_wins(0, 1, 4);
  games.add_wins(1, 2, 2);
  CHECK_THAT(message_of([&] { Ranking{games}; }),
             Catch::Matchers::ContainsSubstring("no strengths are the most likely"));
  const Ranking ranking{games, {.prior = RankingPrior::logistic}};
  VectorXd scores = VectorXd::Zero(3);
  CHECK(find_fixed_point(ranking, scores, Picard{}, {.tolerance = 1e-12}).status == Status::tolerance);
  CHECK(scores[0] > scores[1]);
  CHECK(scores[1] > scores[2]);
  const auto of_floats = [&](const Eigen::VectorXf& at, Eigen::VectorXf& image) {
    VectorXd out;
    ranking(at.cast<double>(), out);
    image = out.cast<float>();
  };
  Eigen::VectorXf in_floats = Eigen::VectorXf::Zero(3);
  find_fixed_point(of_floats, in_floats, Picard{}, {.tolerance = 1e-5});
  CHECK((in_floats.cast<double>() - scores).norm() < 1e-4);
  VectorXd alone = VectorXd::Zero(1);
  CHECK(find_fixed_point(Ranking{Comparisons(1)}, alone, Picard{}).status == Status::tolerance);
}

TEST_CASE("ranking: a synchronous sweep may circle for ever where a cyclic one converges") {
  MatrixXd chain = MatrixXd::Zero(10, 10);
  for (Index i = 0; i + 1 < 10; ++i) chain(i, i + 1) = chain(i + 1, i) = 1 + static_cast<double>(i % 3);
  for (Index i = 0; i + 1 < 10; ++i) chain(i, i + 1) += 2;
  const auto run = [&](SweepOrder order) {
    VectorXd scores = VectorXd::Zero(10);
    return find_fixed_point(Ranking{Comparisons(chain), {.order = order}}, scores, Picard{},
                            {.max_iterations = 20'000, .tolerance = 1e-9});
  };
  CHECK(run(SweepOrder::cyclic).status == Status::tolerance);
  CHECK(run(SweepOrder::cyclic).iterations < 1000);
  CHECK(run(SweepOrder::synchronous).status == Status::max_iterations);
}

TEST_CASE("ranking: what is no game is refused by name") {
  using Catch::Matchers::ContainsSubstring;
  Comparisons games(3);
  CHECK_THAT(message_of([] { Comparisons{0}; }), ContainsSubstring("players = 0, must be >= 1"));
  CHECK_THAT(message_of([&] { games.add_wins(0, 3); }), ContainsSubstring("player = 3, must be in [0, 2]"));
  CHECK_THAT(message_of([&] { games.add_wins(1, 1); }), ContainsSubstring("player 1 against itself"));
  CHECK_THAT(message_of([&] { games.add_ties(0, 1, -1); }), ContainsSubstring("count = -1, must be >= 0"));
  CHECK_THAT(message_of([&] { games.add_wins(0, 1, std::nan("")); }), ContainsSubstring("count = nan"));
  CHECK(games.of(0).empty());
  CHECK_THAT(message_of([] { Comparisons(MatrixXd::Zero(2, 3)); }), ContainsSubstring("wins is 2 x 3, must be 2 x 2"));
  MatrixXd wins = MatrixXd::Ones(2, 2) - MatrixXd::Identity(2, 2), ties = MatrixXd::Zero(2, 2);
  ties(0, 1) = 1;
  CHECK_THAT(message_of([&] { Comparisons(wins, ties); }), ContainsSubstring("ties(0, 1) = 1, must be ties(1, 0) = 0"));
  ties(1, 0) = 1;
  const Comparisons tied(wins, ties);
  CHECK(tied.ties() == 1);
  CHECK_THAT(message_of([&] { Ranking{tied}; }), ContainsSubstring("1 ties, which TieModel::ignored does not take"));
  CHECK_THAT(message_of([&] { Ranking(Comparisons(wins), {.ties = TieModel::davidson}); }),
             ContainsSubstring("a model of ties, but no ties"));
  CHECK_THAT(message_of([&] { Ranking(tied, {.family = 1, .ties = TieModel::davidson}); }),
             ContainsSubstring("models of ties have family 0 and no prior"));
  CHECK_THAT(message_of([&] { Ranking(Comparisons(wins), {.family = 2}); }),
             ContainsSubstring("Ranking: family = 2, must be in [0, 1]"));
  VectorXd scores = VectorXd::Zero(3);
  CHECK_THAT(message_of([&] { find_fixed_point(Ranking{Comparisons(wins)}, scores, Picard{}); }),
             ContainsSubstring("3 scores, must be 2"));
}
