#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/method_state.hpp"
#include <glissade/finite_sum/stochastic_oasis.hpp>
#include <glissade/minimize/curvature/oasis.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/problems/more_garbow_hillstrom.hpp>
#include <glissade/problems/quadratic.hpp>
#include <glissade/problems/random_data.hpp>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>

using namespace glissade;
using Eigen::VectorXd;

namespace {

/// n = 500, d = 20, columns scaled from 0.1 to 30: the Hessian's condition at the optimum is about 3e4.
problems::LogisticRegression badly_scaled(std::uint64_t seed) {
  const RandomKey key{seed};
  problems::LogisticRegression::Rows A(500, 20);
  VectorXd y(500);
  std::uint64_t counter = 0;
  for (Index i = 0; i < 500; ++i) {
    double z = 0;
    for (Index j = 0; j < 20; ++j) {
      const double plain = key.derive(0).normal(counter++);
      A(i, j) = plain * 0.1 * std::pow(300.0, static_cast<double>(j) / 19);
      z += plain * key.derive(1).normal(static_cast<std::uint64_t>(j));
    }
    y[i] = key.derive(2).uniform(static_cast<std::uint64_t>(i)) < 1 / (1 + std::exp(-z)) ? 1 : -1;
  }
  return {A, y, 1.0 / 500};
}

double minimum_of(const problems::LogisticRegression& problem, double* smoothness = nullptr) {
  VectorXd x = problem.start(), g;
  Eigen::MatrixXd H;
  for (int k = 0; k < 40; ++k) {
    problem.value_and_gradient(x, g);
    problem.hessian(x, H);
    const VectorXd p = H.llt().solve(g);
    x -= p / std::max(1.0, 4 * std::sqrt(p.dot(g) * 500) / 10);
  }
  REQUIRE(g.norm() < 1e-9);
  if (smoothness != nullptr) {
    problem.hessian(problem.start(), H);  // the largest there is
    *smoothness = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(H).eigenvalues()[H.rows() - 1];
  }
  return problem.value(x);
}

/// Two sums of 500 logarithms differ by this, relative to the sum, when the order of additions does.
constexpr double rounding = 16 * std::numeric_limits<double>::epsilon();

double after(const problems::LogisticRegression& problem, const auto& method, std::int64_t steps) {
  VectorXd x = problem.start();
  return minimize(problem, x, method, {.max_iterations = steps, .gradient_tolerance = 0}).value;
}

}  // namespace

TEST_CASE("OASIS halves the distance to the minimum of a separable quadratic, whatever the condition number") {
  VectorXd h(20), center(20);
  for (Index i = 0; i < 20; ++i) {
    h[i] = std::pow(10.0, -3 + 6 * static_cast<double>(i) / 19);
    center[i] = std::sin(static_cast<double>(3 * i + 1));
  }
  const problems::DiagonalQuadratic problem(h, center);
  VectorXd x = VectorXd::Zero(20);
  const Oasis method{.initial_learning_rate = 1e-3, .truncation = 1e-8};
  auto state = method.init(problem, x);
  CHECK((state.curvature - h).norm() < 1e-12 * h.norm());
  take_step(method, problem, x, state);
  CHECK((x - 1e-3 * center).norm() < 1e-15);
  double distance = (x - center).norm();
  for (int k = 1; k <= 40; ++k) {
    take_step(method, problem, x, state);
    CHECK(state.rate == Approx(0.5).epsilon(1e-12));
    CHECK((x - center).norm() == Approx(0.5 * distance).epsilon(k < 30 ? 1e-6 : 1e-2));
    distance = (x - center).norm();
  }
  CHECK(distance < 1e-11);
}

TEST_CASE("OASIS: badly scaled logistic regression, where gradient descent does not move") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const auto problem = badly_scaled(seed);
    double smoothness = 0;
    const double minimum = minimum_of(problem, &smoothness);
    // The minimum itself is known to rounding errors only.
    CHECK(after(problem, Oasis{.warm_start = 20}, 100) - minimum < 1e-6);
    CHECK(after(problem, Oasis{.warm_start = 20}, 300) - minimum <= rounding * minimum);
    CHECK(after(problem, Oasis{.beta2 = 0.999, .warm_start = 20}, 100) - minimum <= 3e-8);
    // Frozen preconditioner: AdGD; and gradient descent with 1 / L.
    CHECK(after(problem, Oasis{.initial_learning_rate = 1e-6, .truncation = 1e4}, 300) - minimum > 0.05);
    VectorXd x = problem.start(), g;
    for (int k = 0; k < 300; ++k) {
      problem.value_and_gradient(x, g);
      x -= g / smoothness;
    }
    CHECK(problem.value(x) - minimum > 0.1);
  }
}

TEST_CASE("OASIS: the first rate does not matter") {
  const auto problem = badly_scaled(1);
  const double minimum = minimum_of(problem);
  for (const double rate : {1e-4, 1e-3, 1e-2, 1e-1})
    CHECK(after(problem, Oasis{.initial_learning_rate = rate, .warm_start = 20}, 300) - minimum <= rounding * minimum);
}

