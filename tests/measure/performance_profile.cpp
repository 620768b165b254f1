#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/measure/directional_sharpness.hpp>
#include <glissade/measure/performance_profile.hpp>
#include <glissade/measure/regret.hpp>
#include <glissade/measure/time_to_target.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/problems/quadratic.hpp>
#include <glissade/rules/sgd.hpp>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double missing = std::numeric_limits<double>::quiet_NaN();

MatrixXd times() { return (MatrixXd(3, 4) << 10, 20, 30, 40, 20, 20, 15, inf, 41, 30, inf, inf).finished(); }

/// The competition's sum of 100 trapezoids.
double trapezoids(const PerformanceProfile& p, Eigen::Index s) {
  double sum = 0;
  for (int k = 0; k < 99; ++k)
    sum += 0.5 * (p.profile(s, 1 + 3 * k / 99.0) + p.profile(s, 1 + 3 * (k + 1) / 99.0)) / 99;
  return sum;
}
}  // namespace

TEST_CASE("performance profile: golden values") {
  const PerformanceProfile p(times());
  CHECK(p.ratio(0, 2) == 2);
  CHECK(p.ratio(1, 0) == 2);
  CHECK(p.ratio(1, 3) == inf);
  CHECK(p.ratio(2, 0) == inf);  // 4.1 times the best
  CHECK(p.ratio(2, 1) == 1.5);
  CHECK(p.score(0) == Approx(11.0 / 12).epsilon(1e-15));
  CHECK(p.score(1) == Approx(2.0 / 3).epsilon(1e-15));
  CHECK(p.score(2) == Approx(0.208333333333333).epsilon(1e-14));
  CHECK(trapezoids(p, 0) == Approx(0.917929).epsilon(1e-6));
  CHECK(trapezoids(p, 1) == Approx(0.667929).epsilon(1e-6));
  CHECK(trapezoids(p, 2) == Approx(0.208333).epsilon(2e-6));
  CHECK(p.profile(1, 1) == 0.5);
  CHECK(p.profile(1, 1.999) == 0.5);
  CHECK(p.profile(1, 2) == 0.75);  // continuous from the right
}

TEST_CASE("performance profile: what does and what does not change scores") {
  const VectorXd scores = PerformanceProfile(times()).scores();
  MatrixXd scaled = times();
  scaled.col(2) *= 1000;
  CHECK(PerformanceProfile(scaled).scores() == scores);
  MatrixXd more(4, 4);
  more << times(), 50, 60, 70, 80;  // slower than the best everywhere
  CHECK(PerformanceProfile(more).scores().head(3) == scores);
  more.row(3) << 5, 5, 5, 5;
  const VectorXd lower = PerformanceProfile(more).scores();
  CHECK((lower.head(3).array() <= scores.array()).all());
  CHECK(lower[3] == 1);
  MatrixXd unreached = times();
  unreached.col(3) << inf, missing, inf;
  CHECK(PerformanceProfile(unreached).score(0) == Approx((1 + 1 + 2.0 / 3) / 4).epsilon(1e-15));
  unreached(1, 0) = missing;
  CHECK(PerformanceProfile(unreached).ratio(1, 0) == inf);
}

TEST_CASE("studies, held-out variants and speed-up") {
  CHECK(time_of_studies({{3, 2, inf}, {5, missing}, {inf, inf}}) == 5);
  CHECK(time_of_studies({{3}, {inf}}) == inf);
  CHECK(time_of_studies({{3}, {5}}) == 4);
  CHECK(message_of([] { time_of_studies({{1}, {}}); }) == "time_of_studies: a study without trials");
  CHECK(with_held_out(Eigen::Vector3d(10, 20, 50), Eigen::Vector3d(inf, 8, 8)) == Eigen::Vector3d(inf, 20, inf));
  CHECK(speed_up(Eigen::Vector2d(5, 40), Eigen::Vector2d(10, 10), 100) == Approx(std::sqrt(0.5)));
  CHECK(speed_up(Eigen::Vector2d(5, inf), Eigen::Vector2d(10, 10), 99) == Approx(std::sqrt(0.2)));
  CHECK(message_of([] { speed_up(Eigen::Vector2d(5, 0), Eigen::Vector2d(10, 10), 99); }) ==
        "speed_up: time = 0, must be > 0");
  CHECK(message_of([] { speed_up(Eigen::Vector2d(5, 1), Eigen::Vector2d(10, -1), 99); }) ==
        "speed_up: time = -1, must be > 0");
}

