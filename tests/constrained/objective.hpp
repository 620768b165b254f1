// One type for all objectives with constraints, so that the method is compiled for it once.
#pragma once

#include <functional>
#include <stdexcept>

#include "problems.hpp"

namespace constrained_problems {

/// Counts its calls, of which one may throw; what is not replaced is the problem's.
struct Objective {
  std::function<double(const VectorXd&, VectorXd&)> gradient_of;
  std::function<void(const VectorXd&, VectorXd&)> constraints_of;
  std::function<void(const VectorXd&, MatrixXd&)> jacobian_of;
  std::function<void(const VectorXd&, const VectorXd&, MatrixXd&)> hessian_of;
  int calls = 0;
  int bad_call = 0;

  Objective() = default;
  explicit Objective(const Problem& p)
      : gradient_of([p](const VectorXd& x, VectorXd& g) { return p.value_and_gradient(x, g); }),
        constraints_of([p](const VectorXd& x, VectorXd& c) { p.constraints(x, c); }),
        jacobian_of([p](const VectorXd& x, MatrixXd& J) { p.jacobian(x, J); }),
        hessian_of([p](const VectorXd& x, const VectorXd& l, MatrixXd& H) { p.lagrangian_hessian(x, l, H); }) {}

  double value_and_gradient(const VectorXd& x, VectorXd& g) { return count(), gradient_of(x, g); }
  void constraints(const VectorXd& x, VectorXd& c) {
    count();
    constraints_of(x, c);
  }
  void jacobian(const VectorXd& x, MatrixXd& J) {
    count();
    jacobian_of(x, J);
  }
  void lagrangian_hessian(const VectorXd& x, const VectorXd& l, MatrixXd& H) {
    count();
    hessian_of(x, l, H);
  }

 private:
  void count() {
    if (++calls == bad_call) throw std::domain_error("the objective's own");
  }
};

}  // namespace constrained_problems
