#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/optimizer/curvature.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/rules/sophia.hpp>

using namespace glissade;
using Eigen::Vector2d;
using Eigen::VectorXd;

namespace {

/// 8 (a - 1)^2 (1.3 a^2 + 2 a + 1) + (b - 4)^2 / 2: a saddle at a = 0.
double toy(const Vector2d& x) {
  const double a = x[0];
  return 8 * (a - 1) * (a - 1) * (1.3 * a * a + 2 * a + 1) + 0.5 * (x[1] - 4) * (x[1] - 4);
}
// 10.4 a^4 - 4.8 a^3 - 13.6 a^2 + 8, multiplied out
Vector2d slope(const Vector2d& x) {
  const double a = x[0];
  return {41.6 * a * a * a - 14.4 * a * a - 27.2 * a, x[1] - 4};
}
Vector2d curvature(const Vector2d& x) { return {124.8 * x[0] * x[0] - 28.8 * x[0] - 27.2, 1}; }

template <class R>
double toy_after(const R& rule, int steps, bool curved) {
  Vector2d x(0.2, 0);
  Optimizer optimizer{rule, x};
  for (int t = 0; t < steps; ++t) {
    if (curved) update_curvature(optimizer, 0, curvature(x));
    optimizer.step(slope(x));
  }
  return toy(x);
}

}  // namespace

TEST_CASE("Sophia: the toy of the paper, where Newton goes to a saddle") {
  const Vector2d at(0.3, 1.7);
  for (int i = 0; i < 2; ++i) {
    const Vector2d h = 1e-5 * Vector2d::Unit(i);
    CHECK(slope(at)[i] == Approx((toy(at + h) - toy(at - h)) / 2e-5).epsilon(1e-8));
    CHECK(curvature(at)[i] == Approx((slope(at + h)[i] - slope(at - h)[i]) / 2e-5).epsilon(1e-8));
  }
  const Sophia rule{.learning_rate = 0.3, .beta1 = 0, .gamma = 1};
  CHECK(toy_after(rule, 20, true) == Approx(4.0e-4).epsilon(0.02));
  CHECK(toy_after(rule, 50, true) < 1e-12);
  Vector2d x(0.2, 0);
  for (int t = 0; t < 50; ++t) x -= slope(x).cwiseQuotient(curvature(x));
  CHECK(x[0] == Approx(0).margin(1e-12));
  CHECK(toy(x) == Approx(8));
  CHECK(toy_after(Sgd{.learning_rate = 0.01}, 50, false) == Approx(2.93).epsilon(0.01));
  CHECK(toy_after(Sophia{.learning_rate = 0.3, .beta1 = 0}, 50, false) == Approx(1.12).epsilon(0.01));
  CHECK(toy_after(Adam{.learning_rate = 0.3}, 50, false) == Approx(0.042).epsilon(0.02));
  // The other minimum in a, the maximum between, and the minimum.
  CHECK(toy({-0.6538, 4}) == Approx(5.428).epsilon(1e-4));
  CHECK(std::abs(slope({-0.6538, 4})[0]) < 5e-3);
  CHECK(curvature({-0.6538, 4})[0] > 0);
  CHECK(slope({0, 4}) == Vector2d(0, 0));
  CHECK(curvature({0, 4})[0] < 0);
  CHECK(slope({1, 4}).norm() < 1e-14);
}