TEST_CASE("OASIS with a constant preconditioner is AdGD") {
  const auto problem = problems::random_logistic({.rows = 50, .columns = 5, .regularization = 0.01});
  VectorXd x = problem.start(), y = x, last = x, g, last_g;
  const Oasis method{.initial_learning_rate = 0.1, .truncation = 1};  // curvatures are below 1
  auto state = method.init(problem, x);
  double rate = 0.1;
  double growth = std::numeric_limits<double>::infinity();
  for (int k = 0; k < 50; ++k) {
    take_step(method, problem, x, state);
    problem.value_and_gradient(y, g);
    if (k > 0) {
      const double next = std::min(std::sqrt(1 + growth) * rate, (y - last).norm() / (2 * (g - last_g).norm()));
      growth = next / rate;
      rate = next;
    }
    last = y;
    last_g = g;
    y -= rate * g;
    REQUIRE((x - y).norm() < 1e-12 * y.norm());
  }
}

TEST_CASE("OASIS: scaling the function does not change the path") {
  const auto problem = problems::random_logistic({.rows = 50, .columns = 5, .regularization = 0.01});
  struct Scaled {
    const problems::LogisticRegression& f;
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      const double value = f.value_and_gradient(x, g);
      g *= 1024;
      return 1024 * value;
    }
    void hessian_vector(const VectorXd& x, const VectorXd& v, VectorXd& Hv) const {
      f.hessian_vector(x, v, Hv);
      Hv *= 1024;
    }
  } scaled{problem};
  VectorXd x = problem.start(), y = x;
  minimize(problem, x, Oasis{}, {.max_iterations = 30, .gradient_tolerance = 0});
  minimize(scaled, y, Oasis{.truncation = 1e-5 * 1024}, {.max_iterations = 30, .gradient_tolerance = 0});
  CHECK(x == y);
}

TEST_CASE("OASIS: with the exact diagonal a diagonal change of variables gives the same values") {
  // Of a separable function one probe is the diagonal.
  struct Separable {
    VectorXd scale;
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      const Eigen::ArrayXd t = (scale.array() * x.array()) - 1;
      g = scale.array() * t.tanh() + 0.1 * scale.array() * t;
      return t.cosh().log().sum() + 0.05 * t.square().sum();
    }
    void hessian_vector(const VectorXd& x, const VectorXd& v, VectorXd& Hv) const {
      const Eigen::ArrayXd t = (scale.array() * x.array() - 1).tanh();
      Hv = scale.array().square() * (1.1 - t.square()) * v.array();
    }
  };
  const VectorXd scale = (VectorXd::LinSpaced(8, -4, 4) * std::log(2.0)).array().exp();
  const Separable plain{VectorXd::Ones(8)}, scaled{scale};
  VectorXd x = VectorXd::LinSpaced(8, -2, 3), y = x.cwiseQuotient(scale);
  const Oasis method{.truncation = 1e-100};
  auto at_x = method.init(plain, x);
  auto at_y = method.init(scaled, y);
  for (int k = 0; k < 60; ++k) {
    take_step(method, plain, x, at_x);
    take_step(method, scaled, y, at_y);
    CHECK(at_y.value == Approx(at_x.value).epsilon(1e-9).margin(1e-14));
  }
  CHECK(at_x.gradient.norm() < 1e-3);
}

TEST_CASE("OASIS: every number of a schedule is looked at, before anything is touched") {
  const auto problem = badly_scaled(2);
  for (const double bad : {-1.0, std::nan("")}) {
    const auto late = [bad](std::int64_t k) { return k < 3 ? 0.1 : bad; };
    const Oasis method{.learning_rate = late};
    VectorXd x = problem.start();
    auto state = method.init(problem, x);
    for (int k = 0; k < 3; ++k) take_step(method, problem, x, state);
    const VectorXd before = x, momentum = state.momentum, curvature = state.curvature;
    CHECK(message_of([&] { take_step(method, problem, x, state); }) ==
          (bad < 0 ? "Oasis: learning_rate = -1, must be >= 0 and finite"
                   : "Oasis: learning_rate = nan, must be >= 0 and finite"));
    CHECK(x == before);
    CHECK(state.curvature == curvature);
    CHECK(state.steps == 3);
    VectorXd y = problem.start();
    CHECK(message_of([&] {
            minimize(problem, y, StochasticOasis{.learning_rate = late});
          }).starts_with("StochasticOasis: learning_rate = "));
  }
}

