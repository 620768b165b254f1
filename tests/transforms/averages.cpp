// Ema, Swa and Lookahead: the recursion, the published variances on a noisy quadratic, the identities.
#include "support/laws.hpp"
#include "support/message_of.hpp"
#include <glissade/glissade.hpp>
#include <glissade/optimizer/any_optimizer.hpp>

using namespace glissade;
using Eigen::VectorXd;

namespace {

/// Runs SGD with rate 0.1 on many independent copies of x^2 / 2 with unit gradient noise and calls look after
/// each of `steps` steps.
template <class Rule, class Look>
void noisy_quadratic(const Rule& rule, int chains, int steps, const Look& look) {
  VectorXd x = VectorXd::Zero(chains);
  VectorXd g(chains);
  Optimizer optimizer{rule, x};
  for (int t = 1; t <= steps; ++t) {
    const RandomKey key = RandomKey{7}.derive(static_cast<std::uint64_t>(t));
    for (Index i = 0; i < chains; ++i) g[i] = x[i] + key.normal(static_cast<std::uint64_t>(i));
    optimizer.step(g);
    look(t, optimizer, x);
  }
}

}  // namespace

TEST_CASE("ema: the recursion, the first copy and the bias correction") {
  auto x = laws::parameters<VectorXd>(37);
  VectorXd y = x;
  Optimizer copied{chain(Sgd{.learning_rate = 0.1}, Ema{.decay = 0.9}), x};
  Optimizer corrected{chain(Sgd{.learning_rate = 0.1}, Ema{.decay = 0.9, .bias_correction = true}), y};
  VectorXd e;
  VectorXd zero = VectorXd::Zero(37);
  for (int t = 1; t <= 20; ++t) {
    const auto g = laws::gradients<VectorXd>(37, t);
    copied.step(g);
    corrected.step(g);
    e = t == 1 ? x : VectorXd(0.9 * e + 0.1 * x);
    zero = 0.9 * zero + 0.1 * x;
    CHECK(evaluation_parameters(copied, 0).matrix().isApprox(e, 1e-15));
    CHECK(evaluation_parameters(corrected, 0).matrix().isApprox(zero / (1 - std::pow(0.9, t)), 1e-14));
  }
  CHECK(laws::same_bits(x, y));
}

TEST_CASE("swa: the mean of every third parameter behind the start") {
  auto x = laws::parameters<VectorXd>(37);
  Optimizer optimizer{chain(Sgd{.learning_rate = 0.1}, Swa{.start = 4, .period = 3}), x};
  VectorXd sum = VectorXd::Zero(37);
  int count = 0;
  for (int t = 1; t <= 20; ++t) {
    optimizer.step(laws::gradients<VectorXd>(37, t));
    if (t == 7 || t == 10 || t == 13 || t == 16 || t == 19) {
      sum += x;
      ++count;
      CHECK(evaluation_parameters(optimizer, 0).matrix().isApprox(sum / count, 1e-14));
    }
  }
  CHECK(count == 5);
}

TEST_CASE("lookahead: every fifth step goes half the way; alpha 1 is the rule before it") {
  auto x = laws::parameters<VectorXd>(37);
  VectorXd fast = x;
  VectorXd slow = x;
  VectorXd plain = x;
  VectorXd same = x;
  Optimizer looking{chain(Sgd{.learning_rate = 0.1}, Lookahead{.period = 5, .alpha = 0.5}), x};
  Optimizer inner{Adam{.learning_rate = 0.1}, plain};
  Optimizer whole{chain(Adam{.learning_rate = 0.1}, Lookahead{.period = 2, .alpha = 1}), same};
  for (int t = 1; t <= 20; ++t) {
    const auto g = laws::gradients<VectorXd>(37, t);
    looking.step(g);
    inner.step(g);
    whole.step(g);
    fast -= 0.1 * g;
    if (t % 5 == 0) fast = slow = slow + 0.5 * (fast - slow);
    CHECK(x.isApprox(fast, 1e-14));
    CHECK(evaluation_parameters(looking, 0).matrix().isApprox(slow, 1e-14));
    CHECK(laws::same_bits(plain, same));
  }
}

TEST_CASE("lookahead: with period 1, SGD has alpha times the rate; alpha 0 stands still") {
  auto x = laws::parameters<VectorXd>(37);
  VectorXd y = x;
  VectorXd z = x;
  const VectorXd start = x;
  Optimizer looking{chain(Sgd{.learning_rate = 0.1}, Lookahead{.period = 1, .alpha = 0.25}), x};
  Optimizer slower{Sgd{.learning_rate = 0.025}, y};
  Optimizer still{chain(Sgd{.learning_rate = 0.1}, Lookahead{.period = 1, .alpha = 0}), z};
  for (int t = 1; t <= 20; ++t) {
    const auto g = laws::gradients<VectorXd>(37, t);
    looking.step(g);
    slower.step(g);
    still.step(g);
  }
  CHECK(x.isApprox(y, 1e-14));
  CHECK((z - start).cwiseAbs().maxCoeff() < 1e-15);
}

