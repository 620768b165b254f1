// DelayedDualAveraging: what delays cost with each rate, and what it is without them.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/online/dual_averaging.hpp>
#include <glissade/sets/ball.hpp>

#include <functional>
#include <numbers>

using namespace glissade;
using Eigen::VectorXd;

namespace {

const Box interval{.low = -1, .high = 1};

/// Regret on [-1, 1] against losses c(t) x, where every gradient comes `delay` rounds late.
double regret_of(DelayedDualAveragingOptions options, std::int64_t delay,
                 const std::function<double(std::int64_t)>& c) {
  constexpr std::int64_t rounds = 20'000;
  if (options.rate == DelayRate::constant)
    options.learning_rate = 1 / std::sqrt((1 + 2 * static_cast<double>(delay)) * rounds);
  DelayedDualAveraging learner(options, VectorXd::Zero(1), interval);
  double paid = 0, sum = 0;
  for (std::int64_t t = 0; t < rounds; ++t) {
    paid += c(t) * learner.predict().x[0];
    sum += c(t);
    if (t >= delay) learner.feedback(t - delay, VectorXd::Constant(1, c(t - delay)));
  }
  return paid + std::abs(sum);
}
std::function<double(std::int64_t)> flips(std::int64_t delay) {
  return [delay](std::int64_t t) { return t / (delay + 1) % 2 == 0 ? 1.0 : -1.0; };
}
VectorXd normals(Eigen::Index size, RandomKey key) {
  VectorXd v(size);
  for (Eigen::Index i = 0; i < size; ++i) v[i] = key.normal(static_cast<std::uint64_t>(i));
  return v;
}

}  // namespace

TEST_CASE("dual averaging: regret against losses that turn around as late as feedback comes") {
  struct Case {
    std::int64_t delay;
    double ada_grad, ada_delay, constant;
  };
  for (const Case& c : {Case{0, 141.0, 140.4, 70.7}, Case{10, 143.2, 33.9, 17.5}, Case{100, 165.4, 27.6, 9.4},
                        Case{300, 322.3, 182.3, 140.9}}) {
    INFO("delay " << c.delay);
    CHECK(regret_of({.rate = DelayRate::ada_grad}, c.delay, flips(c.delay)) == Approx(c.ada_grad).margin(0.051));
    CHECK(regret_of({}, c.delay, flips(c.delay)) == Approx(c.ada_delay).margin(0.051));
    CHECK(regret_of({.rate = DelayRate::constant}, c.delay, flips(c.delay)) == Approx(c.constant).margin(0.051));
  }
}

TEST_CASE("dual averaging: optimism pays where losses change slowly, and costs where they turn around") {
  const auto slow = [](std::int64_t t) { return std::cos(2 * std::numbers::pi * static_cast<double>(t) / 4000); };
  const DelayedDualAveragingOptions optimist{.optimism = DelayOptimism::last_times_missing};
  CHECK(regret_of({}, 50, slow) == Approx(448.4).margin(0.051));
  CHECK(regret_of(optimist, 50, slow) == Approx(-229.1).margin(0.051));
  CHECK(regret_of(optimist, 10, flips(10)) == Approx(699.8).margin(0.051));
}

TEST_CASE("dual averaging: the guaranteed regret of ada_delay grows as sqrt((1 + 2 tau) T), that of AdaGrad does not") {
  constexpr std::int64_t rounds = 20'000, delay = 100;
  // |g| = 1: h(u) / eta_T + sum_t eta_t (1 / 2 + |U_t|).
  const auto guaranteed = [](DelayRate rate) {
    DelayedDualAveraging learner({.rate = rate}, VectorXd::Zero(1), interval);
    double sum = 0;
    for (std::int64_t t = 0; t < rounds; ++t) {
      const auto missing = static_cast<double>(learner.outstanding());
      (void)learner.predict();
      if (t > delay) sum += learner.learning_rate() * (0.5 + missing);
      if (t >= delay) learner.feedback(t - delay, VectorXd::Constant(1, flips(delay)(t - delay)));
    }
    return sum + 0.5 / learner.learning_rate();
  };
  const double scale = std::sqrt((1 + 2.0 * delay) * rounds);
  CHECK(scale == Approx(2005).margin(0.51));
  CHECK(guaranteed(DelayRate::ada_delay) <= 1.5 * scale);
  CHECK(guaranteed(DelayRate::ada_grad) >= 13 * scale);
}

