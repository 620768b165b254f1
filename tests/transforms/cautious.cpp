#include "support/catch.hpp"
#include "support/problems.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

namespace {

template <class R>
Eigen::VectorXd run(const R& rule) {
  Eigen::VectorXd x =
      Eigen::VectorXd::NullaryExpr(53, [](Eigen::Index i) { return small_problems::test_parameter(i); });
  Optimizer optimizer{rule, x};
  for (int t = 1; t <= 25; ++t)
    optimizer.step(
        Eigen::VectorXd::NullaryExpr(53, [t](Eigen::Index i) { return small_problems::test_gradient(i, t); }));
  return x;
}

/// Trace, by a lambda that takes all there is.
struct ForwardedTrace {
  static constexpr std::string_view name = "ForwardedTrace";
  static constexpr auto slots = Trace::slots;
  [[nodiscard]] auto kernel(const Step& step) const {
    return [inner = Trace{.momentum = 0.9}.kernel(step)](auto&... all) { inner(all...); };
  }
};

}  // namespace

TEST_CASE("cautious: a direction's lambda may take a pack, as any rule's") {
  CHECK(run(chain(ForwardedTrace{}, Scale{-0.1})) == run(chain(Trace{.momentum = 0.9}, Scale{-0.1})));
  CHECK(run(chain(cautious(ForwardedTrace{}), Scale{-0.1})) ==
        run(chain(cautious(Trace{.momentum = 0.9}), Scale{-0.1})));
}

TEST_CASE("cautious: with Adam it is cautious AdamW, with Lion cautious Lion") {
  const Eigen::VectorXd adamw = run(CautiousAdamW{.learning_rate = 0.05});
  CHECK(run(chain(cautious(ScaleByAdam{}), AddDecayedWeights{.weight_decay = 1e-2}, ScaleByLearningRate{0.05}))
            .isApprox(adamw, 1e-14));
  CHECK_FALSE(run(AdamW{.learning_rate = 0.05}).isApprox(adamw, 1e-3));
  const Eigen::VectorXd lion = run(CautiousLion{.learning_rate = 0.05, .weight_decay = 0.1});
  CHECK(run(chain(Cautious<ScaleByLion>{.add_one = true}, AddDecayedWeights{.weight_decay = 0.1},
                  ScaleByLearningRate{0.05}))
            .isApprox(lion, 1e-14));
}

TEST_CASE("cautious: a direction may take the update alone") {
  Eigen::Vector2d x = Eigen::Vector2d::Zero();
  Optimizer optimizer{chain(cautious(Scale{2}), Scale{-0.5}), x};
  optimizer.step(Eigen::Vector2d(1, -3));
  CHECK(x == Eigen::Vector2d(-1, 3));
}

TEST_CASE("cautious: moves nothing against the gradient, and nothing is left where nothing agrees") {
  Eigen::Vector4d x = Eigen::Vector4d::Zero();
  Optimizer optimizer{chain(cautious(Trace{.momentum = 0.9}), Scale{}), x};
  optimizer.step(Eigen::Vector4d(1, 1, 1, 0));
  CHECK(x == Eigen::Vector4d(1, 1, 1, 0) * (1 / 0.75));
  x.setZero();
  optimizer.step(Eigen::Vector4d(-0.1, -0.1, 1, 0));  // the trace is 0.8, 0.8, 1.9, 0
  CHECK(x == Eigen::Vector4d(0, 0, 4 * 1.9, 0));
  x.setZero();
  optimizer.step(Eigen::Vector4d(-0.1, -0.1, -0.1, 0));
  CHECK(x == Eigen::Vector4d::Zero());
}

TEST_CASE("cautious: the direction's slots keep their start and their names") {
  Eigen::Vector2d x(1, 2);
  Optimizer optimizer{chain(cautious(ScaleByAdagrad{.initial_accumulator = 0.25}), Scale{}), x};
  CHECK(optimizer.field("0", "sum_of_squares")[1] == 0.25);
  optimizer.step(Eigen::Vector2d(0.5, 0));
  CHECK(optimizer.field("0", "sum_of_squares")[0] == 0.5);
}