TEST_CASE("averages: stationary variances on a noisy quadratic", "[claim][slow]") {
  // Rate 0.1: the variance of plain SGD is 0.1 / 1.9; a chain of 20 000 copies has a relative standard error of 1 %.
  const double plain = 0.1 / 1.9;
  const auto variance = [](const auto& values) { return values.square().mean(); };
  SECTION("SGD and EMA") {
    const double d = 0.99;
    const double a = 0.9;
    const double expected = plain * (1 - d) * (1 - d) / (1 - d * d) * (1 + a * d) / (1 - a * d);
    noisy_quadratic(chain(Sgd{.learning_rate = 0.1}, Ema{.decay = d}), 20'000, 1200,
                    [&](int t, const auto& optimizer, const VectorXd& x) {
                      if (t != 1200) return;
                      CHECK(variance(x.array()) == Approx(plain).epsilon(0.04));
                      CHECK(variance(evaluation_parameters(optimizer, 0)) == Approx(expected).epsilon(0.04));
                    });
  }
  SECTION("SWA of 2500 iterates has the variance of 2500 gradients") {
    noisy_quadratic(chain(Sgd{.learning_rate = 0.1}, Swa{.start = 100}), 8000, 2600,
                    [&](int t, const auto& optimizer, const VectorXd&) {
                      if (t == 2600) CHECK(variance(evaluation_parameters(optimizer, 0)) == Approx(4e-4).epsilon(0.06));
                    });
  }
  SECTION("Lookahead has .443 of the variance") {
    const double q = std::pow(0.9, 5);
    const double ratio = 0.25 * (1 - q * q) / (0.25 * (1 - q * q) + 0.5 * (1 - q));
    CHECK(ratio == Approx(0.4430).epsilon(1e-3));
    noisy_quadratic(chain(Sgd{.learning_rate = 0.1}, Lookahead{.period = 5}), 20'000, 500,
                    [&](int t, const auto&, const VectorXd& x) {
                      if (t == 500) CHECK(variance(x.array()) == Approx(ratio * plain).epsilon(0.04));
                    });
  }
}

TEST_CASE("evaluation_parameters: says what is wrong") {
  VectorXd x = VectorXd::Ones(5);
  Optimizer none{Adam{}, x};
  CHECK(message_of([&] { static_cast<void>(evaluation_parameters(none, 0)); }) ==
        "evaluation_parameters: no rule that averages in Adam");
}

TEST_CASE("lookahead: the rule before it may begin anew at every synchronization") {
  auto x = laws::parameters<VectorXd>(37);
  VectorXd y = x, slow = x;
  Optimizer looking{chain(Restarted{5, ScaleByAdam{}}, ScaleByLearningRate{0.1}, Lookahead{.period = 5}), x};
  for (int round = 0; round < 4; ++round) {
    Optimizer inner{Adam{.learning_rate = 0.1}, y};
    for (int t = 1; t <= 5; ++t) {
      looking.step(laws::gradients<VectorXd>(37, 5 * round + t));
      inner.step(laws::gradients<VectorXd>(37, 5 * round + t));
    }
    y = slow = slow + 0.5 * (y - slow);
    CHECK((x - y).cwiseAbs().maxCoeff() <= 1e-14);
  }
}

TEST_CASE("averages: with 8-bit state copies of parameters stay whole") {
  auto x = laws::parameters<Eigen::VectorXf>(300);
  Eigen::VectorXf y = x;
  const auto averaged = chain(Sgd{.learning_rate = 0.1}, Lookahead{.period = 3}, Ema{.decay = 0.9});
  Optimizer plain{averaged, x};
  Optimizer coded{with_state<LogarithmicCode>(averaged), y};
  for (int t = 1; t <= 10; ++t) {
    plain.step(laws::gradients<Eigen::VectorXf>(300, t));
    coded.step(laws::gradients<Eigen::VectorXf>(300, t));
  }
  CHECK(laws::same_bits(x, y));
  CHECK((evaluation_parameters(plain, 0) == evaluation_parameters(coded, 0)).all());
}

namespace {

/// Whether the weights to evaluate are the parameters themselves.
template <class O>
bool evaluates_parameters(const O& optimizer, std::size_t k, const auto& x) {
  return (evaluation_parameters(optimizer, k) == x.array()).all();
}

template <class Average>
void begins_with_parameters(const Average& average) {
  INFO(average.name);
  VectorXd x = laws::parameters<VectorXd>(7);
  Eigen::MatrixXd W = laws::matrix(3, 2, 0);
  const auto g = laws::gradients<VectorXd>(7, 1);
  const auto rule = chain(ScaleByAdam{}, ScaleByLearningRate{0.1}, average);
  {
    Optimizer optimizer{rule, x, W};
    CHECK(evaluates_parameters(optimizer, 0, x));
    optimizer.step(g, no_gradient);
    CHECK(evaluates_parameters(optimizer, 1, W));
    W.setConstant(3);  // a tensor that has not been updated has no average of its old values
    CHECK(evaluates_parameters(optimizer, 1, W));
    optimizer.reset(0);
    CHECK(evaluates_parameters(optimizer, 0, x));
  }
  Optimizer skipping{chain(SkipNonFinite{}, ScaleByAdam{}, ScaleByLearningRate{0.1}, average), x};
  skipping.step(VectorXd(g * std::numeric_limits<double>::infinity()));
  CHECK(evaluates_parameters(skipping, 0, x));
  Optimizer gathering{chain(Accumulate{.steps = 2}, ScaleByAdam{}, ScaleByLearningRate{0.1}, average), x};
  gathering.step(g);
  CHECK(evaluates_parameters(gathering, 0, x));
  gathering.step(g);
  Optimizer resting{rule, x};
  resting.rest(0);
  resting.step(g);
  CHECK(evaluates_parameters(resting, 0, x));
}

}  // namespace

