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

namespace {

/// Two tensors of which the second lacks gradients, against one that is given zeros for them in every window in which
/// there is any.
template <class Gate>
void missing_is_zero(const Gate& gate) {
  INFO(describe(gate));
  constexpr int windows = 40, steps = 3;
  const auto rule = chain(gate, AdamW{.learning_rate = 0.1, .weight_decay = 0.1});
  VectorXd a = laws::parameters<VectorXd>(11), c = a;
  Eigen::MatrixXd b = laws::matrix(5, 4, 0), d = b;
  Optimizer lacking{rule, a, b};
  Optimizer whole{rule, c, d};
  const Eigen::MatrixXd zero = Eigen::MatrixXd::Zero(5, 4);
  for (int window = 0; window < windows; ++window) {
    // Which micro-steps of this window have a gradient for the matrix: every pattern, one after another.
    const auto there = [&](int j) { return (window % 8 >> j) % 2 == 1; };
    for (int j = 0; j < steps; ++j) {
      const int t = window * steps + j + 1;
      const auto g = laws::gradients<VectorXd>(11, t);
      const Eigen::MatrixXd G = laws::matrix(5, 4, t);
      if (there(j)) {
        lacking.step(g, G);
        whole.step(g, G);
      } else {
        lacking.step(g, no_gradient);
        window % 8 == 0 ? whole.step(g, no_gradient) : whole.step(g, zero);
      }
      REQUIRE(laws::same_bits(a, c));
      REQUIRE(laws::same_bits(b, d));
    }
  }
  CHECK(lacking.state(1).counts.updates == windows / 8 * 7);
}

}  // namespace

TEST_CASE("accumulate: a gradient that is missing in some micro-steps counts as zero there") {
  missing_is_zero(Accumulate{.steps = 3});
  missing_is_zero(Accumulate{.steps = 3, .sum = true});
  missing_is_zero(FloraAccumulate{.steps = 3, .rank = 2});
  missing_is_zero(chain(SkipNonFinite{}, Accumulate{.steps = 3}));
  missing_is_zero(chain(ClipByGlobalNorm{.max_norm = 0.7}, Accumulate{.steps = 3}));
  // By hand: the mean of 1 and of nothing; nothing at all leaves the parameter alone.
  VectorXd x = VectorXd::Constant(2, 5);
  Optimizer optimizer{chain(Accumulate{.steps = 2}, Sgd{.learning_rate = 1}), x};
  optimizer.step(VectorXd::Ones(2));
  optimizer.step(no_gradient);
  CHECK(x == VectorXd::Constant(2, 4.5));
  optimizer.step(no_gradient);
  optimizer.step(no_gradient);
  CHECK(x == VectorXd::Constant(2, 4.5));
  optimizer.step(no_gradient);
  optimizer.step(VectorXd::Ones(2));
  CHECK(x == VectorXd::Constant(2, 4));
}

TEST_CASE("accumulate: what waits behind two gates is not lost") {
  VectorXd x = VectorXd::Constant(2, 5);
  Optimizer optimizer{
      chain(Accumulate{.steps = 2, .sum = true}, Accumulate{.steps = 2, .sum = true}, Sgd{.learning_rate = 1}), x};
  optimizer.step(VectorXd::Ones(2));
  for (int t = 0; t < 3; ++t) {
    CHECK(x == VectorXd::Constant(2, 5));
    optimizer.step(no_gradient);
  }
  CHECK(x == VectorXd::Constant(2, 4));
}

TEST_CASE("accumulate: a step that throws has brought no gradient") {
  VectorXd x = VectorXd::Constant(2, 5), y = x;
  Optimizer optimizer{chain(ThrowNonFinite{}, Accumulate{.steps = 1}, Adam{.learning_rate = 1}), x, y};
  optimizer.step(VectorXd::Ones(2), VectorXd::Ones(2));
  const VectorXd before = y;
  const auto memory = optimizer.state(1);
  VectorXd bad = VectorXd::Ones(2);
  bad[0] = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(optimizer.step(bad, VectorXd::Ones(2)), std::domain_error);
  CHECK(optimizer.state(1) == memory);
  optimizer.step(VectorXd::Ones(2), no_gradient);
  CHECK(y == before);
}
