#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::after;

TEST_CASE("AdamW: golden values on three coordinates") {
  rule_checks::check_three_coordinates(AdamW{.learning_rate = 0.1, .weight_decay = 0.1}, -0.113756680669,
                                       -0.987660406944, -0.000254675460);
}

TEST_CASE("AdamW: without decay it is Adam, bit for bit") {
  CHECK(laws::same_bits(after(AdamW{.learning_rate = 0.1, .weight_decay = 0}, 50),
                        after(Adam{.learning_rate = 0.1}, 50)));
}

TEST_CASE("AdamW: a loss scaled by a power of two changes no bit without epsilon") {
  const AdamW rule{.learning_rate = 0.1, .epsilon = 0, .weight_decay = 0.1};
  CHECK(laws::same_bits(after(rule, 200), after(rule, 200, 1024)));
}

TEST_CASE("AdamW: decay bypasses the moments, Adam's does not") {
  const int steps = 10;
  auto x = laws::parameters<Eigen::VectorXd>(9);
  Eigen::VectorXd y = x;
  Eigen::VectorXd z = x;
  Optimizer decoupled{AdamW{.learning_rate = 0.1, .weight_decay = 0.5}, x};
  Optimizer plain{Adam{.learning_rate = 0.1}, y};
  Optimizer coupled{Adam{.learning_rate = 0.1, .weight_decay = 0.5}, z};
  for (int t = 1; t <= steps; ++t) {
    const auto g = laws::gradients<Eigen::VectorXd>(9, t);
    decoupled.step(g);
    plain.step(g);
    coupled.step(g);
  }
  for (const char* moment : {"first_moment", "second_moment"}) {
    CHECK(decoupled.field("0", moment) == plain.field("0", moment));
    CHECK_FALSE(coupled.field("0", moment) == plain.field("0", moment));
  }
}

TEST_CASE("AdamW: decay is multiplied by the learning rate, scheduled or not") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  Optimizer optimizer{AdamW{.learning_rate = [](std::int64_t t) { return t == 0 ? 0.5 : 0.25; }, .weight_decay = 0.5},
                      x};
  optimizer.step(Eigen::VectorXd::Zero(3));
  CHECK((x.array() == 0.75).all());
  optimizer.step(Eigen::VectorXd::Zero(3));
  CHECK((x.array() == 0.75 * 0.875).all());
}

TEST_CASE("AdamW: permutations and signs") {
  rule_checks::check_equivariance(AdamW{.learning_rate = 0.1, .weight_decay = 0.1});
}

TEST_CASE("AdamW: float follows double") { CHECK(rule_checks::float_distance(AdamW{.learning_rate = 0.1}) <= 2e-6); }

TEST_CASE("AdamW: decay by the schedule alone is the source's") {
  const Schedule rate = cosine_decay(0.01, 50);
  double x = 1, y = 1, m = 0, v = 0;
  Optimizer optimizer{
      AdamW{.learning_rate = rate, .weight_decay = 0.02, .decay_mode = DecayMode::by_schedule, .peak_rate = 0.01}, x};
  for (int t = 1; t <= 60; ++t) {
    const double g = std::sin(t);
    optimizer.step(g);
    const double eta = rate(t - 1) / 0.01;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    y -= eta * (0.01 * m / (1 - std::pow(0.9, t)) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8) + 0.02 * y);
    REQUIRE(std::abs(x - y) <= 1e-14);
  }
}
