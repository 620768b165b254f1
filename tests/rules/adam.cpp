#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::after;
using rule_checks::check_three_coordinates;

TEST_CASE("Adam: golden values on three coordinates") {
  check_three_coordinates(Adam{.learning_rate = 0.1}, -0.096738422431, -1.239556430374, -0.009707794142);
  check_three_coordinates(Adam{.learning_rate = 0.1, .weight_decay = 0.1}, -0.121935939752, -0.973231350614,
                          -0.005048067268);
}

TEST_CASE("Adam: the first step is the learning rate in every coordinate, whatever the betas") {
  for (const double beta1 : {0.0, 0.5, 0.9, 0.999})
    for (const double beta2 : {0.0, 0.9, 0.999, 1 - 1e-9}) {
      auto x = laws::parameters<Eigen::VectorXd>(23);
      const Eigen::VectorXd before = x;
      const auto g = laws::gradients<Eigen::VectorXd>(23, 1);
      Optimizer optimizer{Adam{.learning_rate = 0.25, .beta1 = beta1, .beta2 = beta2, .epsilon = 0}, x};
      optimizer.step(g);
      for (Index i = 0; i < 23; ++i) {
        const double sign = g[i] > 0 ? 1 : g[i] < 0 ? -1 : 0;
        INFO("beta1 " << beta1 << ", beta2 " << beta2 << ", coefficient " << i);
        CHECK(std::abs(x[i] - (before[i] - 0.25 * sign)) <= 2e-15);
      }
    }
}

TEST_CASE("Adam: without memory and epsilon it is sign descent") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  Eigen::VectorXd y = x;
  Optimizer optimizer{Adam{.learning_rate = 0.1, .beta1 = 0, .beta2 = 0, .epsilon = 0}, x};
  for (int t = 1; t <= 20; ++t) {
    const auto g = laws::gradients<Eigen::VectorXd>(23, t);
    optimizer.step(g);
    for (Index i = 0; i < 23; ++i)
      if (g[i] != 0) y[i] += g[i] > 0 ? -0.1 : 0.1;
  }
  CHECK(laws::same_bits(x, y));
}

TEST_CASE("Adam: a loss scaled by a power of two changes no bit without epsilon, and does with L2 decay") {
  const Adam rule{.learning_rate = 0.1, .epsilon = 0};
  CHECK(laws::same_bits(after(rule, 200), after(rule, 200, 1024)));
  CHECK(laws::same_bits(after(rule, 200), after(rule, 200, 0x1p-40)));
  const Adam decaying{.learning_rate = 0.1, .epsilon = 0, .weight_decay = 0.1};
  CHECK((after(decaying, 200) - after(decaying, 200, 1024)).cwiseAbs().maxCoeff() > 1e-3);
}

TEST_CASE("Adam: permutations and signs") {
  rule_checks::check_equivariance(Adam{.learning_rate = 0.1, .weight_decay = 0.1});
}

TEST_CASE("Adam: epsilon stands outside the root and behind the bias correction") {
  // One constant gradient g: m / c1 = g and sqrt(v / c2) = |g| in every step.
  const double g = 1e-4;
  const double epsilon = 1e-4;
  Eigen::VectorXd x = Eigen::VectorXd::Zero(1);
  Optimizer optimizer{Adam{.learning_rate = 1, .epsilon = epsilon}, x};
  for (int t = 1; t <= 10; ++t) optimizer.step(Eigen::VectorXd::Constant(1, g));
  CHECK(std::abs(x[0] + 10 * g / (g + epsilon)) <= 1e-12);
}

TEST_CASE("Adam: small epsilon in float still divides by something") {
  // Subnormal second moments: without a floor the direction would be 0 / 0 or explode.
  Eigen::VectorXf x = Eigen::VectorXf::Zero(4);
  Optimizer optimizer{Adam{.learning_rate = 0.1, .epsilon = 0}, x};
  for (int t = 1; t <= 50; ++t) optimizer.step(Eigen::Vector4f{0.0F, 1e-25F, -1e-22F, 1.0F});
  CHECK(x.allFinite());
  CHECK(x[0] == 0);
  CHECK(std::abs(x[3] + 5.0F) <= 1e-4F);
}

TEST_CASE("Adam: the step count stays right beyond 2^31") {
  // At that count the corrections are one, so the update is the plain m / (sqrt(v) + epsilon); a count
  // that had wrapped round would be negative or small.
  for (const std::int64_t count : {std::int64_t{0x7ffffffe}, std::int64_t{0xfffffffe}, std::int64_t{1} << 40}) {
    const double beta2 = 1 - 1e-10;
    Eigen::VectorXd x = Eigen::VectorXd::Zero(1);
    Optimizer optimizer{Adam{.learning_rate = 1, .beta1 = 0.5, .beta2 = beta2, .epsilon = 0}, x};
    optimizer.memory().counts = {count, count};
    optimizer.memory().states[0].counts = {count, count};
    for (int t = 1; t <= 3; ++t) {
      x.setZero();
      optimizer.step(Eigen::VectorXd::Constant(1, 3.0));
      const double c2 = -std::expm1(static_cast<double>(count + t) * std::log(beta2));
      const double m = optimizer.field("0", "first_moment")[0];
      const double v = optimizer.field("0", "second_moment")[0];
      INFO("count " << count + t);
      CHECK(optimizer.steps() == count + t);
      CHECK(std::abs(x[0] / (-m / std::sqrt(v / c2)) - 1) <= 1e-13);
    }
  }
}

