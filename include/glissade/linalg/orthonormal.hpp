// Orthonormal columns: of a matrix, of its leading singular subspace, and at random.
#pragma once

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>

#include <algorithm>

#include "../core/random.hpp"
#include "frobenius.hpp"

namespace glissade {

template <class T>
using DenseMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;

/// An orthonormal basis of the columns of A, rows >= cols, by Householder's QR: 4 m n^2 flops. The diagonal of R
/// is positive, so that the basis is unique where A has full rank. Columns may have any size.
template <class T>
[[nodiscard]] DenseMatrix<T> orthonormalized(const DenseMatrix<T>& A) {
  DenseMatrix<T> scaled = A;  // the basis is the same; squares neither overflow nor vanish
  for (Eigen::Index j = 0; j < A.cols(); ++j) scaled.col(j) = times_power_of_two(A.col(j), -exponent_of(A.col(j)));
  const Eigen::HouseholderQR<DenseMatrix<T>> qr(scaled);
  DenseMatrix<T> Q = DenseMatrix<T>::Identity(A.rows(), A.cols());
  Q.applyOnTheLeft(qr.householderQ());
  for (Eigen::Index j = 0; j < A.cols(); ++j)
    if (qr.matrixQR()(j, j) < 0) Q.col(j) *= -1;
  return Q;
}

/// Independent standard normal numbers: a pure function of the key.
template <class T>
[[nodiscard]] DenseMatrix<T> random_normal(Eigen::Index rows, Eigen::Index cols, RandomKey key) {
  DenseMatrix<T> A(rows, cols);
  for (Eigen::Index i = 0; i < A.size(); ++i) A.data()[i] = static_cast<T>(key.normal(static_cast<std::uint64_t>(i)));
  return A;
}

/// Orthonormal columns, uniformly distributed (Haar): rows >= cols.
template <class T>
[[nodiscard]] DenseMatrix<T> random_orthonormal(Eigen::Index rows, Eigen::Index cols, RandomKey key) {
  return orthonormalized(random_normal<T>(rows, cols, key));
}

/// The first `rank` left singular vectors of a finite matrix A, as eigenvectors of A A' or A' A, whichever is
/// smaller: about 2 m n min(m, n) + 9 min(m, n)^3 flops. Of the right ones, hand over the transpose.
/// Those whose singular value is below the root of the machine epsilon times the largest are orthonormal and nothing
/// else.
template <class T>
[[nodiscard]] DenseMatrix<T> leading_subspace(const DenseMatrix<T>& A, Eigen::Index rank) {
  const T largest = A.cwiseAbs().maxCoeff();
  const DenseMatrix<T> B = largest > 0 ? DenseMatrix<T>(A / largest) : A;  // squares neither overflow nor vanish
  const bool wide = B.rows() <= B.cols();
  DenseMatrix<T> gram(wide ? B.rows() : B.cols(), wide ? B.rows() : B.cols());
  if (wide)
    gram.noalias() = B * B.transpose();
  else
    gram.noalias() = B.transpose() * B;
  const Eigen::SelfAdjointEigenSolver<DenseMatrix<T>> eigen(gram);
  const DenseMatrix<T> vectors = eigen.eigenvectors().rowwise().reverse().leftCols(rank);
  if (wide) return vectors;
  return orthonormalized(DenseMatrix<T>(B * vectors));
}

/// How a leading subspace is found at random.
struct RangeFinder {
  int oversampling = 8;      // >= 0: columns more than asked for
  int power_iterations = 2;  // >= 0: each raises the gap between singular values to a power two higher
};

/// An approximation of leading_subspace from products with a few random vectors:
///
///     Q <- orthonormalized(A Gaussian);  power_iterations times  Q <- orthonormalized(A orthonormalized(A' Q))
///     the leading subspace of Q Q' A
///
/// Exact where the rank of A is at most rank + oversampling. O(m n (rank + oversampling)) flops.
/// Source: "Finding Structure with Randomness", 2009, arXiv 0909.4061, Algorithms 4.4 and 5.1.
template <class T>
[[nodiscard]] DenseMatrix<T> random_leading_subspace(const DenseMatrix<T>& A, Eigen::Index rank, RandomKey key,
                                                     const RangeFinder& finder = {}) {
  using Matrix = DenseMatrix<T>;
  const Eigen::Index columns = (std::min)({rank + finder.oversampling, A.rows(), A.cols()});
  Matrix Q = orthonormalized(Matrix(A * random_normal<T>(A.cols(), columns, key)));
  for (int i = 0; i < finder.power_iterations; ++i) {
    const Matrix back = orthonormalized(Matrix(A.transpose() * Q));
    Q = orthonormalized(Matrix(A * back));
  }
  return Q * leading_subspace(Matrix(Q.transpose() * A), rank);
}

}  // namespace glissade
