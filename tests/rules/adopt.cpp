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

TEST_CASE("ADOPT: decoupled decay waits for the second step as well") {
  Eigen::VectorXd x = Eigen::Vector2d(1, -2);
  Optimizer optimizer{Adopt{.learning_rate = 0.5, .weight_decay = 0.25, .decoupled = true}, x};
  optimizer.step(Eigen::Vector2d(1, 4));
  CHECK(x == Eigen::Vector2d(1, -2));
  optimizer.step(Eigen::Vector2d(0, 0));
  CHECK(x == Eigen::Vector2d(1 - 0.125, -2 + 0.25));
}

TEST_CASE("ADOPT: trajectories with a clip that binds, counted from either step") {
  double after[2];
  for (const bool count_first : {false, true}) {
    double x = 0, y = 0, m = 0, v = 0;
    Optimizer optimizer{Adopt{.learning_rate = 0.01, .beta2 = 0.9, .count_first = count_first}, x};
    for (int t = 1; t <= 100; ++t) {
      const double g = std::pow(3.0, t % 20) * (t % 7 == 0 ? -1 : 1);
      optimizer.step(g);
      if (t == 1) {
        v = g * g;
        continue;
      }
      const double bound = std::pow(count_first ? t : t - 1, 0.25);
      m = 0.9 * m + 0.1 * std::clamp(g / std::max(std::sqrt(v), 1e-6), -bound, bound);
      v = 0.9 * v + 0.1 * g * g;
      y -= 0.01 * m;
      REQUIRE(std::abs(x - y) <= 1e-14);
    }
    after[count_first] = x;
  }
  CHECK(std::abs(after[0] - after[1]) > 1e-3);
}
