// Least absolute deviations against linear programs of scipy, its certificate where there are ties, dependent columns
// and numbers of any size, and what it is for: outliers.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/models/least_absolute_deviations.hpp>

#include <limits>

#include "models/golden.hpp"

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

MatrixXd normal(Index rows, Index cols, std::uint64_t seed) {
  const RandomKey key{seed};
  return MatrixXd::NullaryExpr(rows, cols,
                               [&](Index i, Index j) { return key.normal(static_cast<std::uint64_t>(i + j * rows)); });
}

/// Whole numbers from -2 to 2, of which many rows and residuals are equal.
MatrixXd whole(Index rows, Index cols, std::uint64_t seed) {
  const RandomKey key{seed};
  return MatrixXd::NullaryExpr(rows, cols, [&](Index i, Index j) {
    return static_cast<double>(key.bits(static_cast<std::uint64_t>(i + j * rows)) % 5) - 2;
  });
}

/// |d| <= 1, A'd = 0 and |y - A x|_1 = y'd: x is a solution, whoever found it.
void check_certificate(const MatrixXd& A, const VectorXd& y, const LeastAbsoluteDeviationsFit& fit) {
  REQUIRE(fit.optimal);
  CHECK(fit.dual.lpNorm<Eigen::Infinity>() <= 1 + 1e-9);
  CHECK((A.transpose() * fit.dual).lpNorm<Eigen::Infinity>() <= 1e-11 * (1 + A.lpNorm<1>()));
  const double value = (y - A * fit.x).lpNorm<1>();
  CHECK(std::abs(fit.value - value) <= 1e-13 * y.lpNorm<1>());
  CHECK(std::abs(value - y.dot(fit.dual)) <= 1e-11 * y.lpNorm<1>());
  CHECK(std::abs(fit.gap - (value - y.dot(fit.dual))) <= 1e-12 * y.lpNorm<1>());
}

}  // namespace

TEST_CASE("least absolute deviations: what scipy's linear programs give") {
  const auto rows = models_golden::rows("l1");
  REQUIRE(rows.size() == 6);
  for (const auto& row : rows) {
    const Index m = models_golden::whole(row[0]), n = models_golden::whole(row[1]);
    const MatrixXd A = models_golden::matrix(m, n, models_golden::whole(row[2]));
    const VectorXd y = models_golden::vector(m, models_golden::whole(row[2]));
    const LeastAbsoluteDeviationsFit fit = least_absolute_deviations(A, y);
    check_certificate(A, y, fit);
    CHECK(fit.used == n);
    CHECK(std::abs(fit.value - row[3]) <= 1e-12 * row[3]);
    CHECK((fit.x - Eigen::Map<const VectorXd>(row.data() + 4, n)).lpNorm<Eigen::Infinity>() <= 1e-11);
  }
}

TEST_CASE("least absolute deviations: the certificate, whatever the shape, the rank and the ties") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    for (const auto& [m, n] : {std::pair<Index, Index>{12, 4}, {50, 3}, {30, 12}, {6, 6}, {5, 9}}) {
      CAPTURE(seed, m, n);
      const MatrixXd A = normal(m, n, seed);
      const VectorXd z = normal(m, 1, seed + 100);
      const LeastAbsoluteDeviationsFit plain = least_absolute_deviations(A, z);
      check_certificate(A, z, plain);
      CHECK(plain.used == std::min(m, n));
      const MatrixXd B = whole(m, n, seed);
      const VectorXd y = whole(m, 1, seed + 100);
      check_certificate(B, y, least_absolute_deviations(B, y));
      MatrixXd twice(m, 2 * n + 1);  // every column again, and one of zeros
      twice << A, VectorXd::Zero(m), A;
      const LeastAbsoluteDeviationsFit doubled = least_absolute_deviations(twice, y);
      check_certificate(twice, y, doubled);
      CHECK(doubled.used == std::min(m, n));
      const VectorXd met = B * whole(n, 1, seed + 200);
      const LeastAbsoluteDeviationsFit exact = least_absolute_deviations(B, met);
      check_certificate(B, met, exact);
      CHECK(exact.value <= 1e-13 * (1 + met.lpNorm<1>()));
    }
}

