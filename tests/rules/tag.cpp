// TAG: the first task is its base, later ones look at what earlier ones agree with.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/rules/rmsprop.hpp>
#include <glissade/rules/tag.hpp>

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

VectorXd normal(Index size, RandomKey key) {
  return VectorXd::NullaryExpr(size, [&](Index i) { return key.normal(static_cast<std::uint64_t>(i)); });
}

/// Losses of five tasks, each of which sees a quarter of 20 coordinates well.
struct Tasks {
  MatrixXd curvature = MatrixXd::Constant(20, 5, 0.05), minimiser{20, 5};
  RandomKey key;

  explicit Tasks(std::uint64_t seed) : key{seed} {
    for (Index task = 0; task < 5; ++task) {
      const RandomKey own = key.derive(static_cast<std::uint64_t>(task));
      minimiser.col(task) = normal(20, own);
      // The five coordinates with the largest of 20 random numbers.
      VectorXd order =
          VectorXd::NullaryExpr(20, [&](Index i) { return own.derive(1).uniform(static_cast<std::uint64_t>(i)); });
      for (int k = 0; k < 5; ++k) {
        Index largest = 0;
        order.maxCoeff(&largest);
        order[largest] = -1;
        curvature(largest, task) = 1;
      }
    }
  }
  [[nodiscard]] double loss(Index task, const VectorXd& x) const {
    return 0.5 * curvature.col(task).cwiseProduct((x - minimiser.col(task)).cwiseAbs2()).sum();
  }
  [[nodiscard]] VectorXd gradient(Index task, const VectorXd& x, int step) const {
    const RandomKey noise = key.derive(100 + static_cast<std::uint64_t>(task)).derive(static_cast<std::uint64_t>(step));
    return curvature.col(task).cwiseProduct(x - minimiser.col(task)) + 0.02 * normal(20, noise);
  }
};
/// How much worse the first four tasks are at the end than when they had just been learned, over seeds.
template <class Step>
double forgetting(int seeds, const Step& make_step) {
  double total = 0;
  for (int seed = 0; seed < seeds; ++seed) {
    const Tasks tasks(static_cast<std::uint64_t>(seed));
    VectorXd x = VectorXd::Zero(20);
    const auto step = make_step();
    std::vector<double> learned;
    for (Index task = 0; task < 5; ++task) {
      for (int n = 0; n < 300; ++n) step(task, x, tasks.gradient(task, x, n));
      learned.push_back(tasks.loss(task, x));
    }
    for (Index task = 0; task < 4; ++task)
      total += (tasks.loss(task, x) - learned[static_cast<std::size_t>(task)]) / 4 / seeds;
  }
  return total;
}

/// The rule with a step for every task, by turns.
void run(const Tag& rule, VectorXd& x, RuleState<double>& memory, std::int64_t task, int steps, double scale = 1) {
  for (int t = 0; t < steps; ++t)
    step(rule, memory, with(TaskNumber{task}), x,
         VectorXd(scale * (x - normal(6, RandomKey{9}.derive(static_cast<std::uint64_t>(task))))));
}

}  // namespace

TEST_CASE("Tag: the first task is the base rule") {
  for (const bool adam : {false, true}) {
    VectorXd x = normal(6, RandomKey{1}), y = x;
    Optimizer tag{Tag{.learning_rate = 0.01, .base = adam ? Tag::Base::adam : Tag::Base::rms, .beta2 = 0.99}, x};
    Optimizer rms{RmsProp{.learning_rate = 0.01, .alpha = 0.99}, y};
    VectorXd z = x;
    Optimizer of_adam{Adam{.learning_rate = 0.01, .beta1 = 0.9, .beta2 = 0.99}, z};
    for (int t = 0; t < 40; ++t) {
      const VectorXd g = normal(6, RandomKey{2}.derive(static_cast<std::uint64_t>(t)));
      tag.step(with(TaskNumber{0}), g);
      rms.step(g);
      of_adam.step(g);
    }
    CHECK((x - (adam ? z : y)).norm() <= 1e-14);
  }
}

TEST_CASE("Tag: formulas of the third task, by tensor") {
  const Tag rule{.learning_rate = 0.1, .tasks = 3, .alignment = 2, .beta1 = 0.8, .beta2 = 0.9};
  VectorXd x = VectorXd::Zero(6), b = VectorXd::Zero(4), expected = x;
  Optimizer optimizer{rule, x, b};
  MatrixXd M = MatrixXd::Zero(6, 3), V = M;
  for (int t = 0; t < 60; ++t) {
    const Index task = t / 20;
    const VectorXd g = normal(6, RandomKey{3}.derive(static_cast<std::uint64_t>(t)));
    M.col(task) = 0.8 * M.col(task) + 0.2 * g;
    V.col(task) = 0.9 * V.col(task) + 0.1 * g.cwiseAbs2();
    VectorXd D = task == 0 ? VectorXd(V.col(0)) : VectorXd(std::exp(-2) * V.col(task));
    for (Index k = 0; k < task; ++k) D += std::exp(-2 * M.col(task).normalized().dot(M.col(k).normalized())) * V.col(k);
    expected.array() -= 0.1 * g.array() / (D.array().sqrt() + 1e-8);
    optimizer.step(with(TaskNumber{task}), g, VectorXd::Zero(4));
    CHECK((x - expected).norm() <= 1e-13 * (1 + expected.norm()));
  }
  CHECK(b.isZero(0));  // whose tensor has only seen zeros
  const Field& first = optimizer.field("0", "first_moments");
  for (Index i = 0; i < 18; ++i) CHECK(first[i] == Approx(M.data()[i]).margin(1e-16));
}

