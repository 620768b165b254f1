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
    MatrixXd H = MatrixXd::Identity(4, 4);
    const MatrixXd I = H;
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
