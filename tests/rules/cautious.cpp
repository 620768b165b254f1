#include "support/rule_checks.hpp"

using namespace glissade;

namespace {

template <class R>
void moves_with_the_gradient(const R& rule) {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  Optimizer optimizer{rule, x};
  int rested = 0;
  for (int t = 1; t <= 40; ++t) {
    const Eigen::VectorXd before = x;
    const auto g = laws::gradients<Eigen::VectorXd>(23, t);
    optimizer.step(g);
    for (Index i = 0; i < 23; ++i) {
      CHECK((x[i] - before[i]) * g[i] <= 0);
      rested += x[i] == before[i] && g[i] != 0;
    }
  }
  CHECK(rested > 0);  // else nothing was seen
}

}  // namespace

TEST_CASE("cautious rules: no coordinate moves against its gradient") {
  moves_with_the_gradient(CautiousAdamW{.weight_decay = 0});
  moves_with_the_gradient(CautiousLion{});
}

TEST_CASE("CautiousAdamW: while gradients keep their signs it is AdamW") {
  Eigen::VectorXd x = Eigen::VectorXd::Constant(9, 4.0);
  Eigen::VectorXd y = x;
  Optimizer cautious{CautiousAdamW{.learning_rate = 0.01}, x};
  Optimizer plain{AdamW{.learning_rate = 0.01}, y};
  for (int t = 0; t < 30; ++t) {
    cautious.step(x);
    plain.step(y);
  }
  CHECK((x - y).norm() <= 1e-13);
}

TEST_CASE("CautiousLion: what is left is enlarged by n / (k + 1)") {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(4);
  Optimizer optimizer{CautiousLion{.learning_rate = 1}, x};
  optimizer.step(Eigen::Vector4d(1, -1, 2, 0));
  CHECK(x == Eigen::Vector4d(-1, 1, -1, 0));
}
