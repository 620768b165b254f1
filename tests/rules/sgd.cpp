#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::check_three_coordinates;

TEST_CASE("Sgd: golden values on three coordinates") {
  check_three_coordinates(Sgd{.learning_rate = 0.05}, 0.309789967393, -1.816741447795, 0.026026762165);
  check_three_coordinates(Sgd{.learning_rate = 0.05, .momentum = 0.9}, -0.124098863633, -0.756101249904,
                          -0.037233830280);
  check_three_coordinates(Sgd{.learning_rate = 0.05, .momentum = 0.9, .dampening = 0.5}, -0.343921309237,
                          -1.299607557410, 0.097545399919);
  check_three_coordinates(Sgd{.learning_rate = 0.05, .momentum = 0.9, .nesterov = true}, -0.129452440635,
                          -0.775393584698, -0.043781774883);
  check_three_coordinates(Sgd{.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0.1}, -0.043814799023,
                          -0.113107104073, -0.065879025710);
}

TEST_CASE("Sgd: dampening is not applied in the first step") {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(3);
  Optimizer optimizer{Sgd{.learning_rate = 1, .momentum = 0.5, .dampening = 0.25}, x};
  const Eigen::VectorXd g{{1, -2, 4}};
  optimizer.step(g);
  CHECK(x == -g);
  optimizer.step(g);  // b = 0.5 g + 0.75 g
  CHECK(x == -2.25 * g);
}

TEST_CASE("Sgd: with dampening = momentum the buffer is a running mean started at the first gradient") {
  const double mu = 0.8;
  const int steps = 12;
  Eigen::VectorXd x = Eigen::VectorXd::Zero(7);
  Optimizer optimizer{Sgd{.momentum = mu, .dampening = mu}, x};
  Eigen::VectorXd expected = Eigen::VectorXd::Zero(7);
  for (int t = 1; t <= steps; ++t) {
    const auto g = laws::gradients<Eigen::VectorXd>(7, t);
    optimizer.step(g);
    expected += std::pow(mu, steps - t) * (t == 1 ? 1 : 1 - mu) * g;
  }
  const Field& buffer = optimizer.field("0", "momentum_buffer");
  for (Index i = 0; i < 7; ++i) CHECK(std::abs(buffer[i] - expected[i]) <= 1e-14);
}

TEST_CASE("Sgd: the direction of Nesterov's form is the gradient plus momentum times the buffer") {
  const double mu = 0.9;
  auto x = laws::parameters<Eigen::VectorXd>(7);
  Optimizer optimizer{Sgd{.learning_rate = 0.01, .momentum = mu, .nesterov = true}, x};
  for (int t = 1; t <= 5; ++t) {
    const auto g = laws::gradients<Eigen::VectorXd>(7, t);
    const Eigen::VectorXd before = x;
    optimizer.step(g);
    const Field& buffer = optimizer.field("0", "momentum_buffer");
    for (Index i = 0; i < 7; ++i) CHECK(std::abs(x[i] - (before[i] - 0.01 * (g[i] + mu * buffer[i]))) <= 1e-15);
  }
}

TEST_CASE("Sgd: momentum keeps the gradient, not the step, in its buffer") {
  // The other form, v <- momentum v - learning_rate g, differs as soon as the rate changes.
  Eigen::VectorXd x = Eigen::VectorXd::Zero(1);
  Optimizer optimizer{Sgd{.learning_rate = 1, .momentum = 0.5}, x};
  optimizer.step(Eigen::VectorXd::Ones(1));
  optimizer.rule().learning_rate = 0;
  optimizer.step(Eigen::VectorXd::Ones(1));
  CHECK(x[0] == -1);
}

TEST_CASE("Sgd: permutations and signs") {
  rule_checks::check_equivariance(Sgd{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1});
}

TEST_CASE("Sgd: float follows double") {
  CHECK(rule_checks::float_distance(Sgd{.learning_rate = 0.1}) <= 2e-6);
  CHECK(rule_checks::float_distance(Sgd{.learning_rate = 0.1, .momentum = 0.9}) <= 2e-6);
}

TEST_CASE("Sgd: with the rate in the buffer a step that was taken goes on with its own rate") {
  const Schedule falling = [](std::int64_t t) { return 0.1 / static_cast<double>(t + 1); };
  for (const bool nesterov : {false, true}) {
    double x = 0, y = 0, b = 0;
    Optimizer optimizer{Sgd{.learning_rate = falling, .momentum = 0.9, .nesterov = nesterov, .rate_in_buffer = true},
                        x};
    for (int t = 1; t <= 50; ++t) {
      const double g = std::sin(t);
      optimizer.step(g);
      b = 0.9 * b + falling(t - 1) * g;
      y -= nesterov ? 0.9 * b + falling(t - 1) * g : b;
      REQUIRE(std::abs(x - y) <= 1e-15);
    }
  }
  const Sgd outside{.learning_rate = 0.125, .momentum = 0.9};
  const Sgd inside{.learning_rate = 0.125, .momentum = 0.9, .rate_in_buffer = true};
  CHECK(laws::same_bits(rule_checks::after(outside, 50), rule_checks::after(inside, 50)));
}
