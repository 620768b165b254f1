// Weights are changed to finite ones or not at all.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/weights/delta.hpp>
#include <glissade/weights/merge_sparse.hpp>

using namespace glissade;

namespace {

/// The action on a copy of the weights throws std::invalid_argument and leaves it as it was.
template <class Matrix, class Action>
void check_refused(const Matrix& weights, const Action& action) {
  Matrix copy = weights;
  CHECK_THROWS_AS(action(copy), std::invalid_argument);
  CHECK(copy == weights);
}

}  // namespace

TEMPLATE_TEST_CASE("merging weights: results that would not be finite are refused before anything changes", "", float,
                   double) {
  using T = TestType;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  const T most = std::numeric_limits<T>::max();
  Matrix weights = Matrix::Ones(3, 2);
  Matrix other = 2 * weights;
  other(2, 1) = most;
  check_refused(weights, [&](Matrix& x) { interpolate_weights(other, x, 2, true); });
  check_refused(weights, [&](Matrix& x) { interpolate_weights(other, x, 1e308, true); });
  check_refused(weights,
                [&](Matrix& x) { add_breadcrumbs(weights, other, x, {.scale = 4, .keep = 1, .leave_out = 0}); });
  check_refused(weights,
                [&](Matrix& x) { add_breadcrumbs(weights, other, x, {.scale = 1e308, .keep = 1, .leave_out = 0}); });
  Matrix merged = weights;
  add_breadcrumbs(weights, other, merged, {.scale = 0.5, .keep = 1, .leave_out = 0});
  CHECK(merged.allFinite());
  for (const double share : {0.0, 0.1, 0.3, 0.5, 1.0}) {
    merged = Matrix::Constant(3, 2, most);
    interpolate_weights(Matrix::Constant(3, 2, most), merged, share);
    CHECK(merged.allFinite());
    CHECK((merged / most - Matrix::Ones(3, 2)).cwiseAbs().maxCoeff() <= 2 * std::numeric_limits<T>::epsilon());
  }
}

TEST_CASE("merging by Fisher information: of any size") {
  const Eigen::VectorXd old = Eigen::Vector3d(1e10, -1e308, 2);
  for (const double scale : {1e-300, 1.0, 1e300}) {
    const Eigen::VectorXd fisher = Eigen::Vector3d::Constant(scale);
    Eigen::VectorXd x = Eigen::Vector3d(3e10, 1e308, 2);
    interpolate_weights_by_fisher(old, fisher, x, 0.5);
    const double kept = scale / (scale + 1);
    CHECK(x[0] == Approx(kept * 1e10 + (1 - kept) * 3e10));
    CHECK(x[1] == Approx((1 - 2 * kept) * 1e308).margin(1e290));
    CHECK(x[2] == 2);
  }
}

TEST_CASE("changes of weights that are not finite are refused, those that replace are not") {
  const Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(3, 2);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    Adapter<double> adapter{Eigen::MatrixXd::Ones(3, 1), Eigen::MatrixXd::Ones(1, 2)};
    adapter.A(0, 1) = bad;
    check_refused(weights, [&](Eigen::MatrixXd& x) { apply_delta(adapter, x); });
    adapter.A(0, 1) = 1;
    adapter.scale = bad;
    check_refused(weights, [&](Eigen::MatrixXd& x) { apply_delta(adapter, x); });
    SparseDelta<double> sparse{3, 2, Eigen::Vector<std::int64_t, 1>(4), Eigen::Vector<double, 1>(bad)};
    check_refused(weights, [&](Eigen::MatrixXd& x) { apply_delta(sparse, x); });
    sparse.replaces = true;
    Eigen::MatrixXd x = weights;
    apply_delta(sparse, x);
    CHECK_FALSE(x.allFinite());
    const ScalingDelta<double> scaling{Eigen::Vector3d(1, bad, 1)};
    check_refused(weights, [&](Eigen::MatrixXd& y) { apply_delta(scaling, y); });
  }
  // What is tried on the way to a delta may overflow.
  Eigen::MatrixXd small = 1e-300 * weights, large = 1e300 * weights;
  const CheckpointDelta<double> delta = checkpoint_delta(small, large);
  apply_delta(delta, small);
  CHECK(small.isApprox(large, 1e-14));
}
