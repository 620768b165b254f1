// Proximal steps whose parts are maps: numpy's trajectory, FISTA and ISTA, an unrolled run that was trained.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/method_state.hpp"
#include <glissade/learned/evolution_strategy.hpp>
#include <glissade/learned/structured_proximal.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/proximal_gradient.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/sets/l1.hpp>

#include <limits>

#include "learned/golden.hpp"

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using learned_golden::cosines;

namespace {

/// |W x - target|^2 / 2
struct Squares {
  MatrixXd W;
  VectorXd target;

  double operator()(const VectorXd& x, VectorXd& g) const {
    const VectorXd residual = W * x - target;
    g = W.transpose() * residual;
    return residual.squaredNorm() / 2;
  }
  [[nodiscard]] double lipschitz() const {  // by powers, a little above
    VectorXd v = VectorXd::Ones(W.cols());
    double norm = 1;
    for (int k = 0; k < 200; ++k) {
      v = W.transpose() * (W * v);
      norm = v.norm();
      v /= norm;
    }
    return 1.0001 * norm;
  }
};

/// A lasso with columns of norm 1 and a solution with a tenth of coefficients, drawn by the key.
Squares lasso(Index rows, Index cols, RandomKey key) {
  Squares f{MatrixXd(rows, cols), {}};
  for (Index i = 0; i < f.W.size(); ++i) f.W.data()[i] = key.normal(static_cast<std::uint64_t>(i));
  f.W.colwise().normalize();
  VectorXd x = VectorXd::Zero(cols);
  for (Index i = 0; i < cols; ++i)
    if (key.derive(1).uniform(static_cast<std::uint64_t>(i)) < 0.1)
      x[i] = key.derive(2).normal(static_cast<std::uint64_t>(i));
  f.target = f.W * x;
  return f;
}

double total(const Squares& f, const VectorXd& x, double weight) {
  VectorXd g;
  return f(x, g) + weight * x.lpNorm<1>();
}

/// x after some steps from 0.
VectorXd after(const Squares& f, double weight, const auto& method, std::int64_t steps) {
  VectorXd x = VectorXd::Zero(f.W.cols());
  minimize(plus_term(f, L1{.weight = weight}), x, method, {.max_iterations = steps});
  return x;
}

}  // namespace

TEST_CASE("structured proximal: the trajectory of numpy") {
  const auto row = learned_golden::rows("structured").at(0);
  const VectorXd numbers = cosines(79, 48);
  const Squares f{Eigen::Map<const MatrixXd>(numbers.data(), 6, 8), cosines(83, 6)};
  const VectorXd i = VectorXd::LinSpaced(8, 0, 7);
  StructuredProximal method{.step_size = 0.02};
  using At = StructuredInput;
  method.P = [&](const At& at, VectorXd& out) {
    out = 1 + 0.3 * (static_cast<double>(at.iteration) + i.array()).cos();
  };
  method.A = [&](const At& at, VectorXd& out) {
    out = 0.5 + 0.1 * (2 * static_cast<double>(at.iteration) + i.array()).sin();
  };
  method.B = [&](const At& at, VectorXd& out) { out = 0.8 + 0.1 * i.array().cos() * at.x.array(); };
  method.b1 = [&](const At& at, VectorXd& out) { out = 0.01 * at.gradient / static_cast<double>(at.iteration + 1); };
  method.b2 = [&](const At& at, VectorXd& out) { out = 0.02 * (at.x - at.y) + 0.001 * at.gradient_at_y; };
  const auto problem = plus_term(f, L1{.weight = VectorXd(VectorXd::LinSpaced(8, 0.05, 0.12))});
  VectorXd x = cosines(89, 8);
  auto state = method.init(problem, x);
  auto oracle = oracle_of(problem, x);
  for (int k = 0; k < 12; ++k) method.step(oracle, x, state);
  CHECK((x - learned_golden::numbers(row, 1, 8)).norm() <= 1e-14);
  CHECK((state.y - learned_golden::numbers(row, 9, 8)).norm() <= 1e-14);
}

TEST_CASE("structured proximal: without maps it is ISTA, with FISTA's momentum FISTA") {
  const Squares f = lasso(25, 50, RandomKey{1});
  const double s = 0.9999 / f.lipschitz();
  for (const std::int64_t steps : {1, 2, 3, 20, 100}) {
    const VectorXd ista = after(f, 0.1, ProximalGradient{.step_size = s, .accelerated = false}, steps);
    const VectorXd fista = after(f, 0.1, ProximalGradient{.step_size = s, .restart = Restart::none}, steps);
    CHECK((after(f, 0.1, StructuredProximal{.step_size = s}, steps) - ista).norm() <= 4e-15);
    CHECK((after(f, 0.1, unrolled(s, {}), steps) - fista).norm() <= 4e-15);
    CHECK((after(f, 0.1, unrolled(s, VectorXd::Zero(10)), steps) - fista).norm() <= 4e-15);
  }
  // What is mixed of two equal points is that point.
  StructuredProximal mixed{.step_size = s, .B = [](const StructuredInput&, VectorXd& out) { out.setConstant(0.3); }};
  CHECK((after(f, 0.1, mixed, 20) - after(f, 0.1, StructuredProximal{.step_size = s}, 20)).norm() <= 4e-15);
}

