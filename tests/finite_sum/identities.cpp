// Identities of the methods for finite sums, and what every one of them must do.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/method_state.hpp"
#include <glissade/finite_sum/ai_sarah.hpp>
#include <glissade/finite_sum/inner_rule.hpp>
#include <glissade/finite_sum/passes.hpp>
#include <glissade/finite_sum/saga.hpp>
#include <glissade/finite_sum/sarah.hpp>
#include <glissade/finite_sum/svrg.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/problems/random_data.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/transforms/clip_by_global_norm.hpp>

#include <set>

using namespace glissade;
using Eigen::VectorXd;

namespace {

problems::LogisticRegression logistic(Index rows = 60, std::uint64_t seed = 1) {
  return problems::random_logistic({.rows = rows, .columns = 5, .regularization = 0.1, .seed = seed});
}

/// All terms are the same.
struct Equal {
  Index terms;
  problems::LogisticRegression one = logistic(1);
  [[nodiscard]] Index size() const { return terms; }
  double value_and_gradient(const VectorXd& x, VectorXd& g) const { return one.value_and_gradient(x, g); }
  void batch_gradient(const VectorXd& x, std::span<const Index> indices, VectorXd& g) const {
    REQUIRE(!indices.empty());
    one.value_and_gradient(x, g);
  }
  void batch_hessian_vector(const VectorXd& x, std::span<const Index>, const VectorXd& v, VectorXd& Hv) const {
    one.hessian_vector(x, v, Hv);
  }
};

template <class M, class P>
VectorXd after(const M& method, P problem, int steps, VectorXd x = VectorXd::Ones(5)) {
  auto state = method.init(problem, x);
  for (int k = 0; k < steps; ++k) take_step(method, problem, x, state);
  return x;
}

VectorXd descent(const problems::LogisticRegression& problem, double step, int steps) {
  VectorXd x = VectorXd::Ones(5);
  VectorXd g;
  for (int k = 0; k < steps; ++k) {
    problem.value_and_gradient(x, g);
    x -= step * g;
  }
  return x;
}

/// Runs check(method) for one of each.
template <class Check>
void for_each_method(const Check& check) {
  check(Svrg{.batching = {.size = 7}});
  check(Saga{.batching = {.size = 7}});
  check(Sarah{.batching = {.size = 7}});
  check(SarahPlus{.batching = {.size = 7}});
  check(AiSarah{.batching = {.size = 7}});
  check(with_rule(Svrg{.batching = {.size = 7}}, Adam{.learning_rate = 1e-2}));
}

}  // namespace

TEST_CASE("batches: every term once a pass, the last batch takes what is left over") {
  Batches batches;
  batches.begin(25, 7, Order::reshuffled, RandomKey{3});
  CHECK(batches.per_pass() == 3);
  std::vector<Index> passes[2];
  for (auto& pass : passes) {
    for (const std::size_t expected : {7U, 7U, 11U}) {
      const auto batch = batches.next();
      CHECK(batch.size() == expected);
      pass.insert(pass.end(), batch.begin(), batch.end());
    }
    CHECK(std::set<Index>(pass.begin(), pass.end()).size() == 25);
    CHECK(*std::min_element(pass.begin(), pass.end()) == 0);
    CHECK(*std::max_element(pass.begin(), pass.end()) == 24);
  }
  CHECK(passes[0] != passes[1]);
  batches.begin(25, 7, Order::in_order, RandomKey{3});
  CHECK(batches.next()[3] == 3);
  batches.begin(25, 7, Order::independent, RandomKey{3});
  std::vector<int> drawn(25, 0);
  for (int k = 0; k < 5000; ++k)
    for (const Index i : batches.next()) ++drawn[static_cast<std::size_t>(i)];
  for (const int count : drawn) CHECK(std::abs(count - 1400) < 200);  // 5.4 standard deviations
}

