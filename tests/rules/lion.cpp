#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::after;

TEST_CASE("Lion: golden values on three coordinates") {
  rule_checks::check_three_coordinates(Lion{.learning_rate = 0.01, .weight_decay = 0.1}, 0.782077513125,
                                       -1.901072834098, 0.291983080710);
}

TEST_CASE("Lion: every coordinate moves by exactly the learning rate") {
  const double rate = 0x1p-10;  // so that the subtraction below is exact
  Eigen::VectorXd x = Eigen::VectorXd::Zero(23);
  Optimizer optimizer{Lion{.learning_rate = rate}, x};
  for (int t = 1; t <= 30; ++t) {
    const Eigen::VectorXd before = x;
    const auto g = laws::gradients<Eigen::VectorXd>(23, t);
    optimizer.step(g);
    for (Index i = 0; i < 23; ++i) CHECK(std::abs(x[i] - before[i]) == (i % 11 == 5 ? 0 : rate));
  }
}

TEST_CASE("Lion: fixed points of decay are those of a box") {
  // min 0.5 |x - c|^2 with |x_i| <= 1 / weight_decay
  const Eigen::VectorXd c{{3.0, 0.2, -5.0, 0.9, -0.5}};
  Eigen::VectorXd x = Eigen::VectorXd::Zero(5);
  Optimizer optimizer{Lion{.learning_rate = [](std::int64_t t) { return 0.01 * (1 - static_cast<double>(t) / 4000); },
                           .weight_decay = 1},
                      x};
  for (int t = 0; t < 4000; ++t) optimizer.step(x - c);
  CHECK((x - c.cwiseMax(-1).cwiseMin(1)).cwiseAbs().maxCoeff() <= 1e-3);
}

TEST_CASE("Lion: from outside the box it is approached at least as fast as decay shrinks the distance") {
  const Eigen::VectorXd c{{3.0, 0.2, -5.0, 0.9, -0.5}};
  Eigen::VectorXd x = Eigen::VectorXd::Constant(5, 10.0);
  const auto distance = [&] { return (x.cwiseAbs().array() - 1).max(0.0).matrix().norm(); };
  const double start = distance();
  Optimizer optimizer{Lion{.learning_rate = 0.01, .weight_decay = 1}, x};
  for (int t = 1; t <= 200; ++t) {
    optimizer.step(x - c);
    REQUIRE(distance() <= std::pow(0.99, t) * start * (1 + 1e-12));
  }
}

TEST_CASE("Lion: with equal betas it is the sign of a running mean, without memory of the gradient") {
  for (const double beta : {0.0, 0.75}) {
    auto x = laws::parameters<Eigen::VectorXd>(23);
    Eigen::VectorXd y = x;
    Eigen::VectorXd m = Eigen::VectorXd::Zero(23);
    Optimizer optimizer{Lion{.learning_rate = 0.1, .beta1 = beta, .beta2 = beta}, x};
    for (int t = 1; t <= 20; ++t) {
      const auto g = laws::gradients<Eigen::VectorXd>(23, t);
      optimizer.step(g);
      for (Index i = 0; i < 23; ++i) {
        const double kept = beta * m[i];  // exact, so that a compiler that fuses makes no difference
        m[i] = kept + (1 - beta) * g[i];
        if (m[i] != 0) y[i] += m[i] > 0 ? -0.1 : 0.1;
      }
    }
    CHECK(laws::same_bits(x, y));
  }
}

TEST_CASE("Lion: the direction is formed before the momentum moves, with the other beta") {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(1);
  Optimizer optimizer{Lion{.learning_rate = 1, .beta1 = 0.5, .beta2 = 0.75}, x};
  optimizer.step(Eigen::VectorXd::Constant(1, 8.0));
  CHECK(optimizer.field("0", "momentum")[0] == 2);
  // c = 0.5 * 2 - 0.5 * 1.5 > 0; with the new momentum it would be 0.5 * 1.125 - 0.5 * 1.5 < 0.
  optimizer.step(Eigen::VectorXd::Constant(1, -1.5));
  CHECK(x[0] == -2);
  CHECK(optimizer.field("0", "momentum")[0] == 1.125);
}

TEST_CASE("Lion: a loss scaled by a power of two changes no bit") {
  const Lion rule{.learning_rate = 0.1, .weight_decay = 0.5};
  CHECK(laws::same_bits(after(rule, 100), after(rule, 100, 1024)));
}

TEST_CASE("Lion: a NaN gradient shows, in the parameter and in the momentum") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(2);
  Optimizer optimizer{Lion{.learning_rate = 0.1}, x};
  optimizer.step(Eigen::VectorXd{{std::numeric_limits<double>::quiet_NaN(), 1.0}});
  CHECK(std::isnan(x[0]));
  CHECK(x[1] == 0.9);
  CHECK(std::isnan(optimizer.field("0", "momentum")[0]));
}

TEST_CASE("Lion: permutations and signs") {
  rule_checks::check_equivariance(Lion{.learning_rate = 0.1, .weight_decay = 0.1});
}

TEST_CASE("Lion: float follows double") { CHECK(rule_checks::float_distance(Lion{.learning_rate = 0.01}) <= 2e-6); }

TEST_CASE("Lion: refined, a coefficient whose gradients have ended comes to rest") {
  const auto run = [](bool refined) {
    Eigen::VectorXd x = Eigen::VectorXd::Zero(2);
    Optimizer optimizer{Lion{.learning_rate = 0.1, .refined = refined}, x};
    for (int t = 1; t <= 400; ++t) optimizer.step(t <= 5 ? Eigen::Vector2d(0.5, 200) : Eigen::Vector2d(0, 0));
    return x;
  };
  CHECK(std::abs(run(false)[0] + 40) <= 1e-12);
  // c = 0.1 g + 0.9 m, and m <- 0.99 m + 0.01 g
  double m = 0, x = 0, y = 0, n = 0;
  for (int t = 1; t <= 400; ++t) {
    const double g = t <= 5 ? 0.5 : 0, h = 400 * g;
    x -= 0.1 * std::clamp(0.9 * m + 0.1 * g, -1.0, 1.0);
    y -= 0.1 * std::clamp(0.9 * n + 0.1 * h, -1.0, 1.0);
    m = 0.99 * m + 0.01 * g;
    n = 0.99 * n + 0.01 * h;
  }
  CHECK(std::abs(run(true)[0] - x) <= 1e-13);
  CHECK(std::abs(run(true)[1] - y) <= 1e-13);
  CHECK(x > -0.3);
}