TEST_CASE("structured proximal: the measure is that of a solution, and biases that vanish do not move it") {
  const Squares f = lasso(25, 50, RandomKey{2});
  const double s = 0.9999 / f.lipschitz();
  StructuredProximal method{.step_size = s};
  method.b1 = [](const StructuredInput& at, VectorXd& out) {
    out.setConstant(0.1 * std::pow(0.9, static_cast<double>(at.iteration)));
  };
  method.P = [](const StructuredInput& at, VectorXd& out) { out.setConstant(at.iteration % 2 == 0 ? 1.2 : 0.7); };
  VectorXd x = VectorXd::Zero(50), y = x;
  const auto problem = plus_term(f, L1{.weight = 0.1});
  const Result r = minimize(problem, x, method, {.max_iterations = 100'000, .gradient_tolerance = 1e-11});
  const Result plain =
      minimize(problem, y, ProximalGradient{}, {.max_iterations = 100'000, .gradient_tolerance = 1e-11});
  CHECK(converged(r.status));
  CHECK(converged(plain.status));
  CHECK((x - y).norm() <= 1e-8);
  CHECK((x.array() == 0).count() >= 25);
}

TEST_CASE("structured proximal: eight unrolled steps, trained, beat FISTA on other problems") {
  const Index rows = 12, cols = 24;
  const double weight = 0.1;
  const auto excess = [&](const VectorXd& weights, RandomKey key) {
    const Squares f = lasso(rows, cols, key);
    const double s = 0.9999 / f.lipschitz(), value = total(f, after(f, weight, unrolled(s, weights), 8), weight);
    return std::isfinite(value) ? value : 1e3;
  };
  EvolutionTrainer trainer(Adam{.learning_rate = 0.04}, VectorXd::Zero(16), {.pairs = 4, .sigma = 0.1});
  for (int t = 0; t < 60; ++t) REQUIRE(trainer.step(excess) == Status::running);
  double before = 0, trained = 0;
  for (std::uint64_t k = 0; k < 20; ++k) {
    const RandomKey key = RandomKey{9000}.derive(k);
    const Squares f = lasso(rows, cols, key);
    VectorXd best = VectorXd::Zero(cols);
    minimize(plus_term(f, L1{.weight = weight}), best, ProximalGradient{},
             {.max_iterations = 3000, .gradient_tolerance = 1e-9});
    before += excess(VectorXd::Zero(16), key) - total(f, best, weight);
    trained += excess(trainer.parameters(), key) - total(f, best, weight);
  }
  CAPTURE(before, trained);
  CHECK(trained <= 0.7 * before);
}

TEST_CASE("structured proximal: goes on bit for bit, and an exception leaves x as it was") {
  const Squares f = lasso(10, 20, RandomKey{3});
  const auto problem = plus_term(f, L1{.weight = 0.1});
  const StructuredProximal method = unrolled(0.1, cosines(5, 8) / 4);
  VectorXd x = VectorXd::Zero(20);
  auto state = method.init(problem, x);
  auto oracle = oracle_of(problem, x);
  for (int k = 0; k < 3; ++k) method.step(oracle, x, state);
  VectorXd y = x;
  auto other = method.init(problem, VectorXd(VectorXd::Zero(20)));
  copy_state(state, other);
  for (int k = 0; k < 5; ++k) {
    method.step(oracle, x, state);
    method.step(oracle, y, other);
  }
  CHECK(x == y);
  CHECK(state.y == other.y);
  CHECK(state.value == other.value);

  const auto refused = [&](StructuredProximal spoiled) {
    VectorXd z = VectorXd::Zero(20);
    const std::string message = message_of([&] { minimize(problem, z, spoiled, {.max_iterations = 3}); });
    CHECK(z == VectorXd::Zero(20));
    return message;
  };
  using At = StructuredInput;
  StructuredProximal spoiled{.step_size = 0};
  CHECK(refused(spoiled) == "StructuredProximal: step_size = 0, must be > 0 and finite");
  spoiled = {.P = [](const At&, VectorXd& out) { out[3] = 0; }};
  CHECK(refused(spoiled) == "StructuredProximal: P[3] = 0, must be > 0 and finite");
  spoiled = {.A = [](const At&, VectorXd& out) { out.resize(3); }};
  CHECK(refused(spoiled) == "StructuredProximal: A is 3 x 1, must be 20 x 1");
  spoiled = {.b1 = [](const At&, VectorXd& out) { out[0] = std::numeric_limits<double>::quiet_NaN(); }};
  CHECK(refused(spoiled).find("StructuredProximal: b1") == 0);
  CHECK(message_of([] { (void)unrolled(0.1, VectorXd::Zero(3)); }) ==
        "unrolled: an odd number of weights, must be two per step");
  CHECK(message_of([] { (void)unrolled(0.1, VectorXd::Constant(2, std::numeric_limits<double>::infinity())); }) ==
        "unrolled: a weight is not finite");
}