TEST_CASE("performance profile rejects bad times") {
  CHECK(message_of([] { PerformanceProfile(MatrixXd::Zero(1, 1)); }) == "PerformanceProfile: time = 0, must be > 0");
  CHECK(message_of([] { PerformanceProfile(MatrixXd(0, 2)); }) == "PerformanceProfile: no times");
  CHECK(message_of([] { PerformanceProfile(MatrixXd::Ones(1, 1), 1); }) ==
        "PerformanceProfile: largest_ratio = 1, must be > 1 and finite");
}

TEST_CASE("time to target") {
  TimeToTarget timer{.target = 0.5, .max_time = 10};
  CHECK_FALSE(timer.evaluate(1, missing));
  CHECK_FALSE(timer.evaluate(2, 0.6));
  CHECK(timer.evaluate(3, 0.5));
  CHECK(timer.evaluate(4, 0.7));  // it was reached
  CHECK(timer.time == 3);
  TimeToTarget late{.target = 0.5, .maximize = true, .max_time = 10};
  CHECK_FALSE(late.evaluate(11, 0.9));
  CHECK(late.time == inf);

  const auto problem = problems::DiagonalQuadratic::geometric(3, 1);
  VectorXd x = problem.start();
  TimeToTarget work{.target = 1e-6, .cost = [](const Record& r) { return r.evaluations.gradients(); }};
  const Result r = minimize(problem, x, Sgd{.learning_rate = 0.5}, {.gradient_tolerance = 0}, work);
  CHECK(r.status == Status::stopped_by_observer);
  CHECK(work.time == 12);  // 1.5 / 4^k <= 1e-6 from k = 11 on, and one gradient at the start
  x = problem.start();
  TimeToTarget seconds{.target = 1e-6};
  minimize(problem, x, Sgd{.learning_rate = 0.5}, {}, seconds);
  CHECK(seconds.reached());
}

TEST_CASE("stopwatch") {
  Stopwatch watch;
  CHECK(watch.seconds() == 0);
  watch.start();
  watch.start();
  while (watch.seconds() < 1e-4) {
  }
  watch.pause();
  const double then = watch.seconds();
  CHECK(then >= 1e-4);
  CHECK(watch.seconds() == then);
  watch.start();
  CHECK(watch.seconds() >= then);
}

TEST_CASE("regret") {
  Regret regret;
  CHECK(regret.average() == 0);
  regret.add(1e16, 0);
  for (int k = 0; k < 10; ++k) regret.add(1, 0.5);
  regret.add(0, 1e16);
  CHECK(regret.total() == 5);
  CHECK(regret.rounds() == 12);
  CHECK(regret.average() == Approx(5.0 / 12));
}

TEST_CASE("directional sharpness") {
  const problems::DiagonalQuadratic f(Eigen::Vector3d(1, 10, 100));
  const VectorXd x = f.start();
  CHECK(directional_sharpness(f, x, VectorXd(1e200 * VectorXd::Unit(3, 1))) == Approx(10));
  CHECK(directional_sharpness(f, x, VectorXd(VectorXd::Ones(3))) == Approx(37));
  // Ten coordinates out of a thousand with a hundred times the curvature: the gradient sees them, its sign does not.
  VectorXd h = VectorXd::Ones(1000);
  h.head(10).setConstant(100);
  const problems::DiagonalQuadratic g(h);
  CHECK(directional_sharpness(g, h, h) == Approx(99.0295).epsilon(1e-6));
  CHECK(directional_sharpness(g, h, VectorXd(VectorXd::Ones(1000))) == Approx(1.99).epsilon(1e-12));
  CHECK(message_of([&] { directional_sharpness(f, x, VectorXd(VectorXd::Zero(3))); }) ==
        "directional_sharpness: v is zero");
}
