// Runs of finite-sum methods against a minimum known from Newton's method.
#pragma once

#include <glissade/finite_sum/passes.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/problems/linear_model.hpp>

#include <Eigen/Cholesky>

#include <cmath>
#include <limits>

namespace bench {

/// By Newton's method with halved steps.
inline double minimum_of(const glissade::problems::LogisticRegression& problem) {
  Eigen::VectorXd x = problem.start(), g;
  Eigen::MatrixXd H;
  for (int k = 0; k < 100; ++k) {
    const double f = problem.value_and_gradient(x, g);
    if (g.norm() < 1e-13) break;
    problem.hessian(x, H);
    const Eigen::VectorXd p = H.llt().solve(g);
    double step = 1;
    while (step > 1e-8 && problem.value(x - step * p) > f) step /= 2;
    x -= step * p;
  }
  return problem.value(x);
}

struct Effort {
  double work = std::numeric_limits<double>::infinity();       // passes by gradients and products
  double published = std::numeric_limits<double>::infinity();  // passes by terms looked at
  double seconds = std::numeric_limits<double>::infinity();
};

/// What it takes to a gap of `tolerance`, at most `most` passes by work.
template <class M>
Effort effort(const glissade::problems::LogisticRegression& problem, const M& method, double minimum, double tolerance,
              double most) {
  Eigen::VectorXd x = problem.start();
  Effort result;
  glissade::minimize(
      problem, x, method,
      {.max_iterations = 1'000'000, .gradient_tolerance = 0, .predicate = [&](const glissade::Record& r) {
         const double work = glissade::work_passes(r.evaluations) + static_cast<double>(r.evaluations.hessian_vector);
         if (r.value - minimum > tolerance) return work >= most;
         result = {work, glissade::published_passes(r.evaluations), r.seconds};
         return true;
       }});
  return result;
}

}  // namespace bench
