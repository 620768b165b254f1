// Finite-sum methods with a prox or on a set: the minimizers of scikit-learn (generate_sparse.py).
#include "support/catch.hpp"
#include <glissade/finite_sum/inner_rule.hpp>
#include <glissade/finite_sum/katyusha.hpp>
#include <glissade/finite_sum/loopless_svrg.hpp>
#include <glissade/finite_sum/page.hpp>
#include <glissade/finite_sum/saga.hpp>
#include <glissade/finite_sum/sarah.hpp>
#include <glissade/finite_sum/sparse_saga.hpp>
#include <glissade/finite_sum/svrg.hpp>
#include <glissade/io/csv.hpp>
#include <glissade/io/libsvm_sparse.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/problems/sparse_linear_model.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/sets/box.hpp>

using namespace glissade;
using Eigen::VectorXd;

namespace {

constexpr double smoothness = 0.25;  // of the terms: rows have length 1

problems::SparseLogisticRegression sparse() {
  SparseTableData data = read_libsvm_sparse(GLISSADE_TEST_DATA "/finite_sum/sparse_logistic.libsvm");
  return {std::move(data.features), std::move(data.targets)};
}
problems::LogisticRegression dense() {
  const auto problem = sparse();
  return {Eigen::MatrixXd(problem.features()), problem.targets()};
}

/// Of l1 = 0.004, of l1 = 0.01, and of l1 = 0.004 with l2 = 0.01.
VectorXd minimizer(Index column) {
  const TableData table = read_csv(GLISSADE_TEST_DATA "/finite_sum/sparse_logistic.csv");
  return column < 2 ? VectorXd(table.features.col(column)) : table.targets;
}

/// Ends by itself at the answer, with its zeros; value and gradient are of the smooth part.
template <class P, class M>
void check_end(const P& problem, const M& method, const VectorXd& answer) {
  INFO(method.name);
  VectorXd x = VectorXd::Zero(answer.size()), g;
  const Result r = minimize(problem, x, method, {.max_iterations = 5000, .gradient_tolerance = 1e-9});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK((x - answer).lpNorm<Eigen::Infinity>() < 1e-6);
  CHECK(r.measure <= 1e-9);
  CHECK(r.value == problem.value_and_gradient(x, g));
  CHECK(r.gradient_norm == Approx(g.norm()).epsilon(1e-12));
  CHECK(r.gradient_norm > 1e-3);
  // A start at the answer takes no step, and neither does a state that another program brought back.
  VectorXd y = x;
  CHECK(minimize(problem, y, method, {.gradient_tolerance = 2e-9}).iterations == 0);
}

/// Every method that honours a prox.
template <class P>
void check_all(const P& problem, const VectorXd& answer) {
  const auto check = [&](const auto& method) { check_end(problem, method, answer); };
  check(Svrg{.step_size = 0.3 / smoothness});
  check(Saga{.step_size = 1 / (3 * smoothness)});
  check(Sarah{.step_size = 0.5 / smoothness});
  check(SarahPlus{.step_size = 0.5 / smoothness});
  check(LooplessSvrg{.step_size = 1 / (6 * smoothness)});
  check(Page{.step_size = 0.3 / smoothness});
  check(Katyusha{.smoothness = smoothness, .strong_convexity = 1e-3});
  check(with_rule(Svrg{.step_size = 1}, Sgd{.learning_rate = 1}));
}

}  // namespace

