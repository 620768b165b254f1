// An objective that declares a prox.
#pragma once

#include <Eigen/Core>

struct Lasso {
  double value_and_gradient(const Eigen::VectorXd& x, Eigen::VectorXd& g) const {
    g = x;
    return 0.5 * x.squaredNorm();
  }
  void prox(Eigen::VectorXd& x, double step) const { x *= 1 / (1 + step); }
};
