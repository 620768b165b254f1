#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::after;

TEST_CASE("LaProp: with beta1 = 0 it is Adam") {
  CHECK((after(LaProp{.learning_rate = 0.01, .beta1 = 0, .epsilon = 1e-8}, 30) -
         after(Adam{.learning_rate = 0.01, .beta1 = 0}, 30))
            .norm() <= 1e-13);
}

TEST_CASE("LaProp: with beta2 = 0 it is momentum of signs") {
  const Eigen::VectorXd x = after(LaProp{.learning_rate = 0.01, .beta2 = 0, .epsilon = 0}, 1);
  const Eigen::VectorXd g = laws::gradients<Eigen::VectorXd>(23, 1);
  CHECK((x - laws::parameters<Eigen::VectorXd>(23) + 0.01 * g.cwiseSign()).norm() <= 1e-14);
}