TEST_CASE("inner length 1 is gradient descent, bit for bit") {
  const auto problem = logistic();
  const VectorXd x = descent(problem, 0.4, 20);
  CHECK(after(Svrg{.step_size = 0.4, .batching = {.inner_steps = 1}}, problem, 20) == x);
  CHECK(after(Sarah{.step_size = 0.4, .batching = {.inner_steps = 1}}, problem, 20) == x);
  CHECK(after(SarahPlus{.step_size = 0.4, .batching = {.inner_steps = 1}}, problem, 20) == x);
}

TEST_CASE("a batch of everything is gradient descent") {
  const auto problem = logistic();
  const VectorXd x = descent(problem, 0.4, 20);
  CHECK((after(Svrg{.step_size = 0.4, .batching = {.size = 60, .inner_steps = 4}}, problem, 5) - x).norm() < 1e-14);
  CHECK((after(Sarah{.step_size = 0.4, .batching = {.size = 60, .inner_steps = 4}}, problem, 5) - x).norm() < 1e-14);
  CHECK((after(Saga{.step_size = 0.4, .batching = {.size = 60, .inner_steps = 20}}, problem, 1) - x).norm() < 1e-14);
}

TEST_CASE("one term: SAGA is gradient descent") {
  const auto problem = logistic(1);
  CHECK(
      (after(Saga{.step_size = 0.4, .batching = {.inner_steps = 20}}, problem, 1) - descent(problem, 0.4, 20)).norm() <
      1e-14);
}

TEST_CASE("SARAH: with a batch of everything the direction is the gradient") {
  const auto problem = logistic();
  VectorXd x = VectorXd::Ones(5);
  VectorXd g;
  const Sarah method{.step_size = 0.4, .batching = {.size = 60, .inner_steps = 20}};
  auto state = method.init(problem, x);
  method.step_with(problem, x, state, [&](VectorXd& point, const VectorXd& v, double step) {
    problem.value_and_gradient(point, g);
    CHECK((v - g).norm() < 1e-14);
    point -= step * v;
  });
}

TEST_CASE("equal terms: steps do not depend on the batch size, ragged last batch included") {
  const auto run = [&](auto method) {
    method.batching.inner_steps = 30;
    VectorXd first;
    for (const std::int64_t size : {1, 4, 7, 16, 25}) {
      method.batching.size = size;
      const VectorXd x = after(method, Equal{25}, 3);
      if (first.size() == 0) first = x;
      CHECK((x - first).norm() < 1e-13);
    }
    CHECK((first - VectorXd::Ones(5)).norm() > 0.1);
  };
  run(Svrg{});
  run(Sarah{});
  run(SarahPlus{});
  run(AiSarah{});
}

TEST_CASE("equal terms: SAGA's first step does not depend on the batch size either, its later ones do") {
  // Its table remembers gradients for as many steps as there are batches, so sizes differ in what they remember.
  const auto run = [](std::int64_t size, std::int64_t steps) {
    return after(Saga{.step_size = 0.4, .batching = {.size = size, .inner_steps = steps}}, Equal{25}, 1);
  };
  const VectorXd first = descent(logistic(1), 0.4, 1);
  for (const std::int64_t size : {1, 4, 7, 16, 25}) CHECK((run(size, 1) - first).norm() < 1e-15);
  CHECK((run(1, 6) - run(25, 6)).norm() > 1e-3);
}

