#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::after;

TEST_CASE("Lars: the first step is the same with and without momentum") {
  CHECK(laws::same_bits(after(Lars{}, 1), after(Lars{.momentum = 0}, 1)));
}

TEST_CASE("Lars: a trust coefficient of 0 moves nothing") {
  for (const double scale : {0.0, 1.0}) {
    Eigen::VectorXd x = scale * laws::parameters<Eigen::VectorXd>(23);
    const Eigen::VectorXd before = x;
    Optimizer optimizer{Lars{.weight_decay = 0.1, .trust_coefficient = 0}, x};
    for (int t = 1; t <= 5; ++t) optimizer.step(laws::gradients<Eigen::VectorXd>(23, t));
    CHECK((x.array() == before.array()).all());
  }
}

TEST_CASE("Lars: the gradient's scale has no effect") {
  CHECK(laws::same_bits(after(Lars{}, 20), after(Lars{}, 20, 1024)));
}

TEST_CASE("Lars: adapted only where there is decay, it is SGD without") {
  for (const Convention convention : {Convention::paper, Convention::optax}) {
    const Lars rule{.learning_rate = 0.125, .convention = convention, .always_adapt = false};
    CHECK(laws::same_bits(after(rule, 20), after(Sgd{.learning_rate = 0.125, .momentum = 0.9}, 20)));
    Lars decaying = rule, adapting = rule;
    decaying.weight_decay = adapting.weight_decay = 0.1;
    adapting.always_adapt = true;
    CHECK(laws::same_bits(after(decaying, 20), after(adapting, 20)));
  }
}