TEST_CASE("Tag: what earlier tasks left does not move, and their order and the scale of losses do not matter") {
  const Tag rule{.learning_rate = 0.02, .tasks = 3, .epsilon = 0};
  VectorXd x = VectorXd::Zero(6);
  RuleState<double> memory;
  run(rule, x, memory, 0, 30);
  run(rule, x, memory, 1, 30);
  RuleState<double> swapped = memory;
  for (Field& field : swapped.states[0].links[0])
    if (field.cols() == 3)
      for (Index i = 0; i < field.rows(); ++i) std::swap(field.as<double>()[i], field.as<double>()[i + field.rows()]);
  const RuleState<double> before = memory;
  VectorXd y = x;
  run(rule, x, memory, 2, 30);
  run(rule, y, swapped, 2, 30);
  CHECK((x - y).norm() <= 1e-13);
  for (std::size_t f = 0; f < 2; ++f)
    for (Index i = 0; i < 12; ++i) CHECK(memory.states[0].links[0][f][i] == before.states[0].links[0][f][i]);

  VectorXd scaled = VectorXd::Zero(6), plain = scaled;
  RuleState<double> of_scaled, of_plain;
  for (int task = 0; task < 3; ++task) {
    run(rule, scaled, of_scaled, task, 20, 1024);
    run(rule, plain, of_plain, task, 20);
  }
  CHECK((scaled - plain).norm() <= 1e-12);
  // Without alignment D is the sum of all second moments.
  const Tag even{.learning_rate = 0.02, .tasks = 2, .base = Tag::Base::adagrad, .alignment = 0, .epsilon = 0};
  VectorXd z = VectorXd::Zero(6), sum = VectorXd::Zero(6), adagrad = z;
  RuleState<double> of_even;
  for (int t = 0; t < 40; ++t) {
    const VectorXd g = normal(6, RandomKey{5}.derive(static_cast<std::uint64_t>(t)));
    step(even, of_even, with(TaskNumber{t / 20}), z, g);
    sum += g.cwiseAbs2();
    adagrad -= 0.02 * g.cwiseQuotient(sum.cwiseSqrt());
  }
  CHECK((z - adagrad).norm() <= 1e-13);
}

TEST_CASE("Tag: a task that comes again is aligned with itself") {
  const Tag rule{.learning_rate = 0, .tasks = 2, .alignment = 3};
  VectorXd x = VectorXd::Zero(6);
  RuleState<double> memory;
  const VectorXd g = normal(6, RandomKey{6});
  for (int task = 0; task < 2; ++task)
    for (int t = 0; t < 2000; ++t) step(rule, memory, with(TaskNumber{task}), x, g);
  VectorXd moved = VectorXd::Zero(6);
  step(Tag{.learning_rate = 1, .tasks = 2, .alignment = 3, .epsilon = 0}, memory, with(TaskNumber{1}), moved, g);
  // D = (e^-3 + e^-3) g^2
  for (Index i = 0; i < 6; ++i) CHECK(std::abs(moved[i]) == Approx(std::exp(1.5) / std::sqrt(2.0)).epsilon(1e-8));
}

TEST_CASE("Tag: five tasks are forgotten less than by RMSProp") {
  const double plain = forgetting(60, [] {
    return [memory = std::make_shared<RuleState<double>>()](Index, VectorXd& x, const VectorXd& g) {
      step(RmsProp{.learning_rate = 0.01, .alpha = 0.99}, *memory, x, g);
    };
  });
  const double tag = forgetting(60, [] {
    return [memory = std::make_shared<RuleState<double>>()](Index task, VectorXd& x, const VectorXd& g) {
      step(Tag{.learning_rate = 0.01, .tasks = 5, .alignment = 7}, *memory, with(TaskNumber{task}), x, g);
    };
  });
  INFO(plain << ", " << tag);
  CHECK(tag < 0.9 * plain);
  CHECK(plain == Approx(4.8).epsilon(0.15));
}

TEST_CASE("Tag: tasks are told and there is room for them") {
  VectorXd x = VectorXd::Ones(3);
  Optimizer optimizer{Tag{.tasks = 2}, x};
  const VectorXd g = x;
  CHECK(message_of([&] { optimizer.step(g); }) ==
        "step: Tag reads \"task\", which this step is not told: step(with(task), gradients...)");
  CHECK(message_of([&] { optimizer.step(with(TaskNumber{2}), g); }) == "Tag: task = 2, must be in [0, 1]");
  CHECK(x == g);
}
