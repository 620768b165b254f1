// Cbce: regret in every interval, and how it follows experts that change.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/online/cbce.hpp>
#include <glissade/online/hedge.hpp>

#include <functional>
#include <vector>

using namespace glissade;
using Eigen::VectorXd;

namespace {

constexpr Index experts = 8;
constexpr std::int64_t rounds = 4096;

/// 0 or 1 with a mean of 0.5; 0.1 for one expert, another one every `stretch` rounds.
VectorXd changing(std::int64_t t, std::int64_t stretch) {
  const RandomKey key = RandomKey{3}.derive(static_cast<std::uint64_t>(t));
  const auto best = static_cast<Index>(RandomKey{4}.bits(static_cast<std::uint64_t>(t / stretch)) % experts);
  return VectorXd::NullaryExpr(experts, [&](Index i) {
    return key.uniform(static_cast<std::uint64_t>(i)) < (i == best ? 0.1 : 0.5) ? 1.0 : 0.0;
  });
}
double mean_loss(auto learner, std::int64_t stretch) {
  double paid = 0;
  for (std::int64_t t = 0; t < rounds; ++t) {
    const VectorXd losses = changing(t, stretch);
    paid += learner.play().dot(losses) / rounds;
    learner.learn(losses);
  }
  return paid;
}

}  // namespace

TEST_CASE("Cbce: regret in every interval of its lengths is below its bound") {
  const std::vector<std::function<VectorXd(std::int64_t, const VectorXd&)>> all = {
      [](std::int64_t t, const VectorXd&) { return changing(t, 100); },
      [](std::int64_t, const VectorXd& play) { return VectorXd((play.array() >= play.maxCoeff()).cast<double>()); },
      [](std::int64_t t, const VectorXd&) {
        return VectorXd(VectorXd::Ones(experts) - VectorXd::Unit(experts, t / 64 % experts));
      },
  };
  for (const auto& losses : all) {
    Cbce learner({}, experts);
    std::vector<double> paid{0};
    std::vector<VectorXd> sums{VectorXd::Zero(experts)};
    for (std::int64_t t = 0; t < rounds; ++t) {
      const VectorXd l = losses(t, learner.play());
      paid.push_back(paid.back() + learner.play().dot(l));
      sums.emplace_back(sums.back() + l);
      learner.learn(l);
    }
    bool below = true;
    for (std::size_t length = 1; length <= rounds; length *= 2)
      for (std::size_t first = length; first + length - 1 <= rounds; first += length) {
        const std::size_t last = first + length - 1;  // rounds are counted from 1
        const double n = static_cast<double>(length);
        const double regret = paid[last] - paid[first - 1] - (sums[last] - sums[first - 1]).minCoeff();
        below = below && regret <= std::sqrt(n * (7 * std::log(static_cast<double>(last)) + 5)) +
                                       std::sqrt(n * std::log(experts) / 2) + 1e-9;
      }
    CHECK(below);
  }
}

TEST_CASE("Cbce: plays those of a list of all intervals, written from the definition") {
  struct Interval {
    std::int64_t begin, length;
    VectorXd losses;
    double gain, winnings, bet;
  };
  std::vector<Interval> all;
  for (std::int64_t length = 1; length <= 128; length *= 2)
    for (std::int64_t begin = length; begin <= 128; begin += length)
      all.push_back({begin, length, VectorXd::Zero(experts), 0, 0, 0});
  Cbce learner({}, experts);
  double apart = 0;
  for (std::int64_t t = 1; t <= 128; ++t) {
    const auto policy = [](const Interval& j) {
      const VectorXd w = (-std::sqrt(8 * std::log(experts) / static_cast<double>(j.length)) * j.losses.array()).exp();
      return VectorXd(w / w.sum());
    };
    double priors = 0, bets = 0;
    VectorXd by_prior = VectorXd::Zero(experts), by_bet = by_prior;
    for (Interval& j : all) {
      if (t < j.begin || t >= j.begin + j.length) continue;
      const auto first = static_cast<double>(j.begin);
      const double prior = 1 / (first * first * (1 + std::floor(std::log2(first))));
      j.bet = j.gain / static_cast<double>(t - j.begin + 1) * (1 + j.winnings);
      priors += prior;
      bets += prior * std::max(j.bet, 0.0);
      by_prior += prior * policy(j);
      by_bet += prior * std::max(j.bet, 0.0) * policy(j);
    }
    const VectorXd play = bets > 0 ? VectorXd(by_bet / bets) : VectorXd(by_prior / priors);
    apart = std::max(apart, (learner.play() - play).cwiseAbs().maxCoeff<Eigen::PropagateNaN>());
    const VectorXd losses = changing(t, 16);
    learner.learn(losses);
    for (Interval& j : all) {
      if (t < j.begin || t >= j.begin + j.length) continue;
      double gain = losses.dot(play) - losses.dot(policy(j));
      if (!(j.bet > 0)) gain = std::max(gain, 0.0);
      j.gain += gain;
      j.winnings += gain * j.bet;
      j.losses += losses;
    }
  }
  CHECK(apart <= 1e-12);
}

