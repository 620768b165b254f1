// Dense BFGS: its matrix is the textbook's, its beginning that of Lbfgs, and NIST's regressions.
#include "support/catch.hpp"
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/bfgs.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>
#include <glissade/oracle/least_squares.hpp>
#include <glissade/problems/more_garbow_hillstrom.hpp>

#include "minimize/least_squares/nist.hpp"

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

TEST_CASE("Bfgs: the matrix is that of the update as the textbook writes it") {
  const problems::Wood f;
  for (const bool scaled : {false, true}) {
    const Bfgs method{.scaled_start = scaled};
    VectorXd x = f.start();
    auto state = method.init(f, x);
    Oracle<const problems::Wood, VectorXd> oracle(f);
    const MatrixXd I = MatrixXd::Identity(4, 4);
    // None of the variables -3, -1, -3, -1 moves by more than a quarter of its size.
    const double c = 0.25 / state.gradient.cwiseProduct(x).cwiseAbs().maxCoeff();
    MatrixXd H = scaled ? I : MatrixXd(c * x.cwiseAbs2().asDiagonal());
    if (!scaled) CHECK((state.root * state.root.transpose() - H).norm() <= 1e-15 * H.norm());
    for (int k = 0; k < 25; ++k) {
      const VectorXd last_x = x, last_gradient = state.gradient;
      REQUIRE(method.step(oracle, x, state).status == Status::running);
      const VectorXd s = x - last_x, y = state.gradient - last_gradient;
      const double rho = 1 / s.dot(y);
      if (k == 0 && scaled) H *= s.dot(y) / y.squaredNorm();
      H = ((I - rho * s * y.transpose()) * H * (I - rho * y * s.transpose()) + rho * s * s.transpose()).eval();
      CHECK((state.root * state.root.transpose() - H).norm() <= 1e-8 * H.norm());
    }
  }
}

TEST_CASE("Bfgs: with a scaled start the first two steps are those of Lbfgs") {
  const problems::Wood f;
  VectorXd x = f.start(), y = f.start();
  minimize(f, x, Bfgs{.scaled_start = true}, {.max_iterations = 2});
  minimize(f, y, Lbfgs{}, {.max_iterations = 2});
  CHECK((x - y).norm() <= 1e-12 * x.norm());
  minimize(f, x, Bfgs{}, {.gradient_tolerance = 1e-9});
  CHECK((x - VectorXd::Ones(4)).norm() <= 1e-8);
}

TEST_CASE("Bfgs: the units of the variables, and of the function, do not matter") {
  struct InUnits {
    problems::Wood f;
    VectorXd unit;
    double scale;
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      Eigen::Vector4d slope;
      const double value = f.value_and_gradient(Eigen::Vector4d(x.cwiseProduct(unit)), slope);
      g = scale * slope.cwiseProduct(unit);
      return scale * value;
    }
  };
  // Powers of 2, of 4 for the function, whose square root scales Z: the path is the same to the last bit.
  const InUnits plain{{}, VectorXd::Ones(4), 1}, other{{}, VectorXd{{0x1p3, 0x1p-2, 0x1p9, 0x1p-5}}, 0x1p40};
  VectorXd x = plain.f.start(), y = x.cwiseQuotient(other.unit);
  minimize(plain, x, Bfgs{}, {.max_iterations = 20});
  minimize(other, y, Bfgs{}, {.max_iterations = 20});
  CHECK(y.cwiseProduct(other.unit) == x);
  CHECK((x - plain.f.start()).norm() > 1);
}

TEST_CASE("Bfgs: 50 of the 54 starts of NIST's nonlinear regressions") {
  int solved = 0;
  for (const nist::Regression& regression : nist::regressions())
    for (int k = 0; k < 2; ++k) {
      const LeastSquares f{regression.residuals()};
      VectorXd x = regression.start[k];
      minimize(f, x, Bfgs{}, {.gradient_tolerance = 1e-300, .max_value_calls = 20000},
               [&](const Record& record) { return regression.digits(record.x) >= 4 ? Flow::stop : Flow::go_on; });
      solved += regression.digits(x) >= 4 ? 1 : 0;
    }
  CHECK(solved >= 50);
}
