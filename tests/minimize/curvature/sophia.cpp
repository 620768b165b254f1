#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/method_state.hpp"
#include <glissade/finite_sum/sophia_g.hpp>
#include <glissade/minimize/curvature/sophia.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/problems/quadratic.hpp>
#include <glissade/problems/random_data.hpp>
#include <glissade/problems/softmax_regression.hpp>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// x' H x / 2 with a dense H.
struct Dense {
  MatrixXd H;
  double value_and_gradient(const VectorXd& x, VectorXd& g) const {
    g = H * x;
    return 0.5 * x.dot(g);
  }
  void hessian_vector(const VectorXd&, const VectorXd& v, VectorXd& Hv) const { Hv = H * v; }
};

Dense dense(Index n) {
  MatrixXd A(n, n);
  for (Index i = 0; i < A.size(); ++i) A.data()[i] = RandomKey{8}.normal(static_cast<std::uint64_t>(i));
  return {A * A.transpose() / static_cast<double>(n)};
}

problems::SoftmaxRegression softmax(Index samples, Index features, Index classes) {
  problems::SoftmaxRegression::Rows A(samples, features);
  Eigen::VectorXi y(samples);
  for (Index i = 0; i < A.size(); ++i) A.data()[i] = RandomKey{9}.normal(static_cast<std::uint64_t>(i));
  for (Index i = 0; i < samples; ++i) y[i] = static_cast<int>((i * i) % classes);
  return {A, y, classes};
}

}  // namespace

TEST_CASE("Hutchinson: unbiased, with the variances of theory") {
  const Dense f = dense(6);
  const auto product = [&](const VectorXd& v, VectorXd& Hv) { f.hessian_vector(v, v, Hv); };
  VectorXd probe, estimate;
  for (const Probe kind : {Probe::rademacher, Probe::gaussian}) {
    VectorXd sum = VectorXd::Zero(6), squares = VectorXd::Zero(6);
    const int samples = 100'000;
    for (int k = 0; k < samples; ++k) {
      hutchinson(product, 6, kind, RandomKey{static_cast<std::uint64_t>(k)}, probe, estimate);
      sum += estimate;
      squares += estimate.cwiseAbs2();
    }
    for (Index i = 0; i < 6; ++i) {
      const double off = f.H.row(i).squaredNorm() - f.H(i, i) * f.H(i, i);
      const double variance = kind == Probe::rademacher ? off : off + 2 * f.H(i, i) * f.H(i, i);
      const double mean = sum[i] / samples;
      CHECK(std::abs(mean - f.H(i, i)) < 5 * std::sqrt(variance / samples));
      CHECK(squares[i] / samples - mean * mean == Approx(variance).epsilon(0.03));
    }
  }
}

TEST_CASE("Hutchinson: exact for a diagonal Hessian") {
  auto f = problems::DiagonalQuadratic::geometric(9, 1e6);
  VectorXd probe, estimate, h;
  const auto product = [&](const VectorXd& v, VectorXd& Hv) { f.hessian_vector(f.start(), v, Hv); };
  product(VectorXd::Ones(9), h);
  hutchinson(product, 9, Probe::rademacher, RandomKey{3}, probe, estimate);
  CHECK(estimate == h);
}

TEST_CASE("Gauss-Newton-Bartlett: unbiased for the diagonal of the Gauss-Newton matrix, never negative") {
  auto f = softmax(8, 3, 4);
  const VectorXd x = VectorXd::LinSpaced(12, -1, 1);
  const std::vector<Index> all{0, 1, 2, 3, 4, 5, 6, 7};
  VectorXd sum = VectorXd::Zero(12), estimate;
  const int samples = 200'000;
  for (int k = 0; k < samples; ++k) {
    gauss_newton_bartlett(f, x, all, RandomKey{static_cast<std::uint64_t>(k)}, estimate);
    if (estimate.minCoeff() < 0) FAIL("negative");
    sum += estimate / samples;
  }
  MatrixXd H;  // of this loss the Hessian is the Gauss-Newton matrix
  f.hessian(x, H);
  CHECK((sum - H.diagonal()).cwiseQuotient(H.diagonal()).cwiseAbs().maxCoeff() < 0.015);
}