TEST_CASE("Cbce: where experts change it loses less than Hedge, and little more where they do not") {
  for (const std::int64_t stretch : {256, 1024})
    CHECK(mean_loss(Cbce({}, experts), stretch) < mean_loss(Hedge({.horizon = rounds}, experts), stretch) - 0.03);
  CHECK(mean_loss(Cbce({}, experts), rounds) < 0.15);
}

TEST_CASE("Cbce: rounds by the definition, and when intervals begin") {
  Cbce learner({}, 2);
  const VectorXd half = VectorXd::Constant(2, 0.5);
  CHECK(learner.play() == half);
  CHECK(learner.start(0) == 1);
  CHECK(learner.start(1) == 0);
  learner.learn(Eigen::Vector2d(1, 0));  // round 1, of interval 1 alone
  CHECK(learner.start(0) == 2);
  CHECK(learner.start(1) == 2);
  CHECK(learner.play() == half);         // both begin
  learner.learn(Eigen::Vector2d(1, 0));  // round 2: nobody gains, the pair 2-3 has learned
  CHECK(learner.start(0) == 3);
  CHECK(learner.start(1) == 2);
  const double a = 1 / (1 + std::exp(std::sqrt(4 * std::log(2))));
  // Priors 1 / (9 * 2) of the single round 3 and 1 / (4 * 2) of the pair; no bets yet.
  const double p = (0.5 / 18 + a / 8) / (1.0 / 18 + 1.0 / 8);
  CHECK(learner.play()[0] == Approx(p).epsilon(1e-14));
  learner.learn(Eigen::Vector2d(1, 0));  // round 3
  // In round 4 all begin again: 4, 4-5 and 4-7.
  CHECK(learner.play() == half);
  learner.learn(Eigen::Vector2d(1, 0));
  // Round 5: of 5, 4-5 and 4-7; still no bets.
  const double b = 1 / (1 + std::exp(std::sqrt(2 * std::log(2))));
  const double q = (0.5 / 75 + a / 48 + b / 48) / (1.0 / 75 + 2.0 / 48);
  CHECK(learner.play()[0] == Approx(q).epsilon(1e-14));
  learner.learn(Eigen::Vector2d(1, 0));
  // Round 6: 6 and 6-7 begin, and all is bet on 4-7, whose gain was q - b in round 5.
  const double c = 1 / (1 + std::exp(2 * std::sqrt(2 * std::log(2))));
  CHECK(learner.play()[0] == Approx(c).epsilon(1e-14));
  learner.learn(Eigen::Vector2d(0, 1));
  // Round 7: of 4-7, which did not gain, the play being its own, and of 6-7, which gained 1 - c - 0.5 in round 6.
  const double on_four = 1.0 / 48 * (q - b) / 4, on_two = 1.0 / 108 * (0.5 - c) / 2;
  CHECK(learner.play()[0] == Approx((on_four * b + on_two * (1 - a)) / (on_four + on_two)).epsilon(1e-13));
  learner.learn(Eigen::Vector2d(1, 0));
  // Round 8 begins anew.
  CHECK(learner.play() == half);
  CHECK(message_of([] { Cbce bad({}, 0); }) == "Cbce: experts = 0, must be >= 1");
}
