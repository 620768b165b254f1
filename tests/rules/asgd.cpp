#include "support/rule_checks.hpp"

using namespace glissade;

TEST_CASE("Asgd: the solution is the mean of the iterates behind t0") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  Optimizer optimizer{Asgd{.learning_rate = 0.1, .t0 = 5}, x};
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(23);
  for (int t = 1; t <= 20; ++t) {
    optimizer.step(laws::gradients<Eigen::VectorXd>(23, t));
    if (t <= 6) CHECK((evaluation_parameters(optimizer, 0).matrix() - x).norm() == 0);
    if (t < 7) continue;
    sum += x;
    CHECK((evaluation_parameters(optimizer, 0).matrix() - sum / (t - 6)).norm() <= 1e-13);
  }
}
