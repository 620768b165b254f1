// Attention and its gradient as in the textbook, with L x L matrices; and random matrices.
#pragma once

#include <glissade/linalg/orthonormal.hpp>

inline Eigen::MatrixXd normals(Eigen::Index rows, Eigen::Index cols, std::uint64_t stream) {
  return glissade::random_normal<double>(rows, cols, glissade::RandomKey{stream});
}

/// The weights P and what follows from them.
struct DenseAttention {
  Eigen::MatrixXd P, O, dQ, dK, dV, dP, dS;

  static DenseAttention of(const Eigen::MatrixXd& Q, const Eigen::MatrixXd& K, const Eigen::MatrixXd& V,
                           const Eigen::MatrixXd& dO, double beta) {
    const Eigen::MatrixXd S = beta * Q * K.transpose();
    const Eigen::MatrixXd E = (S.colwise() - S.rowwise().maxCoeff()).array().exp();
    return of_weights(E.array().colwise() / E.rowwise().sum().array(), Q, K, V, dO, beta);
  }
  static DenseAttention of_weights(const Eigen::MatrixXd& P, const Eigen::MatrixXd& Q, const Eigen::MatrixXd& K,
                                   const Eigen::MatrixXd& V, const Eigen::MatrixXd& dO, double beta) {
    DenseAttention a;
    a.P = P;
    a.O = P * V;
    a.dV = P.transpose() * dO;
    a.dP = dO * V.transpose();
    const Eigen::VectorXd rho = P.cwiseProduct(a.dP).rowwise().sum();
    a.dS = P.array() * (a.dP.colwise() - rho).array();
    a.dQ = beta * a.dS * K;
    a.dK = beta * a.dS.transpose() * Q;
    return a;
  }
};
