// The driver, the oracle and lifted rules.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/drive/progress_bar.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/rules/schedule_free.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/transforms/accumulate.hpp>
#include <glissade/transforms/clip_by_global_norm.hpp>
#include <glissade/transforms/ema.hpp>
#include <glissade/transforms/scale_by_learning_rate.hpp>

#include <limits>

using namespace glissade;
using Eigen::VectorXd;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// (x0 - 1)^2 / 2 + 5 (x1 - 2)^2
const auto bowl = [](const VectorXd& x, VectorXd& g) -> double {
  g[0] = x[0] - 1;
  g[1] = 10 * (x[1] - 2);
  return 0.5 * g[0] * g[0] + 0.05 * g[1] * g[1];
};

}  // namespace

TEST_CASE("minimize: a rule moves x to the minimum and every field is filled") {
  VectorXd x = VectorXd::Zero(2);
  const Result r = minimize(bowl, x, Sgd{.learning_rate = 0.1}, {.gradient_tolerance = 1e-9});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK(converged(r.status));
  CHECK(x[0] == Approx(1).epsilon(1e-8));
  CHECK(x[1] == Approx(2).epsilon(1e-8));
  CHECK(r.gradient_norm <= 1e-9);
  CHECK(r.value <= 1e-17);
  // The error shrinks by exactly 0.9 a step: 0.9^k <= 1e-9 first at k = 197.
  CHECK(r.iterations == 197);
  CHECK(r.evaluations.value == 198);
  CHECK(r.evaluations.gradient == 198);
  CHECK(r.evaluations.hessian == 0);
}

TEST_CASE("minimize: a lifted rule is the optimizer's loop, bit for bit") {
  const auto rule = chain(ClipByGlobalNorm{.max_norm = 3.0}, Adam{.learning_rate = 0.05});
  VectorXd x = VectorXd::Zero(2);
  minimize(bowl, x, rule, {.max_iterations = 40});
  VectorXd y = VectorXd::Zero(2);
  VectorXd g(2);
  Optimizer optimizer{rule, y};
  for (int k = 0; k < 40; ++k) {
    bowl(y, g);
    optimizer.step(g);
  }
  CHECK(x == y);
}

TEST_CASE("minimize: views and vectors of fixed size") {
  VectorXd all = VectorXd::Zero(4);
  const Result r = minimize(bowl, all.segment(1, 2), Sgd{.learning_rate = 0.1});
  CHECK(converged(r.status));
  CHECK(all[0] == 0.0);
  CHECK(all[1] == Approx(1).epsilon(1e-5));
  CHECK(all[2] == Approx(2).epsilon(1e-5));
  Eigen::Vector2d fixed(0, 0);
  const auto f = [](const Eigen::Vector2d& x, Eigen::Vector2d& g) {
    g = x;
    return 0.5 * x.squaredNorm();
  };
  CHECK(minimize(f, fixed, Sgd{.learning_rate = 0.1}).iterations == 0);
}

TEST_CASE("minimize: a view is written back when the objective throws") {
  double memory[2] = {0, 0};
  Eigen::Map<VectorXd> x(memory, 2);
  int calls = 0;
  const auto f = [&](const VectorXd& y, VectorXd& g) {
    if (++calls == 4) throw std::runtime_error("enough");
    return bowl(y, g);
  };
  CHECK_THROWS_AS(minimize(f, x, Sgd{.learning_rate = 0.1}), std::runtime_error);
  CHECK(memory[0] == Approx(0.19));  // the last point whose gradient is known
}

TEST_CASE("minimize: each stop rule ends with its own status") {
  const auto end = [](const Stop& stop) {
    VectorXd x = VectorXd::Zero(2);
    return minimize(bowl, x, Sgd{.learning_rate = 0.1}, stop);
  };
  CHECK(end({.max_iterations = 7}).iterations == 7);
  CHECK(end({.max_iterations = 7}).status == Status::max_iterations);
  CHECK(end({.max_iterations = 0}).status == Status::max_iterations);
  CHECK(end({.step_tolerance = 1e-3}).status == Status::step_tolerance);
  CHECK(end({.value_tolerance = 1e-3}).status == Status::value_tolerance);
  CHECK(end({.max_seconds = 0}).status == Status::max_seconds);
  CHECK(end({.lowest_value = 1.0}).status == Status::unbounded);
  CHECK(end({.predicate = [](const Record& r) { return r.iteration == 3; }}).status == Status::stopped_by_predicate);
  for (std::int64_t most = 0; most < 5; ++most) {
    const Result values = end({.max_value_calls = most});
    CHECK(values.status == Status::max_value_calls);
    CHECK(values.evaluations.value == most);
    const Result gradients = end({.max_gradient_calls = most});
    CHECK(gradients.status == Status::max_gradient_calls);
    CHECK(gradients.evaluations.gradient == most);
    CHECK(gradients.iterations == std::max<std::int64_t>(most - 1, 0));
  }
}

