// Problems with bounds: what scipy's L-BFGS-B finds, in about as many calls, without a point beyond a bound.
#include <glissade/minimize/bounded/lbfgsb.hpp>
#include <glissade/minimize/bounded/projected_newton.hpp>
#include <glissade/minimize/bounded/spectral_projected_gradient.hpp>
#include <glissade/minimize/minimize.hpp>

#include "minimize/bounded/problems.hpp"

using namespace glissade;
using bounded::Case;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// What a run on a problem came to.
struct Outcome {
  Result result;
  double near = 0;  // the call at which the least value was reached to within 1e-6
  double calls = 0;
};

/// Every point that the objective is asked at, and the end, must be within the bounds, and where the measure is small
/// the variables that are at a bound are exactly there.
Outcome solve(const Case& c, const auto& method, double tolerance) {
  Outcome outcome;
  bool inside = true;
  bounded::Problem f = c.problem;
  f.formula = [&](const VectorXd& x, VectorXd& gradient) {
    inside = inside && (x.array() >= c.low.array()).all() && (x.array() <= c.high.array()).all();
    const double value = c.problem.formula(x, gradient);
    ++outcome.calls;
    if (outcome.near == 0 && bounded::is_near(c, value)) outcome.near = outcome.calls;
    return value;
  };
  VectorXd x = c.start;
  outcome.result = minimize(f, x, method, {.max_iterations = 5000, .gradient_tolerance = tolerance});
  INFO(c.name << ": " << to_string(outcome.result.status));
  CHECK(inside);
  CHECK(outcome.result.status == Status::gradient_tolerance);
  CHECK(bounded::is_near(c, outcome.result.value));
  CHECK(outcome.near > 0);
  VectorXd gradient(x.size());
  CHECK(outcome.result.value == c.problem.formula(x, gradient));
  const VectorXd moved = (x - gradient).cwiseMax(c.low).cwiseMin(c.high) - x;
  CHECK(outcome.result.measure == Approx(moved.norm()).epsilon(1e-6).margin(1e-14 * x.norm()));
  return outcome;
}

}  // namespace

TEST_CASE("LbfgsB: solves what scipy's solves, with at most 1.2 times its calls in the median") {
  std::vector<double> near, all;
  for (const Case& c : bounded::read_cases()) {
    const Outcome outcome = solve(c, LbfgsB{}, 1e-6);
    near.push_back(outcome.near / c.calls);
    all.push_back(outcome.calls / c.all_calls);
  }
  INFO(bounded::median_of(near) << " " << bounded::median_of(all));
  CHECK(bounded::median_of(near) <= 1.2);
  CHECK(bounded::median_of(all) <= 1.2);
}

TEST_CASE("SpectralProjectedGradient: solves all but one of the same problems") {
  for (const Case& c : bounded::read_cases())
    if (c.name != "wood")
      solve(c, SpectralProjectedGradient{}, 1e-5);  // at whose other stationary point, 7.09, it ends
}

TEST_CASE("ProjectedNewton: solves the same problems in fewer calls than scipy's L-BFGS-B in the median") {
  std::vector<double> all;
  for (const Case& c : bounded::read_cases()) all.push_back(solve(c, ProjectedNewton{}, 1e-6).calls / c.all_calls);
  INFO(bounded::median_of(all));
  CHECK(bounded::median_of(all) <= 1);
}
