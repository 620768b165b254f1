// Steps and derivatives of problems work in the memory that they have.
#include "support/allocations.hpp"

#include "support/catch.hpp"
#include <glissade/finite_sum/ai_sarah.hpp>
#include <glissade/finite_sum/saga.hpp>
#include <glissade/finite_sum/sarah.hpp>
#include <glissade/finite_sum/sophia_g.hpp>
#include <glissade/finite_sum/stochastic_oasis.hpp>
#include <glissade/finite_sum/svrg.hpp>
#include <glissade/minimize/curvature/oasis.hpp>
#include <glissade/minimize/curvature/sophia.hpp>
#include <glissade/problems/log_sum_exp.hpp>
#include <glissade/problems/matrix_factorization.hpp>
#include <glissade/problems/more_garbow_hillstrom.hpp>
#include <glissade/problems/more_garbow_hillstrom_variable.hpp>
#include <glissade/problems/phase_retrieval.hpp>
#include <glissade/problems/quadratic.hpp>
#include <glissade/problems/random_data.hpp>
#include <glissade/problems/small_network.hpp>
#include <glissade/problems/softmax_regression.hpp>

using namespace glissade;
using Eigen::VectorXd;

namespace {

/// Allocations with new during run(); those of Eigen, which uses malloc, end the program.
template <class Run>
std::size_t allocations_of(const Run& run) {
  const std::size_t before = allocations();
  Eigen::internal::set_is_malloc_allowed(false);
  run();
  Eigen::internal::set_is_malloc_allowed(true);
  return allocations() - before;
}

/// Allocations of the second call of everything that the problem has.
template <class P, class V>
std::size_t second_call(const P& problem, const V& x) {
  V g = x, v = x, Hv = x;
  Eigen::Matrix<double, V::SizeAtCompileTime, V::SizeAtCompileTime> H(x.size(), x.size());
  double f = 0;
  const auto call = [&] {
    f += problem.value(x);
    f += problem.value_and_gradient(x, g);
    if constexpr (requires { problem.hessian(x, H); }) problem.hessian(x, H);
    if constexpr (requires { problem.hessian_vector(x, v, Hv); }) problem.hessian_vector(x, v, Hv);
  };
  call();
  const std::size_t count = allocations_of(call);
  CHECK(std::isfinite(f));
  return count;
}

}  // namespace

TEST_CASE("problems do not allocate") {
  CHECK(second_call(problems::Rosenbrock{}, problems::Rosenbrock::start()) == 0);
  CHECK(second_call(problems::Osborne2{}, problems::Osborne2::start()) == 0);
  CHECK(second_call(problems::ExtendedRosenbrock{}, problems::ExtendedRosenbrock::start(50)) == 0);
  CHECK(second_call(problems::Watson{}, problems::Watson::start(9)) == 0);
  const auto logistic = problems::random_logistic({.rows = 30, .columns = 5, .regularization = 0.1});
  CHECK(second_call(logistic, VectorXd(VectorXd::Ones(5))) == 0);
  CHECK(second_call(logistic, Eigen::Matrix<double, 5, 1>(Eigen::Matrix<double, 5, 1>::Ones())) == 0);
  CHECK(second_call(problems::soft_maximum(20, 5, 0.1), VectorXd(VectorXd::Ones(5))) == 0);
  CHECK(second_call(problems::SoftmaxRegression(Eigen::MatrixXd::Random(9, 3), Eigen::VectorXi::Zero(9), 2),
                    VectorXd(VectorXd::Ones(6))) == 0);
  CHECK(second_call(problems::random_phase_retrieval<true>(20, 5).problem, VectorXd(VectorXd::Ones(5))) == 0);
  const problems::MatrixFactorization factors(Eigen::MatrixXd::Random(7, 5), 2);
  CHECK(second_call(factors, factors.start()) == 0);
  CHECK(second_call(problems::SmallNetwork{}, problems::SmallNetwork{}.start()) == 0);
  CHECK(second_call(problems::DiagonalQuadratic::geometric(5, 10), VectorXd(VectorXd::Ones(5))) == 0);
}

TEST_CASE("steps do not allocate after the first") {
  const auto problem = problems::random_logistic({.rows = 60, .columns = 5, .regularization = 0.1});
  const auto check = [&](const auto& method) {
    DYNAMIC_SECTION(method.name) {
      VectorXd x = VectorXd::Ones(5);
      auto state = method.init(problem, x);
      auto f = oracle_of(problem, x);  // take_step would copy x and state, to undo a step that throws
      method.step(f, x, state);
      method.step(f, x, state);
      CHECK(allocations_of([&] {
              for (int k = 0; k < 3; ++k) method.step(f, x, state);
            }) == 0);
    }
  };
  check(Svrg{.batching = {.size = 7}});
  check(Saga{.batching = {.size = 7}});
  check(Sarah{.batching = {.size = 7}});
  check(SarahPlus{.batching = {.size = 7}});
  check(AiSarah{.batching = {.size = 7}});
  check(Oasis{});
  check(StochasticOasis{.batching = {.size = 7}});
  check(SophiaH{.period = 1});
}