TEST_CASE("Adam: the effective step under pure noise", "[slow]") {
  // The root mean square of the direction tends to sqrt((1 - beta1) / (1 + beta1)) = 0.2294.
  const Index size = 10000;
  Eigen::VectorXd x = Eigen::VectorXd::Zero(size);
  Eigen::VectorXd g(size);
  Optimizer optimizer{Adam{.learning_rate = 1}, x};
  for (int t = 1; t <= 3000; ++t) {
    const RandomKey key = RandomKey{1}.derive(static_cast<std::uint64_t>(t));
    for (Index i = 0; i < size; ++i) g[i] = key.normal(static_cast<std::uint64_t>(i));
    x.setZero();
    optimizer.step(g);
  }
  const double rms = std::sqrt(x.squaredNorm() / static_cast<double>(size));
  const double limit = std::sqrt(0.1 / 1.9);
  // Four standard deviations of the root mean square of so many normal numbers.
  CHECK(std::abs(rms - limit) <= 4 * limit / std::sqrt(2.0 * static_cast<double>(size)));
}

TEST_CASE("Adam: float follows double") {
  CHECK(rule_checks::float_distance(Adam{.learning_rate = 0.1}) <= 2e-6);
  CHECK(rule_checks::float_distance(Adam{.learning_rate = 0.01, .weight_decay = 0.01}) <= 2e-6);
}

TEST_CASE("Adam: where the square of a float gradient is lost, epsilon and not the root bounds the step") {
  // 0.001 g^2 is 1e-39 for the first, which float holds with six digits, and nothing for the second.
  const Eigen::Vector2f g(1e-18F, 1e-25F);
  Eigen::VectorXf bare = Eigen::VectorXf::Zero(2), safe = bare;
  Optimizer without{Adam{.learning_rate = 0.1, .epsilon = 0}, bare};
  Optimizer with{Adam{.learning_rate = 0.1}, safe};
  Eigen::VectorXd wide = Eigen::VectorXd::Zero(2);
  Optimizer in_double{Adam{.learning_rate = 0.1, .epsilon = 0}, wide};
  for (int t = 1; t <= 10; ++t) {
    without.step(g);
    with.step(g);
    in_double.step(g.cast<double>());
  }
  CHECK(std::abs(bare[0] + 1) <= 1e-4F);
  CHECK(bare[1] == 0);  // as the head comment says
  CHECK(safe.cwiseAbs().maxCoeff() <= 1e-9F);
  CHECK((wide.array() + 1).abs().maxCoeff() <= 1e-12);
}

TEST_CASE("Adam: without momentum it is RMSprop with its bias corrected") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  Eigen::VectorXd y = x;
  Optimizer adam{Adam{.learning_rate = 0.1, .beta1 = 0, .beta2 = 0.99}, x};
  Optimizer rmsprop{RmsProp{.learning_rate = 0.1, .bias_corrected = true}, y};
  for (int t = 1; t <= 100; ++t) {
    adam.step(laws::gradients<Eigen::VectorXd>(23, t));
    rmsprop.step(laws::gradients<Eigen::VectorXd>(23, t));
  }
  CHECK((x - y).cwiseAbs().maxCoeff() <= 1e-13);
}

TEST_CASE("Adam: an epsilon inside the root, before the bias correction, and no correction at all") {
  const auto follow = [](const auto& rule, const auto& direction) {
    double x = 0, y = 0, m = 0, v = 0;
    Optimizer optimizer{rule, x};
    for (int t = 1; t <= 50; ++t) {
      const double g = 0.1 * std::sin(t);
      optimizer.step(g);
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      y -= 0.1 * direction(m, v, 1 - std::pow(0.9, t), 1 - std::pow(0.999, t));
      REQUIRE(std::abs(x - y) <= 1e-13);
    }
  };
  follow(Adam{.learning_rate = 0.1, .epsilon_root = 1e-3},
         [](double m, double v, double c1, double c2) { return m / c1 / (std::sqrt(v / c2 + 1e-3) + 1e-8); });
  follow(Adam{.learning_rate = 0.1, .epsilon = 1e-3, .epsilon_corrected = false},
         [](double m, double v, double c1, double c2) { return std::sqrt(c2) / c1 * m / (std::sqrt(v) + 1e-3); });
  follow(chain(ScaleByAdam{.epsilon = 1e-3, .bias_corrected = false}, ScaleByLearningRate{0.1}),
         [](double m, double v, double, double) { return m / (std::sqrt(v) + 1e-3); });
}
