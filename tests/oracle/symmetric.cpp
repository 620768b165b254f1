// The Hessian that methods see is symmetric, whatever the objective fills in.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/oracle/objective.hpp>

#include <limits>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

struct Given {
  MatrixXd H;
  double value_and_gradient(const VectorXd& x, VectorXd& g) const { return g = x, 0.5 * x.squaredNorm(); }
  void hessian(const VectorXd&, MatrixXd& out) const { out = H; }
};

MatrixXd seen(const MatrixXd& H) {
  const Given f{H};
  const VectorXd x = VectorXd::Ones(H.rows());
  auto oracle = oracle_of(f, x);
  MatrixXd out;
  oracle.hessian(x, out);
  return out;
}

}  // namespace

TEST_CASE("oracle: a Hessian is symmetric, the mean of what is on both sides of the diagonal") {
  const double a = 2 * (1 + 1e-6), b = 2 * (1 - 1e-6);
  CHECK(seen(MatrixXd{{1, a}, {b, 3}}).isApprox(MatrixXd{{1, 2}, {2, 3}}, 1e-15));
  CHECK(seen(MatrixXd{{1, 2}, {2, 3}}) == MatrixXd{{1, 2}, {2, 3}});
  for (const Index n : {1, 3, 8, 9, 33, 70}) {
    MatrixXd H(n, n);
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j)
        H(i, j) = std::cos(static_cast<double>(i + j)) + 1e-6 * std::sin(static_cast<double>(3 * i + 7 * j));
    const MatrixXd mean = seen(H);
    CHECK(mean.isApprox(0.5 * (H + H.transpose()), 1e-15));
    CHECK(mean == mean.transpose());
    CHECK(seen(mean) == mean);
  }
  // Sums of large numbers do not overflow.
  const double most = std::numeric_limits<double>::max();
  CHECK(seen(MatrixXd{{1, most}, {(1 - 1e-6) * most, 1}}).allFinite());
}

TEST_CASE("oracle: a Hessian that is far from symmetric is refused with the figures") {
  CHECK(message_of([] {
          seen(MatrixXd{{1, 2}, {2.5, 3}});
        }) == "objective: its Hessian is not symmetric: max |H - H'| = 0.5, max |H| = 3");
  CHECK(message_of([] { seen(MatrixXd{{1, 2}, {2 + 4e-5, 3}}); }).find("objective: its Hessian is not symmetric") == 0);
  CHECK(message_of([] { seen(MatrixXd{{1, 2}, {2 + 2e-5, 3}}); }).empty());
}
