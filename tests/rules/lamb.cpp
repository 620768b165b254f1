#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::after;

TEST_CASE("Lamb: every tensor moves by the learning rate times its own length") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  Eigen::VectorXd y = 100 * laws::parameters<Eigen::VectorXd>(5);
  Optimizer optimizer{Lamb{.learning_rate = 0.01, .weight_decay = 0.1}, x, y};
  for (int t = 1; t <= 10; ++t) {
    const Eigen::VectorXd x0 = x;
    const Eigen::VectorXd y0 = y;
    optimizer.step(laws::gradients<Eigen::VectorXd>(23, t), laws::gradients<Eigen::VectorXd>(5, t));
    CHECK(std::abs((x - x0).norm() - 0.01 * x0.norm()) <= 1e-14 * x0.norm());
    CHECK(std::abs((y - y0).norm() - 0.01 * y0.norm()) <= 1e-14 * y0.norm());
  }
}

TEST_CASE("Lamb: the ratio is 1 where a norm is 0") {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(3);
  Eigen::VectorXd y = x;
  Optimizer lamb{Lamb{.learning_rate = 0.01, .epsilon = 1e-8}, x};
  Optimizer adamw{AdamW{.learning_rate = 0.01}, y};
  lamb.step(Eigen::Vector3d(1, -2, 3));
  adamw.step(Eigen::Vector3d(1, -2, 3));
  CHECK(laws::same_bits(x, y));
}
