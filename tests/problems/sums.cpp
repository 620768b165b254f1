#include "support/derivatives.hpp"
#include "support/message_of.hpp"
#include <glissade/problems/blind_deconvolution.hpp>
#include <glissade/problems/log_sum_exp.hpp>
#include <glissade/problems/matrix_factorization.hpp>
#include <glissade/problems/phase_retrieval.hpp>
#include <glissade/problems/quadratic.hpp>
#include <glissade/problems/random_data.hpp>
#include <glissade/problems/small_network.hpp>
#include <glissade/problems/softmax_regression.hpp>

#include <Eigen/Cholesky>

#include <numeric>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

using Rows = problems::LogisticRegression::Rows;

MatrixXd normals(Index rows, Index cols, std::uint64_t stream) {
  MatrixXd out(rows, cols);
  for (Index k = 0; k < out.size(); ++k) out.data()[k] = RandomKey{stream}.normal(static_cast<std::uint64_t>(k));
  return out;
}

problems::SoftmaxRegression softmax() {
  Eigen::VectorXi labels(25);
  for (Index i = 0; i < 25; ++i) labels[i] = static_cast<int>((i * i + i) % 4);
  return {normals(25, 3, 7), labels, 4, 0.01};
}

/// The certificate holds along the way of gradient descent to the minimum, and is no more than its condition too large.
template <class P>
void check_gap_bound(const P& problem, VectorXd x) {
  VectorXd g;
  std::vector<double> values, bounds;
  for (int k = 0; k < 10'000; ++k) {
    values.push_back(problem.value_and_gradient(x, g));
    bounds.push_back(problem.gap_bound(g));
    x -= 0.5 * g;
  }
  const double minimum = values.back();
  CHECK(bounds.back() < 1e-25);
  for (std::size_t k = 0; k < 100; ++k) {
    CHECK(values[k] - minimum <= bounds[k]);
    CHECK(bounds[k] <= 1e3 * (values[k] - minimum));
  }
}

/// Means over batches are means of terms; the mean over all terms is the function, in any order.
template <class P>
void check_sum(const P& problem, const VectorXd& x) {
  VectorXd full, g, sum = VectorXd::Zero(x.size());
  const double f = problem.value_and_gradient(x, full);
  CHECK(problem.value(x) == Approx(f).epsilon(1e-13));
  std::vector<Index> order(static_cast<std::size_t>(problem.size()));
  std::iota(order.rbegin(), order.rend(), Index{0});
  CHECK(problem.batch_gradient(x, order, g) == Approx(f).epsilon(1e-12));
  CHECK((g - full).norm() <= 1e-12 * full.norm());
  double values = 0;
  for (const Index i : order) {
    const std::vector<Index> one{i};
    CHECK(problem.batch_value(x, one) == Approx(problem.batch_gradient(x, one, g)).epsilon(1e-13));
    values += problem.batch_value(x, one);
    sum += g;
  }
  CHECK(values / static_cast<double>(order.size()) == Approx(f).epsilon(1e-12));
  CHECK((sum / static_cast<double>(order.size()) - full).norm() <= 1e-12 * full.norm());
  if constexpr (requires { problem.batch_hessian_vector(x, order, x, g); }) {
    VectorXd Hv;
    problem.batch_hessian_vector(x, order, full, g);
    problem.hessian_vector(x, full, Hv);
    CHECK((g - Hv).norm() <= 1e-12 * Hv.norm());
  }
  const VectorXd longer = VectorXd::Zero(x.size() + 1);
  CHECK(message_of([&] { problem.value_and_gradient(longer, g); }) ==
        std::string(P::name) + ": x has " + std::to_string(x.size() + 1) + " coefficients, must be " +
            std::to_string(x.size()));
}

}  // namespace

