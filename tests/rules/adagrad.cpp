#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::check_three_coordinates;

TEST_CASE("Adagrad: golden values on three coordinates") {
  check_three_coordinates(Adagrad{.learning_rate = 0.1}, 0.509594695166, -1.677770274632, 0.042474793531);
  check_three_coordinates(Adagrad{.learning_rate = 0.1, .learning_rate_decay = 0.1}, 0.665013464745, -1.722821957482,
                          0.112984699392);
  check_three_coordinates(
      Adagrad{.learning_rate = 0.1, .initial_accumulator = 0.1, .epsilon = 1e-7, .convention = Convention::optax},
      0.512081740240, -1.760725571957, 0.046287406059);
}

TEST_CASE("Adagrad: AdamNC without momentum and a rate that falls as 1 / sqrt(t) is the same") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  Eigen::VectorXd y = x;
  Optimizer adagrad{Adagrad{.learning_rate = 0.1, .epsilon = 0}, x};
  Optimizer adamnc{AdamNc{.learning_rate = rule_checks::inverse_root(0.1), .beta1 = 0, .epsilon = 0}, y};
  for (int t = 1; t <= 100; ++t) {
    adagrad.step(laws::gradients<Eigen::VectorXd>(23, t));
    adamnc.step(laws::gradients<Eigen::VectorXd>(23, t));
  }
  CHECK((x - y).cwiseAbs().maxCoeff() <= 1e-13);
}

TEST_CASE("Adagrad: the factor of a gradient never grows") {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(23);
  Optimizer optimizer{Adagrad{.learning_rate = 0.1}, x};
  Eigen::VectorXd factor = Eigen::VectorXd::Constant(23, std::numeric_limits<double>::infinity());
  for (int t = 1; t <= 100; ++t) {
    const auto g = laws::gradients<Eigen::VectorXd>(23, t);
    x.setZero();
    optimizer.step(g);
    for (Index i = 0; i < 23; ++i) {
      if (g[i] == 0) continue;
      CHECK(-x[i] / g[i] <= factor[i] * (1 + 1e-15));
      CHECK(-x[i] / g[i] > 0);
      factor[i] = -x[i] / g[i];
    }
  }
}
