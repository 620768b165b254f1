#include "support/rule_checks.hpp"

using namespace glissade;

TEST_CASE("AdaBelief: with beta1 = 0 gradients are as expected and only epsilon divides") {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(3);
  const Eigen::VectorXd g{{1.0, -2.0, 0.5}};
  Optimizer optimizer{AdaBelief{.learning_rate = 1, .beta1 = 0, .epsilon = 1, .rectify = false}, x};
  optimizer.step(g);  // s = epsilon
  CHECK((x + g / (std::sqrt(1 / 1e-3) + 1)).norm() <= 1e-14);
}

TEST_CASE("AdaBelief: the epsilon in the state adds up to epsilon / (1 - beta2)") {
  for (const bool in_state : {true, false}) {
    Eigen::VectorXd x = Eigen::VectorXd::Zero(3);
    Optimizer optimizer{AdaBelief{.beta2 = 0.5, .epsilon = 0.25, .epsilon_in_state = in_state}, x};
    for (int t = 0; t < 60; ++t) optimizer.step(Eigen::VectorXd::Zero(3));
    CHECK(std::abs(optimizer.field("0", "belief")[0] - (in_state ? 0.5 : 0.0)) <= 1e-15);
  }
}
