#include "support/paper_adam.hpp"
#include "support/rule_checks.hpp"

#include <random>

using namespace glissade;
using rule_checks::after;
using rule_checks::check_three_coordinates;
using rule_checks::inverse_root;

namespace {

/// Where one coordinate in [-1, 1] ends under linear losses slope(t) x, and its mean regret against -1.
struct Outcome {
  double x;
  double regret;
};
template <class R, class Slope>
Outcome play(const R& rule, double start, int rounds, const Slope& slope) {
  double x = start;
  double regret = 0;
  Optimizer optimizer{rule, x};
  for (int t = 1; t <= rounds; ++t) {
    const double g = slope(t);
    regret += g * (x + 1);
    optimizer.step(g);
    x = std::clamp(x, -1.0, 1.0);
  }
  return {x, regret / rounds};
}

AmsGrad paper_amsgrad(Schedule rate, double beta1, double beta2) {
  return {.learning_rate = std::move(rate), .beta1 = beta1, .beta2 = beta2, .convention = Convention::paper};
}

double online(int t) { return t % 101 == 1 ? 1010 : -10; }

}  // namespace

TEST_CASE("AmsGrad: golden values on three coordinates") {
  check_three_coordinates(AmsGrad{.learning_rate = 0.1}, -0.096735360850, -1.239573646296, -0.009707877770);
  check_three_coordinates(AmsGrad{.learning_rate = 0.1, .convention = Convention::optax}, 0.219068490148,
                          -1.302019108026, -0.049243213172);
  check_three_coordinates(AmsGrad{.learning_rate = 0.1, .convention = Convention::paper}, 0.229045407131,
                          0.402790460558, -0.161666813899);
}

TEST_CASE("AmsGrad: while the second moment grows it is Adam, bit for bit") {
  auto x = laws::parameters<Eigen::VectorXd>(9);
  Eigen::VectorXd y = x;
  Optimizer ams{AmsGrad{.learning_rate = 0.1}, x};
  Optimizer adam{Adam{.learning_rate = 0.1}, y};
  for (int t = 1; t <= 40; ++t) {
    const Eigen::VectorXd g = (t % 2 == 0 ? -1.0 : 1.0) * std::pow(1.1, t) * Eigen::VectorXd::LinSpaced(9, 1, 3);
    ams.step(g);
    adam.step(g);
  }
  CHECK(laws::same_bits(x, y));
}

TEST_CASE("AmsGrad: the effective denominators of the conventions after one large gradient") {
  // One unit gradient, then zeros. The numerator is known, so the step gives the denominator away.
  const auto denominators = [](Convention convention, int last) {
    std::vector<double> all{0};
    double x = 0;
    Optimizer optimizer{AmsGrad{.learning_rate = 1, .epsilon = 0, .convention = convention}, x};
    for (int t = 1; t <= last; ++t) {
      x = 0;
      optimizer.step(t == 1 ? 1.0 : 0.0);
      const double m = 0.1 * std::pow(0.9, t - 1);
      all.push_back(m / (convention == Convention::paper ? 1 : 1 - std::pow(0.9, t)) / -x);
    }
    return all;
  };
  const auto torch = denominators(Convention::torch, 49);
  CHECK(std::abs(torch[1] - 1.000) <= 5e-4);
  CHECK(std::abs(torch[2] - 0.707) <= 5e-4);
  CHECK(std::abs(torch[10] - 0.317) <= 5e-4);
  CHECK(std::abs(torch[49] - 0.145) <= 5e-4);
  const auto optax = denominators(Convention::optax, 49);
  const auto paper = denominators(Convention::paper, 49);
  for (std::size_t t = 1; t <= 49; ++t) {
    CHECK(std::abs(optax[t] - 1) <= 1e-13);
    CHECK(std::abs(paper[t] - std::sqrt(0.001)) <= 1e-13);
  }
}

TEST_CASE("AmsGrad: the paper's effective step never grows") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  Optimizer optimizer{paper_amsgrad(0.1, 0.9, 0.99), x};
  Eigen::VectorXd largest = Eigen::VectorXd::Zero(23);
  for (int t = 1; t <= 60; ++t) {
    optimizer.step(laws::gradients<Eigen::VectorXd>(23, t) / t);
    const Field& now = optimizer.field("0", "largest_second_moment");
    for (Index i = 0; i < 23; ++i) {
      CHECK(now[i] >= largest[i]);
      largest[i] = now[i];
    }
  }
}

TEST_CASE("AmsGrad: a loss scaled by a power of two changes no bit without epsilon") {
  for (const Convention convention : {Convention::torch, Convention::optax, Convention::paper}) {
    const AmsGrad rule{
        .learning_rate = 0.1, .epsilon = 0, .weight_decay = 0.1, .decoupled = true, .convention = convention};
    CHECK(laws::same_bits(after(rule, 200), after(rule, 200, 1024)));
  }
}

TEST_CASE("AmsGrad: permutations and signs") {
  rule_checks::check_equivariance(AmsGrad{.learning_rate = 0.1, .weight_decay = 0.1});
}

TEST_CASE("AmsGrad: float follows double") {
  CHECK(rule_checks::float_distance(AmsGrad{.learning_rate = 0.1}) <= 2e-6);
  CHECK(rule_checks::float_distance(AmsGrad{.learning_rate = 0.1, .convention = Convention::optax}) <= 2e-6);
}

// --- The claims of "On the Convergence of Adam and Beyond" --------------------------------------------

