// Greedy sparse regression: gains against a search along one coordinate, orthogonal matching pursuit against
// scikit-learn, identities, and how it ends.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include "support/message_of.hpp"
#include <glissade/models/greedy_lasso.hpp>

#include <Eigen/Cholesky>

#include <array>
#include <limits>

#include "models/golden.hpp"

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr std::array all_kinds{GreedyKind::lasso_l0,          GreedyKind::lasso_l1,
                               GreedyKind::square_root_l0,    GreedyKind::square_root_l1,
                               GreedyKind::least_absolute_l0, GreedyKind::least_absolute_l1};

bool least_absolute(GreedyKind kind) { return kind >= GreedyKind::least_absolute_l0; }

MatrixXd normal(Index rows, Index cols, std::uint64_t seed) {
  const RandomKey key{seed};
  return MatrixXd::NullaryExpr(rows, cols,
                               [&](Index i, Index j) { return key.normal(static_cast<std::uint64_t>(i + j * rows)); });
}

MatrixXd unit_columns(Index rows, Index cols, std::uint64_t seed) {
  MatrixXd A = normal(rows, cols, seed);
  for (Index j = 0; j < cols; ++j) A.col(j) /= A.col(j).norm();
  return A;
}

/// The objective along one coordinate, as the table of kinds has it.
struct Along {
  GreedyKind kind;
  double lambda, weight, x;
  VectorXd r, a;

  double operator()(double t) const {
    const VectorXd left = r - t * a;
    const double u = t == -x ? 0 : x + t;
    const int loss = static_cast<int>(kind) / 2;
    const double value = loss == 0 ? left.squaredNorm() : loss == 1 ? left.norm() : left.lpNorm<1>();
    const bool l0 = static_cast<int>(kind) % 2 == 0;
    return value + lambda * (l0 ? weight * weight * (u != 0) : weight * std::abs(u));
  }
  /// Its decrease from t = 0, by search: kinks of the objective, and golden sections on both sides of them.
  double gain() const {
    double least = std::min((*this)(0), (*this)(-x));
    for (Index i = 0; i < r.size(); ++i) least = std::min(least, (*this)(r[i] / a[i]));
    const double far = 10 * (std::abs(x) + r.norm());
    for (const auto& [from, to] : {std::pair{-far, -x}, {-x, far}}) {
      double low = from, high = to;
      for (int k = 0; k < 120; ++k) {
        const double left = high - 0.6180339887498949 * (high - low), right = low + 0.6180339887498949 * (high - low);
        const double at_left = (*this)(left), at_right = (*this)(right);
        least = std::min({least, at_left, at_right});
        (at_left < at_right ? high : low) = at_left < at_right ? right : left;
      }
    }
    return (*this)(0) - least;
  }
};

VectorXd least_squares(const MatrixXd& A, const VectorXd& y) {
  return (A.transpose() * A).ldlt().solve(A.transpose() * y);
}

}  // namespace

TEST_CASE("greedy lasso: gains are what a search along each coordinate finds") {
  for (const GreedyKind kind : all_kinds) {
    int cases[2] = {0, 0};  // with a gain, by whether the column is selected
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
      const RandomKey key{1000 + seed};
      const MatrixXd A = unit_columns(12, 8, seed);
      const VectorXd y = normal(12, 1, 500 + seed);
      GreedyLasso options{.kind = kind, .lambda = std::pow(10.0, 2 * key.uniform(0) - 1.7), .normalize_columns = false};
      options.weights =
          VectorXd::NullaryExpr(8, [&](Index j) { return 0.3 + key.uniform(10 + static_cast<std::uint64_t>(j)); });
      VectorXd x = VectorXd::Zero(8);
      const MatrixXd S = A.leftCols(3);
      x.head(3) = least_absolute(kind) ? least_absolute_deviations(S, y).x : least_squares(S, y);
      const VectorXd gains = greedy_gains(A, y, x, options);
      for (Index j = 0; j < 8; ++j) {
        CAPTURE(static_cast<int>(kind), seed, j, options.lambda, options.weights[j], x[j]);
        const double searched = Along{kind, options.lambda, options.weights[j], x[j], y - A * x, A.col(j)}.gain();
        CHECK(std::abs(gains[j] - searched) <= 1e-13 * (1 + y.squaredNorm()));
        if (searched > 1e-6) ++cases[j < 3];
      }
    }
    CHECK(cases[0] >= 10);
    CHECK(cases[1] >= 10);
  }
}

