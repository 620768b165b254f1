#include "support/attention.hpp"
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include <glissade/layers/attention/streaming_softmax.hpp>

#include <limits>
#include <vector>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Sums = StreamingSoftmax<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const MatrixXd values = normals(30, 3, 2);

MatrixXd softmax_mean(const MatrixXd& S, const MatrixXd& V) {
  const MatrixXd E = (S.colwise() - S.rowwise().maxCoeff()).array().exp();
  return (E * V).array().colwise() / E.rowwise().sum().array();
}
Sums sums_of(const MatrixXd& S, Index begin, Index end) {
  Sums sums(S.rows(), 3);
  sums.add(S.middleCols(begin, end - begin), values.middleRows(begin, end - begin));
  return sums;
}
MatrixXd result_of(const Sums& sums) {
  MatrixXd O(sums.rows(), sums.width());
  sums.result(O);
  return O;
}
double apart(const MatrixXd& a, const MatrixXd& b) { return (a - b).cwiseAbs().maxCoeff<Eigen::PropagateNaN>(); }

}  // namespace

TEST_CASE("StreamingSoftmax: however it is cut, it is the softmax of the whole, for logits of any size") {
  for (const double size : {1.0, 30.0, 1e5, 1e300}) {
    INFO("logits of size " << size);
    const MatrixXd S = size * normals(5, 30, 1);
    const MatrixXd expected = softmax_mean(S, values);
    for (const Index block : {1, 4, 7, 30}) {
      Sums sums(5, 3);
      for (Index i = 0; i < 30; i += block) {
        const Index b = std::min<Index>(block, 30 - i);
        sums.add(S.middleCols(i, b), values.middleRows(i, b));
      }
      CHECK(apart(result_of(sums), expected) <= 1e-15 * 30);
    }
    MatrixXd weights = S;
    Sums in_place(5, 3);
    in_place.add_in_place(weights, values);
    CHECK(apart(result_of(in_place), expected) <= 1e-15 * 30);
  }
  const MatrixXd S = normals(5, 30, 1);
  const Eigen::VectorXd log_sum = S.array().exp().rowwise().sum().log();
  CHECK(apart(sums_of(S, 0, 30).log_sum().matrix(), log_sum) <= 1e-14);
}

TEST_CASE("StreamingSoftmax: a merge is associative, commutative, and what adding would give") {
  const MatrixXd S = 20 * normals(5, 30, 3);
  const MatrixXd expected = softmax_mean(S, values);
  Sums left = sums_of(S, 0, 9), right = sums_of(S, 9, 14);
  left.merge(right);
  left.merge(sums_of(S, 14, 30));
  Sums last = sums_of(S, 14, 30), first = sums_of(S, 0, 9);
  last.merge(sums_of(S, 9, 14));
  last.merge(first);
  CHECK(apart(result_of(left), expected) <= 1e-14);
  CHECK(apart(result_of(last), result_of(left)) <= 1e-14);
  CHECK(apart(left.log_sum().matrix(), sums_of(S, 0, 30).log_sum().matrix()) <= 1e-13);
  // With what is empty, and with itself.
  const MatrixXd before = result_of(left);
  left.merge(Sums(5, 3));
  CHECK(result_of(left) == before);
  Sums empty(5, 3);
  empty.merge(left);
  CHECK(result_of(empty) == before);
  const Eigen::VectorXd log_sum = left.log_sum();
  left.merge(left);
  CHECK(apart(result_of(left), before) <= 1e-15);
  CHECK(apart(left.log_sum().matrix(), (log_sum.array() + std::log(2.0)).matrix()) <= 1e-14);
}

TEST_CASE("StreamingSoftmax: minus infinity leaves out; a row of nothing has no result; NaN stays") {
  MatrixXd S = normals(3, 30, 4);
  S.row(0).head(20).setConstant(-infinity);
  S.row(1).setConstant(-infinity);
  S(2, 17) = std::numeric_limits<double>::quiet_NaN();
  Sums sums(3, 3);
  sums.add(S.leftCols(10), values.topRows(10));
  sums.add(S.middleCols(10, 10), values.middleRows(10, 10));
  sums.add(S.rightCols(10), values.bottomRows(10));
  const MatrixXd O = result_of(sums);
  CHECK(apart(O.row(0), softmax_mean(S.row(0).tail(10), values.bottomRows(10))) <= 1e-15);
  CHECK(O.row(1).array().isNaN().all());
  CHECK(O.row(2).array().isNaN().all());
  CHECK(Sums(2, 3).log_sum()(1) == -infinity);
  CHECK(result_of(Sums(2, 3)).array().isNaN().all());
}

TEST_CASE("StreamingSoftmax: nothing from the heap after the first block; other shapes are refused") {
  const MatrixXd S = normals(5, 30, 5);
  Sums sums(5, 3), other = sums_of(S, 0, 30);
  sums.add(S, values);
  sums.merge(other);
  MatrixXd O(5, 3);
  {
    const NoHeap watched;
    sums.reset(5, 3);
    sums.add(S, values);
    sums.merge(other);
    sums.result(O);
    CHECK(watched.taken() == 0);
  }
  CHECK(message_of([&] { sums.add(S.topRows(4), values); }) ==
        "StreamingSoftmax::add: logits is 4 x 30, must be 5 x 30");
  CHECK(message_of([&] { sums.add(S, values.topRows(4)); }) ==
        "StreamingSoftmax::add: values is 4 x 3, must be 30 x 3");
  CHECK(message_of([&] { sums.merge(Sums(4, 3)); }) == "StreamingSoftmax::merge: the other is 4 x 3, must be 5 x 3");
  CHECK(message_of([] { Sums(-1, 3); }) == "StreamingSoftmax: rows and width are -1 x 3, must not be negative");
}
