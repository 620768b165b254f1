// Learners of weights for experts: what they lose on known sequences, and what their weights are.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/measure/regret.hpp>
#include <glissade/online/ada_hedge.hpp>
#include <glissade/online/hedge.hpp>

#include <cmath>
#include <functional>
#include <limits>

using namespace glissade;
using Eigen::VectorXd;

namespace {

constexpr Index experts = 10;
using Losses = std::function<VectorXd(std::int64_t t)>;

/// Experts 0 to 4 lose 1 in even rounds, 5 to 9 in odd ones.
VectorXd in_turns(std::int64_t t) {
  VectorXd losses = VectorXd::Zero(experts);
  losses.segment(t % 2 == 0 ? 0 : 5, 5).setOnes();
  return losses;
}
/// 0 or 1, with a mean of 0.3 for expert 0 and 0.5 for the others.
VectorXd one_better(std::int64_t t) {
  VectorXd losses(experts);
  const RandomKey key = RandomKey{3}.derive(static_cast<std::uint64_t>(t));
  for (Index i = 0; i < experts; ++i)
    losses[i] = key.uniform(static_cast<std::uint64_t>(i)) < (i == 0 ? 0.3 : 0.5) ? 1 : 0;
  return losses;
}
double regret_of(auto& learner, std::int64_t rounds, const Losses& losses) {
  double paid = 0;
  VectorXd sum = VectorXd::Zero(learner.play().size());
  for (std::int64_t t = 0; t < rounds; ++t) {
    const VectorXd l = losses(t);
    paid += learner.play().dot(l);
    sum += l;
    learner.learn(l);
  }
  return paid - sum.minCoeff();
}
double furthest(const VectorXd& a, const VectorXd& b) { return (a - b).cwiseAbs().maxCoeff<Eigen::PropagateNaN>(); }

}  // namespace

