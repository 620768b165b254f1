// The soft maximum of affine functions, minimal at 0 by construction.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstdint>

namespace test_functions {

/// Uniform numbers in [-1, 1) that are the same everywhere (splitmix64).
struct Uniform {
  std::uint64_t state;
  double operator()() {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1;
  }
};

/// f(x) = mu log sum_i exp((<a_i, x> - b_i) / mu), with A shifted so that its gradient at 0 is 0.
struct SoftMax {
  Eigen::MatrixXd A;
  Eigen::VectorXd b;
  double mu;
  mutable Eigen::VectorXd p;

  SoftMax(Eigen::Index n, Eigen::Index d, double smoothing, std::uint64_t seed) : A(n, d), b(n), mu(smoothing) {
    Uniform uniform{seed};
    for (Eigen::Index i = 0; i < n; ++i) {
      for (Eigen::Index j = 0; j < d; ++j) A(i, j) = uniform();
      b[i] = uniform();
    }
    Eigen::VectorXd g(d);
    value_and_gradient(Eigen::VectorXd::Zero(d), g);
    A.rowwise() -= g.transpose();
  }

  double minimum() const {
    Eigen::VectorXd g(A.cols());
    return value_and_gradient(Eigen::VectorXd::Zero(A.cols()), g);
  }
  double value_and_gradient(const Eigen::VectorXd& x, Eigen::VectorXd& g) const {
    const double value = weights(x);
    g.noalias() = A.transpose() * p;
    return value;
  }
  void hessian(const Eigen::VectorXd& x, Eigen::MatrixXd& H) const {
    weights(x);
    const Eigen::VectorXd g = A.transpose() * p;
    const Eigen::MatrixXd scaled = (p / mu).cwiseSqrt().asDiagonal() * A;
    H.setZero();
    H.selfadjointView<Eigen::Lower>().rankUpdate(scaled.transpose());
    H.selfadjointView<Eigen::Lower>().rankUpdate(g, -1 / mu);
    H.triangularView<Eigen::StrictlyUpper>() = H.transpose();
  }

 private:
  double weights(const Eigen::VectorXd& x) const {
    p.noalias() = A * x;
    p = (p - b) / mu;
    const double top = p.maxCoeff();
    p = (p.array() - top).exp();
    const double sum = p.sum();
    p /= sum;
    return mu * (top + std::log(sum));
  }
};

}  // namespace test_functions
