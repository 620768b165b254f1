// CoinBetting and Cocob: their regret without a learning rate, and the scales that they do not see.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/measure/regret.hpp>
#include <glissade/online/cocob.hpp>
#include <glissade/online/coin_betting.hpp>

using namespace glissade;
using Eigen::VectorXd;

namespace {

VectorXd random_gradient(Eigen::Index size, std::uint64_t t) {
  VectorXd v(size);
  for (Eigen::Index i = 0; i < size; ++i) v[i] = RandomKey{1}.derive(t).uniform(static_cast<std::uint64_t>(i)) - 0.4;
  return v;
}

}  // namespace

TEST_CASE("coin betting: regret on |x - 10|") {
  CoinBetting learner({}, VectorXd::Zero(1));
  Regret regret;
  for (int t = 1; t <= 10'000; ++t) {
    const double x = learner.play()[0];
    regret.add(std::abs(x - 10), 0);
    learner.learn(VectorXd::Constant(1, x < 10 ? -1.0 : x > 10 ? 1.0 : 0.0));
    CHECK(learner.wealth() > 0);
    const double bound = 1 + 10 * std::sqrt(t * std::log(1 + 2400 * std::pow(t, 2)));
    CHECK(regret.total() <= bound);
    if (t == 100) CHECK(regret.total() == Approx(312.0).margin(0.051));
    if (t == 1000) CHECK(regret.total() == Approx(1188.8).margin(0.051));
    if (t == 10'000) CHECK(regret.total() == Approx(4302.3).margin(0.051));
    if (t == 100) CHECK(bound == Approx(413).margin(0.51));
    if (t == 10'000) CHECK(bound == Approx(5120).margin(0.51));
  }
}

TEST_CASE("coin betting: the unit of gradients and the start do not matter") {
  const VectorXd start = Eigen::Vector3d(1, -2, 3);
  CoinBetting one({.initial_wealth = 2}, VectorXd::Zero(3)), other({.initial_wealth = 2, .lipschitz = 8}, start);
  VectorXd theta = VectorXd::Zero(3);
  double wealth = 2;
  for (std::uint64_t t = 0; t < 100; ++t) {
    CHECK((other.play() - start - one.play()).norm() <= 1e-11 * (1 + one.play().norm()));
    const VectorXd g = random_gradient(3, t) / 1.2;
    wealth -= g.dot(one.play());
    theta -= g;
    one.learn(g);
    other.learn(8 * g);
    CHECK((one.play() - theta * wealth / static_cast<double>(t + 2)).norm() <= 1e-12 * (1 + one.play().norm()));
  }
  CHECK(message_of([&] { other.learn(Eigen::Vector3d(0, 9, 0)); }) ==
        "CoinBetting: the norm of gradient = 9, must be <= lipschitz = 8");
  CHECK(message_of([] { CoinBetting({.initial_wealth = 0}, VectorXd::Zero(1)); }).find("initial_wealth = 0") !=
        std::string::npos);
}

TEST_CASE("Cocob: its step, and scales of gradients that it does not see") {
  const VectorXd start = Eigen::Vector3d(1, -2, 3), scales = Eigen::Vector3d(1e-3, 1, 1e6);
  Cocob one({.alpha = 2}, start), scaled({.alpha = 2, .initial_lipschitz = 1e-300}, start);
  VectorXd L = VectorXd::Constant(3, 1e-8), G = VectorXd::Zero(3), theta = G, reward = G, x = start;
  double moved = 0;
  for (std::uint64_t t = 0; t < 200; ++t) {
    const VectorXd g = random_gradient(3, t);
    for (Eigen::Index i = 0; i < 3; ++i) {
      L[i] = std::max(L[i], std::abs(g[i]));
      G[i] += std::abs(g[i]);
      theta[i] -= g[i];
      reward[i] = std::max(0.0, reward[i] - g[i] * (x[i] - start[i]));
      x[i] = start[i] + theta[i] * (L[i] + reward[i]) / (L[i] * std::max(G[i] + L[i], 2 * L[i]));
    }
    one.learn(g);
    scaled.learn(g.cwiseProduct(scales));
    CHECK((one.play() - x).norm() <= 1e-12 * x.norm());
    CHECK((scaled.play() - one.play()).norm() <= 1e-10 * x.norm());
    moved = std::max(moved, (x - start).norm());
  }
  CHECK(moved > 1);
}

TEST_CASE("Cocob: on |x - 10| the average loss vanishes, for losses of every scale") {
  for (const double scale : {1e-4, 1.0, 1e4}) {
    Cocob learner({}, VectorXd::Zero(1));
    Regret regret;
    for (int t = 0; t < 20'000; ++t) {
      const double x = learner.play()[0];
      regret.add(std::abs(x - 10), 0);
      learner.learn(VectorXd::Constant(1, x < 10 ? -scale : scale));
    }
    CHECK(regret.average() <= 0.5);
    CHECK(learner.play()[0] == Approx(10).margin(0.5));
  }
  CHECK(message_of([] { Cocob({.alpha = 0}, VectorXd::Zero(1)); }).find("alpha = 0") != std::string::npos);
}