TEST_CASE("finite sums: derivatives and terms") {
  SECTION("logistic regression") {
    const auto p = problems::random_logistic({.rows = 40, .columns = 6, .regularization = 0.1, .condition = 20});
    check_derivatives(p, p.start());
    check_sum(p, VectorXd::LinSpaced(6, -2, 3));
    check_gap_bound(p, VectorXd::LinSpaced(6, -2, 3));
  }
  SECTION("ridge regression") {
    const problems::RidgeRegression p(normals(30, 5, 1), normals(30, 1, 2), 0.2);
    check_derivatives(p, p.start());
    check_sum(p, VectorXd::LinSpaced(5, -2, 3));
    // (A'A / n + lambda I) x = A' y / n
    const MatrixXd A = p.features() / std::sqrt(30);
    const MatrixXd normal = A.transpose() * A + 0.2 * MatrixXd::Identity(5, 5);
    const VectorXd x = normal.llt().solve(A.transpose() * p.targets() / std::sqrt(30));
    CHECK((p.minimizer() - x).norm() < 1e-14);
    VectorXd g;
    CHECK(p.value_and_gradient(x, g) == Approx(p.minimum()).epsilon(1e-15));
    CHECK(g.norm() < 1e-14);
  }
  SECTION("softmax regression") {
    const auto p = softmax();
    check_derivatives(p, VectorXd::LinSpaced(12, -1, 1));
    check_sum(p, VectorXd::LinSpaced(12, -1, 1));
    check_gap_bound(p, VectorXd::LinSpaced(12, -1, 1));
    CHECK(p.value(VectorXd::Zero(12)) == Approx(std::log(4.0)).epsilon(1e-14));
  }
  SECTION("phase retrieval") {
    const auto smooth = problems::random_phase_retrieval<true>(30, 6);
    check_derivatives(smooth.problem, smooth.start);
    check_sum(smooth.problem, smooth.start);
    CHECK(smooth.problem.value(smooth.solution) < 1e-28);
    CHECK(smooth.minimum == 0);
    const auto robust = problems::random_phase_retrieval(30, 6, 0.2, 5);
    check_derivatives(robust.problem, robust.start);
    check_sum(robust.problem, robust.start);
    CHECK(robust.problem.value(robust.solution) > 0);
    CHECK(std::isnan(robust.minimum));
    CHECK(message_of([&] { static_cast<void>(robust.problem.batch_value(robust.start, std::vector<Index>{})); }) ==
          "PhaseRetrieval: an empty batch");
    VectorXd g;
    CHECK(message_of([&] { smooth.problem.batch_gradient(smooth.start, std::vector<Index>{}, g); }) ==
          "SmoothPhaseRetrieval: an empty batch");
    CHECK(problems::random_phase_retrieval(30, 6).problem.value(-smooth.solution) < 1e-14);
  }
  SECTION("blind deconvolution") {
    const auto made = problems::random_blind_deconvolution(30, 3, 4);
    check_derivatives(made.problem, made.start);
    check_sum(made.problem, made.start);
    CHECK(made.problem.value(made.solution) < 1e-15);
    CHECK(message_of([&] { static_cast<void>(made.problem.batch_value(made.start, std::vector<Index>{})); }) ==
          "BlindDeconvolution: an empty batch");
  }
  SECTION("matrix factorization") {
    const problems::MatrixFactorization p(normals(6, 9, 3), 2);
    check_derivatives(p, p.start());
    check_sum(p, p.start());
    // Gradient descent reaches the value that the singular values predict.
    VectorXd x = p.start(), g;
    for (int k = 0; k < 4000; ++k) {
      p.value_and_gradient(x, g);
      x -= 0.02 * g;
    }
    CHECK(p.value(x) == Approx(p.minimum()).epsilon(1e-10));
  }
  SECTION("small network") {
    const problems::SmallNetwork p;
    check_derivatives(p, p.start());
    check_sum(p, p.start());
    CHECK(p.value(p.teacher()) == 0);
  }
}

TEST_CASE("soft maximum") {
  const auto p = problems::soft_maximum(40, 7, 0.05, 3);
  check_derivatives(p, p.start());
  VectorXd g;
  const double minimum = p.value_and_gradient(VectorXd::Zero(7), g);
  CHECK(g.norm() < 1e-14);
  CHECK(p.value(1e-3 * p.start()) > minimum);
  CHECK(std::isfinite(p.value(1e5 * p.start())));
}

TEST_CASE("quadratic and polytope") {
  const auto q = problems::DiagonalQuadratic::geometric(5, 1e4);
  check_derivatives(q, q.start());
  CHECK(q.value(q.minimizer()) == 0);
  MatrixXd H;
  q.hessian(q.start(), H);
  CHECK(H(4, 4) / H(0, 0) == Approx(1e4).epsilon(1e-13));

  const Rows A = normals(20, 5, 4);
  const VectorXd inside = normals(5, 1, 6);
  const problems::PolytopeFeasibility p(A, A * inside);
  check_derivatives(p, p.start());
  CHECK(p.value(inside) == 0);
}

TEST_CASE("logistic regression is accurate where exp overflows or rounds to nothing") {
  const Rows a = Rows::Constant(1, 1, 1);
  const problems::LogisticRegression p(a, VectorXd::Ones(1));
  const auto at = [](double x) { return VectorXd::Constant(1, x); };
  VectorXd g;
  CHECK(p.value(at(800)) == 0);
  CHECK(p.value(at(-800)) == 800);
  CHECK(p.value(at(40)) == Approx(std::exp(-40.0)).epsilon(1e-15));
  p.value_and_gradient(at(40), g);
  CHECK(g[0] == Approx(-std::exp(-40.0)).epsilon(1e-15));
  p.value_and_gradient(at(-800), g);
  CHECK(g[0] == -1);
}

