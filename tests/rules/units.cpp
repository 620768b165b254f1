// Transforms that work unit by unit: centralization and adaptive clipping.
#include "support/catch.hpp"
#include "support/problems.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

namespace {

using Matrix = Eigen::MatrixXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix numbers(Eigen::Index rows, Eigen::Index cols, int t) {
  return Matrix::NullaryExpr(rows, cols, [=](Eigen::Index i, Eigen::Index j) {
    return small_problems::test_gradient(11 * i + j, t) + 0.1 * static_cast<double>(i);
  });
}

/// What reaches the end of a chain, from parameters x, in the storage order of M.
template <class M, class R>
Matrix passed(const R& rule, const Matrix& x, const Matrix& gradient) {
  M parameters = x;
  Optimizer optimizer{chain(rule, Scale{}), parameters};
  optimizer.step(gradient);
  return parameters - x;
}

template <class R>
void check(const R& rule, const Matrix& x, const Matrix& gradient, const Matrix& expected) {
  CHECK((passed<Matrix>(rule, x, gradient) - expected).cwiseAbs().maxCoeff() <= 1e-14);
  CHECK((passed<RowMajor>(rule, x, gradient) - expected).cwiseAbs().maxCoeff() <= 1e-14);
}

/// The definition, row by row.
Matrix clip_rows(const Matrix& x, Matrix g, double clipping, double epsilon) {
  for (Eigen::Index i = 0; i < g.rows(); ++i) {
    const double bound = clipping * std::max(x.row(i).norm(), epsilon);
    if (g.row(i).norm() > bound) g.row(i) *= bound / std::max(g.row(i).norm(), 1e-6);
  }
  return g;
}

}  // namespace

TEST_CASE("centralize: every row, or every column, loses its mean; vectors pass") {
  const Matrix x = Matrix::Zero(19, 23);
  const Matrix g = numbers(19, 23, 1);
  const Matrix rows = g.colwise() - g.rowwise().mean();
  check(Centralize{}, x, g, rows);
  check(Centralize{}, x, rows, rows);  // a projection
  check(Centralize{.by_columns = true}, x, g, g.rowwise() - g.colwise().mean());
  check(Centralize{.mask = [](const Tensor& t) { return t.name != "0"; }}, x, g, g);
  CHECK(rows.norm() < g.norm());
  Eigen::VectorXd v = Eigen::VectorXd::Zero(9);
  Optimizer optimizer{chain(Centralize{}, Scale{}), v};
  optimizer.step(Eigen::VectorXd::Ones(9));
  CHECK(v == Eigen::VectorXd::Ones(9));
}

TEST_CASE("centralize: plain descent keeps the sums of the rows") {
  small_problems::LeastSquares p(4, 3);
  const Eigen::VectorXd sums = p.W.rowwise().sum();
  Optimizer optimizer{chain(Centralize{}, Sgd{.learning_rate = 0.1}), p.W};
  const double before = p.value();
  for (int t = 0; t < 200; ++t) optimizer.step(p.gradient());
  CHECK((p.W.rowwise().sum() - sums).cwiseAbs().maxCoeff() <= 1e-14);
  CHECK(p.value() < 0.9 * before);
}

TEST_CASE("adaptive clip: each unit in proportion to its weights") {
  Matrix x = numbers(19, 23, 1);
  x.row(4).setZero();
  Matrix g = numbers(19, 23, 2);
  g.row(7) *= 1e-6;
  g.row(8).setZero();
  check(AdaptiveClip{.clipping = 0.1}, x, g, clip_rows(x, g, 0.1, 1e-3));
  check(AdaptiveClip{.clipping = 0.1, .epsilon = 2}, x, g, clip_rows(x, g, 0.1, 2));
  check(AdaptiveClip{.clipping = 0.1, .by_columns = true}, x, g,
        clip_rows(x.transpose(), g.transpose(), 0.1, 1e-3).transpose());
  check(AdaptiveClip{.clipping = 1e3, .epsilon = 1e9}, x, g, g);
  check(AdaptiveClip{.mask = [](const Tensor&) { return false; }}, x, g, g);
}

TEST_CASE("adaptive clip: a vector, and a matrix with a side of 1, are one unit") {
  const Matrix x = numbers(1, 6, 1), g = numbers(1, 6, 2);
  check(AdaptiveClip{}, x, g, clip_rows(x, g, 0.01, 1e-3));
  check(AdaptiveClip{}, x.transpose(), g.transpose(), clip_rows(x, g, 0.01, 1e-3).transpose());
  check(AdaptiveClip{.by_columns = true}, x, g, clip_rows(x, g, 0.01, 1e-3));
  Eigen::VectorXd v = Eigen::VectorXd::Constant(4, 3);
  Optimizer optimizer{chain(AdaptiveClip{.clipping = 0.5}, Scale{}), v};
  optimizer.step(Eigen::VectorXd::Constant(4, 12));
  CHECK(v.isApprox(Eigen::VectorXd::Constant(4, 4.5), 1e-15));
}

TEST_CASE("adaptive clip: what is not finite poisons its unit alone") {
  const Matrix x = Matrix::Ones(3, 2);
  Matrix g = Matrix::Ones(3, 2);
  g(1, 0) = std::numeric_limits<double>::infinity();
  const Matrix out = passed<Matrix>(AdaptiveClip{}, x, g);
  CHECK(out.row(1).array().isNaN().all());
  CHECK(out.row(0).allFinite());
  CHECK(out.row(2).allFinite());
}
