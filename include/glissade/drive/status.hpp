// How a minimization ended and what it cost.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace glissade {

enum class Status {
  running,
  // It got where it was sent.
  gradient_tolerance,
  step_tolerance,
  value_tolerance,
  // It was told to stop.
  max_iterations,
  max_value_calls,
  max_gradient_calls,
  max_hessian_calls,
  max_product_calls,
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
};

/// A sentence about why a minimization ended.
constexpr std::string_view to_string(Status status) {
  switch (status) {
    case Status::running:
      return "The minimization has not ended.";
    case Status::gradient_tolerance:
      return "The norm of the gradient is within gradient_tolerance.";
    case Status::step_tolerance:
      return "The last step was shorter than step_tolerance allows.";
    case Status::value_tolerance:
      return "The last change of the value was within value_tolerance.";
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
    case Status::max_seconds:
      return "The time ran out: max_seconds.";
    case Status::stopped_by_predicate:
      return "The predicate of the stop rule asked to stop.";
    case Status::stopped_by_observer:
      return "An observer asked to stop.";
    case Status::non_finite_start:
      return "The value or the gradient at the start is not finite.";
    case Status::non_finite:
      return "The next point has a value or a gradient that is not finite.";
    case Status::non_finite_hessian:
      return "The Hessian is not finite here, or its eigenvalues cannot be found.";
    case Status::unbounded:
      return "The value fell below lowest_value: the function seems unbounded.";
    case Status::search_failed:
      return "No step along the direction lowers the value: rounding errors prevail here, or the gradient is wrong.";
    case Status::lowest_reached:
      return "The value is at or below the least value that the Polyak step was told of.";
    case Status::saddle:
      return "The norm of the gradient is within gradient_tolerance, but the Hessian is indefinite here, and no step "
             "along its negative curvature lowers the value.";
    case Status::not_convex:
      return "The Hessian is not positive definite here, which the method needs.";
    case Status::constant_too_large:
      return "The adaptive constant reached its limit without progress: the gradient or the Hessian is wrong, "
             "or rounding errors prevail.";
  }
  return "Unknown status.";
}

/// True where the minimization ended because a tolerance was met.
constexpr bool converged(Status status) {
  return status == Status::gradient_tolerance || status == Status::step_tolerance || status == Status::value_tolerance;
}

/// Calls of the objective. One call that gives value and gradient counts as one of each.
struct Evaluations {
  std::int64_t value = 0;
  std::int64_t gradient = 0;
  std::int64_t hessian = 0;
  std::int64_t hessian_vector = 0;
  std::int64_t prox = 0;
  std::int64_t component_value = 0;  // terms of a finite sum, over all batches
  std::int64_t component_gradient = 0;
  std::int64_t component_hessian_vector = 0;
  std::int64_t component_third = 0;
  std::int64_t components = 0;  // terms of the sum; 0: no batch was asked for

  /// Calls in units of whole functions: a batch of k of n terms is k / n.
  [[nodiscard]] constexpr double values() const { return static_cast<double>(value) + share(component_value); }
  [[nodiscard]] constexpr double gradients() const { return static_cast<double>(gradient) + share(component_gradient); }
  [[nodiscard]] constexpr double hessian_vectors() const {
    return static_cast<double>(hessian_vector) + share(component_hessian_vector);
  }
  friend constexpr bool operator==(const Evaluations&, const Evaluations&) = default;

 private:
  [[nodiscard]] constexpr double share(std::int64_t terms) const {
    return components == 0 ? 0.0 : static_cast<double>(terms) / static_cast<double>(components);
  }
};

/// What a method's step says. A status other than `running` ends the minimization.
struct Report {
  double value = std::numeric_limits<double>::quiet_NaN();
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();
  Status status = Status::running;
  bool progress = true;  // false: the point is on trial, or a trial was given up; no sign of convergence
};

struct Result {
  Status status = Status::running;
  double value = std::numeric_limits<double>::quiet_NaN();
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();  // Euclidean
  std::int64_t iterations = 0;
  Evaluations evaluations;
};

}  // namespace glissade
