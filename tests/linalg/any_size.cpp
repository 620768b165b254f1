// Decompositions and norms of matrices whose squares overflow or vanish.
#include "support/catch.hpp"
#include <glissade/linalg/cubic_model.hpp>
#include <glissade/linalg/frobenius.hpp>
#include <glissade/linalg/modified_cholesky.hpp>
#include <glissade/linalg/negative_curvature.hpp>
#include <glissade/linalg/orthonormal.hpp>
#include <glissade/linalg/thin_svd.hpp>

#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// From the smallest to the largest powers of two that leave entries normal.
template <class T>
std::vector<T> sizes() {
  constexpr int least = std::numeric_limits<T>::min_exponent + 12, most = std::numeric_limits<T>::max_exponent - 8;
  std::vector<T> all;
  for (const int exponent : {least, least / 2 - 8, least / 4, 0, most / 4, most / 2 + 8, most})
    all.push_back(std::ldexp(T(1), exponent));
  return all;
}

MatrixXd symmetric(Eigen::Index n, double diagonal) {
  const MatrixXd A = random_normal<double>(n, n, RandomKey{3});
  return A + A.transpose() + diagonal * MatrixXd::Identity(n, n);
}

}  // namespace

TEMPLATE_TEST_CASE("norms and inverses over the whole range", "", float, double) {
  using T = TestType;
  for (const T size : sizes<T>()) {
    INFO(size);
    DenseMatrix<T> A{{3 * size, 0}, {0, -4 * size}};
    CHECK(frobenius_norm<T>({A.data(), 2, 2}) / static_cast<double>(size) == Approx(5).epsilon(1e-14));
    for (const T x : {size, T(3) * size}) {
      const auto [first, second] = inverse_factors(static_cast<double>(x));
      CHECK(x * static_cast<T>(first) * static_cast<T>(second) == Approx(1).epsilon(1e-6));
      for (const double factor : {first, second}) {
        CHECK(factor >= static_cast<double>(std::numeric_limits<T>::min()));
        CHECK(factor <= static_cast<double>(std::numeric_limits<T>::max()));
      }
    }
  }
  const T least = std::numeric_limits<T>::denorm_min();
  CHECK(frobenius_norm<T>({&least, 1, 1}) == static_cast<double>(least));
  const auto [first, second] = inverse_factors(static_cast<double>(least));
  CHECK(least * static_cast<T>(first) * static_cast<T>(second) == 1);
  CHECK(frobenius_norm<T>({nullptr, 0, 3}) == 0);
  const T nothing = 0, nan = std::numeric_limits<T>::quiet_NaN(), infinite = std::numeric_limits<T>::infinity();
  CHECK(frobenius_norm<T>({&nothing, 1, 1}) == 0);
  CHECK(std::isnan(frobenius_norm<T>({&nan, 1, 1})));
  CHECK(std::isinf(frobenius_norm<T>({&infinite, 1, 1})));
}

TEMPLATE_TEST_CASE("orthonormalized: a function of the columns' directions", "", float, double) {
  using T = TestType;
  const DenseMatrix<T> A = random_normal<T>(7, 4, RandomKey{1});
  const DenseMatrix<T> Q = orthonormalized(A);
  for (const T size : sizes<T>()) {
    INFO(size);
    CHECK(orthonormalized(DenseMatrix<T>(size * A)) == Q);
    DenseMatrix<T> graded = A;
    graded.col(1) *= size;
    graded.col(3) *= size;
    CHECK(orthonormalized(graded) == Q);
    const DenseMatrix<T> B = random_normal<T>(7, 2, RandomKey{2}) * random_normal<T>(2, 9, RandomKey{4});
    const DenseMatrix<T> P = random_leading_subspace(B, 2, RandomKey{5});
    const DenseMatrix<T> scaled = random_leading_subspace(DenseMatrix<T>(size * B), 2, RandomKey{5});
    CHECK((P * P.transpose() - scaled * scaled.transpose()).norm() <= 100 * std::numeric_limits<T>::epsilon());
    const ThinSvd<T> svd = thin_svd(DenseMatrix<T>(size * A));
    CHECK((svd.sigma / size - thin_svd(A).sigma).norm() <= 100 * std::numeric_limits<T>::epsilon());
  }
}