TEST_CASE("SAGA: the mean follows its table through ten thousand steps") {
  const auto problem = logistic(25);
  for (const std::int64_t size : {1, 7}) {
    const Saga method{.step_size = 0.4, .batching = {.size = size, .inner_steps = 10'000}};
    VectorXd x = VectorXd::Ones(5);
    auto state = method.init(problem, x);
    take_step(method, problem, x, state);
    const Index batches = 25 / size;
    VectorXd mean = VectorXd::Zero(5);
    for (Index j = 0; j < batches; ++j) {
      const double terms = static_cast<double>(j + 1 == batches ? 25 - j * size : size);
      mean += terms / 25 * state.table.segment(5 * j, 5);
    }
    CHECK((state.mean - mean).norm() < 1e-12);
  }
}

TEST_CASE("SAGA: with a prox it solves the lasso whose answer is known") {
  // Orthogonal columns, A'A = 8 I: the answer is A'y / 8, softly cut off at 0.4.
  problems::RidgeRegression::Rows A(8, 4);
  for (Index i = 0; i < 8; ++i) A.row(i) << 1, i % 2 == 0 ? 1 : -1, i / 2 % 2 == 0 ? 1 : -1, i / 4 == 0 ? 1 : -1;
  const VectorXd correlation{{1.5, -0.9, 0.3, -0.1}};
  const VectorXd answer{{1.1, -0.5, 0, 0}};
  struct Lasso {
    problems::RidgeRegression smooth;
    [[nodiscard]] Index size() const { return smooth.size(); }
    double value_and_gradient(const VectorXd& x, VectorXd& g) const { return smooth.value_and_gradient(x, g); }
    void batch_gradient(const VectorXd& x, std::span<const Index> batch, VectorXd& g) const {
      smooth.batch_gradient(x, batch, g);
    }
    void prox(VectorXd& x, double step) const {
      for (double& z : x) z = z > 0.4 * step ? z - 0.4 * step : z < -0.4 * step ? z + 0.4 * step : 0;
    }
  } lasso{problems::RidgeRegression(A, A * correlation + VectorXd{{0.1, -0.1, -0.1, 0.1, -0.1, 0.1, 0.1, -0.1}})};
  VectorXd x = VectorXd::Zero(4);
  const Result r = minimize(lasso, x, Saga{.step_size = 1.0 / 12, .batching = {.inner_steps = 1000}},
                            {.max_iterations = 3, .gradient_tolerance = 0});
  CHECK((x - answer).norm() < 1e-12);
  CHECK(x[2] == 0);
  CHECK(x[3] == 0);
  CHECK(r.evaluations.prox == 1000 * r.iterations + r.iterations + 1);  // one for each measure
  // Gradients in the table are of the smooth part: its own minimizer is another.
  CHECK((lasso.smooth.minimizer() - correlation).norm() < 1e-14);

  // It ends by itself, by the norm of the prox-gradient step; the gradient of the smooth part stays what it is.
  const auto ends = [&](const auto& method) {
    VectorXd y = VectorXd::Zero(4);
    VectorXd g;
    History history;
    const Result s = minimize(lasso, y, method, {.max_iterations = 200, .gradient_tolerance = 1e-9}, history);
    CHECK(s.status == Status::gradient_tolerance);
    CHECK((y - answer).norm() < 1e-8);
    CHECK(s.measure <= 1e-9);
    lasso.value_and_gradient(y, g);
    CHECK(s.gradient_norm == Approx(g.norm()).epsilon(1e-12));
    CHECK(s.gradient_norm > 0.1);
    CHECK(history.measure.back() == s.measure);
    CHECK(history.gradient_norm.back() == s.gradient_norm);
    // At the start the prox of the gradient step is its soft threshold.
    const double first = history.measure.front();
    CHECK(first == Approx(std::sqrt(1.1 * 1.1 + 0.5 * 0.5)).epsilon(1e-12));
    VectorXd z = answer;
    CHECK(minimize(lasso, z, method).iterations == 0);
    // A state that another program brought back tells the same.
    auto state = method.init(lasso, y);
    auto fresh = method.init(lasso, VectorXd(VectorXd::Ones(4)));
    copy_state(state, fresh);
    CHECK(resume(lasso, y, method, fresh, {.gradient_tolerance = 1e-9}).iterations == 0);
  };
  const Saga method{.step_size = 1.0 / 12, .batching = {.inner_steps = 50}};
  ends(method);
  ends(with_rule(method, Sgd{.learning_rate = 1.0 / 12}));
}

TEST_CASE("SAGA: the table's mean is the direction's, without bias from a ragged last block") {
  // With x held still, the mean over all draws of d + G is the gradient at x, whatever the table holds.
  const auto problem = logistic(25);
  VectorXd x = VectorXd::Ones(5);
  VectorXd g, sum = VectorXd::Zero(5);
  const Saga method{.batching = {.size = 7, .inner_steps = 1}};
  auto state = method.init(problem, x);
  x *= -2;
  const auto table = state.table;
  int seen[3] = {0, 0, 0};
  problem.value_and_gradient(x, g);
  VectorXd first[3];
  for (std::int64_t k = 0; k < 40; ++k) {
    state.table = table;
    state.outer = k;
    method.step_with(problem, x, state, [&](VectorXd&, const VectorXd& v, double) {
      const Index block = state.indices.front() / 7;
      first[block] = v;
      ++seen[block];
    });
  }
  for (const int count : seen) REQUIRE(count > 0);
  CHECK(((first[0] + first[1] + first[2]) / 3 - g).norm() < 1e-14);
}

TEST_CASE("AI-SARAH: on a quadratic the step is <v, Hv> / |Hv|^2, between the inverse curvatures") {
  const Eigen::MatrixXd A = problems::random_logistic({.rows = 30, .columns = 5}).features();
  const problems::RidgeRegression problem(A, VectorXd::LinSpaced(30, -1, 1), 0.3);
  VectorXd x = VectorXd::Ones(5);
  for (const bool drop : {false, true}) {
    const AiSarah method{.batching = {.size = 30}, .drop_third = drop};
    auto state = method.init(problem, x);
    VectorXd Hv;
    problem.hessian_vector(x, state.gradient, Hv);
    const double expected = state.gradient.dot(Hv) / Hv.squaredNorm();
    double first = 0;
    method.step_with(problem, x, state, [&](VectorXd& point, const VectorXd& v, double step) {
      if (first == 0) first = step;
      CHECK(step <= 1 / 0.3);
      CHECK(step >= 1 / (0.3 + 1));
      point -= step * v;
    });
    CHECK(first == Approx(expected).epsilon(1e-14));
  }
}

TEST_CASE("AI-SARAH: the step is Newton's on the norm of the next direction, and the limits follow by smoothing") {
  const auto problem = logistic();
  VectorXd x = 2 * VectorXd::Ones(5);
  const AiSarah method{.gamma = 1e-6, .beta = 0.9, .batching = {.size = 60, .inner_steps = 6}};
  auto state = method.init(problem, x);
  double limit = std::numeric_limits<double>::infinity();
  double delta = 0;
  method.step_with(problem, x, state, [&](VectorXd& point, const VectorXd& v, double step) {
    VectorXd g, there;
    problem.value_and_gradient(point, g);
    const auto next = [&](double alpha) {
      problem.value_and_gradient(point - alpha * v, there);
      return (there - g + v).squaredNorm();
    };
    const double h = 1e-2;
    const double slope = (next(-2 * h) - next(2 * h) + 8 * (next(h) - next(-h))) / (12 * h);
    const double curvature = (-next(-2 * h) - next(2 * h) + 16 * (next(h) + next(-h)) - 30 * next(0)) / (12 * h * h);
    const double newton = -slope / std::abs(curvature);
    CHECK(step == Approx(std::min(newton, limit)).epsilon(1e-5));
    delta = std::isinf(limit) ? 1 / newton : 0.9 * delta + 0.1 / newton;
    limit = 1 / delta;
    point -= step * v;
  });
  CHECK(state.inner >= 3);
}

TEST_CASE("AI-SARAH: a step that is no positive number is passed over or limited, never infinite") {
  struct Concave {  // value -cos(x) like: curvature of both signs
    [[nodiscard]] Index size() const { return 4; }
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      g = -x + x.cwiseAbs2().cwiseProduct(x);
      return -0.5 * x.squaredNorm() + 0.25 * x.array().pow(4).sum();
    }
    void batch_gradient(const VectorXd& x, std::span<const Index>, VectorXd& g) const { value_and_gradient(x, g); }
    void batch_hessian_vector(const VectorXd& x, std::span<const Index>, const VectorXd& v, VectorXd& Hv) const {
      Hv = (3 * x.array().square() - 1).matrix().cwiseProduct(v);
    }
  };
  Concave problem;
  VectorXd x = VectorXd::Constant(2, 0.01);  // negative curvature: no step can be taken
  CHECK(minimize(problem, x, AiSarah{.batching = {.size = 2}}, {.max_iterations = 3}).status == Status::max_iterations);
  CHECK(x == VectorXd::Constant(2, 0.01));
  // Passing batches over is no convergence.
  for (const Stop& stop :
       {Stop{.max_iterations = 3, .step_tolerance = 1e-3}, Stop{.max_iterations = 3, .value_tolerance = 1e-3}})
    CHECK(minimize(problem, x, AiSarah{.batching = {.size = 2}}, stop).status == Status::max_iterations);
  x.setConstant(2);  // convex there
  const Result r =
      minimize(problem, x, AiSarah{.batching = {.size = 2}}, {.max_iterations = 200, .gradient_tolerance = 1e-9});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK(r.value == Approx(-0.5).epsilon(1e-12));
}

TEST_CASE("every finite-sum method: converges, counts, stops, resumes") {
  const auto problem = logistic();
  for_each_method([&](const auto& method) {
    DYNAMIC_SECTION(method.name) {
      VectorXd x = VectorXd::Ones(5);
      const Result r = minimize(problem, x, method, {.max_iterations = 1000, .gradient_tolerance = 1e-6});
      CHECK(r.status == Status::gradient_tolerance);
      VectorXd g;
      CHECK(r.value == problem.value_and_gradient(x, g));
      CHECK(r.gradient_norm == Approx(g.norm()).epsilon(1e-14));
      CHECK(r.evaluations.gradient == r.iterations + 1);
      CHECK(r.evaluations.component_gradient > 0);

      SECTION("a start at the optimum takes no iteration") {
        VectorXd y = x;
        CHECK(minimize(problem, y, method, {.gradient_tolerance = 1e-5}).iterations == 0);
        CHECK(y == x);
      }
      SECTION("no more calls than allowed") {
        VectorXd y = VectorXd::Ones(5);
        const Result s = minimize(problem, y, method, {.gradient_tolerance = 0, .max_gradient_calls = 20});
        CHECK(s.status == Status::max_gradient_calls);
        CHECK(s.evaluations.gradients() <= 20 * (1 + 1e-9));
        CHECK(y.allFinite());
      }
      SECTION("resumes bit for bit from what visit names") {
        VectorXd y = VectorXd::Ones(5);
        auto state = method.init(problem, y);
        for (int k = 0; k < 3; ++k) take_step(method, problem, y, state);
        VectorXd z = y;
        auto fresh = method.init(problem, VectorXd(VectorXd::Zero(5)));
        copy_state(state, fresh);
        for (int k = 0; k < 3; ++k) take_step(method, problem, y, state);
        for (int k = 0; k < 3; ++k) take_step(method, problem, z, fresh);
        CHECK(y == z);
      }
      SECTION("another seed, another path; the same seed, the same path") {
        auto other = method;
        if constexpr (requires { other.batching.seed; }) {
          CHECK(after(method, problem, 2) == after(method, problem, 2));
          other.batching.seed = 1;
          CHECK(after(method, problem, 2) != after(other, problem, 2));
        }
      }
    }
  });
}

TEST_CASE("a rule takes the directions") {
  const auto problem = logistic();
  const VectorXd plain = after(Sarah{.step_size = 0.3, .batching = {.size = 6}}, problem, 4);
  CHECK((after(with_rule(Sarah{.batching = {.size = 6}}, Sgd{.learning_rate = 0.3}), problem, 4) - plain).norm() <
        1e-14);
  // The directions in a chain: longer ones are cut to the length of 0.05, by hand here.
  const Sarah method{.step_size = 0.3, .batching = {.size = 6}};
  VectorXd x = VectorXd::Ones(5);
  auto state = method.init(problem, x);
  int clipped = 0;
  for (int k = 0; k < 4; ++k)
    method.step_with(problem, x, state, [&](VectorXd& point, const VectorXd& v, double step) {
      const double norm = v.norm();
      clipped += norm > 0.05 ? 1 : 0;
      point -= step * std::min(1.0, 0.05 / norm) * v;
    });
  CHECK(clipped > 3);
  const auto rule = chain(ClipByGlobalNorm{0.05}, Sgd{.learning_rate = 0.3});
  CHECK((after(with_rule(Sarah{.batching = {.size = 6}}, rule), problem, 4) - x).norm() < 1e-14);
}

TEST_CASE("two ways of counting passes") {
  const auto problem = logistic();
  VectorXd x = VectorXd::Ones(5);
  // Two outer loops of 1 + 9 steps, batches of 6 out of 60, after the gradient at the start.
  const Result r = minimize(problem, x, Sarah{.batching = {.size = 6, .inner_steps = 10}}, {.max_iterations = 2});
  CHECK(work_passes(r.evaluations) == Approx(3 + 2 * 9 * 2 * 0.1));
  CHECK(published_passes(r.evaluations) == Approx(3 + 2 * 9 * 0.1));
  x.setOnes();
  const Result s = minimize(problem, x, AiSarah{.batching = {.size = 6, .inner_steps = 2}}, {.max_iterations = 1});
  CHECK(work_passes(s.evaluations) == Approx(2 + 2 * 4 * 0.1));
  CHECK(published_passes(s.evaluations) == Approx(2 + 2 * 0.1));
}

TEST_CASE("SAGA: a table of another size is refused with both sizes") {
  const auto problem = logistic();
  VectorXd x = VectorXd::Ones(5);
  const Saga method{.batching = {.size = 7, .inner_steps = 3}};
  auto state = method.init(problem, x);
  state.table.conservativeResize(39);
  CHECK(message_of([&] { method.step_with(problem, x, state, [](VectorXd&, const VectorXd&, double) {}); }) ==
        "Saga: the state's table has 39 numbers, must be 40");
}

TEST_CASE("finite-sum methods reject bad options") {
  const auto problem = logistic();
  VectorXd x = VectorXd::Ones(5);
  const auto says = [&](const auto& method) { return message_of([&] { minimize(problem, x, method); }); };
  CHECK(says(Svrg{.step_size = 0}) == "Svrg: step_size = 0, must be > 0 and finite");
  CHECK(says(Sarah{.batching = {.size = 61}}) == "Sarah: batching.size = 61, must be in [1, 60]");
  CHECK(says(Sarah{.batching = {.inner_steps = -1}}) == "Sarah: batching.inner_steps = -1, must be >= 0 and finite");
  CHECK(says(SarahPlus{.gamma = 1}) == "SarahPlus: gamma = 1, must be in (0, 1)");
  CHECK(says(AiSarah{.beta = 1}) == "AiSarah: beta = 1, must be in [0, 1)");
  CHECK(says(Saga{.batching = {.size = 0}}) == "Saga: batching.size = 0, must be >= 1 and finite");
  CHECK(says(Saga{.batching = {.order = Order::in_order}}) ==
        "Saga: batching.order must be Order::independent: its batches are drawn at random");
  CHECK(says(with_rule(Svrg{}, Adam{.beta1 = 2})) == "Adam: beta1 = 2, must be in [0, 1)");
  CHECK(x == VectorXd::Ones(5));
}