TEST_CASE("dual averaging: without delay it is follow-the-regularized-leader") {
  const VectorXd start = Eigen::Vector3d(0.1, -0.2, 0.3);
  const Ball ball{.radius = 1};
  DelayedDualAveraging fixed({.rate = DelayRate::constant, .learning_rate = 0.2}, start, ball);
  DelayedDualAveraging falling({.rate = DelayRate::decreasing, .radius = 2, .lipschitz = 5}, start, ball);
  DelayedDualAveraging adaptive({.radius = 2, .lipschitz = 5}, start, ball);
  VectorXd sum = VectorXd::Zero(3);
  double squares = 0;
  for (std::int64_t t = 0; t < 200; ++t) {
    const auto leader = [&](double rate) {
      VectorXd x = start - rate * sum;
      ball.project(x);
      return x;
    };
    const Prediction a = fixed.predict(), b = falling.predict(), c = adaptive.predict();
    CHECK((a.x - leader(0.2)).norm() <= 1e-14);
    CHECK((b.x - leader(0.4 / std::sqrt(static_cast<double>(t + 1)))).norm() <= 1e-14);
    CHECK((c.x - leader(2 / std::sqrt(squares + 25))).norm() <= 1e-14);
    VectorXd g = normals(3, RandomKey{1}.derive(static_cast<std::uint64_t>(t)));
    g *= std::min(1.0, 5 / g.norm());
    fixed.feedback(a.id, g);
    falling.feedback(b.id, g);
    adaptive.feedback(c.id, g);
    sum += g;
    squares += g.squaredNorm();
  }
}

TEST_CASE("dual averaging: the rate of ada_delay, from its definition") {
  DelayedDualAveraging learner({.radius = 3, .lipschitz = 2}, VectorXd::Zero(1));
  std::vector<double> missing_at;  // |U_s|
  std::vector<bool> came(300, false);
  double Gamma = 0, eta = 1e300;
  std::size_t falls = 0;
  for (std::size_t t = 0; t < 300; ++t) {
    double missing = 0, beta = 0;
    for (std::size_t s = 0; s < t; ++s)
      if (!came[s]) {
        ++missing;
        beta += 4 * (1 + 2 * missing_at[s]);
      }
    const double next = std::min(eta, 3 / std::sqrt(Gamma + beta + 4 * (1 + 2 * missing)));
    falls += next < eta ? 1 : 0;
    eta = next;
    missing_at.push_back(missing);
    const Prediction prediction = learner.predict();
    CHECK(learner.learning_rate() == Approx(eta).epsilon(1e-13));
    CHECK(prediction.id == static_cast<std::int64_t>(t));
    for (std::size_t s = 0; s <= t; ++s)
      if (!came[s] && RandomKey{3}.derive(t).uniform(s) < 0.3) {
        const double g = 4 * RandomKey{4}.uniform(s) - 2;
        learner.feedback(static_cast<std::int64_t>(s), VectorXd::Constant(1, g));
        came[s] = true;
        Gamma += g * g + 4 * std::abs(g) * missing_at[s];
      }
  }
  CHECK(falls > 100);
}

TEST_CASE("dual averaging: a guess of one's own") {
  DelayedDualAveraging learner({.rate = DelayRate::constant, .learning_rate = 0.5}, VectorXd::Zero(2));
  const Prediction first = learner.predict(Eigen::Vector2d(1, 2));
  CHECK(first.x == Eigen::Vector2d(-0.5, -1));
  learner.feedback(first.id, Eigen::Vector2d(1, 0));
  CHECK(learner.predict(Eigen::Vector2d(0, 1)).x == Eigen::Vector2d(-0.5, -0.5));
  CHECK(learner.predict().x == Eigen::Vector2d(-0.5, 0));
  CHECK(message_of([&] { (void)learner.predict(VectorXd::Zero(3)); }).find("guess has 3") != std::string::npos);
  CHECK(learner.outstanding() == 2);
}

TEST_CASE("dual averaging: gradients beyond the bound, too many predictions, and options are refused") {
  DelayedDualAveraging learner({.lipschitz = 2, .max_outstanding = 2}, VectorXd::Zero(2));
  const Prediction first = learner.predict();
  CHECK(message_of([&] { learner.feedback(0, Eigen::Vector2d(0, 2.5)); }) ==
        "DelayedDualAveraging: the norm of gradient = 2.5, must be <= lipschitz = 2");
  (void)learner.predict();
  CHECK(message_of([&] { (void)learner.predict(); }) ==
        "DelayedDualAveraging: outstanding = 2, must be < max_outstanding = 2 to predict");
  learner.feedback(first.id, Eigen::Vector2d(2, 0));
  CHECK(learner.predict().id == 2);
  CHECK(learner.predictions() == 3);
  DelayedDualAveraging free({.rate = DelayRate::ada_grad}, VectorXd::Zero(2));
  CHECK(free.predict().x.norm() == 0);
  free.feedback(0, Eigen::Vector2d(3e10, 4e10));
  CHECK(free.predict().x.isApprox(Eigen::Vector2d(-0.6, -0.8)));
  using Learner = DelayedDualAveraging<>;
  CHECK(message_of([] { Learner({.radius = 0}, VectorXd::Zero(2)); }).find("radius = 0") != std::string::npos);
  CHECK(message_of([] { Learner({.max_outstanding = 0}, VectorXd::Zero(2)); }).find("max_outstanding = 0") !=
        std::string::npos);
  Learner one_at_a_time({.max_outstanding = 1}, VectorXd::Zero(2));
  CHECK(one_at_a_time.predict().id == 0);
}
