// How a run of a method ended, and what it cost.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "../oracle/calls.hpp"

namespace glissade {

enum class Status {
  running,
  // A tolerance was met.
  gradient_tolerance,
  step_tolerance,
  value_tolerance,
  tolerance,
  // A limit, a predicate or an observer ended it.
  max_iterations,
  max_value_calls,
  max_gradient_calls,
  max_hessian_calls,
  max_product_calls,
  max_operator_calls,
  max_seconds,
  stopped_by_predicate,
  stopped_by_observer,
  // It could not go on.
  non_finite_start,
  non_finite,
  non_finite_hessian,
  unbounded,
  search_failed,
  lowest_reached,
  saddle,
  not_convex,
  constant_too_large,
  infeasible,
  singular_constraints,
};

/// A sentence about why a run ended.
constexpr std::string_view to_string(Status status) {
  switch (status) {
    case Status::running:
      return "The run has not ended.";
    case Status::gradient_tolerance:
      return "The norm of the gradient, or of the prox-gradient step, is within gradient_tolerance.";
    case Status::step_tolerance:
      return "The last step was shorter than step_tolerance allows.";
    case Status::value_tolerance:
      return "The last change of the value was within value_tolerance.";
    case Status::tolerance:
      return "The measure is within tolerance.";
    case Status::max_iterations:
      return "The number of iterations reached max_iterations.";
    case Status::max_value_calls:
      return "The calls of the value reached max_value_calls.";
    case Status::max_gradient_calls:
      return "The calls of the gradient reached max_gradient_calls.";
    case Status::max_hessian_calls:
      return "The calls of the Hessian reached max_hessian_calls.";
    case Status::max_product_calls:
      return "The products with the Hessian reached max_product_calls.";
    case Status::max_operator_calls:
      return "The calls of the operator reached max_operator_calls.";
    case Status::max_seconds:
      return "The time ran out: max_seconds.";
    case Status::stopped_by_predicate:
      return "The predicate of the stop rule asked to stop.";
    case Status::stopped_by_observer:
      return "An observer asked to stop.";
    case Status::non_finite_start:
      return "The start is not finite, or what is measured there is not.";
    case Status::non_finite:
      return "The next point has a value or a measure that is not finite, or lies at infinity.";
    case Status::non_finite_hessian:
      return "The Hessian, or a product with it, is not finite here, or its eigenvalues cannot be found.";
    case Status::unbounded:
      return "A value was below lowest_value: the function seems unbounded.";
    case Status::search_failed:
      return "No trial lowered the value enough: rounding errors prevail here, the gradient or the Hessian is wrong, "
             "values nearby are not finite, or more trials are needed.";
    case Status::lowest_reached:
      return "The value is at or below the least value that the Polyak step was told of.";
    case Status::saddle:
      return "The norm of the gradient is within gradient_tolerance, but the Hessian is indefinite here, and no step "
             "along its negative curvature lowers the value.";
    case Status::not_convex:
      return "The Hessian is not positive definite here, or singular up to rounding errors, which the method cannot "
             "use.";
    case Status::constant_too_large:
      return "The adaptive constant reached max_constant without progress: the gradient or the Hessian is wrong, "
             "rounding errors prevail, or max_constant is too small for this function.";
    case Status::infeasible:
      return "The steps have settled at a vector other than zero: there is no fixed point, and this displacement is "
             "the "
             "certificate.";
    case Status::singular_constraints:
      return "The derivatives of the constraints are linearly dependent here, or nearly so: the constraints are "
             "redundant, contradict each other, or meet at a singular point.";
  }
  return "Unknown status.";
}

/// True where the run ended because a tolerance was met.
constexpr bool converged(Status status) {
  return status == Status::gradient_tolerance || status == Status::step_tolerance ||
         status == Status::value_tolerance || status == Status::tolerance;
}

/// What a method says of a step, or of its start. A status other than `running` ends the run.
struct Report {
  double measure = std::numeric_limits<double>::quiet_NaN();  // what must be small at a solution
  double value = std::numeric_limits<double>::quiet_NaN();    // of the objective; NaN: the problem has none
  Status status = Status::running;
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();  // NaN: the problem has no gradient
};

struct Result {
  Status status = Status::running;
  double value = std::numeric_limits<double>::quiet_NaN();          // NaN: the problem has none
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();  // Euclidean; NaN: the problem has no gradient
  double measure = std::numeric_limits<double>::quiet_NaN();        // what is small at a solution
  std::int64_t iterations = 0;
  Evaluations evaluations;
};

}  // namespace glissade
