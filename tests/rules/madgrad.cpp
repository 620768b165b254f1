#include "support/rule_checks.hpp"

using namespace glissade;

TEST_CASE("MADGRAD: without momentum the parameter is the dual average") {
  const Eigen::Vector3d start(1.0, -2.0, 0.5);
  Eigen::VectorXd x = start;
  Optimizer optimizer{Madgrad{.learning_rate = 0.1, .momentum = 0, .epsilon = 0}, x};
  Eigen::ArrayXd s = Eigen::ArrayXd::Zero(3);
  Eigen::ArrayXd v = s;
  for (int t = 1; t <= 10; ++t) {
    const Eigen::Vector3d g(std::sin(t), std::cos(t), 1.0 / t);
    optimizer.step(g);
    s += 0.1 * std::sqrt(t) * g.array();
    v += 0.1 * std::sqrt(t) * g.array().square();
    CHECK((x.array() - start.array() + s / v.pow(1.0 / 3)).abs().maxCoeff() <= 1e-14);
  }
}

TEST_CASE("MADGRAD: a rate of zero leaves everything alone") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  const Eigen::VectorXd before = x;
  Optimizer optimizer{Madgrad{.learning_rate = 0}, x};
  for (int t = 1; t <= 5; ++t) optimizer.step(laws::gradients<Eigen::VectorXd>(23, t));
  CHECK(laws::same_bits(x, before));
}