TEST_CASE("minimize: a start is good enough at the tolerance, and not above it") {
  const auto half_square = [](const VectorXd& x, VectorXd& g) {
    g = x;
    return 0.5 * x.squaredNorm();
  };
  const double tolerance = 0.125;
  for (const double start : {1.0, 1.0001}) {
    VectorXd x = VectorXd::Constant(1, tolerance * start);
    const Result r = minimize(half_square, x, Sgd{.learning_rate = 0.5}, {.gradient_tolerance = tolerance});
    CHECK(r.status == Status::gradient_tolerance);
    CHECK(r.iterations == (start == 1.0 ? 0 : 1));
    CHECK(r.gradient_norm <= tolerance);
  }
}

TEST_CASE("minimize: observers see the start and every iteration, and may stop") {
  VectorXd x = VectorXd::Zero(2);
  History history;
  int seen = 0;
  const auto stopper = [&](const Record& record) {
    ++seen;
    CHECK(record.x.size() == 2);
    return record.iteration == 5 ? Flow::stop : Flow::go_on;
  };
  const Result r = minimize(bowl, x, Sgd{.learning_rate = 0.1}, {}, history, stopper, ProgressBar(false));
  CHECK(r.status == Status::stopped_by_observer);
  CHECK(seen == 6);
  REQUIRE(history.size() == 6);
  CHECK(history.iteration.back() == 5);
  CHECK(history.value.back() == r.value);
  CHECK(history.step_norm.front() == 0.0);
  CHECK(history.step_norm[1] == Approx(0.1 * history.gradient_norm[0]));
  CHECK(history.evaluations.back() == r.evaluations);
}

TEST_CASE("minimize: what is not finite ends at the last finite point") {
  VectorXd x = VectorXd::Zero(2);
  const auto cliff = [](const VectorXd& y, VectorXd& g) {
    g.setConstant(-1);
    return y[0] > 0.55 ? not_a_number : -y.sum();
  };
  Result r = minimize(cliff, x, Sgd{.learning_rate = 0.1});
  CHECK(r.status == Status::non_finite);
  CHECK(r.iterations == 5);
  CHECK(x[0] == Approx(0.5));
  CHECK(r.value == Approx(-1.0));

  VectorXd start = VectorXd::Constant(2, 1.0);
  r = minimize(cliff, start, Sgd{.learning_rate = 0.1});
  CHECK(r.status == Status::non_finite_start);
  CHECK(r.iterations == 0);
  CHECK(start[0] == 1.0);
  CHECK(r.evaluations.gradient == 1);

  start[0] = not_a_number;
  CHECK(minimize(bowl, start, Sgd{.learning_rate = 0.1}).status == Status::non_finite_start);
}

TEST_CASE("minimize: options are checked before the first call") {
  VectorXd x = VectorXd::Zero(2);
  int calls = 0;
  const auto f = [&](const VectorXd& y, VectorXd& g) {
    ++calls;
    return bowl(y, g);
  };
  CHECK(message_of([&] { minimize(f, x, Adam{.beta1 = 1.2}); }) == "Adam: beta1 = 1.2, must be in [0, 1)");
  CHECK(message_of([&] { minimize(f, x, Sgd{}, {.gradient_tolerance = -1}); }) ==
        "Stop: gradient_tolerance = -1, must be >= 0 and finite");
  CHECK(message_of([&] { minimize(f, x, Sgd{}, {.max_seconds = not_a_number}); }) ==
        "Stop: max_seconds = nan, must be >= 0");
  CHECK(message_of([&] {
          minimize(f, x, Lifted{Sgd{}, {.threads = -1}}, {.max_iterations = 0});
        }) == "OptimizerOptions: threads = -1, must be in [0, 1024]");
  CHECK(calls == 0);
}

TEST_CASE("resume: parts are the whole, bit for bit") {
  const Lifted method{Adam{.learning_rate = 0.05}};
  VectorXd whole = VectorXd::Zero(2);
  minimize(bowl, whole, method, {.max_iterations = 30});
  VectorXd x = VectorXd::Zero(2);
  auto state = method.init(bowl, x);
  const Result first = resume(bowl, x, method, state, {.max_iterations = 11});
  CHECK(first.evaluations.gradient == 11);  // none for the point where it begins
  VectorXd moved = x;
  auto copy = state;
  resume(bowl, moved, method, copy, {.max_iterations = 19});
  CHECK(moved == whole);

  VectorXd wrong = VectorXd::Zero(3);
  CHECK(message_of([&] { resume(bowl, wrong, method, state); }) == "resume: the state is of 2 variables, x has 3");
}

