// What a step is told besides gradients: it reaches the rules that read it, and nothing else is accepted.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include <glissade/minimize/from_rule.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/optimizer/any_optimizer.hpp>
#include <glissade/optimizer/blocks.hpp>
#include <glissade/optimizer/curvature.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rule/groups.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/rules/sophia.hpp>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::MatrixXf;
using Eigen::Vector2d;
using Eigen::VectorXd;

namespace {

/// u <- -(loss + 10 task) u + memory, with task 0 where it is not told.
struct Told {
  static constexpr std::string_view name = "Told";
  static constexpr bool turns = true;
  double keep = 0.5;
  static constexpr std::array<Argument, 2> arguments{{{"loss"}, {"task", false}}};
  static constexpr std::array<std::string_view, 2> slots{"memory", "anchor"};
  static constexpr std::array<GivenArray, 1> given{{{.name = "memory", .slot = 0, .required = false, .anchor = 1}}};
  static void options(auto& self, auto&& visit) { visit("keep", self.keep, range::fraction); }
  [[nodiscard]] std::array<double, 2> fold(std::size_t) const { return {keep, 2}; }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double factor = step.argument("loss") + (step.told("task") ? 10 * step.argument("task") : 0);
    return [factor](auto& u, const auto&, const auto& memory) { u = memory - factor * u; };
  }
};

/// A rule that must be given an array in every step.
struct Given {
  static constexpr std::string_view name = "Given";
  static constexpr bool turns = true;
  static constexpr std::array<std::string_view, 1> slots{"other"};
  static constexpr std::array<GivenArray, 1> given{{{.name = "other", .slot = 0}}};
  [[nodiscard]] auto kernel(const Step&) const {
    return [](auto& u, const auto&, const auto& other) { u = -other; };
  }
};

}  // namespace

TEST_CASE("arguments: numbers and arrays reach the rule that reads them") {
  Vector2d x(1, 2);
  MatrixXd W = MatrixXd::Ones(2, 3);
  Optimizer optimizer{Told{}, named("x", x), named("W", W)};
  const Vector2d g(1, 10);
  const MatrixXd G = MatrixXd::Constant(2, 3, 4);
  optimizer.step(with(0.5), g, G);
  CHECK(x == Vector2d(0.5, -3));
  CHECK(W == MatrixXd::Constant(2, 3, -1));
  optimizer.step(with(LossValue{0.5}, TaskNumber{1}), g, G);
  CHECK(x == Vector2d(-10, -108));
  // memory <- 0.5 memory + 2 array, and the anchor is where the parameters are before the step
  const MatrixXd transposed = MatrixXd::Ones(3, 2);
  optimizer.step(with(0.0, NamedArrays("memory", Vector2d(1, 2), transposed.transpose())), g, G);
  CHECK(x == Vector2d(-8, -104));
  CHECK(optimizer.field("x", "anchor")[1] == -108);
  CHECK(optimizer.field("W", "memory")[5] == 2);
  optimizer.step(with(0.0, NamedArrays("memory", no_gradient, 2 * transposed.transpose())), g, G);
  CHECK(x == Vector2d(-6, -100));
  CHECK(optimizer.field("x", "anchor")[1] == -108);
  CHECK(optimizer.field("W", "memory")[5] == 5);
}

