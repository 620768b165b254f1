// Every reference problem in one table: derivatives against differences, starts and minima against known values.
#include "support/derivatives.hpp"
#include <glissade/core/random.hpp>
#include <glissade/problems/classical.hpp>
#include <glissade/problems/classical_variable.hpp>
#include <glissade/problems/more_garbow_hillstrom.hpp>
#include <glissade/problems/more_garbow_hillstrom_variable.hpp>

#include <Eigen/Cholesky>

using namespace glissade;

namespace {

/// What is known of a problem: f(start), and how far f(minimizer) and the gradient there are from exact, since some
/// minimizers are given to ten digits only.
struct Known {
  double at_start;
  double slack = 1e-9;
};

template <class P>
void check(const P& problem, Known known) {
  DYNAMIC_SECTION(P::name) {
    const Eigen::VectorXd start = P::start();
    if (!std::isnan(known.at_start)) CHECK(problem.value(start) == Approx(known.at_start).epsilon(2e-6));
    Eigen::VectorXd g;
    CHECK(problem.value_and_gradient(start, g) == Approx(problem.value(start)).epsilon(1e-14));
    check_derivatives(problem, start);
    if constexpr (requires { P::minimizer(); }) {
      const Eigen::VectorXd x = P::minimizer();
      CHECK(std::abs(problem.value(x) - P::minimum()) <= known.slack * std::max(1.0, std::abs(P::minimum())));
      Eigen::MatrixXd H;
      problem.hessian(x, H);
      problem.value_and_gradient(x, g);
      // A minimizer that is off by a relative 1e-9 has a gradient of the Hessian times that.
      CHECK(g.norm() <= 1e-7 * (H.cwiseAbs() * (x.cwiseAbs() + Eigen::VectorXd::Constant(x.size(), 1e-3))).norm());
    }
  }
}

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("More-Garbow-Hillstrom: fixed number of variables") {
  using namespace problems;
  check(Rosenbrock{}, {24.2});
  check(FreudensteinRoth{}, {400.5});
  check(PowellBadlyScaled{}, {1.1352617});
  check(BrownBadlyScaled{}, {9.99998e11});
  check(Beale{}, {14.203125});
  check(JennrichSampson{}, {4171.306});
  check(HelicalValley{}, {2500});
  check(Bard{}, {41.6817});
  check(Gaussian{}, {3.888107e-6});
  check(Meyer{}, {1.6936078e9});
  check(Gulf{}, {12.1107});
  check(Box3d{}, {1031.1538});
  check(PowellSingular{}, {215});
  check(Wood{}, {19192});
  check(KowalikOsborne{}, {5.31317e-3});
  check(BrownDennis{}, {7.92669e6});
  check(Osborne1{}, {0.879026});
  check(BiggsExp6{}, {0.77907});
  check(Osborne2{}, {2.09342});
}

TEST_CASE("More-Garbow-Hillstrom: any number of variables") {
  using namespace problems;
  check(Watson{}, {30});
  check(ExtendedRosenbrock{}, {121});
  check(ExtendedPowellSingular{}, {430});
  check(PenaltyI{}, {148032.565});
  check(PenaltyII{}, {162.652777});
  check(VariablyDimensioned{}, {2198551.16});
  check(Trigonometric{}, {7.07576e-3});
  check(BrownAlmostLinear{}, {273.248});
  check(DiscreteBoundaryValue{}, {7.885191e-4});
  check(DiscreteIntegral{}, {0.06341684});
  check(BroydenTridiagonal{}, {21});
  check(BroydenBanded{}, {360});
  check(LinearFullRank{}, {50});
  check(LinearRank1{}, {8658670});
  check(LinearRank1Zero{}, {4067996});
  check(Chebyquad{}, {unknown});
}

TEST_CASE("Classical functions") {
  using namespace problems;
  check(Booth{}, {unknown});
  check(Matyas{}, {unknown});
  check(Himmelblau{}, {170});
  check(McCormick{}, {1});
  check(SixHumpCamel{}, {unknown});
  check(ThreeHumpCamel{}, {unknown});
  check(GoldsteinPrice{}, {unknown});
  check(Branin{}, {unknown});
  check(Easom{}, {unknown});
  check(Bohachevsky1{}, {unknown});
  check(DropWave{}, {unknown});
  check(Hartmann3{}, {unknown});
  check(Hartmann6{}, {unknown});
  check(Ackley{}, {unknown});
  check(Rastrigin{}, {unknown});
  check(Griewank{}, {unknown});
  check(StyblinskiTang{}, {unknown});
  check(Levy{}, {unknown});
  check(Schwefel{}, {unknown});
  check(Zakharov{}, {unknown});
  check(DixonPrice{}, {unknown});
  check(Trid{}, {unknown});
}

TEST_CASE("problems with several minima") {
  for (int k = 0; k < 4; ++k) CHECK(problems::Himmelblau{}.value(problems::Himmelblau::minimizer(k)) < 1e-20);
  for (int k = 0; k < 3; ++k)
    CHECK(std::abs(problems::Branin{}.value(problems::Branin::minimizer(k)) - problems::Branin::minimum()) < 1e-14);
  CHECK(problems::SixHumpCamel{}.value(Eigen::Vector2d(-0.0898420137, 0.7126564033)) ==
        Approx(problems::SixHumpCamel::minimum()).epsilon(1e-14));
  CHECK(problems::FreudensteinRoth{}.value(Eigen::Vector2d(11.412778954, -0.896805254)) ==
        Approx(48.9842536792).epsilon(1e-11));
}

TEST_CASE("minima of other sizes") {
  CHECK(problems::PenaltyI{}.value(problems::PenaltyI::start(4)) == Approx(885.06264).epsilon(1e-7));
  CHECK(problems::PenaltyII{}.value(problems::PenaltyII::start(4)) == Approx(2.340009).epsilon(1e-6));
  CHECK(problems::LinearRank1::minimum() == Approx(4.634146).epsilon(1e-6));
  CHECK(problems::LinearRank1Zero::minimum() == Approx(6.135135).epsilon(1e-6));
  CHECK(std::isnan(problems::Watson::minimum(7)));
}

TEST_CASE("certified minima that are not at a listed point are reached by Newton's method") {
  const auto descend = [](const auto& problem, Eigen::VectorXd x) {
    Eigen::VectorXd g;
    Eigen::MatrixXd H;
    double damping = 1e-3;
    double f = problem.value_and_gradient(x, g);
    for (int k = 0; k < 2000 && damping < 1e16; ++k) {
      problem.hessian(x, H);
      H.diagonal().array() += damping;
      const Eigen::LLT<Eigen::MatrixXd> factor(H);
      const Eigen::VectorXd trial = x - factor.solve(g);
      const bool lower = factor.info() == Eigen::Success && problem.value(trial) < f;
      damping *= lower ? 0.3 : 4;
      if (!lower) continue;
      x = trial;
      f = problem.value_and_gradient(x, g);
    }
    return f;
  };
  using namespace problems;
  CHECK(descend(Osborne2{}, Osborne2::start()) == Approx(Osborne2::minimum()).epsilon(1e-9));
  for (const Index n : {6, 9, 12})
    CHECK(descend(Watson{}, Watson::start(n)) == Approx(Watson::minimum(n)).epsilon(1e-5));
  for (const Index n : {4, 10}) {
    CHECK(descend(PenaltyI{}, PenaltyI::start(n)) == Approx(PenaltyI::minimum(n)).epsilon(1e-7));
    CHECK(descend(PenaltyII{}, PenaltyII::start(n)) == Approx(PenaltyII::minimum(n)).epsilon(1e-5));
  }
  CHECK(descend(Chebyquad{}, Chebyquad::start(8)) == Approx(Chebyquad::minimum(8)).epsilon(1e-9));
  CHECK(descend(Chebyquad{}, Chebyquad::start(10)) == Approx(6.50395480e-3).epsilon(1e-8));
  for (const Index n : {1, 2, 3, 4, 5, 6, 7, 9}) CHECK(descend(Chebyquad{}, Chebyquad::start(n)) < 1e-20);
  {
    // The least of 10 nodes is not where the start leads: from random places it is reached now and then.
    double least = 1;
    for (std::uint64_t k = 0; k < 40 && least > 1.001 * Chebyquad::minimum(10); ++k) {
      Eigen::VectorXd x(10);
      for (Index i = 0; i < 10; ++i) x[i] = RandomKey{k}.uniform(static_cast<std::uint64_t>(i));
      least = std::min(least, descend(Chebyquad{}, x));
    }
    CHECK(least == Approx(Chebyquad::minimum(10)).epsilon(1e-9));
  }
  CHECK(descend(BiggsExp6{}, BiggsExp6::start()) < 1e-20);
  // A local minimum where two of the exponentials are one.
  const Eigen::VectorXd merged{{1.711416, 17.683198, 1.163144, 5.186562, 1.711416, 1.163144}};
  CHECK(descend(BiggsExp6{}, merged) == Approx(5.65565e-3).epsilon(1e-6));
  CHECK(descend(Trigonometric{}, Trigonometric::start(10)) < 2.7951e-5);
  CHECK(descend(LinearRank1{}, LinearRank1::start(10)) == Approx(LinearRank1::minimum(10)).epsilon(1e-9));
  CHECK(descend(LinearRank1Zero{}, LinearRank1Zero::start(10)) == Approx(LinearRank1Zero::minimum(10)).epsilon(1e-9));
  CHECK(descend(DiscreteBoundaryValue{}, DiscreteBoundaryValue::start(10)) < 1e-20);
  CHECK(descend(DiscreteIntegral{}, DiscreteIntegral::start(10)) < 1e-20);
  CHECK(descend(BroydenTridiagonal{}, BroydenTridiagonal::start(10)) < 1e-20);
  CHECK(descend(BroydenBanded{}, BroydenBanded::start(10)) < 1e-20);
}
