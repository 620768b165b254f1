#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/weights/delta.hpp>

#include <cstring>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::MatrixXf;

namespace {

MatrixXd normals(Index rows, Index cols, std::uint64_t stream) {
  return MatrixXd::NullaryExpr(
      rows, cols, [=](Index i, Index j) { return RandomKey{stream}.normal(static_cast<std::uint64_t>(i * cols + j)); });
}
template <class Delta, class M>
M applied(const Delta& delta, const M& before) {
  M target = before;
  apply_delta(delta, target);
  return target;
}
template <class M>
bool same_bits(const M& a, const M& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(typename M::Scalar)) == 0;
}
/// `before` with `count` weights moved by `amount` times a normal number, which may be lost in rounding.
template <class M>
M with_changes(M weights, Index count, double amount) {
  for (Index i = 0; i < count; ++i)
    weights.data()[(i * 37 + 11) % weights.size()] +=
        static_cast<typename M::Scalar>(amount * RandomKey{77}.normal(static_cast<std::uint64_t>(i)));
  return weights;
}
enum Kind : std::size_t { dense, sparse, low_rank, scaling };

}  // namespace

TEST_CASE("checkpoint delta: a change of rank 8 is 8192 numbers in place of 262144") {
  const MatrixXd P = normals(512, 512, 1);
  const MatrixXd N = P + normals(512, 8, 2) * normals(8, 512, 3) / std::sqrt(8.0);
  const CheckpointDelta<double> delta = checkpoint_delta(P, N);
  REQUIRE(delta.index() == low_rank);
  CHECK(std::get<Adapter<double>>(delta).rank() == 8);
  CHECK(delta_bytes(delta) == 8192 * 8);
  CHECK(delta_bytes(DenseDelta<double>{N}) == 32 * delta_bytes(delta));
  CHECK((applied(delta, P) - N).cwiseAbs().maxCoeff() <= 1e-13);
}

TEST_CASE("low-rank delta: in float the rank is found under the rounding of the weights, large and small") {
  for (const double weight : {1.0, 1e-6, 1e6})
    for (const double change : {1.0, 1e-3, 1e-5}) {
      CAPTURE(weight, change);
      const MatrixXf P = (weight * normals(96, 64, 1)).cast<float>();
      const MatrixXd D = weight * change * normals(96, 5, 2) * normals(5, 64, 3) / std::sqrt(5.0);
      const MatrixXf N = (P.cast<double>() + D).cast<float>();
      // A fixed threshold would see noise, or nothing.
      const auto delta = low_rank_delta(P, N);
      CHECK(delta.rank() == 5);
      CHECK((applied(delta, P) - N).norm() <= 1.2e-7f * N.norm());
      CHECK(low_rank_delta(P, N, {.tolerance = 0}).rank() == 64);
      const auto cheapest = checkpoint_delta(P, N);
      CHECK(cheapest.index() == low_rank);
      CHECK(delta_bytes(cheapest) == 5 * (96 + 64) * 4);
    }
}

TEST_CASE("low-rank delta: a given rank is the best approximation, and deltas in a row add up") {
  const MatrixXd P = normals(30, 20, 1), D = normals(30, 20, 2);
  const Eigen::VectorXd sigma = Eigen::JacobiSVD<MatrixXd>(D).singularValues();
  for (const Index rank : {0, 1, 7, 20}) {
    const auto delta = low_rank_delta(P, P + D, {}, rank);
    CHECK(delta.rank() == rank);
    CHECK((applied(delta, P) - P - D).norm() == Approx(sigma.tail(20 - rank).norm()).epsilon(1e-13).margin(1e-13));
  }
  const MatrixXd first = P + normals(30, 2, 3) * normals(2, 20, 4);
  const MatrixXd second = first + normals(30, 3, 5) * normals(3, 20, 6);
  const auto one = low_rank_delta(P, first), two = low_rank_delta(first, second);
  CHECK(one.rank() == 2);
  CHECK(two.rank() == 3);
  const auto both = concatenated<double>({one, two}, {1, 1});
  CHECK(both.rank() == 5);
  CHECK(applied(both, P).isApprox(second, 1e-14));
  CHECK(low_rank_delta(P, second).rank() == 5);
}