TEST_CASE("greedy lasso: orthogonal matching pursuit is scikit-learn's") {
  const auto rows = models_golden::rows("omp");
  REQUIRE(rows.size() == 3);
  for (const auto& row : rows) {
    const Index m = models_golden::whole(row[0]), n = models_golden::whole(row[1]), k = models_golden::whole(row[3]);
    const MatrixXd A = models_golden::matrix(m, n, models_golden::whole(row[2]));
    const VectorXd y = models_golden::vector(m, models_golden::whole(row[2]));
    const GreedyLassoFit fit = orthogonal_matching_pursuit(A, y, k);
    REQUIRE(fit.end == GreedyEnd::max_support);
    REQUIRE(fit.support.size() == static_cast<std::size_t>(k));
    VectorXd left = y;
    for (Index i = 0; i < k; ++i) {
      const Index j = fit.support[static_cast<std::size_t>(i)];
      CHECK(j == models_golden::whole(row[static_cast<std::size_t>(4 + i)]));
      CHECK(std::abs(fit.x[j] * A.col(j).norm() - row[static_cast<std::size_t>(4 + k + i)]) <= 1e-12);
      left -= fit.x[j] * A.col(j);
    }
    CHECK((fit.x.array() != 0).count() == k);
    CHECK(std::abs(fit.residual_norm - left.norm()) <= 1e-13);
  }
}

TEST_CASE("greedy lasso: without lambda all square kinds select as orthogonal matching pursuit") {
  const MatrixXd A = unit_columns(30, 60, 1);
  const VectorXd y = normal(30, 1, 2);
  const GreedyLassoFit pursuit = orthogonal_matching_pursuit(A, y, 12);
  for (const GreedyKind kind : all_kinds)
    if (!least_absolute(kind)) {
      const GreedyLassoFit fit = greedy_lasso(A, y, {.kind = kind, .max_support = 12});
      CHECK(fit.support == pursuit.support);
      CHECK(fit.x == pursuit.x);
    }
  VectorXd x = VectorXd::Zero(60);  // by hand
  MatrixXd S(30, 0);
  for (const Index j : pursuit.support) {
    Index first = 0;
    (A.transpose() * (y - A * x)).cwiseAbs().maxCoeff(&first);
    CHECK(first == j);
    S.conservativeResize(30, S.cols() + 1);
    S.col(S.cols() - 1) = A.col(j);
    const VectorXd u = least_squares(S, y);
    for (Index i = 0; i < S.cols(); ++i) x[pursuit.support[static_cast<std::size_t>(i)]] = u[i];
  }
  CHECK((x - pursuit.x).norm() <= 1e-12);
}

TEST_CASE("greedy lasso: equal weights order lasso_l0 and square_root_l0 alike") {
  const MatrixXd A = unit_columns(20, 15, 3);
  const VectorXd y = normal(20, 1, 4);
  const VectorXd x = VectorXd::Zero(15);
  const VectorXd lasso = greedy_gains(A, y, x, {.kind = GreedyKind::lasso_l0, .lambda = 1e-6});
  const VectorXd root = greedy_gains(A, y, x, {.kind = GreedyKind::square_root_l0, .lambda = 1e-6});
  for (Index i = 0; i < 15; ++i)
    for (Index j = 0; j < 15; ++j) CHECK((lasso[i] < lasso[j]) == (root[i] < root[j]));
}

TEST_CASE("greedy lasso: another unit of y is another lambda") {
  const MatrixXd A = unit_columns(30, 50, 5);
  const VectorXd y = 3 * (A.col(4) - A.col(20)) + normal(30, 1, 6) / 10;
  const double s = 4;  // rounds nothing
  for (const GreedyKind kind : all_kinds) {
    const double factor = kind == GreedyKind::lasso_l0                                                  ? s * s
                          : kind == GreedyKind::square_root_l1 || kind == GreedyKind::least_absolute_l1 ? 1
                                                                                                        : s;
    const double lambda = kind == GreedyKind::square_root_l1 || kind == GreedyKind::least_absolute_l1 ? 0.3 : 0.05;
    const GreedyLassoFit fit = greedy_lasso(A, y, {.kind = kind, .lambda = lambda});
    const GreedyLassoFit scaled = greedy_lasso(A, s * y, {.kind = kind, .lambda = factor * lambda});
    CAPTURE(static_cast<int>(kind));
    CHECK(fit.support.size() >= 2);
    CHECK(fit.support.size() < 30);
    CHECK(scaled.support == fit.support);
    CHECK((scaled.x - s * fit.x).norm() <= 1e-13);
  }
}

