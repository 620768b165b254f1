// Least squares: vectors of fixed size and of float and what the user's functions throw.
#include "support/catch.hpp"
#include <glissade/minimize/least_squares/gauss_newton.hpp>
#include <glissade/minimize/least_squares/levenberg_marquardt.hpp>
#include <glissade/minimize/minimize.hpp>

#include <stdexcept>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// y = x0 exp(-x1 t) + x2 in ten points, without noise.
struct Decay {
  mutable int left = -1;  // calls until one throws; -1: never

  template <class V>
  void residuals(const V& any, VectorXd& r) const {
    count();
    const Eigen::Vector3d x = any.template cast<double>();
    r.resize(10);
    for (int i = 0; i < 10; ++i) r[i] = x[0] * std::exp(-x[1] * 0.3 * i) + x[2] - (5 * std::exp(-0.3 * i) + 1);
  }
  template <class V>
  void jacobian(const V& any, MatrixXd& J) const {
    count();
    const Eigen::Vector3d x = any.template cast<double>();
    J.resize(10, 3);
    for (int i = 0; i < 10; ++i) {
      const double e = std::exp(-x[1] * 0.3 * i);
      J.row(i) << e, -0.3 * i * x[0] * e, 1;
    }
  }
  void count() const {
    if (left == 0) throw std::runtime_error("the user's");
    if (left > 0) --left;
  }
};

template <class V>
double distance(const V& x) {
  return (x.template cast<double>() - Eigen::Vector3d(5, 1, 1)).norm();
}

}  // namespace

TEMPLATE_TEST_CASE("least squares: vectors of fixed size and of float", "", LevenbergMarquardt, GaussNewton) {
  const TestType method;
  const Stop stop{.max_iterations = 50, .gradient_tolerance = 1e-10};
  VectorXd x{{2, 0.5, 0}};
  const Result whole = minimize(Decay{}, x, method, stop);
  CHECK(whole.status == Status::gradient_tolerance);
  CHECK(distance(x) <= 1e-8);

  Eigen::Vector3d fixed(2, 0.5, 0);
  CHECK(minimize(Decay{}, fixed, method, stop).iterations == whole.iterations);
  CHECK(VectorXd(fixed) == x);

  Eigen::Vector3f single(2, 0.5F, 0);
  minimize(Decay{}, single, method, {.max_iterations = 50, .gradient_tolerance = 1e-5});
  CHECK(distance(single) <= 1e-5);
}

TEMPLATE_TEST_CASE("least squares: what the user's functions throw leaves x at a point that was judged good", "",
                   LevenbergMarquardt, GaussNewton) {
  const VectorXd start{{2, 0.5, 0}};
  VectorXd r;
  Decay{}.residuals(start, r);
  const double first = r.squaredNorm();
  for (int calls = 0; calls < 12; ++calls) {
    VectorXd x = start;
    const Decay f{calls};
    CHECK_THROWS_WITH(minimize(f, x, TestType{}, {.max_iterations = 50, .gradient_tolerance = 1e-12}), "the user's");
    Decay{}.residuals(x, r);
    CHECK(r.squaredNorm() <= first);
    if (calls < 3) CHECK(x == start);
  }
}