TEST_CASE("OASIS: fixed rate, momentum and decay by their formulas") {
  const auto problem = problems::DiagonalQuadratic::geometric(4, 50);
  VectorXd x = problem.start(), y = x, m = VectorXd::Zero(4), h(4), g;
  problem.hessian_vector(x, VectorXd::Ones(4), h);
  const Oasis method{.learning_rate = [](std::int64_t k) { return 0.2 / (1.0 + static_cast<double>(k)); },
                     .beta1 = 0.9,
                     .weight_decay = 0.1};
  auto state = method.init(problem, x);
  for (int k = 1; k <= 5; ++k) {
    take_step(method, problem, x, state);
    problem.value_and_gradient(y, g);
    m = 0.9 * m + 0.1 * g;
    const double rate = 0.2 / k;
    y = (1 - rate * 0.1) * y - rate / (1 - std::pow(0.9, k)) * m.cwiseQuotient(h);
    CHECK((x - y).norm() < 1e-14);
  }
}

TEST_CASE("OASIS: resumes, stops, rejects") {
  const auto problem = badly_scaled(2);
  const auto check = [&](const auto& method) {
    VectorXd x = problem.start();
    auto state = method.init(problem, x);
    for (int k = 0; k < 5; ++k) take_step(method, problem, x, state);
    VectorXd y = x;
    auto other = method.init(problem, VectorXd(VectorXd::Ones(20)));
    copy_state(state, other);
    for (int k = 0; k < 5; ++k) take_step(method, problem, x, state);
    for (int k = 0; k < 5; ++k) take_step(method, problem, y, other);
    CHECK(x == y);
    CHECK((x - problem.start()).norm() > 0);
  };
  check(Oasis{});
  check(Oasis{.learning_rate = 0.1, .beta1 = 0.9});
  check(StochasticOasis{.learning_rate = 0.1, .batching = {.size = 70}});

  VectorXd x = problem.start();
  const auto says = [&](const auto& method) { return message_of([&] { minimize(problem, x, method); }); };
  CHECK(says(Oasis{.truncation = 0}) == "Oasis: truncation = 0, must be > 0 and finite");
  CHECK(says(Oasis{.beta2 = 1}) == "Oasis: beta2 = 1, must be in [0, 1)");
  CHECK(says(Oasis{.beta1 = 0.9}) == "Oasis: beta1 and weight_decay need a learning_rate");
  CHECK(says(StochasticOasis{.batching = {.size = 501}}) ==
        "StochasticOasis: batching.size = 501, must be in [1, 500]");

  // A constant function: the rate stays finite. A start at the optimum: no iteration.
  struct Constant {
    double value_and_gradient(const VectorXd&, VectorXd& g) const { return g.setZero(), 1; }
    void hessian_vector(const VectorXd&, const VectorXd&, VectorXd& Hv) const { Hv.setZero(); }
  } constant;
  auto state = Oasis{}.init(constant, x);
  for (int k = 0; k < 2000; ++k) take_step(Oasis{}, constant, x, state);
  CHECK(x == problem.start());
  CHECK(std::isfinite(state.rate));
  CHECK(minimize(constant, x, Oasis{}).iterations == 0);
}

TEST_CASE("OASIS: non-convex, and fixed-size vectors") {
  const problems::Rosenbrock problem;
  Eigen::Vector2d x = problem.start();
  const Result r = minimize(problem, x, Oasis{.beta2 = 0.9, .truncation = 1e-2, .seed = 1},
                            {.max_iterations = 20'000, .gradient_tolerance = 1e-6});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK((x - problem.minimizer()).norm() < 1e-4);
}

TEST_CASE("stochastic OASIS: batches of everything are OASIS, batches get near") {
  const auto problem = problems::random_logistic({.rows = 400, .columns = 10, .regularization = 0.01, .condition = 30});
  VectorXd x = problem.start(), y = x;
  const Oasis whole{};
  const StochasticOasis batched{.truncation = 1e-5, .batching = {.size = 400}};
  auto a = whole.init(problem, x);
  auto b = batched.init(problem, y);
  for (int k = 0; k < 20; ++k) {
    take_step(whole, problem, x, a);
    take_step(batched, problem, y, b);
  }
  CHECK((x - y).norm() < 1e-6 * x.norm());  // the same sums in another order

  // A step is a pass unless it has a length of its own.
  VectorXd u = problem.start(), v = u;
  minimize(problem, u, StochasticOasis{.batching = {.size = 100}}, {.max_iterations = 2});
  minimize(problem, v, StochasticOasis{.batching = {.size = 100, .inner_steps = 4}}, {.max_iterations = 2});
  CHECK(u == v);

  const double minimum = minimum_of(problem);
  VectorXd z = problem.start();
  const StochasticOasis decaying{
      .learning_rate = [](std::int64_t k) { return 1 / (1 + 0.05 * static_cast<double>(k)); },
      .beta1 = 0.9,
      .beta2 = 0.99,
      .warm_start = 10,
      .batching = {.size = 64}};
  const Result r = minimize(problem, z, decaying, {.max_iterations = 40, .gradient_tolerance = 0});
  CHECK(r.value - minimum < 1e-3 * (problem.value(problem.start()) - minimum));
}
