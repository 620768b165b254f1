#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::after;

TEST_CASE("Adan: the first step is the sign of the gradient") {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(3);
  Optimizer optimizer{Adan{.learning_rate = 0.5, .epsilon = 0}, x};
  optimizer.step(Eigen::Vector3d(1e-3, -7, 0));
  CHECK((x - Eigen::Vector3d(-0.5, 0.5, 0)).norm() <= 1e-14);
}

TEST_CASE("Adan: with beta2 = 0 changes count for nothing and it is Adam") {
  const Eigen::VectorXd a = after(Adan{.beta1 = 0.9, .beta2 = 0, .beta3 = 0.999}, 30);
  CHECK((a - after(Adam{}, 30)).norm() <= 1e-13);
}

TEST_CASE("Adan: without decay both forms of it are the same") {
  CHECK((after(Adan{}, 30) - after(Adan{.proximal = false}, 30)).norm() <= 1e-13);
}
