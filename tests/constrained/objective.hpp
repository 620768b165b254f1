// One type for all objectives with constraints, so that the method is compiled for it once.
#pragma once

#include <functional>

#include "problems.hpp"

namespace constrained_problems {

/// Counts its calls; what is not replaced is the problem's.
struct Objective {
  std::function<double(const VectorXd&, VectorXd&)> gradient_of;
  std::function<void(const VectorXd&, VectorXd&)> constraints_of;
  std::function<void(const VectorXd&, MatrixXd&)> jacobian_of;
  std::function<void(const VectorXd&, const VectorXd&, MatrixXd&)> hessian_of;
  int calls = 0;

  Objective() = default;
  explicit Objective(const Problem& p)
      : gradient_of([p](const VectorXd& x, VectorXd& g) { return p.value_and_gradient(x, g); }),
        constraints_of([p](const VectorXd& x, VectorXd& c) { p.constraints(x, c); }),
        jacobian_of([p](const VectorXd& x, MatrixXd& J) { p.jacobian(x, J); }),
        hessian_of([p](const VectorXd& x, const VectorXd& l, MatrixXd& H) { p.lagrangian_hessian(x, l, H); }) {}

  double value_and_gradient(const VectorXd& x, VectorXd& g) { return ++calls, gradient_of(x, g); }
  void constraints(const VectorXd& x, VectorXd& c) { ++calls, constraints_of(x, c); }
  void jacobian(const VectorXd& x, MatrixXd& J) { ++calls, jacobian_of(x, J); }
  void lagrangian_hessian(const VectorXd& x, const VectorXd& l, MatrixXd& H) { ++calls, hessian_of(x, l, H); }
};

}  // namespace constrained_problems
