// ImportanceAware: the flow of infinitely many short steps, and what that makes true.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/online/importance_aware.hpp>

using namespace glissade;
using Eigen::VectorXd;

namespace {

const std::vector<PredictionLoss> all_losses{{.kind = LinearLoss::hinge},
                                             {.kind = LinearLoss::absolute},
                                             {.kind = LinearLoss::epsilon_insensitive, .epsilon = 0.3},
                                             {.kind = LinearLoss::pinball, .quantile = 0.9},
                                             {.kind = LinearLoss::squared},
                                             {.kind = LinearLoss::squared_hinge},
                                             {.kind = LinearLoss::logistic}};

VectorXd normals(Eigen::Index size, RandomKey key) {
  VectorXd v(size);
  for (Eigen::Index i = 0; i < size; ++i) v[i] = key.normal(static_cast<std::uint64_t>(i));
  return v;
}
/// use(loss, a, y, round) for examples that a loss takes.
void for_examples(int count, const auto& use) {
  for (const PredictionLoss& loss : all_losses)
    for (int t = 0; t < count; ++t) {
      const RandomKey key = RandomKey{8}.derive(static_cast<std::uint64_t>(t));
      const double y = 2 * key.normal(50);
      use(loss, normals(3, key), loss.labels_are_signs() ? (y > 0 ? 1.0 : -1.0) : y, t);
    }
}

}  // namespace

TEST_CASE("importance aware: importance h1 and then h2 is importance h1 + h2") {
  ImportanceAware twice({}, 3), once({}, 3);
  for_examples(200, [&](const PredictionLoss& loss, const VectorXd& a, double y, int t) {
    if (t == 0) {
      twice = ImportanceAware({.loss = loss, .learning_rate = 0.7}, 3);
      once = twice;
    }
    const double h1 = std::pow(10, t % 5 - 3), h2 = std::pow(10, t % 4 - 2);
    twice.learn(a, y, h1);
    twice.learn(a, y, h2);
    once.learn(a, y, h1 + h2);
    CHECK((twice.weights() - once.weights()).norm() <= 1e-12 * (1 + once.weights().norm()));
    CHECK(once.weights().norm() > 0);
  });
}

TEST_CASE("importance aware: it is where many short gradient steps end") {
  for_examples(12, [](const PredictionLoss& loss, const VectorXd& a, double y, int t) {
    for (const double h : {0.01, 0.4, 3.0}) {
      ImportanceAware learner({.loss = loss, .learning_rate = 0.7}, 3);
      const VectorXd before = normals(3, RandomKey{9}.derive(static_cast<std::uint64_t>(t)));
      ImportanceAware::visit(learner, [&](std::string_view, auto& value, auto...) {
        if constexpr (requires { value.size(); }) value = before;
      });
      learner.learn(a, y, h);
      double p = a.dot(before);
      constexpr int steps = 20'000;
      const double c = 0.7 * h * a.squaredNorm() / steps;
      for (int k = 0; k < steps; ++k) p -= c * loss.slope(p, y);
      INFO(static_cast<int>(loss.kind) << ", importance " << h);
      CHECK(learner.predict(a) == Approx(p).margin(1.5e-3 * std::min(1.0, h)));
    }
  });
}

TEST_CASE("importance aware: no importance leads past the label") {
  for_examples(50, [](const PredictionLoss& loss, const VectorXd& a, double y, int t) {
    ImportanceAware learner({.loss = loss}, 3);
    learner.learn(VectorXd::Ones(3), t % 2 == 0 ? 1 : -1, 2);
    const double p = learner.predict(a), slope = loss.slope(p, y);
    learner.learn(a, y, 1e6);
    const double q = learner.predict(a), after = loss.slope(q, y);
    INFO(static_cast<int>(loss.kind) << " from " << p << " to " << q << ", label " << y);
    CHECK((after * slope >= 0 || loss.value(q, y) <= 1e-13));
    if (loss.kind != LinearLoss::logistic) CHECK(loss.value(q, y) <= 1e-12 * (1 + loss.value(p, y)));
  });
}

TEST_CASE("importance aware: logistic, for margins and importances of every size") {
  // y p' + exp(y p') = y p + exp(y p) + c, in the form that fits.
  const VectorXd one = VectorXd::Ones(1);
  for (const double m : {-800.0, -50.0, -3.0, 0.0, 2.0, 40.0, 300.0, 800.0})
    for (const double c : {1e-12, 1e-3, 1.0, 60.0, 1e5, 1e300}) {
      ImportanceAware learner({.loss = {.kind = LinearLoss::logistic}, .learning_rate = 1}, 1);
      ImportanceAware::visit(learner, [&](std::string_view, auto& value, auto...) {
        if constexpr (requires { value.size(); }) value = VectorXd::Constant(1, m);
      });
      learner.learn(one, 1, c);
      const double next = learner.predict(one), d = next - m;
      INFO("margin " << m << ", c = " << c << ", next " << next);
      CHECK(d >= 0);
      const double left = m > 0 ? d * std::exp(-m) + std::expm1(d)
                                : d + (d < 1 ? std::exp(m) * std::expm1(d) : std::exp(next) - std::exp(m));
      const double right = m > 0 ? c * std::exp(-m) : c;
      const double rise = m > 0 ? std::exp(-m) + std::exp(d) : 1 + std::exp(m + d);  // of left, for the rounding of d
      CHECK(std::abs(left - right) <= 4e-15 * right + 2.3e-16 * rise * (std::abs(m) + std::abs(next)));
    }
}

TEST_CASE("importance aware: a short step is a gradient step; schedules; what is refused") {
  const VectorXd a = Eigen::Vector2d(1, 2);
  ImportanceAware learner({.learning_rate = [](std::int64_t t) { return t == 0 ? 1e-9 : 0.0; }}, 2);
  learner.learn(a, 3);
  CHECK(learner.weights().isApprox(3e-9 * a, 1e-7));
  CHECK(message_of([&] { learner.learn(a, 3); }) == "ImportanceAware: learning_rate(1) = 0, must be > 0 and finite");
  CHECK(learner.rounds() == 1);
  CHECK(message_of([&] { learner.learn(a, 3, -1); }).find("importance = -1") != std::string::npos);
  CHECK(message_of([] { ImportanceAware({.loss = {.quantile = 2}}, 2); }).find("quantile = 2") != std::string::npos);
}
