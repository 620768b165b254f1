#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::after;

TEST_CASE("ADOPT: the first step only looks, the second is bounded by its clip") {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(2);
  Optimizer optimizer{Adopt{.learning_rate = 1, .beta1 = 0}, x};
  optimizer.step(Eigen::Vector2d(1, 4));
  CHECK(x.isZero(0));
  optimizer.step(Eigen::Vector2d(50, 2));
  CHECK(x == Eigen::Vector2d(-1, -0.5));
}

TEST_CASE("ADOPT: the clip opens as its exponent says") {
  for (const double exponent : {Adopt::paper_exponent, Adopt::timm_exponent}) {
    double x = 0;
    Optimizer optimizer{Adopt{.learning_rate = 1, .beta1 = 0, .clip_exponent = exponent}, x};
    optimizer.step(1e-3);
    for (int t = 2; t <= 4; ++t) {
      const double before = x;
      optimizer.step(std::pow(1e3, t));
      CHECK(std::abs(before - x - std::pow(t - 1, exponent)) <= 1e-14);
    }
  }
}

TEST_CASE("ADOPT: without a clip the loss's scale has no effect") {
  const Adopt rule{.epsilon = 0, .clip = false};
  CHECK(laws::same_bits(after(rule, 20), after(rule, 20, 1024)));
}
