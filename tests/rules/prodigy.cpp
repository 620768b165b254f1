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
