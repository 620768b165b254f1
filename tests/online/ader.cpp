// Ader: dynamic regret below its bound, and how it follows a point that moves.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/online/ader.hpp>
#include <glissade/online/gradient_descent.hpp>
#include <glissade/sets/ball.hpp>

#include <functional>

using namespace glissade;
using Eigen::VectorXd;

namespace {

constexpr std::int64_t rounds = 4000;
using Path = std::function<VectorXd(std::int64_t t)>;

VectorXd on_circle(double angle, double radius) { return radius * Eigen::Vector2d(std::cos(angle), std::sin(angle)); }
/// The loss of x is |x - u|, with a gradient of norm 1.
double paid_against(auto& learner, const Path& path) {
  double paid = 0;
  for (std::int64_t t = 0; t < rounds; ++t) {
    const VectorXd away = learner.play() - path(t);
    const double distance = away.norm();
    paid += distance;
    learner.learn(distance > 0 ? VectorXd(away / distance) : VectorXd(VectorXd::Zero(2)));
  }
  return paid;
}
double length(const Path& path) {
  double sum = 0;
  for (std::int64_t t = 1; t < rounds; ++t) sum += (path(t) - path(t - 1)).norm();
  return sum;
}
double bound(double P) {
  const double T = rounds, D = 2;
  const double k = std::floor(std::log2(1 + 4 * P / (7 * D)) / 2) + 1;
  return 0.75 * std::sqrt(2 * T * (7 * D * D + 4 * D * P)) + D * std::sqrt(T / 2) * (1 + 2 * std::log(k + 1));
}

}  // namespace

TEST_CASE("Ader: regret against moving points is below its bound, and half of that of one rate where they move fast") {
  const Ball ball{.radius = 1};
  const Path still = [](std::int64_t) { return on_circle(0.3, 0.8); };
  const Path slow = [](std::int64_t t) { return on_circle(static_cast<double>(t) * 2e-3, 0.9); };
  const Path fast = [](std::int64_t t) { return on_circle(static_cast<double>(t) * 0.1, 0.9); };
  const Path jumps = [](std::int64_t t) {
    return on_circle(100 * RandomKey{1}.uniform(static_cast<std::uint64_t>(t / 50)), 1);
  };
  for (const Path& path : {still, slow, fast, jumps}) {
    Ader learner({.horizon = rounds, .diameter = 2}, VectorXd::Zero(2), ball);
    CHECK(paid_against(learner, path) <= bound(length(path)));
  }
  for (const Path& path : {fast, jumps}) {
    Ader learner({.horizon = rounds, .diameter = 2}, VectorXd::Zero(2), ball);
    OnlineGradientDescent one({.rate = OnlineRate::decreasing, .diameter = 2}, VectorXd::Zero(2), ball);
    CHECK(paid_against(learner, path) < 0.5 * paid_against(one, path));
  }
}

TEST_CASE("Ader: rates, weights and steps by the definition") {
  Ader learner({.horizon = 100, .diameter = 3, .lipschitz = 2}, Eigen::Vector2d(1, 0));
  const Index n = learner.weights().size();
  CHECK(n == 4);  // log2(58.1) / 2 = 2.9
  for (Index i = 0; i < n; ++i)
    CHECK(learner.learning_rate(i) == Approx(std::pow(2.0, static_cast<double>(i)) * 1.5 * std::sqrt(7.0 / 200)));
  VectorXd prior = Eigen::Vector4d(1.0 / 2, 1.0 / 6, 1.0 / 12, 1.0 / 20);
  prior /= prior.sum();
  CHECK((learner.weights() - prior).norm() <= 1e-15);
  const VectorXd g = Eigen::Vector2d(0.5, -1), h = Eigen::Vector2d(1, 1);
  learner.learn(g);
  CHECK((learner.weights() - prior).norm() <= 1e-15);  // all were at the same point
  VectorXd play = VectorXd::Zero(2), w(n);
  for (Index i = 0; i < n; ++i) {
    const VectorXd x = Eigen::Vector2d(1, 0) - learner.learning_rate(i) * g;
    play += prior[i] * x;
    w[i] = prior[i] * std::exp(-std::sqrt(2.0 / 100) / 6 * h.dot(x));
  }
  CHECK((learner.play() - play).norm() <= 1e-14);
  learner.learn(h);
  CHECK((learner.weights() - w / w.sum()).norm() <= 1e-14);
  CHECK(message_of([] { Ader a({}, VectorXd::Zero(2)); }).find("Ader: horizon = 0, must be in [1, ") == 0);
}
