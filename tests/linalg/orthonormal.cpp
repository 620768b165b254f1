// Orthonormal bases and products in panels.
#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include "support/no_heap.hpp"
#include <glissade/linalg/orthonormal.hpp>
#include <glissade/linalg/product.hpp>

using namespace glissade;
using namespace low_rank_problems;

namespace {

double distance(const Matrix& P, const Matrix& Q) { return (P * P.transpose() - Q * Q.transpose()).norm(); }
double defect(const Matrix& P) { return (P.transpose() * P - Matrix::Identity(P.cols(), P.cols())).norm(); }

/// Singular values 1, ratio, ratio^2, ...; U are its left singular vectors.
Matrix with_values(const Matrix& U, Index cols, double ratio) {
  Eigen::VectorXd sigma(U.cols());
  for (Index i = 0; i < sigma.size(); ++i) sigma[i] = std::pow(ratio, static_cast<double>(i));
  return U * sigma.asDiagonal() * orthonormal(cols, U.cols(), 5).transpose();
}

}  // namespace

TEST_CASE("leading_subspace: the first left singular vectors, whatever the shape and scale") {
  const Matrix U = orthonormal(20, 12, 3);
  for (const Index cols : {Index{12}, Index{20}, Index{31}})
    for (const double scale : {1.0, 1e-200, 1e200}) {
      const Matrix P = leading_subspace(Matrix(scale * with_values(U, cols, 0.5)), 5);
      CHECK(distance(P, U.leftCols(5)) < 1e-12);
      CHECK(defect(P) < 1e-13);
    }
  // More vectors than the rank has: orthonormal all the same.
  const Matrix thin = with_values(orthonormal(20, 2, 4), 12, 0.5);
  CHECK(defect(leading_subspace(thin, 6)) < 1e-13);
  CHECK(defect(leading_subspace(Matrix(thin.transpose()), 6)) < 1e-13);
  CHECK(leading_subspace(Matrix(normal(1, 7, 1)), 1).cwiseAbs()(0, 0) == Approx(1));
  CHECK(distance(leading_subspace(Matrix(normal(7, 1, 1)), 1), normal(7, 1, 1).normalized()) < 1e-14);
}

TEST_CASE("random_leading_subspace: exact for a low rank, close for decaying values") {
  const Matrix U = orthonormal(40, 6, 3);
  CHECK(distance(random_leading_subspace(with_values(U, 30, 0.9), 4, RandomKey{7},
                                         {.oversampling = 2, .power_iterations = 0}),
                 U.leftCols(4)) < 1e-12);
  const Matrix V = orthonormal(40, 30, 3);
  const auto error = [&](int power) {
    return distance(random_leading_subspace(with_values(V, 30, 0.7), 4, RandomKey{7},
                                            {.oversampling = 4, .power_iterations = power}),
                    V.leftCols(4));
  };
  CHECK(error(0) > 10 * error(1));
  CHECK(error(1) > 10 * error(2));
  CHECK(error(2) < 1e-2);
}

TEST_CASE("random_orthonormal: orthonormal, a function of its key, uniform in the mean") {
  const Matrix P = orthonormal(9, 4, 1);
  CHECK(defect(P) < 1e-14);
  CHECK(P == orthonormal(9, 4, 1));
  CHECK(P != orthonormal(9, 4, 2));
  Matrix mean = Matrix::Zero(9, 9);
  for (std::uint64_t s = 0; s < 2000; ++s) mean += orthonormal(9, 4, s) * orthonormal(9, 4, s).transpose() / 2000;
  CHECK((mean - Matrix::Identity(9, 9) * 4.0 / 9).cwiseAbs().maxCoeff() < 0.04);  // 4 standard errors
}

TEST_CASE("orthonormalized: the factor of a QR decomposition whose R has a positive diagonal") {
  for (const auto& [rows, cols] : {std::pair<Index, Index>{9, 4}, {5, 5}, {6, 1}})
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const Matrix A = normal(rows, cols, seed);
      const Matrix Q = orthonormalized(A), R = Q.transpose() * A;
      CHECK(defect(Q) < 1e-14);
      CHECK(R.diagonal().minCoeff() > 0);
      CHECK(Matrix(R.triangularView<Eigen::StrictlyLower>()).norm() < 1e-14 * A.norm());
      CHECK((Q * R - A).norm() < 1e-14 * A.norm());
      CHECK((orthonormalized(Q) - Q).norm() < 1e-14);
    }
}

TEST_CASE("multiply: equals Eigen's product in all storage orders, without heap") {
  const auto check = [](Index m, Index depth, Index n) {
    const Matrix a = normal(m, depth, 1), b = normal(depth, n, 2), c = normal(m, n, 3);
    const Matrix expected = c + 0.5 * a * b;
    const RowMajor ar = a, br = b;
    for (int which = 0; which < 8; ++which) {
      const MatrixView<const double> A{which & 1 ? ar.data() : a.data(), m, depth, (which & 1) != 0};
      const MatrixView<const double> B{which & 2 ? br.data() : b.data(), depth, n, (which & 2) != 0};
      Matrix by_columns = c;
      RowMajor by_rows = c;
      {
        const NoHeap watch;
        if (which & 4)
          multiply(A, B, MatrixView<double>{by_rows.data(), m, n, true}, 0.5, true);
        else
          multiply(A, B, MatrixView<double>{by_columns.data(), m, n}, 0.5, true);
        CHECK(watch.taken() == 0);
      }
      const Matrix& result = which & 4 ? Matrix(by_rows) : by_columns;
      CHECK((result - expected).cwiseAbs().maxCoeff() < 1e-12);
    }
  };
  check(3, 2, 5);
  check(70, 300, 65);
  check(200, 31, 130);
  check(1, 600, 90);
  check(90, 5, 1);
}
