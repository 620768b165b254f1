// Problems of sparse data are those of the same data, dense.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/problems/random_sparse_data.hpp>

#include <limits>
#include <numeric>
#include <set>

using namespace glissade;
using Eigen::VectorXd;
using problems::SparseLogisticRegression;
using problems::SparseRidgeRegression;
using Rows = SparseLogisticRegression::Rows;

namespace {

VectorXd normals(Index size, std::uint64_t stream) {
  VectorXd out(size);
  for (Index k = 0; k < size; ++k) out[k] = RandomKey{stream}.normal(static_cast<std::uint64_t>(k));
  return out;
}

template <class Sparse, class Dense>
void check_equal(const Sparse& sparse, const Dense& dense) {
  CHECK(sparse.size() == dense.size());
  CHECK(sparse.dimension() == dense.dimension());
  const VectorXd x = normals(dense.dimension(), 1), v = normals(dense.dimension(), 2);
  VectorXd g, expected;
  const auto near = [&] { return (g - expected).norm() <= 1e-14 * expected.norm(); };
  CHECK(sparse.value_and_gradient(x, g) == Approx(dense.value_and_gradient(x, expected)).epsilon(1e-14));
  CHECK(near());
  CHECK(sparse.value(x) == Approx(dense.value(x)).epsilon(1e-14));
  sparse.hessian_vector(x, v, g);
  dense.hessian_vector(x, v, expected);
  CHECK(near());
  for (const std::vector<Index>& batch : {std::vector<Index>{3}, std::vector<Index>{7, 1, 1, 11}}) {
    CHECK(sparse.batch_gradient(x, batch, g) == Approx(dense.batch_gradient(x, batch, expected)).epsilon(1e-14));
    CHECK(near());
    CHECK(sparse.batch_value(x, batch) == Approx(dense.batch_value(x, batch)).epsilon(1e-14));
    sparse.batch_hessian_vector(x, batch, v, g);
    dense.batch_hessian_vector(x, batch, v, expected);
    CHECK(near());
  }
  // A term's gradient is its slope along its row, and the regularization.
  for (Index i = 0; i < sparse.size(); ++i) {
    const SparseRow row = sparse.row(i);
    g = sparse.regularization() * x;
    row.add_to(g, sparse.slope(i, row.dot(x)));
    dense.batch_gradient(x, std::vector<Index>{i}, expected);
    CHECK(near());
  }
  const VectorXd longer = VectorXd::Zero(x.size() + 1);
  CHECK(message_of([&] { sparse.value_and_gradient(longer, g); }) ==
        std::string(Sparse::name) + ": x has " + std::to_string(x.size() + 1) + " coefficients, must be " +
            std::to_string(x.size()));
  CHECK(message_of([&] { sparse.hessian_vector(x, longer, g); }).find(": v has ") != std::string::npos);
  CHECK(message_of([&] { sparse.batch_gradient(x, std::vector<Index>{}, g); }) ==
        std::string(Sparse::name) + ": an empty batch");
}

/// Three rows of four columns; index, value pairs as they lie.
Rows with(const std::vector<int>& indices, double last_value = 1) {
  Rows A(3, 4);
  A.resizeNonZeros(4);
  const int starts[] = {0, 2, 2, 4};
  std::copy(starts, starts + 4, A.outerIndexPtr());
  std::copy(indices.begin(), indices.end(), A.innerIndexPtr());
  std::fill(A.valuePtr(), A.valuePtr() + 3, 1.0);
  A.valuePtr()[3] = last_value;
  return A;
}

}  // namespace

TEST_CASE("sparse linear models are the dense ones of the same data") {
  for (const double regularization : {0.0, 0.3}) {
    const auto logistic = problems::random_sparse_logistic(
        {.rows = 40, .columns = 12, .nonzeros = 3, .regularization = regularization, .seed = 3});
    check_equal(logistic,
                problems::LogisticRegression(Eigen::MatrixXd(logistic.features()), logistic.targets(), regularization));
    const VectorXd y = normals(40, 5);
    check_equal(SparseRidgeRegression(logistic.features(), y, regularization),
                problems::RidgeRegression(Eigen::MatrixXd(logistic.features()), y, regularization));
  }
}