TEST_CASE("least absolute deviations: a median, no columns, no rows, zeros") {
  const VectorXd y = (VectorXd(5) << 7, -3, 100, 2, 4).finished();
  const LeastAbsoluteDeviationsFit median = least_absolute_deviations(VectorXd::Ones(5), y);
  CHECK(median.x[0] == 4);
  CHECK(median.value == 3 + 7 + 96 + 2);
  CHECK(least_absolute_deviations(MatrixXd(5, 0), y).value == 116);
  const LeastAbsoluteDeviationsFit empty = least_absolute_deviations(MatrixXd(0, 2), VectorXd(0));
  CHECK(empty.optimal);
  CHECK(empty.x == VectorXd::Zero(2));
  const LeastAbsoluteDeviationsFit zero = least_absolute_deviations(normal(5, 2, 1), VectorXd::Zero(5));
  CHECK(zero.optimal);
  CHECK(zero.x == VectorXd::Zero(2));
}

TEST_CASE("least absolute deviations: outliers of any size in a fifth of the rows do not move it") {
  const MatrixXd A = normal(200, 10, 3);
  const VectorXd x = normal(10, 1, 4);
  VectorXd y = A * x;
  for (Index i = 0; i < 200; i += 5) y[i] += (i % 2 == 0 ? 1e6 : -3) * (1 + static_cast<double>(i));
  const LeastAbsoluteDeviationsFit fit = least_absolute_deviations(A, y);
  CHECK((fit.x - x).norm() <= 1e-7);  // rounding errors of 1e8
  CHECK(fit.optimal);
  CHECK(fit.pivots <= 100);
  const VectorXd squares = (A.transpose() * A).ldlt().solve(A.transpose() * y);
  CHECK((squares - x).norm() >= 1e5);
}

TEST_CASE("least absolute deviations: sizes of numbers change nothing but the sizes") {
  const MatrixXd A = normal(40, 5, 6);
  const VectorXd y = normal(40, 1, 7);
  const LeastAbsoluteDeviationsFit fit = least_absolute_deviations(A, y);
  MatrixXd B = A;
  B.col(1) *= std::ldexp(1, 900);
  B.col(3) *= std::ldexp(1, -900);
  const LeastAbsoluteDeviationsFit other = least_absolute_deviations(B, std::ldexp(1, 100) * y);
  CHECK(other.dual == fit.dual);
  CHECK(other.value == std::ldexp(fit.value, 100));
  CHECK(other.x[1] == std::ldexp(fit.x[1], -800));
  CHECK(other.x[3] == std::ldexp(fit.x[3], 1000));
  CHECK(other.x[0] == std::ldexp(fit.x[0], 100));
}

TEST_CASE("least absolute deviations: a limit of pivots is told of") {
  const MatrixXd A = normal(40, 5, 8);
  const VectorXd y = normal(40, 1, 9);
  const std::int64_t needed = least_absolute_deviations(A, y).pivots;
  CHECK(needed > 5);
  const LeastAbsoluteDeviationsFit early = least_absolute_deviations(A, y, {.max_pivots = needed - 1});
  CHECK_FALSE(early.optimal);
  CHECK(early.pivots == needed - 1);
  CHECK(early.value >= least_absolute_deviations(A, y).value);
  CHECK(least_absolute_deviations(A, y, {.max_pivots = needed}).optimal);
  const LeastAbsoluteDeviationsFit none = least_absolute_deviations(A, y, {.max_pivots = 0});
  CHECK(none.x == VectorXd::Zero(5));
  CHECK_FALSE(none.optimal);
}

TEST_CASE("least absolute deviations: bad input is refused by name") {
  const MatrixXd A = normal(4, 2, 1);
  const VectorXd y = normal(4, 1, 2);
  CHECK(message_of([&] { (void)least_absolute_deviations(A, y, {.tolerance = 0}); }) ==
        "LeastAbsoluteDeviations: tolerance = 0, must be in (0, 1)");
  CHECK(message_of([&] { (void)least_absolute_deviations(A, y, {.max_pivots = -2}); }) ==
        "LeastAbsoluteDeviations: max_pivots = -2, must be >= -1");
  CHECK(message_of([&] { (void)least_absolute_deviations(A, VectorXd(3)); }) ==
        "LeastAbsoluteDeviations: y is 3 x 1, must be 4 x 1");
  MatrixXd B = A;
  B(1, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of([&] { (void)least_absolute_deviations(B, y); }) ==
        "LeastAbsoluteDeviations: A has a coefficient that is not finite");
  VectorXd z = y;
  z[2] = std::numeric_limits<double>::infinity();
  CHECK(message_of([&] { (void)least_absolute_deviations(A, z); }) ==
        "LeastAbsoluteDeviations: y has a coefficient that is not finite");
}
