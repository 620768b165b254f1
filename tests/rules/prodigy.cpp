#include "support/rule_checks.hpp"

using namespace glissade;

TEST_CASE("Prodigy: the distance never falls and stays below the true one") {
  Eigen::VectorXd x = Eigen::VectorXd::Constant(10, 3.0);
  Optimizer optimizer{Prodigy{}, x};
  double d = 0;
  for (int t = 0; t < 500; ++t) {
    optimizer.step(x.cwiseSign());
    CHECK(optimizer.shared("d") >= d);
    d = optimizer.shared("d");
  }
  CHECK(d > 1e-3);
  CHECK(d <= 3.0);  // of the infinity norm: s is measured in the 1-norm
}

TEST_CASE("Prodigy: one distance for all tensors") {
  Eigen::VectorXd whole = laws::parameters<Eigen::VectorXd>(40);
  Eigen::VectorXd parts = whole;
  Optimizer one{Prodigy{}, whole};
  Optimizer two{Prodigy{}, parts.head(17), parts.tail(23)};
  for (int t = 1; t <= 20; ++t) {
    const auto g = laws::gradients<Eigen::VectorXd>(40, t);
    one.step(g);
    two.step(g.head(17), g.tail(23));
    CHECK((whole - parts).norm() <= 1e-13);
  }
}

TEST_CASE("Prodigy: a step is proportional to the learning rate, on which the first distance does not depend") {
  const Eigen::VectorXd start = laws::parameters<Eigen::VectorXd>(40);
  const auto g = laws::gradients<Eigen::VectorXd>(40, 1);
  const auto moved = [&](double rate) {
    Eigen::VectorXd x = start;
    Optimizer optimizer{Prodigy{.learning_rate = rate, .initial_distance = 0.1}, x};
    optimizer.step(g);
    CHECK(optimizer.shared("d") == 0.1);
    return Eigen::VectorXd(x - start);
  };
  const Eigen::VectorXd whole = moved(1);
  CHECK(whole.norm() > 0.01);
  CHECK((moved(0.25) - 0.25 * whole).norm() <= 1e-14);
  CHECK((moved(3) - 3 * whole).norm() <= 1e-14);
}

TEST_CASE("Prodigy: growth_rate bounds how fast the distance grows once it has left its start") {
  Eigen::VectorXd x = Eigen::VectorXd::Constant(10, 3.0);
  Optimizer optimizer{Prodigy{.growth_rate = 1.02}, x};
  double d = 1e-6;
  for (int t = 0; t < 50; ++t) {
    optimizer.step(x);
    if (d > 1e-6) CHECK(optimizer.shared("d") <= 1.02 * d * (1 + 1e-15));
    d = optimizer.shared("d");
  }
}
