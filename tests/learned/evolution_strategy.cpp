// The antithetic evolution strategy: numpy's numbers, what holds on quadratic functions, training, resuming.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/learned/evolution_strategy.hpp>
#include <glissade/rules/adam.hpp>

#include <filesystem>
#include <limits>

#include "learned/golden.hpp"

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// A quadratic function with its gradient.
struct Bowl {
  MatrixXd H;
  VectorXd b;
  explicit Bowl(Index d)
      : H(MatrixXd::NullaryExpr(
            d, d, [](Index i, Index j) { return (i == j ? 3.0 : 0.5) + static_cast<double>(i * j) / 20; })),
        b(learned_golden::cosines(2, d)) {}
  double operator()(const VectorXd& x) const { return 0.5 * x.dot(H * x) + b.dot(x) + 3; }
  [[nodiscard]] VectorXd gradient(const VectorXd& x) const { return H * x + b; }
};

}  // namespace

TEST_CASE("evolution strategy: the numbers of numpy") {
  const auto rows = learned_golden::rows("evolution");
  REQUIRE(rows.size() == 3);
  for (const auto& row : rows) {
    const Index d = learned_golden::whole(row[0]);
    const VectorXd x = learned_golden::cosines(3, d), expected = learned_golden::numbers(row, 6, d);
    const auto f = [](const VectorXd& at) { return at.array().sin().sum() + std::pow(at[0] - at[at.size() - 1], 2); };
    VectorXd g;
    const double value = evolution_gradient(
        f, x, learned_golden::whole(row[4]), g,
        {.pairs = learned_golden::whole(row[1]), .sigma = row[2], .seed = static_cast<std::uint64_t>(row[3])});
    CHECK(std::abs(value - row[5]) <= 1e-14 * std::abs(row[5]));
    CHECK((g - expected).norm() <= 1e-15 / row[2] * 8 * expected.norm());
  }
}

TEST_CASE("evolution strategy: on a quadratic function every sigma makes the same estimate") {
  const Bowl f(7);
  const VectorXd x = learned_golden::cosines(1, 7);
  VectorXd g, projected = VectorXd::Zero(7);
  for (const double sigma : {1e-2, 1.0, 30.0}) {
    evolution_gradient(f, x, 4, g, {.pairs = 5, .sigma = sigma, .seed = 9});
    projected.setZero();  // of the gradient onto the directions
    const RandomKey keys = RandomKey{9}.derive(4);
    for (std::uint64_t i = 0; i < 5; ++i) {
      const VectorXd e = VectorXd::NullaryExpr(
          7, [&](Index j) { return keys.derive(i).derive(0).normal(static_cast<std::uint64_t>(j)); });
      projected += f.gradient(x).dot(e) / 5 * e;
    }
    CHECK((g - projected).norm() <= 1e-11 * g.norm());
  }
}

TEST_CASE("evolution strategy: no bias, and the error that theory has") {
  const Index d = 10;
  const Bowl f(d);
  const VectorXd x = learned_golden::cosines(1, d), exact = f.gradient(x);
  for (const std::int64_t pairs : {1, 8}) {
    const int repeats = 20'000;
    VectorXd g, trial, sum = VectorXd::Zero(d);
    double squares = 0;
    for (int t = 0; t < repeats; ++t) {
      evolution_gradient(f, x, t, g, trial, {.pairs = pairs, .sigma = 2, .seed = 1});
      sum += g;
      squares += (g - exact).squaredNorm();
    }
    const double expected = static_cast<double>(d + 1) * exact.squaredNorm() / static_cast<double>(pairs);
    CHECK(std::abs(squares / repeats / expected - 1) <= 0.03);
    // Its square is (d + 1) |gradient|^2 / n / repeats in the mean.
    CHECK((sum / repeats - exact).norm() <= 1.5 * std::sqrt(expected / repeats));
  }
}

