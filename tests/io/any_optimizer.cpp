// Files of optimizers whose rule is not known are those of typed ones.
#include "support/laws.hpp"

#include "io/support.hpp"

using namespace glissade;

namespace {

/// With a gate, state in codes, a shared number, every kind of option, and a mask.
auto rule_of(double rate) {
  return chain(
      DynamicLossScale{.initial_scale = 4, .interval = 3},
      with_state<LogarithmicCode>(AmsGrad{.learning_rate = rate, .weight_decay = 0.1, .convention = Convention::optax}),
      Ema{});
}

struct Weights {
  Eigen::MatrixXf W = laws::matrix(9, 5, 0).cast<float>();
  Eigen::VectorXf b = laws::parameters<Eigen::VectorXf>(7);

  void step(auto& optimizer, int t) const {
    optimizer.step(Eigen::MatrixXf(laws::matrix(9, 5, t).cast<float>()), laws::gradients<Eigen::VectorXf>(7, t));
  }
};

}  // namespace

TEST_CASE("io: a typed optimizer's file goes on in one of any rule, and the other way round, bit for bit") {
  io_tests::Folder folder;
  Weights a, b, c;
  Optimizer typed{rule_of(0.1), OptimizerOptions{.seed = 7}, named("W", a.W), a.b};
  for (int t = 1; t <= 5; ++t) a.step(typed, t);
  save(typed, folder / "typed");

  AnyOptimizer<float> any{rule_of(0.3), named("W", b.W), b.b};
  load(any, folder / "typed");
  CHECK(any.get("AmsGrad.learning_rate") == Approx(0.1));
  CHECK(any.options().seed == 7);
  save(any, folder / "any");
  CHECK(io_tests::read_file(folder / "any") == io_tests::read_file(folder / "typed"));
  for (int t = 6; t <= 9; ++t) {
    a.step(typed, t);
    b.step(any, t);
  }
  CHECK(laws::same_bits(a.W, b.W));
  CHECK(io_tests::snapshot(any) == io_tests::snapshot(typed));

  save(any, folder / "later");
  Optimizer again{rule_of(0.5), named("W", c.W), c.b};
  load(again, folder / "later");
  for (int t = 10; t <= 12; ++t) {
    b.step(any, t);
    c.step(again, t);
  }
  CHECK(laws::same_bits(b.W, c.W));
  CHECK(io_tests::snapshot(any) == io_tests::snapshot(again));
}

TEST_CASE("io: an optimizer of any rule refuses the file of another, and stays what it was") {
  io_tests::Folder folder;
  Weights a, b;
  AnyOptimizer<float> first{Adam{}, a.W};
  save(first, folder / "adam");
  AnyOptimizer<float> second{Lion{}, b.W};
  const auto before = io_tests::snapshot(second);
  CHECK(message_of<std::runtime_error>([&] { load(second, folder / "adam"); }).find("expected \"Lion\"") !=
        std::string::npos);
  CHECK(io_tests::snapshot(second) == before);
}