TEST_CASE("AmsGrad: Theorem 1, Adam is driven to the worst point and AMSGrad to the best", "[slow]") {
  const int rounds = 1'000'000;
  for (const double C : {3.0, 10.0}) {
    INFO("C = " << C);
    const auto slope = [C](int t) { return t % 3 == 1 ? C : -1; };
    const double beta2 = 1 / (1 + C * C);
    const Outcome adam = play(paper_adam(inverse_root(0.1), 0, beta2), 1, rounds, slope);
    CHECK(std::abs(adam.x - 1) < 0.01);
    CHECK(std::abs(adam.regret / (2 * (C - 2) / 3) - 1) < 0.01);
    const Outcome ams = play(paper_amsgrad(inverse_root(0.1), 0, beta2), 1, rounds, slope);
    CHECK(std::abs(ams.x + 1) < 0.01);
    CHECK(std::abs(ams.regret - (C == 3 ? 0.0017 : 0.0026)) <= 5e-5);
    const Outcome nc = play(AdamNc{.learning_rate = inverse_root(0.1), .beta1 = 0, .epsilon = 0}, 1, rounds, slope);
    CHECK(std::abs(nc.x + 1) < 0.01);
    CHECK(std::abs(nc.regret - (C == 3 ? 0.0009 : 0.0012)) <= 5e-5);
  }
}

TEST_CASE("AmsGrad: Theorem 1, every third point of Adam is the worst one") {
  const double C = 3;
  double x = 1;
  Optimizer optimizer{paper_adam(inverse_root(0.1), 0, 1 / (1 + C * C)), x};
  for (int t = 1; t <= 30'000; ++t) {
    if (t % 3 == 1) REQUIRE(x == 1);
    optimizer.step(t % 3 == 1 ? C : -1.0);
    x = std::clamp(x, -1.0, 1.0);
  }
}

TEST_CASE("AmsGrad: the online experiment at 1e5 rounds") {
  const int rounds = 100'000;
  const Outcome adam = play(paper_adam(inverse_root(0.5), 0.9, 0.99), 0, rounds, online);
  CHECK(std::abs(adam.x - 0.9928) <= 5e-5);
  CHECK(std::abs(adam.regret - 0.311) <= 5e-4);
  const Outcome ams = play(paper_amsgrad(inverse_root(0.5), 0.9, 0.99), 0, rounds, online);
  CHECK(std::abs(ams.x + 0.984) <= 5e-4);
  CHECK(std::abs(ams.regret - 0.122) <= 5e-4);
  const Outcome nc = play(AdamNc{.learning_rate = inverse_root(0.5), .epsilon = 0}, 0, rounds, online);
  CHECK(std::abs(nc.x + 0.36) <= 5e-3);
  // Not for want of bias correction: torch's Adam fails too, and its AMSGrad does not.
  CHECK(std::abs(play(Adam{.learning_rate = inverse_root(0.5), .beta2 = 0.99}, 0, rounds, online).x - 0.993) <= 5e-4);
  CHECK(std::abs(play(AmsGrad{.learning_rate = inverse_root(0.5), .beta2 = 0.99}, 0, rounds, online).x + 0.998) <=
        5e-4);
}

TEST_CASE("AmsGrad: the online experiment at 2e6 rounds", "[slow]") {
  const int rounds = 2'000'000;
  const Outcome adam = play(paper_adam(inverse_root(0.5), 0.9, 0.99), 0, rounds, online);
  CHECK(std::abs(adam.x - 1.000) <= 5e-4);
  CHECK(std::abs(adam.regret - 0.219) <= 5e-4);
  const Outcome ams = play(paper_amsgrad(inverse_root(0.5), 0.9, 0.99), 0, rounds, online);
  CHECK(std::abs(ams.x + 0.998) <= 5e-4);
  CHECK(std::abs(ams.regret - 0.024) <= 5e-4);
  const Outcome constant_adam = play(paper_adam(1e-3, 0.9, 0.99), 0, rounds, online);
  CHECK(std::abs(constant_adam.x - 1.000) <= 5e-4);
  CHECK(std::abs(constant_adam.regret - 0.2267) <= 5e-5);
  const Outcome constant_ams = play(paper_amsgrad(1e-3, 0.9, 0.99), 0, rounds, online);
  CHECK(std::abs(constant_ams.x + 0.995) <= 5e-4);
  CHECK(std::abs(constant_ams.regret - 0.065) <= 5e-4);
}

TEST_CASE("AmsGrad: the stochastic experiment, eight seeds side by side", "[slow]") {
  const auto run = [](const auto& rule) {
    std::array<std::mt19937_64, 8> engines;
    for (std::size_t i = 0; i < 8; ++i) engines[i].seed(i + 1);
    const auto threshold = static_cast<std::uint64_t>(0.01 * 0x1p64);
    // Sixteen coefficients fill a stripe, so that no tail has to be copied in ten million steps.
    Eigen::Array<double, 16, 1> x = Eigen::Array<double, 16, 1>::Zero();
    Eigen::Array<double, 16, 1> g = Eigen::Array<double, 16, 1>::Zero();
    Optimizer optimizer{rule, x};
    for (int t = 0; t < 10'000'000; ++t) {
      for (std::size_t i = 0; i < 8; ++i) g[static_cast<Index>(i)] = engines[i]() < threshold ? 1010 : -10;
      optimizer.step(g);
      x = x.max(-1).min(1);
    }
    return Eigen::ArrayXd(x.head(8));
  };
  CHECK(run(paper_adam(inverse_root(0.5), 0.9, 0.99)).minCoeff() > 0.98);
  CHECK(run(paper_amsgrad(inverse_root(0.5), 0.9, 0.99)).maxCoeff() < -0.95);
}