TEST_CASE("averages: of what has not run yet, the parameters themselves") {
  begins_with_parameters(Ema{});
  begins_with_parameters(Ema{.bias_correction = true});
  begins_with_parameters(Swa{});
  begins_with_parameters(Lookahead{});
  VectorXd x = laws::parameters<VectorXd>(7), y = x, z = x;
  Optimizer asgd{Asgd{}, x};
  Optimizer free{ScheduleFreeAdamW{}, y};
  CHECK(evaluates_parameters(asgd, 0, x));
  CHECK(evaluates_parameters(free, 0, y));
  Optimizer late{chain(Sgd{.learning_rate = 0.1}, Swa{.start = 2, .period = 3}), z};
  for (int t = 1; t <= 5; ++t) {
    CHECK(evaluates_parameters(late, 0, z));
    late.step(laws::gradients<VectorXd>(7, t));
  }
  const VectorXd collected = z;
  late.step(laws::gradients<VectorXd>(7, 6));
  CHECK(evaluates_parameters(late, 0, collected));
}

TEST_CASE("averages: a frozen tensor is evaluated as it is, an unmasked one too") {
  Eigen::MatrixXd W = laws::matrix(3, 2, 0);
  VectorXd b = laws::parameters<VectorXd>(3);
  const Eigen::MatrixXd dW = laws::matrix(3, 2, 1);
  const VectorXd db = laws::gradients<VectorXd>(3, 1);
  const auto averaged = chain(Sgd{.learning_rate = 0.1}, Ema{.decay = 0.5});
  Optimizer frozen{groups(averaged, group("b", Frozen{})), named("W", W), named("b", b)};
  for (int t = 0; t < 3; ++t) frozen.step(dW, db);
  CHECK(evaluates_parameters(frozen, 1, b));
  CHECK_FALSE(evaluates_parameters(frozen, 0, W));
}

TEST_CASE("evaluation: by name, in the type and shape of the parameters, all at once, of any optimizer") {
  Eigen::Matrix<float, 3, 2, Eigen::RowMajor> W = laws::matrix(3, 2, 0).cast<float>();
  Eigen::VectorXf b = laws::parameters<Eigen::VectorXf>(4);
  const auto rule = chain(Sgd{.learning_rate = 0.1}, Ema{.decay = 0.5});
  AnyOptimizer<float> any{rule, named("W", W), named("b", b)};
  for (int t = 1; t <= 3; ++t) any.step(laws::matrix(3, 2, t).cast<float>(), laws::gradients<Eigen::VectorXf>(4, t));
  const Eigen::MatrixXf of_W = evaluation(any, "W");
  const Eigen::VectorXf of_b = evaluation(any, 1);
  CHECK((of_W.cast<double>().array() == evaluation_parameters(any, 0)).all());
  CHECK((of_b.cast<double>().array() == evaluation_parameters(any, 1)).all());
  CHECK(of_W != W);
  Eigen::MatrixXf into_W(3, 2);
  std::vector<float> into_b(4);
  copy_evaluation(any, into_W, into_b);
  CHECK(into_W == of_W);
  CHECK(Eigen::Map<Eigen::VectorXf>(into_b.data(), 4) == of_b);
  CHECK(message_of([&] { static_cast<void>(evaluation(any, "B")); }) ==
        "evaluation: no parameter \"B\"; there are \"W\", \"b\"");
  into_W.setZero();
  std::vector<float> longer(5);
  CHECK(message_of([&] { copy_evaluation(any, into_W, longer); }) ==
        "copy_evaluation: \"b\" is 4 x 1, to be copied to 5 x 1");
  CHECK(message_of([&] { copy_evaluation(any, into_W); }) == "copy_evaluation: 1 objects for 2 parameters");
  CHECK(into_W.isZero());
}

TEST_CASE("lookahead: above 1 the slow weights go beyond the fast ones") {
  VectorXd x = laws::parameters<VectorXd>(37), y = x;
  Optimizer far{chain(Sgd{.learning_rate = 0.1}, Lookahead{.period = 1, .alpha = 1.5}), x};
  Optimizer plain{Sgd{.learning_rate = 0.15}, y};
  for (int t = 1; t <= 5; ++t) {
    far.step(laws::gradients<VectorXd>(37, t));
    plain.step(laws::gradients<VectorXd>(37, t));
  }
  CHECK((x - y).norm() <= 1e-14 * y.norm());
}
