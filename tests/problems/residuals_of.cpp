// The least squares problems as residuals: values, slopes and solutions are those of the sums of squares.
#include "support/catch.hpp"
#include <glissade/minimize/least_squares/levenberg_marquardt.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/problems/more_garbow_hillstrom.hpp>
#include <glissade/problems/more_garbow_hillstrom_variable.hpp>
#include <glissade/problems/residuals_of.hpp>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

template <class P>
void check(Eigen::Index count, bool is_solved = true) {
  INFO(P::name);
  const problems::ResidualsOf<P> residuals;
  VectorXd x = P::start(), r, g;
  MatrixXd J;
  residuals.residuals(x, r);
  residuals.jacobian(x, J);
  CHECK(r.size() == count);
  REQUIRE((J.rows() == count && J.cols() == x.size()));
  const double value = P{}.value_and_gradient(x, g);
  CHECK(r.squaredNorm() == Approx(value).epsilon(1e-12));
  CHECK((2 * J.transpose() * r - g).norm() <= 1e-11 * (2 * J.transpose().cwiseAbs() * r.cwiseAbs()).norm());
  if constexpr (requires { P::minimum(); }) {
    if (!is_solved) return;
    const Result result =
        minimize(residuals, x, LevenbergMarquardt{}, {.max_iterations = 1000, .gradient_tolerance = 1e-12});
    CHECK(2 * result.value - P::minimum() <= 1e-6 * std::max(1e-3, P::minimum()));
  }
}

}  // namespace

TEST_CASE("ResidualsOf: the problems of More, Garbow and Hillstrom, solved by LevenbergMarquardt") {
  using namespace problems;
  check<Rosenbrock>(2);
  check<FreudensteinRoth>(2, false);  // its local minimum is nearer, as that of Trigonometric
  check<PowellBadlyScaled>(2);
  check<BrownBadlyScaled>(3);
  check<Beale>(3);
  check<JennrichSampson>(10);
  check<HelicalValley>(3);
  check<Bard>(15);
  check<Gaussian>(15);
  check<Meyer>(16);
  check<Gulf>(99);
  check<Box3d>(10);
  check<PowellSingular>(4);
  check<Wood>(6);
  check<KowalikOsborne>(11);
  check<BrownDennis>(20);
  check<Osborne1>(33);
  check<BiggsExp6>(13);
  check<Osborne2>(65);
  check<Watson>(31);
  check<ExtendedRosenbrock>(10);
  check<ExtendedPowellSingular>(8);
  check<PenaltyI>(11);
  check<PenaltyII>(20);
  check<VariablyDimensioned>(12);
  check<Trigonometric>(10, false);
  check<BrownAlmostLinear>(10);
  check<DiscreteBoundaryValue>(10);
  check<DiscreteIntegral>(10);
  check<BroydenTridiagonal>(10);
  check<BroydenBanded>(10);
  check<LinearFullRank>(20);
  check<LinearRank1>(20);
  check<LinearRank1Zero>(20);
  check<Chebyquad>(8);
}

TEST_CASE("ResidualsOf: another number of variables is refused by the problem") {
  const problems::ResidualsOf<problems::Beale> residuals;
  VectorXd r;
  CHECK_THROWS_WITH(residuals.residuals(VectorXd::Ones(3).eval(), r), "Beale: x has 3 coefficients, must be 2");
}