TEST_CASE("greedy lasso: orders of rows and columns, and sizes of columns") {
  const MatrixXd A = unit_columns(25, 40, 7);
  const VectorXd y = 2 * A.col(3) - A.col(30) + normal(25, 1, 8) / 20;
  for (const GreedyKind kind : all_kinds) {
    const GreedyLasso options{.kind = kind, .lambda = 0.05, .max_support = 6};
    const GreedyLassoFit fit = greedy_lasso(A, y, options);
    const GreedyLassoFit turned = greedy_lasso(A.reverse(), y.reverse(), options);  // of rows and columns
    CHECK((turned.x.reverse() - fit.x).norm() <= 1e-12);
    const VectorXd sizes = VectorXd::LinSpaced(40, 0.1, 50);
    const GreedyLassoFit sized = greedy_lasso(A * sizes.asDiagonal(), y, options);
    CHECK(sized.support == fit.support);
    CHECK((sizes.cwiseProduct(sized.x) - fit.x).norm() <= 1e-12);
    std::vector<Index> mirrored = turned.support;
    for (Index& j : mirrored) j = 39 - j;
    CHECK(mirrored == fit.support);
  }
}

TEST_CASE("greedy lasso: without noise the exact support in as many steps, then it ends") {
  const MatrixXd A = unit_columns(100, 200, 9);
  VectorXd x = VectorXd::Zero(200);
  for (Index k = 0; k < 6; ++k) x[7 + 31 * k] = (k % 2 == 0 ? 1 : -1) * (1 + 0.5 * static_cast<double>(k));
  for (const GreedyKind kind : all_kinds) {
    const GreedyLassoFit fit = greedy_lasso(A, A * x, {.kind = kind});
    CHECK(fit.support.size() == 6);
    CHECK((fit.x - x).norm() <= 1e-12);
    CHECK(fit.end == GreedyEnd::perfect_fit);
    CHECK(fit.gains.size() == 6);
  }
}

TEST_CASE("greedy lasso: one column that is all of y, where |c| may exceed R by rounding errors") {
  const MatrixXd A = unit_columns(15, 60, 16);
  for (const GreedyKind kind : all_kinds)
    for (Index j = 0; j < 60; ++j) {
      const GreedyLassoFit fit = greedy_lasso(A, 0.1 * static_cast<double>(j + 1) * A.col(j), {.kind = kind});
      CHECK(fit.support == std::vector<Index>{j});
      CHECK(fit.end == GreedyEnd::perfect_fit);
      REQUIRE(fit.gains.size() == 1);
      CHECK(std::isfinite(fit.gains[0]));
    }
}

TEST_CASE("greedy lasso: dependent columns, ties, zeros") {
  const MatrixXd B = unit_columns(20, 5, 10);
  MatrixXd A(20, 12);  // every column twice, one of zeros, and the mean of two
  A << B, B, VectorXd::Zero(20), (B.col(0) + B.col(1)) / 2;
  const VectorXd y = normal(20, 1, 11);
  for (const GreedyKind kind : all_kinds) {
    CAPTURE(static_cast<int>(kind));
    const GreedyLassoFit fit = greedy_lasso(A, y, {.kind = kind});
    CHECK(fit.end == GreedyEnd::no_gain);
    // In the l1 norm no single column may gain though several together would.
    if (!least_absolute(kind)) CHECK(fit.support.size() == 5);
    CHECK(fit.support.size() >= 2);
    for (const Index j : fit.support) CHECK((j < 5 || j == 11));  // the first of two
    const GreedyLassoFit plain = greedy_lasso(B, y, {.kind = kind});
    if (!least_absolute(kind)) CHECK((A * fit.x - B * plain.x).norm() <= 1e-13);
  }
  const GreedyLassoFit nothing = orthogonal_matching_pursuit(A, VectorXd::Zero(20), 3);
  CHECK(nothing.end == GreedyEnd::perfect_fit);
  CHECK(nothing.x == VectorXd::Zero(12));
  CHECK(orthogonal_matching_pursuit(A, y, 0).support.empty());
  CHECK(orthogonal_matching_pursuit(MatrixXd(20, 0), y, 3).end == GreedyEnd::max_support);
  MatrixXd near(20, 2);  // the second column is nearly the first: by the difference least squares must not divide
  near << B.col(0), B.col(0) + 2e-13 * B.col(1);
  const GreedyLassoFit dropped = orthogonal_matching_pursuit(near, B.col(0) + B.col(1), 2);
  CHECK(dropped.support.size() == 1);
  CHECK(dropped.dropped.size() == 1);
  CHECK(dropped.end == GreedyEnd::no_gain);
  CHECK(dropped.x.norm() <= 2);
}

