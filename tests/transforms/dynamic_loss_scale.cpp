#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/problems.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

namespace {
using Vector = Eigen::VectorXf;
const float infinity = std::numeric_limits<float>::infinity();

Vector gradient(int t) {
  return Vector::NullaryExpr(21,
                             [t](Eigen::Index i) { return static_cast<float>(small_problems::test_gradient(i, t)); });
}
}  // namespace

TEST_CASE("dynamic loss scale: a power of two changes no bit") {
  Vector x = Vector::Ones(21), y = x;
  Optimizer plain{AdamW{.learning_rate = 0.05}, x};
  Optimizer scaled{chain(DynamicLossScale{.interval = 7}, AdamW{.learning_rate = 0.05}), y};
  CHECK(loss_scale(scaled) == 65536);
  for (int t = 1; t <= 40; ++t) {
    plain.step(gradient(t));
    scaled.step(static_cast<float>(loss_scale(scaled)) * gradient(t));
    REQUIRE(x == y);
  }
  CHECK(loss_scale(scaled) == 65536 * 32);
}

TEST_CASE("dynamic loss scale: an overflow is left out, the scale falls, and grows after the interval") {
  Vector x = Vector::Ones(3);
  Optimizer optimizer{chain(DynamicLossScale{.interval = 4}, Adam{.learning_rate = 0.1}), x};
  optimizer.step(Vector::Constant(3, 65536.0f));
  const Vector before = x;
  const double moment = optimizer.field("0", "first_moment")[0];
  for (const float bad : {infinity, -infinity, infinity - infinity}) {
    Vector g = Vector::Ones(3);
    g[1] = bad;
    optimizer.step(g);
    CHECK(x == before);
    CHECK(optimizer.field("0", "first_moment")[0] == moment);
  }
  CHECK(loss_scale(optimizer) == 8192);
  CHECK(optimizer.shared("skipped") == 3);
  CHECK(optimizer.steps() == 1);
  for (int t = 0; t < 3; ++t) optimizer.step(Vector::Ones(3));
  CHECK(loss_scale(optimizer) == 8192);
  optimizer.step(Vector::Ones(3));
  CHECK(loss_scale(optimizer) == 16384);
  CHECK(optimizer.shared("good_steps") == 0);
}

TEST_CASE("dynamic loss scale: growth after exactly 2000 good steps, within its bounds") {
  Vector x = Vector::Ones(1);
  Optimizer optimizer{chain(DynamicLossScale{}, Sgd{}), x};
  for (int t = 0; t < 1999; ++t) optimizer.step(Vector::Zero(1));
  CHECK(loss_scale(optimizer) == 65536);
  optimizer.step(Vector::Zero(1));
  CHECK(loss_scale(optimizer) == 131072);
  optimizer.rule() = chain(DynamicLossScale{.interval = 1, .min_scale = 1024, .max_scale = 262144}, Sgd{});
  for (int t = 0; t < 5; ++t) optimizer.step(Vector::Zero(1));
  CHECK(loss_scale(optimizer) == 262144);
  for (int t = 0; t < 20; ++t) optimizer.step(Vector::Constant(1, infinity));
  CHECK(loss_scale(optimizer) == 1024);
}

TEST_CASE("dynamic loss scale: gradients that vanish in half precision are kept") {
  Eigen::Matrix<Eigen::half, 2, 1> tiny(Eigen::half(0), Eigen::half(0));
  Vector x = Vector::Zero(2);
  Optimizer optimizer{chain(DynamicLossScale{}, Scale{}), x};
  const float true_gradient = 1e-9f;
  CHECK(Eigen::half(true_gradient) == Eigen::half(0));
  tiny.setConstant(Eigen::half(true_gradient * static_cast<float>(loss_scale(optimizer))));
  optimizer.step(tiny.cast<float>());
  CHECK(x[0] == Approx(1e-9).epsilon(1e-3));
  Optimizer without{Sgd{}, x};
  CHECK_THROWS_AS(loss_scale(without), std::invalid_argument);
}

TEST_CASE("dynamic loss scale: an overflow never makes it grow, nor a good step fall, outside of its bounds") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  const Eigen::VectorXd bad = Eigen::VectorXd::Constant(3, std::numeric_limits<double>::infinity());
  const auto rule = [](double initial) {
    return chain(DynamicLossScale{.initial_scale = initial, .interval = 1, .min_scale = 4, .max_scale = 16}, Sgd{});
  };
  Optimizer low{rule(1), x};
  low.step(bad);
  CHECK(loss_scale(low) == 1);
  low.step(Eigen::VectorXd::Zero(3));
  CHECK(loss_scale(low) == 2);
  Optimizer high{rule(64), x};
  high.step(Eigen::VectorXd::Zero(3));
  CHECK(loss_scale(high) == 64);
  high.step(bad);
  CHECK(loss_scale(high) == 32);
}

TEST_CASE("dynamic loss scale: bounds that contradict each other are refused") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  CHECK(message_of([&] {
          Optimizer optimizer{chain(DynamicLossScale{.min_scale = 8, .max_scale = 4}, Sgd{}), x};
        }) == "DynamicLossScale: min_scale = 8, must be at most max_scale = 4");
  CHECK(message_of([&] {
          Optimizer optimizer{Rprop{.step_min = 1, .step_max = 0.5}, x};
        }) == "Rprop: step_min = 1, must be at most step_max = 0.5");
}