TEST_CASE("evolution strategy: both points of a pair see the same problem, and nothing is taken from the heap") {
  VectorXd x = VectorXd::Ones(3), g, trial;
  std::vector<std::uint64_t> keys;
  const EvolutionObjective noted = [&](const VectorXd& at, RandomKey key) {
    keys.push_back(key.value);
    return key.uniform(0) + at.sum();
  };
  evolution_gradient(noted, x, 0, g, trial, {.pairs = 3});
  REQUIRE(keys.size() == 6);
  CHECK((keys[0] == keys[1] && keys[2] == keys[3] && keys[4] == keys[5]));
  CHECK((keys[0] != keys[2] && keys[2] != keys[4]));
  const EvolutionObjective f = [](const VectorXd& at) { return at.squaredNorm(); };
  NoHeap no_heap;
  evolution_gradient(f, x, 1, g, trial, {.pairs = 3});
  CHECK(no_heap.taken() == 0);
}

TEST_CASE("evolution strategy: trains with Adam, and goes on from a file bit for bit") {
  const Bowl f(6);
  const VectorXd start = VectorXd::Constant(6, 2);
  VectorXd best = start;
  for (int t = 0; t < 500; ++t) best -= 0.1 * f.gradient(best);
  EvolutionTrainer trainer(Adam{.learning_rate = 0.05}, start, {.pairs = 8, .seed = 3});
  for (int t = 0; t < 100; ++t) REQUIRE(trainer.step(f) == Status::running);
  const auto path = std::filesystem::temp_directory_path() / "glissade_evolution.safetensors";
  save(trainer, path);
  EvolutionTrainer loaded(Adam{.learning_rate = 0.05}, start, {.pairs = 8, .seed = 3});
  load(loaded, path);
  EvolutionTrainer copy = trainer;
  for (int t = 0; t < 100; ++t)
    for (auto* each : {&trainer, &loaded, &copy}) each->step(f);
  CHECK(loaded.parameters() == trainer.parameters());
  CHECK(copy.parameters() == trainer.parameters());
  CHECK(loaded.steps() == 200);
  CHECK(loaded.value() == trainer.value());
  CHECK(f(trainer.parameters()) - f(best) <= 1e-3 * (f(start) - f(best)));
  std::filesystem::remove(path);
}

TEST_CASE("evolution strategy: bad input is refused, and bad values change nothing") {
  const Bowl f(2);
  VectorXd g, x = VectorXd::Ones(2);
  const auto refused = [&](const EvolutionOptions& options) {
    return message_of([&] { evolution_gradient(f, x, 0, g, options); });
  };
  CHECK(refused({.pairs = 0}) == "EvolutionStrategy: pairs = 0, must be >= 1 and finite");
  CHECK(refused({.sigma = 0}) == "EvolutionStrategy: sigma = 0, must be > 0 and finite");
  CHECK(message_of([&] { evolution_gradient(f, VectorXd(), 0, g); }) == "EvolutionStrategy: x is empty");
  CHECK(message_of([&] { evolution_gradient(f, x * not_a_number, 0, g); }) ==
        "EvolutionStrategy: x has a coefficient that is not finite");
  CHECK(message_of([&] { EvolutionTrainer(Adam{}, x * not_a_number); }) ==
        "EvolutionStrategy: the start is not finite");
  CHECK(message_of([&] { EvolutionTrainer(Adam{}, VectorXd()); }) == "EvolutionStrategy: the start is empty");

  EvolutionTrainer trainer(Adam{}, x, {.pairs = 2}), untouched = trainer;
  CHECK(trainer.step([](const VectorXd& at) { return at[0] > 1 ? not_a_number : 1.0; }) == Status::non_finite);
  int calls = 0;
  CHECK_THROWS_AS(trainer.step([&](const VectorXd&) -> double {
    if (++calls == 3) throw std::runtime_error("no value");
    return 1;
  }),
                  std::runtime_error);
  CHECK(trainer.steps() == 0);
  CHECK(trainer.parameters() == x);
  for (auto* each : {&trainer, &untouched}) CHECK(each->step(f) == Status::running);
  CHECK(trainer.parameters() == untouched.parameters());
  trainer.rule().learning_rate = 1e308;
  trainer.step(f);
  const VectorXd far = trainer.parameters();
  CHECK(far.allFinite());
  CHECK(trainer.step(f) == Status::non_finite);
  CHECK(trainer.parameters() == far);
}
