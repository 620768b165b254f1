// Step sizes under the control of a hook: what the hook is told, horizons, training of a hook, resuming.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/learned/evolution_strategy.hpp>
#include <glissade/learned/step_controller.hpp>
#include <glissade/rules/adam.hpp>

#include <filesystem>
#include <limits>
#include <vector>

#include "learned/golden.hpp"

using namespace glissade;
using Eigen::Index;
using Eigen::VectorXd;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

VectorXd vector(std::initializer_list<double> numbers) {
  return Eigen::Map<const VectorXd>(numbers.begin(), static_cast<Index>(numbers.size()));
}

/// log10 of the loss after `horizon` steps on a bowl that the key chooses, with a hook that has these weights.
double outcome(const VectorXd& weights, RandomKey key, std::int64_t horizon) {
  const auto random = [&](Index i) { return key.uniform(static_cast<std::uint64_t>(i)); };
  const VectorXd h = VectorXd::NullaryExpr(4, [&](Index i) { return std::pow(10.0, -2 * random(i)); });
  VectorXd x = VectorXd::NullaryExpr(4, [&](Index i) { return 4 * random(10 + i) - 2; }), g = h.cwiseProduct(x);
  StepController controller(4, {.step_size = 0.05, .horizon = horizon, .max_step = 10}, linear_step_hook(weights));
  while (controller.update(x.dot(g) / 2, g) == Status::running) {
    x -= controller.step_size() * g;
    g = h.cwiseProduct(x);
  }
  return std::min(std::log10(x.dot(g) / 2), 30.0);
}

}  // namespace

TEST_CASE("step controller: what the hook is told") {
  std::vector<StepFeatures> told;
  StepController controller(2, {.step_size = 0.5, .horizon = 4}, [&](const StepFeatures& at) {
    told.push_back(at);
    return told.size() == 1 ? 0.25 : told.size() == 2 ? 7.0 : told.size() == 3 ? -7.0 : 0.0;
  });
  CHECK(controller.update(9, vector({3, 4})) == Status::running);
  CHECK(controller.step_size() == 0.5 * std::exp(0.25));
  CHECK(controller.update(8, vector({0, 10})) == Status::running);
  CHECK(controller.step_size() == 0.5 * std::exp(0.25) * std::exp(1.0));  // cut to 1
  CHECK(controller.update(7, vector({0, 0})) == Status::running);
  CHECK(controller.step_size() == 0.5 * std::exp(0.25) * std::exp(1.0) * std::exp(-1.0));
  CHECK(controller.update(6, vector({1e200, 0})) == Status::running);
  CHECK(controller.update(6, vector({1, 0})) == Status::max_iterations);
  REQUIRE(told.size() == 4);
  CHECK(told[0].loss == 9);
  CHECK(told[0].gradient_norm == 5);
  CHECK((told[0].squared_norm_ratio == 1 && told[0].cosine == 0 && told[0].inner_product == 0));
  CHECK(told[1].squared_norm_ratio == 4);
  CHECK(std::abs(told[1].cosine - 0.8) <= 1e-15);
  CHECK(std::abs(told[1].inner_product - 40) <= 1e-13);
  CHECK(told[1].progress() == 0.25);
  CHECK(told[1].log_horizon() == std::log(4.0));
  CHECK((told[2].squared_norm_ratio == 0 && told[2].cosine == 0));
  CHECK((told[3].squared_norm_ratio == 1 && told[3].gradient_norm == 1e200));
  CHECK(told[3].step == 3);
}

TEST_CASE("step controller: the bounds of the step size, and no memory from the heap") {
  StepController up(1, {.step_size = 1, .min_step = 0.5, .max_step = 2}, [](const StepFeatures&) { return 0.9; });
  StepController down(1, {.step_size = 1, .min_step = 0.5, .max_step = 2}, [](const StepFeatures&) { return -0.9; });
  const VectorXd g = VectorXd::Ones(1);
  NoHeap no_heap;
  up.update(1, g);
  down.update(1, g);
  CHECK(no_heap.taken() == 0);
  CHECK(up.step_size() == 2);
  CHECK(down.step_size() == 0.5);
}

TEST_CASE("step controller: with t / T alone the hook is the same, bit for bit, for every horizon") {
  const StepHook relative = linear_step_hook(vector({0.1, -0.3, 0.7, -0.9, 0.4, 0}));
  const StepHook absolute = linear_step_hook(vector({0.1, -0.3, 0.7, -0.9, 0.4, 0.2}));
  for (std::int64_t t = 0; t < 50; ++t)
    for (const std::int64_t factor : {2, 3, 7, 1000}) {
      StepFeatures at{.squared_norm_ratio = 0.7, .cosine = 0.3, .step = t, .horizon = 50}, later = at;
      later.step *= factor;
      later.horizon *= factor;
      CHECK(relative(at) == relative(later));
      CHECK(absolute(at) != absolute(later));
    }
}

