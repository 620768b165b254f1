// How often a formula runs for its derivatives.
#include "support/catch.hpp"
#include <glissade/oracle/autodiff.hpp>

using namespace glissade;

TEST_CASE("AutoDiff: a run for every eight variables, and for every pair of four of them") {
  int runs = 0;
  const AutoDiff f{[&runs](const auto& x) {
    ++runs;
    auto sum = 0 * x[0];
    for (Index i = 0; i < x.size(); ++i) sum += x[i] * x[i] * x[x.size() - 1 - i];
    return sum;
  }};
  for (Index n = 1; n <= 21; ++n) {
    INFO(n << " variables");
    const Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(n, 1, 2);
    Eigen::VectorXd g;
    Eigen::MatrixXd H;
    runs = 0;
    f.value_and_gradient(x, g);
    CHECK(runs == (n + 7) / 8);
    runs = 0;
    f.hessian(x, H);
    const Index fours = (n + 3) / 4;
    CHECK(runs == std::max<Index>(1, fours * (fours - 1) / 2));
  }
}