TEST_CASE("greedy lasso: nearly dependent columns are fit to the last digit") {
  MatrixXd A = 1e-6 * normal(40, 10, 20);
  A.colwise() += VectorXd::Ones(40);
  const VectorXd y = VectorXd::Ones(40) + normal(40, 1, 21);
  const GreedyLassoFit fit = orthogonal_matching_pursuit(A, y, 10);
  CHECK(fit.support.size() == 10);
  const VectorXd left = y - A * fit.x;
  CHECK((orthonormalized(A).transpose() * left).norm() <= 1e-8);  // x is about 1e6
  CHECK(std::abs(fit.residual_norm - left.norm()) <= 1e-9);
}

TEST_CASE("greedy lasso: a column of the support with the greatest gain ends it") {
  const MatrixXd A = unit_columns(30, 40, 12);
  const VectorXd y = A.col(1) + A.col(2) / 2 + normal(30, 1, 13) / 100;
  const GreedyLassoFit fit = greedy_lasso(A, y, {.kind = GreedyKind::lasso_l1, .lambda = 0.2});
  CHECK(fit.end == GreedyEnd::selected_again);
  CHECK(fit.support == std::vector<Index>{1, 2});
  CHECK(to_string(fit.end).size() > 20);
  // Here h^2 of a column of the support is above (|c| - h)^2 of every other.
  const VectorXd gains = greedy_gains(A, y, fit.x, {.kind = GreedyKind::lasso_l1, .lambda = 0.2});
  Index greatest = 0;
  CHECK(std::abs(gains.maxCoeff(&greatest) - 0.01) <= 1e-15);
  CHECK((greatest == 1 || greatest == 2));
}

TEST_CASE("greedy lasso: bad input is refused by name") {
  const MatrixXd A = unit_columns(6, 4, 1);
  const VectorXd y = normal(6, 1, 2);
  const auto refused = [&](const GreedyLasso& options) {
    return message_of([&] { (void)greedy_lasso(A, y, options); });
  };
  CHECK(refused({.lambda = -1}) == "GreedyLasso: lambda = -1, must be >= 0 and finite");
  CHECK(refused({.max_support = -1}) == "GreedyLasso: max_support = -1, must be >= 0");
  CHECK(refused({.kind = static_cast<GreedyKind>(6)}) == "GreedyLasso: kind = 6, must be in [0, 5]");
  CHECK(refused({.weights = VectorXd::Ones(3)}) == "GreedyLasso: weights is 3 x 1, must be 4 x 1");
  CHECK(refused({.weights = VectorXd::LinSpaced(4, 3, 0)}) == "GreedyLasso: weights[3] = 0, must be > 0 and finite");
  CHECK(message_of([&] {
          (void)greedy_lasso(2 * A, y, {.normalize_columns = false});
        }).starts_with("GreedyLasso: norm of column 0 = 2, must be 1 where normalize_columns is false"));
  CHECK(message_of([&] { (void)greedy_lasso(A, VectorXd(5)); }) == "GreedyLasso: y is 5 x 1, must be 6 x 1");
  MatrixXd B = A;
  B(1, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of([&] { (void)greedy_lasso(B, y); }) == "GreedyLasso: norm of column 1 = nan, must be finite");
  CHECK(message_of([&] { (void)greedy_lasso(A, y * std::numeric_limits<double>::infinity()); }) ==
        "GreedyLasso: y has a coefficient that is not finite");
  CHECK(message_of([&] { (void)greedy_gains(A, y, VectorXd(5), {}); }) == "GreedyLasso: x is 5 x 1, must be 4 x 1");
}