TEST_CASE("step controller: no weights, a constant step; the weight of the cosine, hypergradient descent") {
  CHECK(linear_step_hook(VectorXd::Zero(6))({.squared_norm_ratio = 1e300, .cosine = 1, .step = 3, .horizon = 9}) == 0);
  CHECK(linear_step_hook(vector({0, 0.02, 0, 0, 0, 0}))({.squared_norm_ratio = 4, .cosine = 0.5}) == 0.01);
  const double growth = linear_step_hook(vector({0, 0, 1, 0, 0, 0}))({.squared_norm_ratio = 4});
  CHECK(std::abs(growth - std::tanh(std::log(4.0) / 2)) <= 1e-15);
  CHECK(linear_step_hook(vector({0, 0, 1, 0, 0, 0}))({.squared_norm_ratio = std::numeric_limits<double>::infinity()}) ==
        1);
}

TEST_CASE("step controller: a hook that was trained on some problems is better on others") {
  const auto mean = [](const VectorXd& weights, std::uint64_t first) {
    double sum = 0;
    for (std::uint64_t k = first; k < first + 40; ++k)
      for (const std::int64_t horizon : {10, 40}) sum += outcome(weights, RandomKey{k}, horizon) / 80;
    return sum;
  };
  EvolutionTrainer trainer(Adam{.learning_rate = 0.03}, VectorXd::Zero(6), {.pairs = 8, .sigma = 0.05});
  const EvolutionObjective f = [](const VectorXd& weights, RandomKey key) {
    return outcome(weights, key, 10) + outcome(weights, key, 40);
  };
  for (int t = 0; t < 60; ++t) REQUIRE(trainer.step(f) == Status::running);
  const double before = mean(VectorXd::Zero(6), 900'000), after = mean(trainer.parameters(), 900'000);
  CAPTURE(before, after, trainer.parameters().transpose());
  CHECK(after <= before - 3);  // in decades of the loss
}

TEST_CASE("step controller: goes on from a file bit for bit") {
  const StepControllerOptions options{.step_size = 0.2, .horizon = 30};
  const StepHook hook = linear_step_hook(vector({0, 0.3, -0.2, -0.1, 0.2, 0.1}));
  StepController first(3, options, hook), second(3, {.horizon = 7}, hook);
  const auto g = [](Index t) { return learned_golden::cosines(t, 3); };
  for (Index t = 0; t < 9; ++t) first.update(1, g(t));
  const auto path = std::filesystem::temp_directory_path() / "glissade_step_controller.safetensors";
  save(first, path);
  load(second, path);
  std::filesystem::remove(path);
  for (Index t = 9; t < 30; ++t)
    for (StepController* each : {&first, &second}) CHECK(each->update(1, g(t)) == Status::running);
  CHECK(first.step_size() == second.step_size());
  CHECK(second.update(1, g(0)) == Status::max_iterations);
}

TEST_CASE("step controller: bad input is refused, and bad numbers change nothing") {
  const StepHook hook = [](const StepFeatures& at) { return at.loss > 5 ? not_a_number : 0.5; };
  const auto refused = [&](Index size, const StepControllerOptions& options, const StepHook& h) {
    return message_of([&] { StepController(size, options, h); });
  };
  CHECK(refused(0, {}, hook) == "StepController: size = 0, must be >= 1 and finite");
  CHECK(refused(2, {.step_size = 0}, hook).find("StepController: step_size = 0, must be in [1e-12, ") == 0);
  CHECK(refused(2, {.horizon = 0}, hook) == "StepController: horizon = 0, must be >= 1 and finite");
  CHECK(refused(2, {.min_step = 0}, hook) == "StepController: min_step = 0, must be > 0 and finite");
  CHECK(refused(2, {.min_step = 0.1, .max_step = 0.01}, hook).find("StepController: max_step = 0.01, must be") == 0);
  CHECK(refused(2, {}, {}) == "StepController: the hook is empty");
  CHECK(message_of([] { (void)linear_step_hook(VectorXd::Zero(5)); }) ==
        "linear_step_hook: weights is 5 x 1, must be 6 x 1");
  CHECK(message_of([] {
          (void)linear_step_hook(vector({0, 0, 0, 0, 0, not_a_number}));
        }) == "linear_step_hook: a weight is not finite");
  StepController controller(2, {}, hook);
  CHECK(message_of([&] { controller.update(1, VectorXd::Ones(3)); }) ==
        "StepController: gradient is 3 x 1, must be 2 x 1");
  CHECK(controller.update(not_a_number, VectorXd::Ones(2)) == Status::non_finite);
  CHECK(controller.update(1, vector({1, not_a_number})) == Status::non_finite);
  CHECK(controller.update(6, VectorXd::Ones(2)) == Status::non_finite);
  CHECK(controller.step() == 0);
  CHECK(controller.step_size() == 0.1);
}
