#include "support/catch.hpp"
#include <glissade/linalg/absolute_solver.hpp>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// |H|^{-1}, column by column.
MatrixXd inverse(const AbsoluteSolver<MatrixXd>& solver, Eigen::Index n) {
  MatrixXd result(n, n);
  for (Eigen::Index j = 0; j < n; ++j) {
    VectorXd e = VectorXd::Unit(n, j);
    solver.solve_in_place(e);
    result.col(j) = e;
  }
  return result;
}

MatrixXd random_symmetric(Eigen::Index n) {
  const MatrixXd H = MatrixXd::Random(n, n);
  return H + H.transpose();
}

}  // namespace

TEST_CASE("AbsoluteSolver: a positive definite matrix is not changed") {
  const MatrixXd a = MatrixXd::Random(7, 7);
  const MatrixXd H = a * a.transpose() + MatrixXd::Identity(7, 7);
  AbsoluteSolver<MatrixXd> solver;
  REQUIRE(solver.compute(H));
  CHECK_FALSE(solver.modified());
  CHECK((inverse(solver, 7) * H - MatrixXd::Identity(7, 7)).norm() <= 1e-11);
}

TEST_CASE("AbsoluteSolver: any other becomes positive definite, with the eigenvalues' sizes where the diagonal is 1") {
  for (Eigen::Index n = 1; n <= 9; ++n) {
    MatrixXd H = random_symmetric(n);
    H.diagonal().setOnes();
    H(n - 1, n - 1) = -1;
    AbsoluteSolver<MatrixXd> solver;
    REQUIRE(solver.compute(H));
    CHECK(solver.modified());
    const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(inverse(solver, n));
    CHECK(eigen.eigenvalues().minCoeff() > 0);
    if (!(H.cwiseAbs().maxCoeff() < 2)) continue;  // then S = I
    VectorXd sizes = Eigen::SelfAdjointEigenSolver<MatrixXd>(H).eigenvalues().cwiseAbs().cwiseInverse();
    std::sort(sizes.begin(), sizes.end());
    CHECK((eigen.eigenvalues() - sizes).norm() <= 1e-11 * sizes.norm());
  }
  AbsoluteSolver<MatrixXd> solver;
  REQUIRE(solver.compute(MatrixXd::Zero(3, 3)));
  CHECK(solver.modified());
}

TEST_CASE("AbsoluteSolver: the units of the variables do not matter") {
  // In units that are powers of 2, what is scaled is the same to the last bit.
  const VectorXd units = (VectorXd(5) << 0x1p-300, 0x1p40, 1, 0x1p-40, 0x1p200).finished();
  for (int k = 0; k < 20; ++k) {
    MatrixXd H = random_symmetric(5);
    if (k % 2 == 0) H(2, 2) = 0;
    if (k % 4 == 0) H(4, 4) = 0;
    const MatrixXd in_units = units.asDiagonal() * H * units.asDiagonal();
    AbsoluteSolver<MatrixXd> solver, other;
    REQUIRE(solver.compute(H));
    REQUIRE(other.compute(in_units));
    CHECK(solver.modified() == other.modified());
    CHECK(MatrixXd(units.asDiagonal() * inverse(other, 5) * units.asDiagonal()) == inverse(solver, 5));
  }
}

TEST_CASE("AbsoluteSolver: a direction of negative curvature, where there is one") {
  for (const double unit : {1.0, 1e-9}) {
    MatrixXd H = MatrixXd::Identity(3, 3);
    H(1, 1) = -0.5 * unit * unit;
    H(0, 1) = H(1, 0) = 0.25 * unit;
    AbsoluteSolver<MatrixXd> solver;
    REQUIRE(solver.compute(H));
    VectorXd d(3);
    const double curvature = solver.negative_curvature(d);
    CHECK(curvature < 0);
    CHECK(d.norm() == Approx(1));
    CHECK(d.dot(H * d) == Approx(curvature));
  }
  MatrixXd H = MatrixXd::Ones(2, 2);  // singular; rounding errors are no curvature
  H(1, 1) -= 1e-12;
  AbsoluteSolver<MatrixXd> solver;
  REQUIRE(solver.compute(H));
  CHECK(solver.modified());
  VectorXd d(2);
  CHECK(solver.negative_curvature(d) == 0);
}

TEST_CASE("AbsoluteSolver: nothing of what is not finite") {
  AbsoluteSolver<MatrixXd> solver;
  CHECK_FALSE(solver.compute(MatrixXd::Constant(2, 2, std::numeric_limits<double>::quiet_NaN())));
  CHECK(solver.compute(MatrixXd(0, 0)));
}
