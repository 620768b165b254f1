// Convex quadratic functions.
#pragma once

#include <Eigen/Eigenvalues>

#include "../linalg/orthonormal.hpp"
#include "values.hpp"

namespace glissade {

/// h(x) = x'Q x / 2 + q'x, Q symmetric and positive semidefinite, factored once.
///
///     Q = U diag(lambda) U';   x <- U diag(1 / (1 + step lambda)) U' (x - step q)
///
/// No aggregate, for it keeps U (n x n) and lambda (n).
/// Cost: about 9 n^3 flops at first, 4 n^2 for every prox, whatever its step.
/// Where a coefficient is not finite, all become NaN.
/// Errors: std::invalid_argument for a Q that is not square, symmetric to within 1e-12 or finite, or has an eigenvalue
/// below -1e-12 times the largest; for a q or x of another size.
class Quadratic {
 public:
  static constexpr std::string_view name = "Quadratic";

  template <class M, class B>
  Quadratic(const Eigen::MatrixBase<M>& Q, const Eigen::MatrixBase<B>& q) : Q_(Q), q_(q) {
    const Index n = Q_.rows();
    require_shape(name, "Q", Q_, n, n);
    require_shape(name, "q", q_, n, 1);
    if (!Q_.allFinite() || !q_.allFinite()) throw std::invalid_argument("Quadratic: Q or q is not finite");
    if (n == 0) return;
    const double largest = Q_.cwiseAbs().maxCoeff();
    const Eigen::MatrixXd turned = Q_.transpose();
    if (!((Q_ / 2 - turned / 2).cwiseAbs().maxCoeff() <= 1e-12 * largest))
      throw std::invalid_argument("Quadratic: Q is not symmetric");
    Q_ = Q_ / 2 + turned / 2;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(Q_);
    if (eigen.info() != Eigen::Success)
      throw std::invalid_argument("Quadratic: Q has no eigenvalues in this precision");
    U_ = eigen.eigenvectors();
    lambda_ = eigen.eigenvalues();
    if (lambda_[0] < -1e-12 * lambda_.cwiseAbs().maxCoeff())
      reject(name, "the least eigenvalue of Q", lambda_[0], ">= 0");
    lambda_ = lambda_.cwiseMax(0.0);
  }

  [[nodiscard]] const Eigen::MatrixXd& Q() const { return Q_; }
  [[nodiscard]] const Eigen::VectorXd& q() const { return q_; }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    return read_values(x, [&](ConstCoefficients v) {
      require_size(v.size());
      double sum = 0;
      for (Index j = 0; j < Q_.cols(); ++j) {
        const double* column = Q_.data() + j * Q_.rows();
        double product = 0;
        for (std::size_t i = 0; i < v.size(); ++i) product += column[i] * v[i];
        sum += v[static_cast<std::size_t>(j)] * (product / 2 + q_[j]);
      }
      return sum;
    });
  }
  template <class V>
  void prox(V&& x, double step) const {
    require(name, "step", step, range::positive);
    change_values(x, [&](Coefficients v, double) {
      require_size(v.size());
      if (!detail::all_finite(v)) return detail::fill_with_nan(v);
      std::vector<double> rest(v.begin(), v.end());
      for (std::size_t i = 0; i < v.size(); ++i) rest[i] -= step * q_[static_cast<Index>(i)];
      std::fill(v.begin(), v.end(), 0.0);
      for (Index j = 0; j < U_.cols(); ++j) {
        const double* u = U_.data() + j * U_.rows();
        double share = 0;
        for (std::size_t i = 0; i < v.size(); ++i) share += u[i] * rest[i];
        share /= 1 + step * lambda_[j];
        for (std::size_t i = 0; i < v.size(); ++i) v[i] += share * u[i];
      }
    });
  }

 private:
  void require_size(std::size_t n) const {
    if (static_cast<Index>(n) != q_.size())
      throw std::invalid_argument("Quadratic: x has " + std::to_string(n) + " coefficients, must have " +
                                  std::to_string(q_.size()));
  }

  Eigen::MatrixXd Q_;
  Eigen::VectorXd q_;
  Eigen::MatrixXd U_;
  Eigen::VectorXd lambda_;
};

}  // namespace glissade