TEST_CASE("the third derivative of a linear model is that of its curvature") {
  const auto p = problems::random_logistic({.rows = 40, .columns = 6, .regularization = 0.1});
  const VectorXd x = VectorXd::LinSpaced(6, -2, 3);
  const VectorXd v = VectorXd::LinSpaced(6, 1, -1);
  const std::vector<Index> batch{3, 17, 22};
  VectorXd third;
  p.batch_third(x, batch, v, third);
  const auto along = [&](const VectorXd& t) {
    VectorXd Hv;
    p.batch_hessian_vector(x + t[0] * v, batch, v, Hv);
    return Hv;
  };
  CHECK((third - difference(along, VectorXd::Zero(1), 0, 1e-3)).norm() <= 1e-9 * third.norm());
}

TEST_CASE("a sampled gradient has the model's own labels") {
  const auto p = softmax();
  const VectorXd x = VectorXd::LinSpaced(12, -1, 1);
  const std::vector<Index> batch{5};
  // The mean over the labels' distribution is the gradient of the regularization alone.
  VectorXd mean = VectorXd::Zero(12), g;
  const int draws = 4000;
  for (int k = 0; k < draws; ++k) {
    p.sampled_gradient(
        x, batch, [&](Index) { return (k + 0.5) / draws; }, g);
    mean += g / draws;
  }
  CHECK((mean - 0.01 * x).norm() < 2e-3);
}

TEST_CASE("problems reject bad data") {
  const Rows a = Rows::Ones(3, 2);
  CHECK(message_of([&] { problems::LogisticRegression(a, VectorXd::Zero(3)); }) ==
        "LogisticRegression: label = 0, must be +1 or -1");
  CHECK(message_of([&] { problems::LogisticRegression(a, VectorXd::Ones(2)); }) ==
        "LogisticRegression: targets has 2 coefficients, must be 3");
  CHECK(message_of([&] { problems::RidgeRegression(a, VectorXd::Ones(3), -1); }) ==
        "RidgeRegression: regularization = -1, must be >= 0 and finite");
  CHECK(message_of([&] { problems::SoftmaxRegression(a, Eigen::VectorXi::Constant(3, 2), 2); }) ==
        "SoftmaxRegression: label = 2, must be in [0, 1]");
  CHECK(message_of([&] { problems::PhaseRetrieval(a, VectorXd::Constant(3, -1)); }) ==
        "PhaseRetrieval: b = -1, must be >= 0 and finite");
  CHECK(message_of([&] { problems::MatrixFactorization(MatrixXd::Ones(3, 4), 4); }) ==
        "MatrixFactorization: rank = 4, must be in [1, 3]");
  CHECK(message_of([&] { problems::LogSumExp(a, VectorXd::Ones(3), 0); }) ==
        "LogSumExp: smoothing = 0, must be > 0 and finite");
  CHECK(message_of([&] { problems::SoftmaxRegression(a, Eigen::VectorXi::Zero(3), -1); }) ==
        "SoftmaxRegression: classes = -1, must be >= 2");
  Rows bad = a;
  bad(1, 1) = std::nan("");
  CHECK(message_of([&] { problems::SoftmaxRegression(bad, Eigen::VectorXi::Zero(3), 2); }) ==
        "SoftmaxRegression: a coefficient of features is not finite");
  CHECK(message_of([&] { problems::LogSumExp(bad, VectorXd::Ones(3)); }) ==
        "LogSumExp: a coefficient of A is not finite");
  CHECK(message_of([&] { problems::LogSumExp(a, bad.col(1)); }) == "LogSumExp: a coefficient of b is not finite");
  CHECK(message_of([&] { problems::PhaseRetrieval(bad, VectorXd::Ones(3)); }) ==
        "PhaseRetrieval: a coefficient of A is not finite");
  CHECK(message_of([&] { problems::MatrixFactorization(bad, 1); }) ==
        "MatrixFactorization: a coefficient of Y is not finite");
  CHECK(message_of([&] { problems::PolytopeFeasibility(bad, VectorXd::Ones(3)); }) ==
        "PolytopeFeasibility: a coefficient of A is not finite");
  CHECK(message_of([&] { problems::random_logistic({.steepness = -1}); }) ==
        "random_logistic: steepness = -1, must be >= 0 and finite");
  CHECK(message_of([&] { problems::random_logistic({.noise = std::nan("")}); }) ==
        "random_logistic: noise = nan, must be >= 0 and finite");
}