TEST_CASE("arguments: what is missing, unread or of another shape is refused, and nothing has moved") {
  Vector2d x(1, 2), y(3, 4);
  Optimizer optimizer{Told{}, named("x", x), named("y", y)};
  optimizer.step(with(1.0, NamedArrays("memory", Vector2d(1, 1), Vector2d(1, 1))), x, y);
  const Vector2d before = x;
  const RuleState<double> memory = optimizer.memory();
  CHECK(message_of([&] { optimizer.step(x, y); }) ==
        "step: Told reads \"loss\", which this step is not told: step(with(loss), gradients...)");
  CHECK(message_of([&] { optimizer.step(with(1.0, PhaseNumber{2}), x, y); }) ==
        "step: Told reads no \"phase\", only loss, task, memory");
  CHECK(message_of([&] { optimizer.step(with(1.0, 2.0), x, y); }) == "with: \"loss\" is given twice");
  CHECK(message_of([&] { optimizer.step(with(1.0, TaskNumber{-1}), x, y); }) ==
        "with: task = -1, must be in [0, 9007199254740992]");
  CHECK(message_of([&] { optimizer.step(with(1.0, NamedArrays("memory", Vector2d(1, 1))), x, y); }) ==
        "step: 1 arrays \"memory\" for 2 parameters");
  CHECK(message_of([&] { optimizer.step(with(1.0, NamedArrays("memory", Vector2d(1, 1), 3.0)), x, y); }) ==
        "step: \"memory\" of \"y\" is 1 x 1, its parameter 2 x 1");
  CHECK(message_of([&] { optimizer.step(with(1.0, NamedArrays("memory", Vector2d(1, 1), Vector2d(1, 1))), x); }) ==
        "Optimizer::step: 1 gradients for 2 parameters");
  CHECK(x == before);
  CHECK(optimizer.memory() == memory);
  Optimizer plain{Sgd{}, x};
  CHECK(message_of([&] { plain.step(with(LossValue{1}), x); }) == "step: Sgd reads no \"loss\", and no other argument");
  Optimizer needs{Given{}, x};
  CHECK(message_of([&] { needs.step(x); }) ==
        "step: Given reads \"other\", which this step is not told: step(with(NamedArrays(\"other\", ...)), "
        "gradients...)");
  Optimizer coded{with_state<DynamicCode>(Given{}), x};
  CHECK(message_of([&] { coded.step(with(NamedArrays("other", x)), x); }).find("in 8-bit codes") != std::string::npos);
  RuleState<double> fresh;
  CHECK(!message_of([&] { step(Told{}, fresh, x, x); }).empty());
  CHECK(fresh == RuleState<double>{});
}

TEST_CASE("arguments: every way to run a rule takes them") {
  Vector2d x(1, 2), y = x, z = x, a = x;
  const Vector2d g(1, 10);
  const Vector2d expected = x - 0.5 * g;
  RuleState<double> memory;
  step(Told{}, memory, with(0.5), x, g);
  AnyOptimizer<double> any{Told{}, y};
  any.step(with(0.5), g);
  BlockOptimizer blocks{Told{}, {}, z};
  blocks.step(with(0.5), g);
  Optimizer in_groups{groups(Told{}, group("b", Sgd{})), named("a", a), named("b", y)};
  in_groups.step(with(0.5), g, g);
  CHECK(x == expected);
  CHECK(z == expected);
  CHECK(a == expected);
  Optimizer climbs{Told{}, OptimizerOptions{.maximize = true}, x};
  climbs.step(with(0.5, NamedArrays("memory", Vector2d(1, 1))), g);
  CHECK(x == expected - 0.5 * g - Vector2d(2, 2));  // the signs of loss, gradient and array are all turned
}

TEST_CASE("arguments: a rule that reads the loss is told the value by minimize") {
  const auto f = [](const VectorXd& v, VectorXd& g) {
    g = v;
    return 0.5 * v.squaredNorm();
  };
  VectorXd x = Vector2d(0.3, 0.4);
  minimize(f, x, Told{}, {.max_iterations = 1});
  CHECK((x - (1 - 0.125) * VectorXd(Vector2d(0.3, 0.4))).norm() <= 1e-16);
}

TEST_CASE("arguments: a step with arguments takes nothing from the heap") {
  MatrixXf W = MatrixXf::Ones(20, 30);
  Optimizer optimizer{Told{}, W};
  const MatrixXf g = W;
  const MatrixXd wide = MatrixXd::Ones(20, 30);
  optimizer.step(with(0.5, NamedArrays("memory", wide)), g);
  const NoHeap watched;
  optimizer.step(with(0.5, NamedArrays("memory", wide)), g);
  CHECK(watched.taken() == 0);
}

TEST_CASE("arguments: Sophia is given its curvature in the step that uses it") {
  VectorXd x = VectorXd::LinSpaced(3, 1, 3), y = x;
  const Sophia rule{.learning_rate = 0.1, .beta2 = 0.75};
  Optimizer told{rule, x};
  Optimizer folded{rule, y};
  for (int t = 0; t < 6; ++t) {
    const VectorXd g = x.cwiseProduct(VectorXd::LinSpaced(3, 100, 200));
    if (t % 2 == 0) {
      update_curvature(folded, 0.75, VectorXd::LinSpaced(3, 100, 200));
      told.step(with(CurvatureEstimate(VectorXd::LinSpaced(3, 100, 200))), g);
    } else {
      told.step(g);
    }
    folded.step(g);
    CHECK(x == y);
  }
}
