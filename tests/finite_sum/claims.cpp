// What the papers of the SARAH family claim, in figures.
#include "support/catch.hpp"
#include <glissade/finite_sum/passes.hpp>
#include <glissade/finite_sum/saga.hpp>
#include <glissade/finite_sum/sarah.hpp>
#include <glissade/finite_sum/svrg.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/problems/random_data.hpp>

#include <Eigen/Cholesky>

using namespace glissade;
using Eigen::VectorXd;

namespace {

constexpr double regularization = 0.1;
constexpr double smoothness = 0.25 + regularization;  // of the terms: rows have length 1

problems::LogisticRegression ridge_logistic() {
  return problems::random_logistic({.rows = 1000, .columns = 20, .regularization = regularization, .seed = 4});
}

double minimum_of(const problems::LogisticRegression& problem) {
  VectorXd x = problem.start();
  VectorXd g;
  Eigen::MatrixXd H;
  for (int k = 0; k < 20; ++k) {
    problem.value_and_gradient(x, g);
    problem.hessian(x, H);
    x -= H.llt().solve(g);
  }
  REQUIRE(problem.value_and_gradient(x, g) < 1);
  REQUIRE(g.norm() < 1e-14);
  return problem.value(x);
}

/// |v_t|^2 / |v_0|^2 in one outer loop.
template <class M>
std::vector<double> variance(const M& method) {
  const auto problem = ridge_logistic();
  VectorXd x = problem.start();
  auto state = method.init(problem, x);
  std::vector<double> ratios;
  method.step_with(problem, x, state, [&](VectorXd& point, const VectorXd& v, double step) {
    ratios.push_back(v.squaredNorm());
    point -= step * v;
  });
  const double first = ratios[0];
  for (double& ratio : ratios) ratio /= first;
  return ratios;
}

}  // namespace

TEST_CASE("within an outer loop SARAH's direction vanishes and SVRG's does not") {
  const auto sarah = variance(Sarah{.step_size = 0.5 / smoothness, .batching = {.inner_steps = 1000}});
  CHECK(sarah[100] < 1e-6);
  CHECK(sarah[300] < 1e-10);
  const auto svrg = variance(Svrg{.step_size = 0.5 / smoothness, .batching = {.inner_steps = 20'000}});
  double least = 1;
  for (std::size_t t = 100; t < svrg.size(); t += 100) least = std::min(least, svrg[t]);
  CHECK(least > 1e-3);
}

TEST_CASE("30 passes over ridge logistic regression") {
  const auto problem = ridge_logistic();
  const double minimum = minimum_of(problem);
  const auto gap = [&](const auto& method, auto passes) {
    VectorXd x = problem.start();
    double last = 1;
    const Stop stop{.max_iterations = 1000, .gradient_tolerance = 0, .predicate = [&](const Record& r) {
                      if (passes(r.evaluations) <= 30) last = r.value - minimum;
                      return passes(r.evaluations) >= 30;
                    }};
    minimize(problem, x, method, stop);
    return last;
  };
  // The paper's figures count terms looked at. Counted by gradients, where SVRG and SARAH compute two of every term,
  // SARAH with its inner loops of two passes needs 31 for 1e-10; the others do not need the favour.
  CHECK(gap(Sarah{.step_size = 0.5 / smoothness}, published_passes) < 1e-10);
  CHECK(gap(Sarah{.step_size = 0.5 / smoothness}, work_passes) < 1e-8);
  CHECK(gap(SarahPlus{.step_size = 0.5 / smoothness}, work_passes) < 1e-10);
  CHECK(gap(Svrg{.step_size = 0.1 / smoothness}, work_passes) < 1e-10);
  CHECK(gap(Saga{.step_size = 1 / (3 * smoothness), .batching = {.inner_steps = 4000}}, work_passes) < 1e-10);
  CHECK(gap(Sarah{.step_size = 1e-3}, work_passes) > 1e-4);  // the figures do depend on the step
}