TEST_CASE("ShiftedSolver and the cubic model: of any size") {
  const Eigen::Index n = 6;
  const MatrixXd H = symmetric(n, 15);
  const VectorXd g = random_normal<double>(n, 1, RandomKey{7});
  for (const double size : sizes<double>()) {
    INFO(size);
    for (const auto form : {SpectralForm::tridiagonal, SpectralForm::eigen}) {
      ShiftedSolver<VectorXd> solver;
      REQUIRE(solver.compute(size * H, form));
      CHECK(solver.is_diagonal() == (form == SpectralForm::eigen));
      CHECK(solver.positive(0));
      VectorXd x = size * g;
      solver.into(x);
      solver.solve(size, x);
      solver.out_of(x);
      CHECK((H * x + x - g).norm() <= 1e-12);
    }
  }
  // s f(x) has the minimizer of f, and f(x / s) one that is s times as large.
  for (const double diagonal : {15.0, 0.0}) {
    const MatrixXd A = symmetric(n, diagonal);
    const auto minimizer = [&](double of_g, double of_h, double of_m) {
      ShiftedSolver<VectorXd> solver;
      REQUIRE(solver.compute(of_h * A));
      VectorXd h = of_g * g;
      solver.into(h);
      minimize_cubic_model(solver, 2 * of_m, h);
      solver.out_of(h);
      return h;
    };
    const VectorXd plain = minimizer(1, 1, 1);
    for (const double size : {1e-250, 1e-200, 1e-160, 1e-10, 1e10, 1e160, 1e200, 1e250}) {
      INFO(size << " on " << diagonal);
      CHECK((minimizer(size, size, size) - plain).norm() <= 1e-11 * plain.norm());
      CHECK((minimizer(size, 1, 1 / size) / size - plain).norm() <= 1e-11 * plain.norm());
    }
  }
}

TEST_CASE("negative curvature: of any size") {
  VectorXd d, residual, image;
  for (const double size : sizes<double>()) {
    INFO(size);
    for (const double diagonal : {0.0, 15.0}) {
      const MatrixXd H = symmetric(6, diagonal);
      const auto product = [&](const VectorXd& v, VectorXd& Hv) { Hv = size * H * v; };
      const double curvature = negative_curvature(product, 6, 6, d, residual, image);
      CHECK((curvature < 0) == (diagonal == 0));
      if (curvature < 0) CHECK(d.dot(H * d) == Approx(curvature / size));
    }
    // Rounding errors of a singular matrix are no curvature.
    const VectorXd v = VectorXd::Constant(6, size), one = VectorXd::Ones(6);
    const auto nearly = [&](const VectorXd& x, VectorXd& Hx) { Hx = v * one.dot(x) - 1e-12 * size * x; };
    CHECK(negative_curvature(nearly, 6, 6, d, residual, image) == 0);
  }
}

TEST_CASE("ModifiedCholesky: E is in proportion to H, and 0 for positive definite matrices of any size") {
  const auto corrected = [](const MatrixXd& H, double size, bool& modified) {
    ModifiedCholesky<MatrixXd> factor;
    REQUIRE(factor.compute(size * H));
    modified = factor.modified();
    MatrixXd inverse(H.rows(), H.cols());  // of (size H + E) / size
    for (Eigen::Index j = 0; j < H.cols(); ++j) {
      VectorXd e = size * VectorXd::Unit(H.rows(), j);
      factor.solve_in_place(e);
      inverse.col(j) = e;
    }
    return MatrixXd(inverse.inverse());
  };
  for (const double size : sizes<double>()) {
    INFO(size);
    bool modified = false;
    const MatrixXd positive = symmetric(6, 15);
    CHECK((corrected(positive, size, modified) - positive).norm() <= 1e-12);
    CHECK_FALSE(modified);
    // Gill, Murray and Wright, example 4.7: beta^2 is 3 / sqrt(8), and E is known to four figures.
    const MatrixXd H = Eigen::Matrix3d{{1, 1, 2}, {1, 1, 3}, {2, 3, 1}};
    const MatrixXd E = corrected(H, size, modified) - H;
    CHECK(modified);
    CHECK((E.diagonal() - Eigen::Vector3d(2.771, 5.016, 2.243)).cwiseAbs().maxCoeff() <= 6e-4);
    CHECK((E - MatrixXd(E.diagonal().asDiagonal())).norm() <= 1e-12);
  }
}