TEST_CASE("Sophia: steps do not depend on the condition number") {
  const auto steps = [](double condition, bool curved) {
    const Eigen::Index d = 20;
    VectorXd h(d);
    for (Eigen::Index i = 0; i < d; ++i) h[i] = std::pow(condition, static_cast<double>(i) / 19 - 1);
    VectorXd x = VectorXd::Constant(d, 5);
    const auto value = [&] {
      double f = 0;
      for (Eigen::Index i = 0; i < d; ++i) f += h[i] * std::log(std::cosh(x[i]));
      return f;
    };
    const double start = value();
    Optimizer optimizer{Sophia{.learning_rate = 0.5, .beta1 = 0, .gamma = 1}, x};
    Optimizer descent{Sgd{.learning_rate = 1}, x};
    int t = 0;
    for (; t < 20'000 && value() >= 1e-8 * start; ++t) {
      const VectorXd tangent = x.array().tanh().matrix();
      if (curved) {
        update_curvature(optimizer, 0, h.cwiseProduct((1 - tangent.array().square()).matrix()));
        optimizer.step(h.cwiseProduct(tangent));
      } else {
        descent.step(h.cwiseProduct(tangent));
      }
    }
    return t;
  };
  CHECK(steps(1, false) == 7);
  CHECK(steps(1e2, false) == 936);
  CHECK(steps(1e4, false) == 20'000);
  CHECK(steps(1e6, false) == 20'000);
  for (const double condition : {1.0, 1e2, 1e4, 1e6}) CHECK(std::abs(steps(condition, true) - 20) <= 1);
}

TEST_CASE("Sophia: without curvature it is Signum, with much it is momentum") {
  VectorXd x = VectorXd::Zero(3);
  Optimizer optimizer{Sophia{.learning_rate = 0.25, .beta1 = 0.5}, x};
  optimizer.step(Eigen::Vector3d(3, 0, -1e-9));
  CHECK(x == Eigen::Vector3d(-0.25, 0, 0.25));
  CHECK(unclipped_fraction(optimizer) == Approx(1.0 / 3));  // the one without gradient

  VectorXd y = VectorXd::Zero(3);
  Optimizer curved{Sophia{.learning_rate = 0.25, .beta1 = 0.5, .gamma = 0.5}, y};
  update_curvature(curved, 0, VectorXd::Constant(3, 1e6));
  curved.step(Eigen::Vector3d(3, 0, -2));
  CHECK((y - 0.25 * 0.5 / 5e5 * Eigen::Vector3d(-3, 0, 2)).norm() < 1e-22);
  CHECK(unclipped_fraction(curved) == 1);
  update_curvature(curved, 0, VectorXd::Constant(3, 1));  // bounds of 0.5, |m| = 0.75, 0, 0.5 before the step
  curved.step(Eigen::Vector3d(-0.75, 0.2, 0.8));          // m = 0.375, 0.1, -0.1
  CHECK(unclipped_fraction(curved) == 1);
}

TEST_CASE("Sophia: tiny and negative curvatures cannot overflow a step") {
  VectorXd x = VectorXd::Zero(3);
  Optimizer optimizer{Sophia{.learning_rate = 0.25, .beta1 = 0, .gamma = 1, .epsilon = 0}, x};
  update_curvature(optimizer, 0, Eigen::Vector3d(5e-324, -1, 0));
  optimizer.step(Eigen::Vector3d(1e300, 1e300, 0));
  CHECK(x == Eigen::Vector3d(-0.25, -0.25, 0));
}

TEST_CASE("Sophia: estimates are averaged in the shape of the parameter") {
  Eigen::Matrix<float, 2, 3, Eigen::RowMajor> W;
  W.setZero();
  Eigen::VectorXf b = Eigen::VectorXf::Zero(2);
  Optimizer optimizer{Sophia{}, named("W", W), named("b", b)};
  const Eigen::MatrixXd estimate = (Eigen::MatrixXd(2, 3) << 1, 2, 3, 4, 5, 6).finished();
  update_curvature(optimizer, 0.5, estimate, Eigen::Vector2d(7, 8));
  update_curvature(optimizer, 0.5, estimate, Eigen::Vector2d(7, 8));
  for (Eigen::Index i = 0; i < 6; ++i) CHECK(optimizer.field("W", "curvature")[i] == 0.75 * static_cast<double>(i + 1));
  CHECK(optimizer.field("b", "curvature")[1] == 6);
  const auto before = optimizer.state(0);
  CHECK(message_of([&] { update_curvature(optimizer, 0.5, estimate); }) ==
        "update_curvature: 1 estimates for 2 parameters");
  CHECK(message_of([&] { update_curvature(optimizer, 0.5, estimate, estimate); }) ==
        "update_curvature: estimate of \"b\" is 2 x 3, its parameter 2 x 1");
  CHECK(message_of([&] { update_curvature(optimizer, 1, estimate, estimate); }) ==
        "update_curvature: beta2 = 1, must be in [0, 1)");
  CHECK(optimizer.state(0) == before);
  Optimizer other{Sgd{}, W};
  CHECK(message_of([&] { update_curvature(other, 0.5, estimate); }) == "update_curvature: \"0\" has no curvature");
}