TEST_CASE("sparse linear models: rows without entries, and a matrix that is not compressed") {
  Rows A(3, 4);
  A.insert(0, 2) = 3;
  A.insert(2, 0) = -1;
  REQUIRE_FALSE(A.isCompressed());
  const SparseRidgeRegression problem(std::move(A), Eigen::Vector3d(1, 2, 3));
  CHECK(problem.row(1).indices.empty());
  CHECK(problem.row(2).values[0] == -1);
  const Eigen::Vector4d x(1, 1, 1, 1);
  CHECK(problem.value(x) == Approx((4 + 4 + 16) / 6.0));
  const SparseRidgeRegression copy = problem;
  CHECK(&copy.features() == &problem.features());
}

TEST_CASE("sparse linear models refuse bad data") {
  const Eigen::Vector3d y(1, -1, 1);
  const auto says = [&](const Rows& A, const VectorXd& targets, double regularization = 0) {
    return message_of([&] { SparseLogisticRegression(A, targets, regularization); });
  };
  CHECK(says(with({0, 1, 0, 3}), y).empty());
  CHECK(says(with({1, 0, 0, 3}), y) == "LogisticRegression: row 0: index = 0, must be > 1, the one before it");
  CHECK(says(with({0, 1, 3, 3}), y) == "LogisticRegression: row 2: index = 3, must be > 3, the one before it");
  CHECK(says(with({0, 1, 0, 4}), y) == "LogisticRegression: row 2: index = 4, must be in [0, 4)");
  CHECK(says(with({-1, 1, 0, 3}), y) == "LogisticRegression: row 0: index = -1, must be in [0, 4)");
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    CHECK(says(with({0, 1, 0, 3}, bad), y) == "LogisticRegression: a feature is not finite");
  CHECK(says(with({0, 1, 0, 3}), Eigen::Vector3d(1, 0, 1)) == "LogisticRegression: label = 0, must be +1 or -1");
  CHECK(says(with({0, 1, 0, 3}), Eigen::Vector2d(1, 1)) == "LogisticRegression: targets has 2 coefficients, must be 3");
  CHECK(says(with({0, 1, 0, 3}), y, -1) == "LogisticRegression: regularization = -1, must be >= 0 and finite");
  CHECK(says(Rows(0, 4), VectorXd()) == "LogisticRegression: no data");
}

TEST_CASE("random sparse data: rows of length 1 with as many places as asked for, all of them as likely") {
  const auto problem = problems::random_sparse_logistic({.rows = 2000, .columns = 20, .nonzeros = 5, .seed = 8});
  std::vector<int> counts(20, 0);
  int positive = 0;
  for (Index i = 0; i < problem.size(); ++i) {
    const SparseRow row = problem.row(i);
    REQUIRE(row.indices.size() == 5);
    CHECK(Eigen::Map<const VectorXd>(row.values.data(), 5).norm() == Approx(1).epsilon(1e-14));
    for (const int j : row.indices) ++counts[static_cast<std::size_t>(j)];
    positive += problem.targets()[i] > 0 ? 1 : 0;
  }
  for (const int count : counts) CHECK(std::abs(count - 500) < 100);  // 5 standard deviations
  CHECK(std::abs(positive - 1000) < 400);
  CHECK(message_of([] { problems::random_sparse_logistic({.columns = 5, .nonzeros = 6}); }) ==
        "random_sparse_logistic: nonzeros = 6, must be in [1, 5]");
  CHECK(message_of([] { problems::random_sparse_logistic({.relevant = 2}); }) ==
        "random_sparse_logistic: relevant = 2, must be in [0, 1]");
}
