#include "support/catch.hpp"
#include <glissade/linalg/modified_cholesky.hpp>

#include <Eigen/Eigenvalues>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// (H + E)^{-1}, column by column.
template <class M>
M inverse(const ModifiedCholesky<M>& factor, Eigen::Index n) {
  M result(n, n);
  for (Eigen::Index j = 0; j < n; ++j) {
    typename ModifiedCholesky<M>::Vector e = ModifiedCholesky<M>::Vector::Unit(n, j);
    factor.solve_in_place(e);
    result.col(j) = e;
  }
  return result;
}

}  // namespace

TEST_CASE("ModifiedCholesky: a positive definite matrix is not changed") {
  const MatrixXd a = MatrixXd::Random(7, 7);
  const MatrixXd H = a * a.transpose() + MatrixXd::Identity(7, 7);
  ModifiedCholesky<MatrixXd> factor;
  REQUIRE(factor.compute(H));
  CHECK_FALSE(factor.modified());
  CHECK((inverse(factor, 7) * H - MatrixXd::Identity(7, 7)).norm() <= 1e-11);
}

TEST_CASE("ModifiedCholesky: any other becomes positive definite by a bounded diagonal") {
  for (int k = 0; k < 100; ++k) {
    const Eigen::Index n = 1 + k % 9;
    MatrixXd H = MatrixXd::Random(n, n);
    H = (H + H.transpose()).eval();
    if (k % 5 == 0) H.setZero();
    if (k % 5 == 1) H = -MatrixXd::Identity(n, n);
    ModifiedCholesky<MatrixXd> factor;
    REQUIRE(factor.compute(H));
    if (k % 5 == 0) {
      CHECK(factor.modified());
      continue;  // (0 + E)^{-1} is as large as numbers get
    }
    const MatrixXd E = inverse(factor, n).inverse() - H;
    const MatrixXd off = E - MatrixXd(E.diagonal().asDiagonal());
    const double scale = H.cwiseAbs().maxCoeff();
    CHECK(off.cwiseAbs().maxCoeff() <= 1e-8 * scale);
    CHECK(E.diagonal().minCoeff() >= -1e-8 * scale);
    CHECK(E.diagonal().maxCoeff() <= 4.0 * static_cast<double>(n * n) * scale);
    CHECK(Eigen::SelfAdjointEigenSolver<MatrixXd>(H + E).eigenvalues().minCoeff() > 0);
  }
}

TEST_CASE("ModifiedCholesky: the textbook's indefinite matrix") {
  // Gill, Murray and Wright, example 4.7: the modified factors are known to three figures.
  Eigen::Matrix3d H;
  H << 1, 1, 2, 1, 1, 3, 2, 3, 1;
  ModifiedCholesky<Eigen::Matrix3d> factor;
  REQUIRE(factor.compute(H));
  CHECK(factor.modified());
  const Eigen::Matrix3d E = inverse(factor, 3).inverse() - H;
  CHECK((E - Eigen::Matrix3d(E.diagonal().asDiagonal())).norm() <= 1e-12);
  CHECK(Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d>(H + E).eigenvalues().minCoeff() > 0.1);
}

TEST_CASE("ModifiedCholesky: no factors of what is not finite") {
  ModifiedCholesky<MatrixXd> factor;
  CHECK_FALSE(factor.compute(MatrixXd::Constant(2, 2, std::numeric_limits<double>::quiet_NaN())));
  CHECK(factor.compute(MatrixXd(0, 0)));
}
