#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include "support/message_of.hpp"
#include <glissade/linalg/thin_svd.hpp>

using namespace glissade;
using namespace low_rank_problems;

namespace {

/// The matrix back, orthonormal V, U orthonormal where sigma is above `floor` sigma_1, and Eigen's singular values.
void check_svd(const Matrix& A, double floor = 1e-14) {
  const ThinSvd<double> svd = thin_svd(A);
  const Index k = std::min(A.rows(), A.cols());
  INFO(A.rows() << " x " << A.cols());
  REQUIRE(svd.U.rows() == A.rows());
  REQUIRE(svd.U.cols() == k);
  REQUIRE(svd.V.rows() == A.cols());
  REQUIRE(svd.V.cols() == k);
  const double largest = svd.sigma[0];
  const double rounding = 1e-14 * std::sqrt(static_cast<double>(k)) * 2;
  const Matrix scaled = svd.U * (svd.sigma / largest).asDiagonal() * svd.V.transpose();
  CHECK((scaled - A / largest).norm() < rounding);
  CHECK((svd.V.transpose() * svd.V - Matrix::Identity(k, k)).norm() < 20 * rounding);
  const Index good = (svd.sigma.array() > floor * largest).count();
  const Matrix U = svd.U.leftCols(good);
  CHECK((U.transpose() * U - Matrix::Identity(good, good)).norm() < 20 * rounding);
  CHECK(std::is_sorted(svd.sigma.data(), svd.sigma.data() + k, std::greater<>()));
  const Eigen::VectorXd expected = Eigen::JacobiSVD<Matrix>(A).singularValues();
  CHECK((svd.sigma / largest - expected / largest).cwiseAbs().maxCoeff() < rounding);
}

}  // namespace

TEST_CASE("thin_svd: the matrix back, orthonormal factors, Eigen's singular values") {
  for (const auto& [rows, cols] :
       {std::pair{1, 1}, std::pair{7, 1}, std::pair{1, 7}, std::pair{12, 12}, std::pair{60, 20}, std::pair{20, 60}}) {
    const Matrix A = normal(rows, cols, 3);
    for (const double scale : {1.0, 1e-200, 1e200}) check_svd(scale * A);
  }
  Matrix hilbert(12, 12);
  for (Index i = 0; i < 12; ++i)
    for (Index j = 0; j < 12; ++j) hilbert(i, j) = 1 / static_cast<double>(i + j + 1);
  check_svd(hilbert, 1e-7);
}

TEST_CASE("thin_svd: small singular values are exact where the columns are graded") {
  Matrix A = normal(8, 5, 4);
  for (Index j = 0; j < 5; ++j) A.col(j) *= std::pow(10.0, -4.0 * static_cast<double>(j));
  const Eigen::VectorXd sigma = thin_svd(A).sigma;
  // The product of the singular values is the volume: a sigma of 1e-16 that was only right to 1e-16 would show.
  const double volume = Matrix(Eigen::HouseholderQR<Matrix>(A).matrixQR()).diagonal().prod();
  CHECK(sigma.prod() == Approx(std::abs(volume)).epsilon(1e-10));
}

TEST_CASE("thin_svd: repeated and vanishing singular values, zero and empty matrices") {
  check_svd(normal(30, 3, 1) * normal(3, 20, 2), 1e-10);
  check_svd(Matrix::Ones(9, 6), 1e-10);
  check_svd(Matrix::Identity(6, 6));
  Matrix gap = Matrix::Zero(6, 6);
  gap.diagonal() << 0, 1, 1, 1e-9, 0, 1;
  check_svd(gap);

  const ThinSvd<double> zero = thin_svd(Matrix(Matrix::Zero(4, 3)));
  CHECK(zero.sigma.isZero(0));
  CHECK(zero.U.isZero(0));
  CHECK(zero.V.isIdentity(0));
  CHECK(thin_svd(Matrix(4, 0)).sigma.size() == 0);
  CHECK(thin_svd(Matrix(0, 4)).V.rows() == 4);
}

TEST_CASE("thin_svd: in float, and what is refused") {
  const Eigen::MatrixXf A = normal(20, 12, 5).cast<float>();
  const ThinSvd<float> svd = thin_svd(A);
  CHECK((svd.U * svd.sigma.asDiagonal() * svd.V.transpose()).isApprox(A, 1e-5f));
  Matrix bad = normal(4, 3, 1);
  bad(2, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of([&] { (void)thin_svd(bad); }) == "thin_svd: the matrix is not finite");
}