TEST_CASE("SophiaH: by its formulas, with the fraction of unclipped coordinates") {
  auto f = problems::DiagonalQuadratic::geometric(5, 100);
  VectorXd h, g, x = f.start(), y = x, m = VectorXd::Zero(5), curvature = VectorXd::Zero(5);
  f.hessian_vector(x, VectorXd::Ones(5), h);
  const SophiaH method{.learning_rate = 0.1, .gamma = 0.3, .weight_decay = 0.01, .period = 3};
  auto state = method.init(f, x);
  CHECK(state.name == "SophiaH");
  for (int t = 1; t <= 20; ++t) {
    f.value_and_gradient(y, g);
    if (t % 3 == 1) curvature = 0.99 * curvature + 0.01 * h;
    m = 0.96 * m + 0.04 * g;
    const VectorXd u = m.cwiseQuotient((0.3 * curvature).cwiseMax(1e-12));
    y = (1 - 0.1 * 0.01) * y - 0.1 * u.cwiseMax(-1).cwiseMin(1);
    const Report report = take_step(method, f, x, state);
    CHECK((x - y).norm() < 1e-13);
    CHECK(state.unclipped == Approx((u.array().abs() < 1).cast<double>().mean()));
    CHECK(report.value == f.value_and_gradient(x, g));
  }
}

TEST_CASE("SophiaH: scaling the function leaves the path as it is") {
  Dense f = dense(6);
  Dense scaled{1024 * f.H};
  VectorXd x = VectorXd::Ones(6), y = x;
  const SophiaH method{.learning_rate = 0.01, .epsilon = 0};
  minimize(f, x, method, {.max_iterations = 50, .gradient_tolerance = 0});
  minimize(scaled, y, method, {.max_iterations = 50, .gradient_tolerance = 0});
  CHECK((x - y).norm() < 1e-13);
  CHECK((x - VectorXd::Ones(6)).norm() > 0.1);
}

TEST_CASE("Sophia: minimizes, counts, resumes, rejects") {
  const auto check = [](const auto& problem, const auto& method) {
    VectorXd x = problem.start();
    const double start = problem.value(x);
    const Result r = minimize(problem, x, method, {.max_iterations = 300, .gradient_tolerance = 0});
    CHECK(r.value < 0.95 * start);
    CHECK(r.evaluations.gradient == 301);

    VectorXd y = problem.start();
    auto state = method.init(problem, y);
    for (int k = 0; k < 7; ++k) take_step(method, problem, y, state);
    CHECK(state.unclipped >= 0);
    VectorXd z = y;
    auto other = method.init(problem, VectorXd(VectorXd::Ones(y.size())));
    copy_state(state, other);
    for (int k = 0; k < 9; ++k) take_step(method, problem, y, state);
    for (int k = 0; k < 9; ++k) take_step(method, problem, z, other);
    CHECK(y == z);
    return r;
  };
  const auto logistic =
      problems::random_logistic({.rows = 100, .columns = 10, .regularization = 1e-3, .condition = 100});
  const Result h = check(logistic, SophiaH{.learning_rate = 0.1});
  CHECK(h.evaluations.hessian_vector == 30);
  const auto classes = softmax(60, 4, 3);
  const Result g = check(classes, SophiaG{.learning_rate = 0.1});
  CHECK(g.evaluations.component_gradient == 30 * 60);
  check(classes, SophiaG{.learning_rate = 0.1, .curvature_batch = 20});

  VectorXd x = classes.start();
  const auto says = [&](const auto& method) { return message_of([&] { minimize(classes, x, method); }); };
  CHECK(says(SophiaG{.curvature_batch = 61}) == "SophiaG: curvature_batch = 61, must be in [0, 60]");
  CHECK(says(SophiaG{.gamma = 0}) == "SophiaG: gamma = 0, must be > 0 and finite");
  CHECK(says(SophiaH{.period = 0}) == "SophiaH: period = 0, must be >= 1 and finite");
}