TEST_CASE("resume: a step into what is not finite is undone, the rule's memory included") {
  const auto cliff = [](const VectorXd& y, VectorXd& g) {
    const double value = bowl(y, g);
    return y[1] > 1.5 ? not_a_number : value;
  };
  const Lifted method{Adam{.learning_rate = 0.05}};
  VectorXd x = VectorXd::Zero(2);
  auto state = method.init(cliff, x);
  const Result r = resume(cliff, x, method, state);
  CHECK(r.status == Status::non_finite);
  CHECK(r.iterations > 5);
  CHECK(state.value == r.value);
  VectorXd g(2);
  cliff(x, g);
  CHECK(state.gradient == g);
  // Without the wall it goes on as if there had never been one.
  resume(bowl, x, method, state, {.max_iterations = 7});
  VectorXd whole = VectorXd::Zero(2);
  minimize(bowl, whole, method, {.max_iterations = r.iterations + 7});
  CHECK(x == whole);
}

TEST_CASE("minimize: steps that do not move are no sign of convergence") {
  const auto late = [](std::int64_t t) { return t < 5 ? 0.0 : 0.1; };
  for (const bool steps : {true, false}) {
    VectorXd x = VectorXd::Zero(2);
    Stop stop{.gradient_tolerance = 0};
    (steps ? stop.step_tolerance : stop.value_tolerance) = 1e-9;
    const Result r = minimize(bowl, x, Sgd{.learning_rate = late}, stop);
    CHECK(r.status == (steps ? Status::step_tolerance : Status::value_tolerance));
    CHECK((x - Eigen::Vector2d(1, 2)).norm() < 1e-3);
  }
  // Gradients are gathered over four calls: x stands still in three of them.
  VectorXd x = VectorXd::Zero(2);
  minimize(bowl, x, chain(Accumulate{.steps = 4}, Sgd{.learning_rate = 0.1}),
           {.gradient_tolerance = 0, .step_tolerance = 1e-9});
  CHECK((x - Eigen::Vector2d(1, 2)).norm() < 1e-3);
}

TEST_CASE("lifted rules that average: their solution is at hand") {
  const auto check = [](const auto& rule) {
    const Lifted method{rule};
    VectorXd x = VectorXd::Zero(2);
    auto state = method.init(bowl, x);
    resume(bowl, x, method, state, {.max_iterations = 25, .gradient_tolerance = 0});
    VectorXd y = VectorXd::Zero(2), g(2);
    Optimizer optimizer{rule, y};
    for (int k = 0; k < 25; ++k) {
      bowl(y, g);
      optimizer.step(g);
    }
    CHECK(x == y);
    const VectorXd solution = evaluation_parameters(method, state, x);
    CHECK(solution == evaluation_parameters(optimizer, 0).matrix());
    CHECK(solution != x);
  };
  check(ScheduleFreeSgd{.learning_rate = 0.1});
  check(chain(Sgd{.learning_rate = 0.1}, Ema{.decay = 0.9}));
  const Lifted plain{Sgd{.learning_rate = 0.1}};
  VectorXd x = VectorXd::Zero(2);
  const auto state = plain.init(bowl, x);
  CHECK(message_of([&] {
          static_cast<void>(evaluation_parameters(plain, state, x));
        }).starts_with("evaluation_parameters: no rule that averages in "));
}

TEST_CASE("oracle: counts components in shares of the sum and keeps to the budget") {
  struct Sum {
    Index size() const { return 10; }
    double batch_value(const VectorXd& x, std::span<const Index>) const { return x[0]; }
    void batch_gradient(const VectorXd&, std::span<const Index>, VectorXd& g) const { g.setOnes(); }
  } sum;
  VectorXd x = VectorXd::Zero(1);
  VectorXd g;
  Oracle<Sum, VectorXd> oracle(sum);
  oracle.allow(Call::gradient, 1);
  const std::array<Index, 4> batch{0, 1, 2, 3};
  oracle.batch_gradient(x, batch, g);
  oracle.batch_gradient(x, batch, g);
  CHECK(g[0] == 1.0);
  CHECK(oracle.evaluations().gradients() == Approx(0.8));
  CHECK_FALSE(oracle.refused());
  oracle.batch_gradient(x, batch, g);
  CHECK(std::isnan(g[0]));
  CHECK(oracle.refused() == Call::gradient);
  CHECK(oracle.evaluations().component_gradient == 8);
}

TEST_CASE("oracle: an objective whose gradient changes its size is misuse") {
  VectorXd x = VectorXd::Zero(2);
  const auto f = [](const VectorXd&, VectorXd& g) {
    g = VectorXd::Zero(3);
    return 0.0;
  };
  CHECK(message_of([&] { minimize(f, x, Sgd{}); }) == "objective: its gradient has size 3, must be 2");
}

TEST_CASE("status: every one has a sentence of its own") {
  std::vector<std::string_view> sentences;
  for (int s = 0; s <= static_cast<int>(Status::singular_constraints); ++s) {
    const auto sentence = to_string(static_cast<Status>(s));
    CHECK(sentence.back() == '.');
    CHECK(std::count(sentences.begin(), sentences.end(), sentence) == 0);
    sentences.push_back(sentence);
  }
  CHECK(to_string(static_cast<Status>(999)) == "Unknown status.");
}