TEMPLATE_TEST_CASE("sparse delta: differences come back but for rounding, new weights to the bit", "", float, double) {
  using Matrix = Eigen::Matrix<TestType, -1, -1>;
  const TestType epsilon = std::numeric_limits<TestType>::epsilon();
  const Matrix P = normals(40, 30, 1).cast<TestType>();
  Matrix N = with_changes(P, 100, 1);
  N = (N.array() != P.array()).select(TestType(1e-3) * N, N);  // far smaller than before
  const auto differences = sparse_delta(P, N);
  CHECK(differences.values.size() == 100);
  const Matrix nearly = applied(differences, P);
  CHECK_FALSE(same_bits(nearly, N));  // P + (N - P) is not N
  CHECK((nearly - N).cwiseAbs().maxCoeff() <= 4 * epsilon);
  CHECK((nearly.array() == P.array()).count() == 1100);

  const auto weights = sparse_delta(P, N, {.lossless = true});
  CHECK(weights.values.size() == 100);
  CHECK(same_bits(applied(weights, P), N));

  // What is lost in the last bits is not a change, unless everything is.
  Matrix touched = P * (1 + epsilon);
  CHECK(sparse_delta(P, touched).values.size() == 0);
  CHECK(sparse_delta(P, touched, {.tolerance = 0}).values.size() > 1000);
  CHECK(same_bits(applied(sparse_delta(P, touched, {.lossless = true}), P), touched));
  // Small and large weights alike.
  CHECK(sparse_delta(P * TestType(1e-20), N * TestType(1e-20)).values.size() == 100);

  // Bits that == does not see.
  Matrix odd = P;
  odd(0, 0) = std::numeric_limits<TestType>::quiet_NaN();
  odd(1, 0) = -std::numeric_limits<TestType>::infinity();
  Matrix zeros = P;
  zeros(2, 0) = 0;
  odd(2, 0) = -TestType(0);
  CHECK(sparse_delta(zeros, odd, {.lossless = true}).values.size() == 3);
  CHECK(same_bits(applied(sparse_delta(zeros, odd, {.lossless = true}), zeros), odd));
  CHECK(same_bits(applied(checkpoint_delta(zeros, odd, {.lossless = true}), zeros), odd));
  CHECK(checkpoint_delta(odd, odd, {.lossless = true}).index() == sparse);
}

TEST_CASE("scaling delta: factors of rows and columns, zeros left out of the mean") {
  MatrixXd P = normals(20, 30, 1);
  P(3, 4) = 0;
  P.row(5).setZero();
  const Eigen::VectorXd rows = normals(20, 1, 2), cols = normals(30, 1, 3);
  const MatrixXd by_row = rows.asDiagonal() * P, by_column = P * cols.asDiagonal();
  const auto one = scaling_delta(P, by_row, ScalingAxis::rows);
  CHECK(one.factors.rows() == 20);
  CHECK(one.factors(5, 0) == 0);
  CHECK(applied(one, P).isApprox(by_row, 1e-15));
  const auto two = scaling_delta(P, by_column, ScalingAxis::columns);
  CHECK(two.factors.cols() == 30);
  CHECK(applied(two, P).isApprox(by_column, 1e-15));
  CHECK(checkpoint_delta(P, by_row).index() == scaling);
  CHECK(delta_bytes(checkpoint_delta(P, by_row)) == 20 * 8);
  CHECK(delta_bytes(checkpoint_delta(P, by_column)) == 30 * 8);
  // What a factor cannot make is not left to one.
  MatrixXd moved = by_row;
  moved(3, 4) = 1;
  CHECK(checkpoint_delta(P, moved).index() != scaling);
}

