#include "support/catch.hpp"
#include <glissade/finite_sum/ai_sarah.hpp>
#include <glissade/finite_sum/inner_rule.hpp>
#include <glissade/finite_sum/katyusha.hpp>
#include <glissade/finite_sum/loopless_svrg.hpp>
#include <glissade/finite_sum/page.hpp>
#include <glissade/finite_sum/saga.hpp>
#include <glissade/finite_sum/sarah.hpp>
#include <glissade/finite_sum/sophia_g.hpp>
#include <glissade/finite_sum/stochastic_model.hpp>
#include <glissade/finite_sum/stochastic_oasis.hpp>
#include <glissade/finite_sum/storm.hpp>
#include <glissade/finite_sum/svrg.hpp>
#include <glissade/io/method_state.hpp>
#include <glissade/minimize/curvature/oasis.hpp>
#include <glissade/minimize/curvature/sophia.hpp>
#include <glissade/problems/random_data.hpp>
#include <glissade/problems/softmax_regression.hpp>
#include <glissade/rules/adam.hpp>

#include "io/support.hpp"

using namespace glissade;
using namespace io_tests;
using Eigen::VectorXd;

TEST_CASE("method state: finite sums, OASIS and Sophia go on from a file, bit for bit") {
  const auto problem = problems::random_logistic({.rows = 60, .columns = 5, .regularization = 0.1});
  const auto check = [&](const auto& method) {
    DYNAMIC_SECTION(method.name) {
      const auto path = std::filesystem::temp_directory_path() / "glissade_sum_state.safetensors";
      VectorXd x = VectorXd::Ones(5);
      auto state = method.init(problem, x);
      for (int k = 0; k < 3; ++k) take_step(method, problem, x, state);
      save(state, x, path);
      VectorXd y = VectorXd::Zero(5);
      auto other = method.init(problem, y);
      load(other, y, path);
      std::filesystem::remove(path);
      REQUIRE(x == y);
      for (int k = 0; k < 3; ++k) {
        take_step(method, problem, x, state);
        take_step(method, problem, y, other);
      }
      CHECK(x == y);
      CHECK(state.value == other.value);
    }
  };
  check(Svrg{.batching = {.size = 7}});
  check(Saga{.batching = {.size = 7}});
  check(Sarah{.batching = {.size = 7}});
  check(SarahPlus{.batching = {.size = 7}});
  check(LooplessSvrg{.batching = {.size = 7}});
  check(Page{.batching = {.size = 7}});
  check(Storm{.batching = {.size = 7}});
  check(StochasticModel<SubgradientModel>{.output = ModelOutput::average});
  check(Katyusha{.strong_convexity = 0.1, .batching = {.size = 7}});
  check(AiSarah{.batching = {.size = 7}});
  check(with_rule(Sarah{.batching = {.size = 7}}, Adam{.learning_rate = 1e-2}));
  check(Oasis{});
  check(StochasticOasis{.learning_rate = 0.1, .beta1 = 0.9, .batching = {.size = 7}});
  check(SophiaH{});
}

TEST_CASE("method state: SophiaG goes on from a file, bit for bit") {
  const auto rows = problems::random_logistic({.rows = 60, .columns = 5});
  const problems::SoftmaxRegression problem(
      rows.features(), Eigen::VectorXi::NullaryExpr(60, [](Eigen::Index i) { return static_cast<int>(i * i % 3); }), 3,
      0.1);
  const auto path = std::filesystem::temp_directory_path() / "glissade_sophia_state.safetensors";
  const SophiaG method{.period = 2, .curvature_batch = 7};
  VectorXd x = VectorXd::Ones(15);
  auto state = method.init(problem, x);
  for (int k = 0; k < 3; ++k) take_step(method, problem, x, state);
  save(state, x, path);
  VectorXd y = VectorXd::Zero(15);
  auto other = method.init(problem, y);
  load(other, y, path);
  std::filesystem::remove(path);
  REQUIRE(x == y);
  for (int k = 0; k < 3; ++k) {
    take_step(method, problem, x, state);
    take_step(method, problem, y, other);
  }
  CHECK(x == y);
  CHECK(state.unclipped == other.unclipped);
}
