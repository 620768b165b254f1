// How well a least squares solution is determined.
#pragma once

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "../../oracle/concepts.hpp"
#include "damped_qr.hpp"

namespace glissade {

/// The covariance of a solution of least squares, and the standard errors of its parameters.
struct SolutionCovariance {
  Eigen::MatrixXd matrix;           // n x n
  Eigen::VectorXd standard_errors;  // the roots of its diagonal
  double residual_variance = 0;     // r'r / (m - n)
  Eigen::Index rank = 0;            // of the Jacobian; below n: matrix and errors are infinite
};

/// The covariance at a solution x of an objective with residuals(x, r) and jacobian(x, J), for residuals with errors of
/// the same unknown variance that do not depend on each other:
///
///     s^2 (J'J)^-1,   s^2 = r'r / (m - n)
///
/// by a QR factorization of J with columns scaled to 1. It is the linear approximation; at a bound it does not hold for
/// what the bound holds. Cost: the residuals, the Jacobian and 2 m n^2 flops.
/// Errors: std::invalid_argument unless there are more residuals than parameters. Does not compile for an objective
/// with a robust loss, whose covariance is another one.
template <class F, class V>
[[nodiscard]] SolutionCovariance covariance_at(F& f, const V& x) {
  static_assert(HasResiduals<F, V> && HasJacobian<F, V>,
                "the objective lacks residuals(x, r) or jacobian(x, J), of which the covariance is made");
  static_assert(!HasRobustLoss<F>, "the covariance of least squares is not that of a robust loss");
  Eigen::VectorXd r;
  f.residuals(x, r);
  const Index m = r.size();
  const Index n = x.size();
  if (m <= n)
    throw std::invalid_argument("covariance_at: " + std::to_string(m) + " residuals for " + std::to_string(n) +
                                " parameters, must be more");
  Eigen::MatrixXd J(m, n);
  f.jacobian(x, J);
  SolutionCovariance c;
  c.residual_variance = r.squaredNorm() / static_cast<double>(m - n);
  Eigen::VectorXd scale(n);
  for (Index j = 0; j < n; ++j) {
    const double norm = J.col(j).stableNorm();
    scale[j] = norm > 0 ? norm : 1;
  }
  DampedQr qr;
  qr.matrix(m, n) = J * scale.cwiseInverse().asDiagonal();
  qr.factor();
  c.rank = qr.rank();
  if (c.rank < n) {
    c.matrix.setConstant(n, n, std::numeric_limits<double>::infinity());
    c.standard_errors.setConstant(n, std::numeric_limits<double>::infinity());
    return c;
  }
  Eigen::MatrixXd half(n, n);
  Eigen::VectorXd unit(n), z;
  for (Index j = 0; j < n; ++j) {
    unit.setZero();
    unit[j] = 1 / scale[j];
    qr.solve_transposed(unit, z);
    half.col(j) = z;
  }
  c.matrix.resize(n, n);
  for (Index j = 0; j < n; ++j)
    for (Index i = 0; i <= j; ++i) c.matrix(i, j) = c.matrix(j, i) = c.residual_variance * half.col(i).dot(half.col(j));
  c.standard_errors = c.matrix.diagonal().cwiseSqrt();
  return c;
}

}  // namespace glissade
