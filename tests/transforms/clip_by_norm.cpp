#include "support/catch.hpp"
#include "support/problems.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

namespace {

/// What a chain of this rule and plain descent subtracts from zero parameters.
template <class R, class V>
V passed(const R& rule, const V& gradient) {
  V x = V::Zero(gradient.rows(), gradient.cols());
  Optimizer optimizer{chain(rule, Scale{.factor = -1}), x};
  optimizer.step(gradient);
  return -x;
}

Eigen::MatrixXd gradient_matrix(Eigen::Index rows, Eigen::Index cols) {
  return Eigen::MatrixXd::NullaryExpr(
      rows, cols, [](Eigen::Index i, Eigen::Index j) { return small_problems::test_gradient(7 * i + j, 1); });
}

}  // namespace

TEST_CASE("clip by norm: the Frobenius norm of vectors, rows, matrices and blocks") {
  const ClipByNorm clip{.max_norm = 1};
  CHECK(passed(clip, Eigen::MatrixXd(Eigen::MatrixXd::Identity(4, 4))).norm() == Approx(1).epsilon(1e-15));
  CHECK(passed(clip, Eigen::VectorXd(Eigen::VectorXd::Constant(9, 5))).norm() == Approx(1).epsilon(1e-15));
  CHECK(passed(clip, Eigen::RowVectorXd(Eigen::RowVectorXd::Constant(9, -5))).norm() == Approx(1).epsilon(1e-15));
  Eigen::MatrixXd whole = Eigen::MatrixXd::Zero(6, 8);
  Optimizer optimizer{chain(clip, Scale{}), whole.middleCols(2, 3)};
  optimizer.step(Eigen::MatrixXd::Constant(6, 3, 7));
  CHECK(whole.norm() == Approx(1).epsilon(1e-15));
}

TEST_CASE("clip by norm: keeps the direction, leaves short updates alone, every tensor on its own") {
  const Eigen::MatrixXd g = gradient_matrix(5, 7);
  const Eigen::MatrixXd clipped = passed(ClipByNorm{.max_norm = 0.5}, g);
  CHECK(clipped.norm() == Approx(0.5).epsilon(1e-15));
  CHECK((clipped * g.norm() / 0.5).isApprox(g, 1e-15));
  CHECK(passed(ClipByNorm{.max_norm = g.norm() * 1.001}, g) == g);
  CHECK(passed(ClipByNorm{.max_norm = 1}, Eigen::MatrixXd(Eigen::MatrixXd::Zero(3, 2))) == Eigen::MatrixXd::Zero(3, 2));
  Eigen::VectorXd a = Eigen::VectorXd::Zero(2), b = a;
  Optimizer optimizer{chain(ClipByNorm{.max_norm = 1}, Scale{}), a, b};
  optimizer.step(Eigen::Vector2d(3, 4), Eigen::Vector2d(0.3, 0.4));
  CHECK(a.isApprox(Eigen::Vector2d(0.6, 0.8), 1e-15));
  CHECK(b == Eigen::Vector2d(0.3, 0.4));
}

TEST_CASE("clip by norm: floats whose squares overflow, norms that are not finite") {
  const Eigen::VectorXf large = Eigen::VectorXf::Constant(4, 1e30f);
  CHECK(passed(ClipByNorm{.max_norm = 1}, large).isApprox(Eigen::VectorXf::Constant(4, 0.5f)));
  Eigen::VectorXd bad = Eigen::VectorXd::Ones(3);
  bad[1] = std::numeric_limits<double>::infinity();
  CHECK(passed(ClipByNorm{}, bad).array().isNaN().all());
}

TEST_CASE("clip by root mean square: an update of at most max_rms, small ones as they are") {
  const Eigen::MatrixXd g = gradient_matrix(5, 7);
  const double rms = g.norm() / std::sqrt(35.0);
  CHECK(passed(ClipByRms{.max_rms = 0.1}, g).isApprox(g * (0.1 / rms), 1e-15));
  CHECK(passed(ClipByRms{.max_rms = 1}, Eigen::MatrixXd(1e-3 * g)) == 1e-3 * g);
}
