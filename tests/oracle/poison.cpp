// What an objective does not fill must not look like zeros.
#include "support/catch.hpp"
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>

#include <functional>

using namespace glissade;
using Eigen::VectorXd;

TEST_CASE("oracle: a gradient that is not filled, or only in part, ends as not finite") {
  VectorXd x = VectorXd::Ones(3);
  // A generic lambda's argument by value: not known before it is called.
  const auto by_value = [](const auto& at, auto g) {
    g = at;
    return 0.5 * at.squaredNorm();
  };
  CHECK(minimize(by_value, x, Lbfgs{}).status == Status::non_finite_start);
  const auto in_part = [](const VectorXd& at, VectorXd& g) {
    g.head(2) = at.head(2);
    return 0.5 * at.squaredNorm();
  };
  CHECK(minimize(in_part, x, Lbfgs{}).status == Status::non_finite_start);
  CHECK(x == VectorXd::Ones(3));
}

TEST_CASE("oracle: callables that take the gradient where it lies are as welcome as before") {
  const auto f = [](const VectorXd& at, Eigen::Ref<VectorXd> g) {
    g = at;
    return 0.5 * at.squaredNorm();
  };
  const std::function<double(const VectorXd&, VectorXd&)> wrapped = f;
  double (*function)(const VectorXd&, VectorXd&) = [](const VectorXd& at, VectorXd& g) {
    g = at;
    return 0.5 * at.squaredNorm();
  };
  VectorXd x = VectorXd::Ones(3), y = x, z = x;
  CHECK(minimize(f, x, Lbfgs{}).status == Status::gradient_tolerance);
  CHECK(minimize(wrapped, y, Lbfgs{}).status == Status::gradient_tolerance);
  CHECK(minimize(function, z, Lbfgs{}).status == Status::gradient_tolerance);
}