TEST_CASE("finite sums with l1 and elastic net: scikit-learn's minimizers, zeros included") {
  const auto problem = dense();
  for (const Index k : {0, 1}) {
    const VectorXd answer = minimizer(k);
    check_all(plus_term(problem, L1{.weight = k == 0 ? 0.004 : 0.01}), answer);
    check_end(plus_term(sparse(), L1{.weight = k == 0 ? 0.004 : 0.01}), SparseSaga{.step_size = 1 / (3 * smoothness)},
              answer);
  }
  check_all(plus_term(problem, ElasticNet{.l1 = 0.004, .l2 = 0.01}), minimizer(2));
  check_end(plus_term(sparse(), ElasticNet{.l1 = 0.004, .l2 = 0.01}), SparseSaga{.step_size = 1 / (3 * smoothness)},
            minimizer(2));
  // The l2 of the terms is another split of the same function.
  const auto data = sparse();
  const problems::SparseLogisticRegression ridge(data.features(), data.targets(), 0.01);
  check_end(plus_term(ridge, L1{.weight = 0.004}), SparseSaga{.step_size = 1 / (3 * smoothness)}, minimizer(2));
}

TEST_CASE("SparseSaga: what is zero at the answer is exactly zero") {
  const auto problem = plus_term(sparse(), L1{.weight = 0.004});
  const VectorXd answer = minimizer(0);
  VectorXd x = problem.start();
  minimize(problem, x, SparseSaga{.step_size = 1 / (3 * smoothness)}, {.gradient_tolerance = 1e-9});
  CHECK((answer.array() == 0).count() > 5);
  CHECK((x.array() == 0).cwiseEqual(answer.array() == 0).all());
}

TEST_CASE("finite sums on a set: least squares of positive coefficients, whose answer is known") {
  // Orthogonal columns, A'A = 8 I: the answer is the positive part of A'y / 8.
  problems::RidgeRegression::Rows A(8, 4);
  for (Index i = 0; i < 8; ++i) A.row(i) << 1, i % 2 == 0 ? 1 : -1, i / 2 % 2 == 0 ? 1 : -1, i / 4 == 0 ? 1 : -1;
  const VectorXd correlation{{1.5, -0.9, 0.3, -0.1}};
  const auto problem =
      subject_to(problems::RidgeRegression(A, A * correlation + VectorXd{{0.1, -0.1, -0.1, 0.1, -0.1, 0.1, 0.1, -0.1}}),
                 NonNegative{});
  const VectorXd answer{{1.5, 0, 0.3, 0}};
  const auto check = [&](const auto& method) {
    check_end(problem, method, answer);
    // From outside of the set, too, into it.
    VectorXd x = VectorXd::Constant(4, -3);
    minimize(problem, x, method, {.max_iterations = 1});
    CHECK(x.minCoeff() >= 0);
  };
  check(Svrg{.step_size = 0.05});
  check(Saga{.step_size = 1.0 / 12});
  check(Sarah{.step_size = 0.1});
  check(SarahPlus{.step_size = 0.1});
  check(LooplessSvrg{.step_size = 1.0 / 24});
  check(Page{.step_size = 0.05});
  check(Katyusha{.smoothness = 4, .strong_convexity = 1});
  check(with_rule(Sarah{.step_size = 0.1}, Sgd{.learning_rate = 0.1}));
}

TEST_CASE("SARAH+ with a prox: an outer loop ends by the lengths of its steps, for its direction does not vanish") {
  const auto problem = plus_term(dense(), L1{.weight = 0.004});
  VectorXd x = VectorXd::Zero(40), last = x;
  const SarahPlus method{.step_size = 0.5 / smoothness, .gamma = 0.01, .batching = {.inner_steps = 10'000}};
  auto state = method.init(problem, x);
  std::vector<double> lengths;
  double direction = 0;
  method.step_with(problem, x, state, [&](VectorXd& point, const VectorXd& v, double step) {
    if (state.inner > 0) lengths.push_back((point - last).norm());
    last = point;
    direction = v.norm();
    point -= step * v;
  });
  lengths.push_back((x - last).norm());
  REQUIRE(lengths.size() > 3);
  REQUIRE(lengths.size() < 10'000);
  for (std::size_t k = 0; k + 1 < lengths.size(); ++k) CHECK(lengths[k] > 0.1 * lengths[0]);
  CHECK(lengths.back() <= 0.1 * lengths[0]);
  CHECK(direction > 0.01);
}
