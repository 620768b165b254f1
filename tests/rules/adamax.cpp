#include "support/rule_checks.hpp"

using namespace glissade;

TEST_CASE("Adamax: golden values on three coordinates") {
  rule_checks::check_three_coordinates(Adamax{.learning_rate = 0.1}, 0.214167251162, -1.447035947582, -0.093938803951);
}

TEST_CASE("Adamax: the first step is the gradient over its absolute value plus epsilon") {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(23);
  const auto g = laws::gradients<Eigen::VectorXd>(23, 1);
  Optimizer optimizer{Adamax{.learning_rate = 0.1, .epsilon = 0.5}, x};
  optimizer.step(g);
  CHECK((x.array() + 0.1 * g.array() / (g.array().abs() + 0.5)).abs().maxCoeff() <= 1e-15);
}

TEST_CASE("Adamax: a loss scaled by a power of two changes no bit without epsilon") {
  const Adamax rule{.learning_rate = 0.1, .epsilon = 0};
  CHECK(laws::same_bits(rule_checks::after(rule, 200), rule_checks::after(rule, 200, 1024)));
}
