#include "support/laws.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

TEST_CASE("clip by value: every coefficient on its own, NaN stays") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const Eigen::VectorXd g{{0.25, -0.25, 0.5, 0.7, -7.0, infinity, -infinity, 0.0, -0.0, 1e-320, nan}};
  const Eigen::VectorXd expected{{0.25, -0.25, 0.5, 0.5, -0.5, 0.5, -0.5, 0.0, -0.0, 1e-320, nan}};
  Eigen::VectorXd x = Eigen::VectorXd::Zero(g.size());
  Optimizer optimizer{chain(ClipByValue{.max_value = 0.5}, Scale{}), x};
  optimizer.step(g);
  for (Index i = 0; i + 1 < g.size(); ++i) CHECK(x[i] == expected[i]);
  CHECK(std::isnan(x[g.size() - 1]));
}
