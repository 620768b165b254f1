// Reference problems where their formulas have a kink, a seam, or numbers whose squares leave the range.
#include "support/catch.hpp"
#include <glissade/problems/classical_variable.hpp>
#include <glissade/problems/more_garbow_hillstrom.hpp>

using namespace glissade;

TEST_CASE("Ackley: its slope of 4 around the kink, and 0 on it") {
  const problems::Ackley f;
  Eigen::VectorXd g;
  for (const double size : {1e-5, 1e-100, 1e-160, 1e-200, 1e-300}) {
    INFO(size);
    const Eigen::VectorXd x = size * Eigen::Vector4d(1, -2, 2, 4);
    f.value_and_gradient(x, g);
    CHECK((g - 2 * Eigen::Vector4d(1, -2, 2, 4) / 5).norm() <= 200 * size + 1e-14);
  }
  f.value_and_gradient(Eigen::VectorXd(Eigen::VectorXd::Zero(4)), g);
  CHECK(g == Eigen::VectorXd::Zero(4));
  CHECK(std::isfinite(f.value(Eigen::VectorXd(Eigen::VectorXd::Constant(4, 1e200)))));
}

TEST_CASE("Helical valley: on the axis and at the seam") {
  const problems::HelicalValley f;
  Eigen::Vector3d g;
  const auto turns = [&](double x, double y) {  // of the first residual, where the third coordinate is 0
    const double radial = 10 * (std::hypot(x, y) - 1);
    return std::sqrt(std::max(0.0, f.value(Eigen::Vector3d(x, y, 0)) - radial * radial)) / 100;
  };
  CHECK(turns(0, 1) == Approx(0.25));
  CHECK(turns(0, -1) == Approx(0.25));  // of -1/4
  CHECK(turns(-1, 0.0) == Approx(0.5));
  CHECK(turns(-1, -0.0) == Approx(0.5));
  CHECK(turns(-1, 1) == Approx(0.375));
  CHECK(turns(-1, -1) == Approx(0.625));
  CHECK(turns(1, -1) == Approx(0.125));
  for (const double y : {2.0, -2.0}) {  // between its neighbours on both sides
    Eigen::Vector3d near;
    f.value_and_gradient(Eigen::Vector3d(0, y, 0.5), g);
    f.value_and_gradient(Eigen::Vector3d(1e-9, y, 0.5), near);
    CHECK((g - near).norm() <= 1e-5);
  }
}
