// The cubic model is minimized globally, in both forms, in easy and hard cases.
#include "support/catch.hpp"
#include <glissade/core/random.hpp>
#include <glissade/linalg/cubic_model.hpp>

#include <random>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

VectorXd cubic_step(const MatrixXd& H, const VectorXd& g, double M, SpectralForm form) {
  ShiftedSolver<VectorXd> solver;
  REQUIRE(solver.compute(H, form));
  VectorXd h = g;
  solver.into(h);
  minimize_cubic_model(solver, M, h);
  solver.out_of(h);
  return h;
}

double model(const MatrixXd& H, const VectorXd& g, double M, const VectorXd& h) {
  return g.dot(h) + 0.5 * h.dot(H * h) + M / 6 * std::pow(h.norm(), 3);
}

}  // namespace

TEST_CASE("cubic model: 500 random indefinite problems to rounding") {
  std::mt19937_64 bits(7);
  const auto uniform = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
  double worst = 0;
  for (int k = 0; k < 500; ++k) {
    const auto n = static_cast<Eigen::Index>(1 + bits() % 11);
    MatrixXd H = MatrixXd::NullaryExpr(n, n, [&] { return 2 * uniform() - 1; });
    H = (H + H.transpose()).eval() * std::pow(10, 6 * uniform() - 3);
    const VectorXd g = VectorXd::NullaryExpr(n, [&] { return 2 * uniform() - 1; });
    const double M = std::pow(10, 8 * uniform() - 4);
    const VectorXd h = cubic_step(H, g, M, SpectralForm::tridiagonal);
    const double s = M / 2 * h.norm();
    worst = std::max(worst, (g + H * h + s * h).norm() / (g.norm() + (H * h).norm()));
    const double least = Eigen::SelfAdjointEigenSolver<MatrixXd>(H).eigenvalues()[0];
    CHECK(least + s >= -1e-7 * H.norm());
    CHECK(g.dot(h) <= 0);
    CHECK(model(H, g, M, h) <= -M / 12 * std::pow(h.norm(), 3) * (1 - 1e-10));
  }
  CHECK(worst <= 1e-13);
}

TEST_CASE("cubic model: the tridiagonal and the eigen form agree") {
  for (int k = 0; k < 30; ++k) {
    const Eigen::Index n = 3 + k;
    const MatrixXd a = MatrixXd::Random(n, n);
    const MatrixXd H = a * a.transpose() + 1e-3 * MatrixXd::Identity(n, n);
    const VectorXd g = VectorXd::Random(n);
    const double M = std::pow(10, k % 7 - 3);
    ShiftedSolver<VectorXd> solver;
    REQUIRE(solver.compute(H));
    CHECK_FALSE(solver.is_diagonal());
    VectorXd v = g;
    solver.into(v);
    CHECK(v.norm() == Approx(g.norm()).epsilon(1e-13));
    solver.solve(0.7, v);
    solver.out_of(v);
    CHECK(((H + 0.7 * MatrixXd::Identity(n, n)) * v - g).norm() <= 1e-11 * g.norm());
    const VectorXd one = cubic_step(H, g, M, SpectralForm::tridiagonal);
    const VectorXd two = cubic_step(H, g, M, SpectralForm::eigen);
    CHECK((one - two).norm() <= 1e-10 * two.norm());
  }
}

TEST_CASE("cubic model: the hard case") {
  MatrixXd H = MatrixXd::Zero(3, 3);
  H.diagonal() << -2, -2, 1;
  const VectorXd g = (VectorXd(3) << 0, 0, 1).finished();
  const double M = 1;
  const VectorXd h = cubic_step(H, g, M, SpectralForm::eigen);
  CHECK(h.norm() == Approx(4.0));  // s = 2
  CHECK(h[2] == Approx(-1.0 / 3));
  CHECK((g + H * h + M / 2 * h.norm() * h).norm() <= 1e-12);
  // Nearly hard: the two solutions must be close to each other.
  VectorXd nearly = g;
  nearly[0] = -1e-9;
  const VectorXd h2 = cubic_step(H, nearly, M, SpectralForm::eigen);
  CHECK(h2.norm() == Approx(4.0).epsilon(1e-8));
  CHECK(h2[0] == Approx(std::sqrt(16 - 1.0 / 9)).epsilon(1e-8));
  // No gradient at all, at a saddle.
  CHECK(model(H, VectorXd::Zero(3), M, cubic_step(H, VectorXd::Zero(3), M, SpectralForm::eigen)) < -1);
  CHECK(cubic_step(MatrixXd::Identity(3, 3), VectorXd::Zero(3), M, SpectralForm::eigen).norm() == 0);
}

TEST_CASE("cubic model: linear functions and small M") {
  const VectorXd g = VectorXd::Random(5);
  CHECK(cubic_step(MatrixXd::Zero(5, 5), g, 3, SpectralForm::eigen).norm() ==
        Approx(std::sqrt(2 * g.norm() / 3)).epsilon(1e-13));
  const MatrixXd a = MatrixXd::Random(5, 5);
  const MatrixXd H = a * a.transpose() + MatrixXd::Identity(5, 5);
  const VectorXd newton = -H.ldlt().solve(g);
  CHECK((cubic_step(H, g, 1e-12, SpectralForm::tridiagonal) - newton).norm() <= 1e-10 * newton.norm());
  ShiftedSolver<VectorXd> solver;
  CHECK_FALSE(solver.compute(MatrixXd::Constant(3, 3, std::numeric_limits<double>::infinity())));
}