TEST_CASE("AdaHedge: regret and gap where two halves lose in turns, against a tuned Hedge") {
  AdaHedge learner({}, experts);
  CHECK(regret_of(learner, 10'000, in_turns) == Approx(75.5114).margin(5e-5));
  CHECK(learner.gap() == Approx(75.8480).margin(5e-5));
  Hedge tuned({.horizon = 10'000}, experts);
  CHECK(regret_of(tuned, 10'000, in_turns) == Approx(53.6409).margin(5e-5));
}

TEST_CASE("AdaHedge: where one expert is better it loses a tenth of what a tuned Hedge does") {
  AdaHedge learner({}, experts);
  Hedge tuned({.horizon = 10'000}, experts);
  const double found = regret_of(learner, 10'000, one_better), of_tuned = regret_of(tuned, 10'000, one_better);
  CHECK(found < 12);
  CHECK(found > 0);
  CHECK(of_tuned == Approx(55).epsilon(0.1));
}

TEST_CASE("AdaHedge: regret is at most twice the gap at every time, whatever the losses") {
  const Losses wild = [](std::int64_t t) {
    VectorXd losses(experts);
    const RandomKey key = RandomKey{11}.derive(static_cast<std::uint64_t>(t));
    const double scale = std::pow(10.0, static_cast<double>(t % 7) - 3);
    for (Index i = 0; i < experts; ++i) losses[i] = scale * key.normal(static_cast<std::uint64_t>(i));
    return losses;
  };
  for (const Losses& losses : {Losses(in_turns), Losses(one_better), wild}) {
    AdaHedge learner({}, experts);
    std::vector<Regret> regret(experts);
    bool below = true;
    for (std::int64_t t = 0; t < 2000; ++t) {
      const VectorXd l = losses(t);
      for (Index i = 0; i < experts; ++i) regret[static_cast<std::size_t>(i)].add(learner.play().dot(l), l[i]);
      learner.learn(l);
      for (const Regret& r : regret) below = below && r.total() <= 2 * learner.gap() * (1 + 1e-12);
    }
    CHECK(below);
  }
}

TEST_CASE("AdaHedge: losses in another unit, or all greater by one number, give the same weights") {
  AdaHedge learner({}, experts), exact({}, experts), rounded({}, experts);
  const auto coarse = [](std::int64_t t) {
    const RandomKey key = RandomKey{5}.derive(static_cast<std::uint64_t>(t));
    return VectorXd(VectorXd::NullaryExpr(
        experts, [&key](Index i) { return std::floor(16 * key.uniform(static_cast<std::uint64_t>(i))) / 16; }));
  };
  double apart = 0;
  bool same = true;
  for (std::int64_t t = 0; t < 1000; ++t) {
    const VectorXd l = coarse(t);
    learner.learn(l);
    exact.learn((4 * l).array() - 2);
    rounded.learn((0.3 * l).array() + 0.7);
    same = same && learner.play() == exact.play();
    apart = std::max(apart, furthest(learner.play(), rounded.play()));
  }
  CHECK(same);
  CHECK(apart <= 1e-9);
  CHECK(rounded.gap() == Approx(0.3 * learner.gap()));
}

TEST_CASE("AdaHedge: weights by the definition, and the leaders alone while nothing was lost against them") {
  AdaHedge learner({}, 3);
  learner.learn(Eigen::Vector3d(1, 0, 0));  // each third of the weight: 1/3 paid, 0 mixed
  const double gap = 1.0 / 3, eta = std::log(3) / gap;
  CHECK(learner.gap() == Approx(gap));
  VectorXd w = Eigen::Vector3d(std::exp(-eta), 1, 1);
  w /= w.sum();
  CHECK(furthest(learner.play(), w) <= 1e-15);
  const Eigen::Vector3d l(0.25, 0.5, 1);
  const double mix = -std::log((w.array() * (-eta * l.array()).exp()).sum()) / eta;
  learner.learn(l);
  CHECK(learner.gap() == Approx(gap + w.dot(l) - mix).epsilon(1e-14));

  AdaHedge follower({}, 3);
  follower.learn(Eigen::Vector3d(2, 2, 2));
  CHECK(follower.gap() == 0);
  CHECK(std::isinf(follower.learning_rate()));
  // A gap so small that its rate overflows.
  AdaHedge tiny({}, 2);
  tiny.learn(Eigen::Vector2d(1e-310, 0));
  CHECK(tiny.play() == Eigen::Vector2d(0, 1));
  tiny.learn(Eigen::Vector2d(0, 4e-310));
  CHECK(tiny.play() == Eigen::Vector2d(1, 0));
  AdaHedge alone({}, 1);
  alone.learn(VectorXd::Constant(1, 5));
  CHECK(alone.play()[0] == 1);
  CHECK(alone.gap() == 0);
}

TEST_CASE("experts: a loss that all of them share moves nothing, to the last bit") {
  AdaHedge adaptive({}, experts);
  Hedge constant({.horizon = 100}, experts);
  const auto check = [](auto& learner) {
    for (std::int64_t t = 0; t < 20; ++t) learner.learn(0.3 * one_better(t) + 0.1 * in_turns(t));
    const VectorXd before = learner.play();
    for (int t = 0; t < 20; ++t) learner.learn(VectorXd::Constant(experts, 1e6 / 3));
    CHECK(learner.play() == before);
  };
  check(adaptive);
  check(constant);
}

TEST_CASE("Hedge: with share, weights are those of all sequences of experts that Bayes' rule would mix") {
  // 3^6 sequences; each round an expert stays with 1 - a, or is drawn again evenly.
  constexpr Index n = 3;
  constexpr int rounds = 5;
  const double a = 0.15, eta = 0.8;
  Hedge learner({.learning_rate = eta, .share = a}, n);
  std::vector<VectorXd> losses;
  for (int t = 0; t < rounds; ++t) {
    const RandomKey key = RandomKey{2}.derive(static_cast<std::uint64_t>(t));
    losses.emplace_back(
        VectorXd::NullaryExpr(n, [&key](Index i) { return key.uniform(static_cast<std::uint64_t>(i)); }));
    learner.learn(losses.back());
  }
  VectorXd w = VectorXd::Zero(n);
  for (int code = 0; code < 729; ++code) {
    double weight = 1.0 / n;
    int rest = code, at = rest % n;
    for (int t = 0; t < rounds; ++t) {
      weight *= std::exp(-eta * losses[static_cast<std::size_t>(t)][at]);
      rest /= n;
      const int next = rest % n;
      weight *= (next == at ? 1 - a : 0) + a / n;
      at = next;
    }
    w[at] += weight;
  }
  w /= w.sum();
  CHECK(furthest(learner.play(), w) <= 1e-14);
}

TEST_CASE("Hedge: with share, regret against experts that change is below its bound, and Hedge's is not") {
  const std::int64_t rounds = 4000;
  const Losses changing = [](std::int64_t t) {
    VectorXd losses = VectorXd::Ones(experts);
    losses[(t / 500) % experts] = 0;
    return losses;
  };
  const double s = 7, a = s / rounds, eta = 0.2;
  Hedge sharing({.learning_rate = eta, .share = a}, experts), plain({.learning_rate = eta}, experts);
  const auto paid = [&](Hedge& learner) {
    double sum = 0;
    for (std::int64_t t = 0; t < rounds; ++t) {
      sum += learner.play().dot(changing(t));
      learner.learn(changing(t));
    }
    return sum;
  };
  const double K = experts, T = rounds;
  const double bound = (std::log(K) + s * std::log(K / a) - (T - 1 - s) * std::log(1 - a + a / K)) / eta + eta * T / 8;
  CHECK(paid(sharing) <= bound);
  CHECK(paid(plain) > 2 * bound);
}

TEST_CASE("Hedge: weights by the definition; a million rounds and huge losses lose nothing") {
  Hedge any_time({}, 2), horizon({.horizon = 50}, 2);
  any_time.learn(Eigen::Vector2d(1, 0.25));
  horizon.learn(Eigen::Vector2d(1, 0.25));
  CHECK(any_time.learning_rate() == Approx(2 * std::sqrt(std::log(2) / 2)));
  CHECK(horizon.learning_rate() == Approx(std::sqrt(8 * std::log(2) / 50)));
  for (const Hedge* learner : {&any_time, &horizon})
    CHECK(learner->play()[0] == Approx(1 / (1 + std::exp(0.75 * learner->learning_rate()))).epsilon(1e-14));

  Hedge far({.learning_rate = 1}, 2);
  for (int t = 0; t < 5; ++t) far.learn(Eigen::Vector2d(1e308, -1e308));
  CHECK(far.play()[1] == 1);
  CHECK(far.play()[0] > 0);
  for (int t = 0; t < 100; ++t) far.learn(Eigen::Vector2d(-1e308, 1e308));
  CHECK(far.play().allFinite());
}

TEST_CASE("Hedge: what cannot be used is refused") {
  const auto said = [](const HedgeOptions& options, Index n = 3) { return message_of([&] { Hedge h(options, n); }); };
  CHECK(said({.horizon = -1}).find("Hedge: horizon = -1, must be in [0, ") == 0);
  CHECK(said({.learning_rate = -1}) == "Hedge: learning_rate = -1, must be >= 0 and finite");
  CHECK(said({.learning_rate = 0.1, .share = 1}) == "Hedge: share = 1, must be in [0, 1)");
  CHECK(said({.horizon = 5, .learning_rate = 0.1}) == "Hedge: learning_rate = 0.1, must be 0 where a horizon is given");
  CHECK(said({.share = 0.1}) == "Hedge: share = 0.1, must be 0 without horizon or learning_rate");
  CHECK(said({}, 0) == "Hedge: experts = 0, must be >= 1");
  CHECK(message_of([] { AdaHedge a({}, 0); }) == "AdaHedge: experts = 0, must be >= 1");
}
