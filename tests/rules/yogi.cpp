#include "support/rule_checks.hpp"

using namespace glissade;

TEST_CASE("Yogi: while gradients grow from nothing the first step is Adam's") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  Eigen::VectorXd y = x;
  Optimizer yogi{Yogi{.learning_rate = 0.1, .epsilon = 1e-8, .initial_accumulator = 0, .bias_corrected = true}, x};
  Optimizer adam{Adam{.learning_rate = 0.1}, y};
  yogi.step(laws::gradients<Eigen::VectorXd>(23, 1));
  adam.step(laws::gradients<Eigen::VectorXd>(23, 1));
  CHECK((x - y).norm() <= 1e-14);
}

TEST_CASE("Yogi: the second moment changes by (1 - beta2) g^2 whatever its size") {
  double x = 0;
  Optimizer optimizer{Yogi{.beta2 = 0.75, .initial_accumulator = 100}, x};
  optimizer.step(2.0);
  CHECK(optimizer.field("0", "second_moment")[0] == 99);
  optimizer.step(20.0);
  CHECK(optimizer.field("0", "second_moment")[0] == 199);
}
