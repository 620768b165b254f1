#include "support/laws.hpp"
#include "support/message_of.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;
using Eigen::VectorXd;

namespace {

Schedule falling() {
  return [](std::int64_t t) { return 0.1 / static_cast<double>(t + 1); };
}
auto accumulated(int steps) { return chain(Accumulate{.steps = steps}, Adam{.learning_rate = falling()}); }

}  // namespace

TEST_CASE("accumulate: the mean of micro-batches is one step with the whole batch") {
  // Schedule and bias corrections advance with what comes through; a step too early or late would show.
  for (const int k : {2, 3, 7}) {
    auto x = laws::parameters<VectorXd>(37);
    VectorXd y = x;
    Optimizer micro{accumulated(k), x};
    Optimizer whole{Adam{.learning_rate = falling()}, y};
    for (int t = 0; t < 10; ++t) {
      VectorXd sum = VectorXd::Zero(37);
      for (int j = 1; j <= k; ++j) {
        const VectorXd before = x;
        const auto g = laws::gradients<VectorXd>(37, k * t + j);
        micro.step(g);
        sum += g;
        if (j < k) CHECK(laws::same_bits(x, before));
        CHECK(micro.shared("micro_step") == j % k);
      }
      whole.step(sum / k);
      CHECK(micro.steps() == whole.steps());
    }
    CHECK((x - y).cwiseAbs().maxCoeff() <= 1e-13 * y.cwiseAbs().maxCoeff());
  }
}

TEST_CASE("accumulate: the mean itself, to the last digits") {
  for (const int k : {2, 3, 10, 1000}) {
    VectorXd x = VectorXd::Zero(37);
    Optimizer optimizer{chain(Accumulate{.steps = k}, Scale{}), x};
    VectorXd sum = VectorXd::Zero(37);
    VectorXd size = sum;
    for (int j = 1; j <= k; ++j) {
      const VectorXd g = laws::gradients<VectorXd>(37, j).array() + 2;  // away from zero: relative errors
      optimizer.step(g);
      sum += g;
    }
    const double tolerance = k <= 10 ? 1e-15 : 1e-13;  // both sums round off k times
    CHECK(((x - sum / k).array() / (sum / k).array()).abs().maxCoeff() <= tolerance);
  }
}

TEST_CASE("accumulate: one step at a time is no accumulation, bit for bit") {
  auto x = laws::parameters<VectorXd>(37);
  VectorXd y = x;
  Optimizer one{accumulated(1), x};
  Optimizer plain{Adam{.learning_rate = falling()}, y};
  for (int t = 1; t <= 20; ++t) {
    one.step(laws::gradients<VectorXd>(37, t));
    plain.step(laws::gradients<VectorXd>(37, t));
  }
  CHECK(laws::same_bits(x, y));
}

TEST_CASE("accumulate: the number of steps can change in mid-run") {
  VectorXd x = VectorXd::Zero(1);
  Optimizer optimizer{chain(Accumulate{.steps = 4}, ScaleByLearningRate{.learning_rate = 1}), x};
  const auto step = [&](double g) {
    optimizer.step(VectorXd::Constant(1, g));
    return x[0];
  };
  step(1);
  CHECK(step(3) == 0);
  get<0>(optimizer.rule()).steps = 3;  // one more
  CHECK(step(5) == -3);
  get<0>(optimizer.rule()).steps = 2;
  step(1);
  CHECK(step(2) == -4.5);
  step(8);
  get<0>(optimizer.rule()).steps = 1;  // fewer than were taken in: the next one opens
  CHECK(step(4) == -10.5);
  CHECK(step(1) == -11.5);
  get<0>(optimizer.rule()).steps = 0;
  CHECK(message_of([&] { step(1); }) == "Accumulate: steps = 0, must be >= 1 and finite");
}

TEST_CASE("accumulate: a micro-batch that is skipped has never been") {
  auto x = laws::parameters<VectorXd>(19);
  VectorXd y = x;
  const auto rule = chain(SkipNonFinite{}, Accumulate{.steps = 3}, ClipByGlobalNorm{.max_norm = 0.5},
                          Adam{.learning_rate = falling()});
  Optimizer disturbed{rule, x};
  Optimizer clean{rule, y};
  for (int t = 1; t <= 12; ++t) {
    const auto g = laws::gradients<VectorXd>(19, t);
    if (t % 2 == 0) {
      VectorXd bad = g;
      bad[t] = std::numeric_limits<double>::infinity();
      const TensorState before = disturbed.state(0);
      disturbed.step(bad);
      CHECK(disturbed.state(0).links == before.links);
    }
    disturbed.step(g);
    clean.step(g);
  }
  CHECK(laws::same_bits(x, y));
  CHECK(disturbed.shared("skipped") == 6);
  CHECK(disturbed.steps() == 4);
}

TEST_CASE("accumulate: clipping behind it sees the mean") {
  VectorXd x = VectorXd::Zero(1);
  Optimizer optimizer{
      chain(Accumulate{.steps = 2}, ClipByGlobalNorm{.max_norm = 1}, ScaleByLearningRate{.learning_rate = 1}), x};
  optimizer.step(VectorXd::Constant(1, 10.0));
  optimizer.step(VectorXd::Constant(1, -9.5));
  CHECK(x[0] == -0.25);
}

TEST_CASE("accumulate: the sum, and as many as a schedule says") {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(1);
  // One, two, three, ... gradients of 1 are let through together.
  const Schedule growing = [](std::int64_t passed) { return static_cast<double>(passed + 1); };
  Optimizer optimizer{chain(Accumulate{.steps = growing, .sum = true}, Scale{}), x};
  double expected = 0;
  for (int batch = 1; batch <= 5; ++batch)
    for (int j = 1; j <= batch; ++j) {
      optimizer.step(Eigen::VectorXd::Ones(1));
      if (j == batch) expected += batch;
      CHECK(x[0] == expected);
      CHECK(optimizer.shared("passed") == (j == batch ? batch : batch - 1));
      CHECK(optimizer.steps() == (j == batch ? batch : batch - 1));
    }
}