TEST_CASE("checkpoint delta: the cheapest that restores the weights") {
  const MatrixXd P = normals(48, 32, 1);
  const auto kind_of = [&](const MatrixXd& N, const DeltaOptions& options = {}) {
    const auto delta = checkpoint_delta(P, N, options);
    // A few roundings of the largest entry.
    CHECK((applied(delta, P) - N).cwiseAbs().maxCoeff() <= 1e-15 * std::max(1.0, N.cwiseAbs().maxCoeff()));
    if (options.lossless) CHECK(same_bits(applied(delta, P), N));
    return delta.index();
  };
  const MatrixXd product = P + normals(48, 2, 2) * normals(2, 32, 3);
  CHECK(kind_of(P) == sparse);
  CHECK(delta_bytes(checkpoint_delta(P, P)) == 0);
  CHECK(kind_of(with_changes(P, 20, 1)) == sparse);
  CHECK(kind_of(product) == low_rank);
  CHECK(kind_of(product, {.lossless = true}) == dense);
  CHECK(kind_of(normals(48, 32, 5)) == dense);
  // Rank 19 of 32 is 1520 numbers, rank 20 1600, all are 1536.
  CHECK(kind_of(P + normals(48, 19, 2) * normals(19, 32, 3)) == low_rank);
  CHECK(kind_of(P + normals(48, 20, 2) * normals(20, 32, 3)) == dense);
  // One row anew is of rank 1, but 32 changes: 512 bytes against 640.
  MatrixXd row = P;
  row.row(7) = normals(1, 32, 6);
  CHECK(kind_of(row) == sparse);
  CHECK(delta_bytes(checkpoint_delta(P, row)) == 512);
  // One change, far smaller than the norm of all: not lost.
  MatrixXd small = P;
  small(3, 3) += 1e-12;
  CHECK(kind_of(small) == sparse);
  CHECK(delta_bytes(checkpoint_delta(P, small)) == 16);

  // Vectors are dense or sparse; a row vector too.
  const Eigen::VectorXd p = normals(50, 1, 1), n = normals(50, 1, 2);
  CHECK(checkpoint_delta(p, n).index() == dense);
  CHECK(applied(checkpoint_delta(p, n), p) == n);
  CHECK(checkpoint_delta(p, with_changes(p, 5, 1)).index() == sparse);
  const Eigen::RowVectorXd q = p.transpose(), o = n.transpose();
  CHECK(applied(checkpoint_delta(q, o), q) == o);
  // Arrays, blocks and rows in memory.
  const Eigen::Matrix<double, -1, -1, Eigen::RowMajor> rows = P;
  Eigen::ArrayXXd target = P.array();
  apply_delta(checkpoint_delta(rows, product), target);
  CHECK(target.matrix().isApprox(product, 1e-14));
  target = P.array();
  apply_delta(scaling_delta(P, 2 * P, ScalingAxis::columns), target);
  CHECK(target.matrix() == 2 * P);
  MatrixXd larger = MatrixXd::Zero(60, 32);
  auto block = larger.middleRows(5, 48);
  block = P;
  apply_delta(checkpoint_delta(larger.middleRows(5, 48), product), block);
  CHECK(larger.middleRows(5, 48).isApprox(product, 1e-14));
  CHECK(larger.topRows(5).isZero(0));
  // Differences that overflow.
  MatrixXd low = P, high = P;
  low(0, 0) = -1.5e308;
  high(0, 0) = 1.5e308;
  CHECK(checkpoint_delta(low, high).index() == dense);
}

TEST_CASE("checkpoint delta: what cannot be is refused with a sentence and nothing changes") {
  const MatrixXd P = normals(6, 4, 1), N = normals(6, 4, 2);
  MatrixXd broken = N;
  broken(0, 0) = std::nan("");
  CHECK(message_of([&] { (void)checkpoint_delta(P, normals(4, 6, 2)); }) ==
        "checkpoint_delta: weights of 6 x 4 and 4 x 6, must be of one shape");
  CHECK(message_of([&] { (void)checkpoint_delta(P, broken); }) == "checkpoint_delta: weights that are infinite or NaN");
  CHECK(message_of([&] { (void)checkpoint_delta(P, N, {.tolerance = -1}); }) ==
        "checkpoint_delta: tolerance = -1, must be >= 0 and finite");
  CHECK(message_of([&] { (void)low_rank_delta(P, N, {}, 5); }) ==
        "low_rank_delta: rank = 5 for weights of 6 x 4, must be in [0, 4]");
  CHECK(message_of([&] { (void)low_rank_delta(P, N, {.lossless = true}); }) ==
        "low_rank_delta: lossless = true, must be false");
  CHECK_THROWS_AS(sparse_delta(P, broken), std::invalid_argument);
  CHECK_THROWS_AS(scaling_delta(broken, P, ScalingAxis::rows), std::invalid_argument);
  CHECK_THROWS_AS(low_rank_delta(MatrixXd::Constant(2, 2, -1.5e308), MatrixXd::Constant(2, 2, 1.5e308)),
                  std::invalid_argument);

  MatrixXd target = normals(4, 6, 3);
  const MatrixXd before = target;
  CHECK(message_of([&] { apply_delta(DenseDelta<double>{N}, target); }) ==
        "apply_delta: a change of 6 x 4 for weights of 4 x 6");
  CHECK_THROWS_AS(apply_delta(sparse_delta(P, N), target), std::invalid_argument);
  CHECK_THROWS_AS(apply_delta(low_rank_delta(P, N), target), std::invalid_argument);
  CHECK_THROWS_AS(apply_delta(Adapter<double>{normals(4, 2, 1), normals(3, 6, 1)}, target), std::invalid_argument);
  CHECK_THROWS_AS(apply_delta(scaling_delta(P, N, ScalingAxis::rows), target), std::invalid_argument);
  CHECK_THROWS_AS(apply_delta(scaling_delta(P, N, ScalingAxis::columns), target), std::invalid_argument);
  SparseDelta<double> places = sparse_delta(before, MatrixXd(normals(4, 6, 4)));
  places.places[23] = 24;
  CHECK(message_of([&] { apply_delta(places, target); }) == "apply_delta: place 24, must be in [0, 24)");
  places.places[23] = -1;
  CHECK_THROWS_AS(apply_delta(places, target), std::invalid_argument);
  places.places.resize(3);
  CHECK_THROWS_AS(apply_delta(places, target), std::invalid_argument);
  CHECK(target == before);
}
