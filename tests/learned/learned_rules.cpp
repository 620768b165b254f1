// Learned rules: numpy's trajectories, invariances, what training does; steps that do not depend on the width.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/learned/adafactor_mlp.hpp>
#include <glissade/learned/evolution_strategy.hpp>
#include <glissade/learned/momentum_mlp.hpp>
#include <glissade/learned/width_scaling.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>

#include <limits>

#include "learned/golden.hpp"

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using learned_golden::cosines;

namespace {

MatrixXd matrix(Index start, Index rows, Index cols) {
  const VectorXd numbers = cosines(start, rows * cols);
  return Eigen::Map<const MatrixXd>(numbers.data(), rows, cols);
}

/// The parameters after some steps with the gradients of generate_learned.py; cols = 0: of a vector.
template <class R>
VectorXd trajectory(const R& rule, Index rows, Index cols, int steps) {
  const auto run = [&](auto x) {
    Optimizer optimizer{rule, x};
    for (int t = 0; t < steps; ++t) {
      decltype(x) g = (1 + t % 3) * matrix(67 + 10 * t, x.rows(), x.cols());
      optimizer.step(g);
    }
    return VectorXd(Eigen::Map<const VectorXd>(x.data(), x.size()));
  };
  return cols == 0 ? run(VectorXd(cosines(61, rows))) : run(matrix(61, rows, cols));
}

template <class R>
void check_numpy(const char* name, std::size_t cases, const R& rule) {
  const auto rows = learned_golden::rows(name);
  REQUIRE(rows.size() == cases);
  for (const auto& row : rows) {
    const Index r = learned_golden::whole(row[0]), c = learned_golden::whole(row[1]);
    const VectorXd x = trajectory(rule, r, c, static_cast<int>(row[2]));
    CAPTURE(name, r, c);
    const VectorXd moved = x - cosines(61, x.size());
    CHECK(moved.cwiseAbs().minCoeff() > 1e-5);
    CHECK((x - learned_golden::numbers(row, 3, x.size())).norm() <= 1e-12 * moved.norm());
  }
}

/// One step of AdafactorMlp from x with gradient g.
MatrixXd moved(const AdafactorMlp& rule, MatrixXd x, const MatrixXd& g, int steps = 1) {
  const MatrixXd before = x;
  Optimizer optimizer{rule, x};
  for (int t = 0; t < steps; ++t) optimizer.step(g);
  return x - before;
}

/// Random weights, without those of the features that 1e-6 and 1e-8 make depend on the gradient's size.
VectorXd weights_without_inverse_roots() {
  VectorXd w = AdafactorMlp::random(3);
  const Index hidden = AdafactorMlp::network().hidden;
  for (const Index k : {9, 19, 20, 21, 22, 23, 24})
    w.segment(AdafactorMlp::decay_weights + hidden * k, hidden).setZero();
  return w;
}

/// log10 of the loss after 25 steps of a learned rule on a least squares problem that the key chooses.
double outcome(const AdafactorMlp& rule, RandomKey key) {
  const auto random = [&](std::uint64_t first, Index rows, Index cols) {
    return MatrixXd(MatrixXd::NullaryExpr(rows, cols, [&](Index i, Index j) {
      return key.derive(first).normal(static_cast<std::uint64_t>(i + rows * j));
    }));
  };
  const MatrixXd A = random(0, 8, 4), target = A * random(1, 4, 2);
  MatrixXd X = MatrixXd::Zero(4, 2), residual = -target;
  Optimizer optimizer{rule, X};
  for (int t = 0; t < 25; ++t) {
    optimizer.step(MatrixXd(A.transpose() * residual / 8));
    residual = A * X - target;
  }
  return std::log10(residual.squaredNorm() / target.squaredNorm());
}

/// How much what the second hidden layer of a ReLU network sees changes in five steps.
double change_in_hidden(Index width, bool scaled) {
  const Index inputs = 16, samples = 8;
  const auto normal = [](std::uint64_t seed, Index rows, Index cols) {
    const RandomKey key{seed};
    return MatrixXd(MatrixXd::NullaryExpr(
        rows, cols, [&](Index i, Index j) { return key.normal(static_cast<std::uint64_t>(i + rows * j)); }));
  };
  const MatrixXd X = normal(1, inputs, samples), T = normal(2, 1, samples);
  const auto w = static_cast<double>(width);
  MatrixXd W1 = normal(3, width, inputs) / 4, W2 = normal(4, width, width) / std::sqrt(w);
  MatrixXd W3 = scaled ? MatrixXd(MatrixXd::Zero(1, width)) : MatrixXd(normal(5, 1, width) / std::sqrt(w));
  const double out = scaled ? 1 / w : 1;
  const auto hidden = [](const Tensor& t) { return t.name == "hidden"; };
  Optimizer optimizer{chain(Adam{.learning_rate = 0.01}, ScaleByWidth{.multiplier = scaled ? 1 : w, .hidden = hidden}),
                      named("input", W1), named("hidden", W2), named("output", W3)};
  MatrixXd start, seen;
  for (int t = 0; t <= 5; ++t) {
    const MatrixXd first = (W1 * X).cwiseMax(0);
    seen = W2 * first;
    if (t == 0) start = seen;
    const MatrixXd second = seen.cwiseMax(0), error = (out * W3 * second - T) * (2.0 / samples) * out;
    const MatrixXd d2 = (seen.array() > 0).select(W3.transpose() * error, 0.0);
    const MatrixXd d1 = (first.array() > 0).select(W2.transpose() * d2, 0.0);
    if (t < 5)
      optimizer.step(MatrixXd(d1 * X.transpose()), MatrixXd(d2 * first.transpose()),
                     MatrixXd(error * second.transpose()));
  }
  return (seen - start).cwiseAbs().mean();
}

}  // namespace

TEST_CASE("learned rules: the trajectories of numpy") {
  check_numpy("momentum_mlp", 2, MomentumMlp{.weights = VectorXd(cosines(71, MomentumMlp::network().size()) / 4)});
  VectorXd weights = cosines(73, AdafactorMlp::start().size());
  weights.head(AdafactorMlp::decay_weights) /= 100;
  check_numpy("adafactor_mlp", 4, AdafactorMlp{.weights = weights});
}

TEST_CASE("learned rules: numbers of features and weights") {
  CHECK(AdafactorMlp::network().inputs() == 39);
  CHECK(AdafactorMlp::start().size() == 7 + 39 * 4 + 4 + 4 * 4 + 4 + 4 * 2 + 2);
  CHECK(AdafactorMlp::random(1).size() == AdafactorMlp::start().size());
  CHECK(MomentumMlp::network().inputs() == 19);
  CHECK(MomentumMlp::network().size() == 19 * 32 + 32 + 32 * 32 + 32 + 32 * 2 + 2);
  const VectorXd w = MomentumMlp::network().random(4);
  const VectorXd first = w.head(19 * 32) * std::sqrt(19.0);
  CHECK(first.cwiseAbs().maxCoeff() <= 2);
  CHECK(std::abs(first.squaredNorm() / 608 - 0.774) <= 0.1);  // the variance of a normal number cut off at 2
  CHECK(w.segment(19 * 32, 32) == VectorXd::Zero(32));
}

TEST_CASE("learned rules: with biases alone the step is 1e-3, exactly") {
  const MatrixXd x = matrix(1, 3, 4), g = matrix(2, 3, 4);
  VectorXd w = VectorXd::Zero(AdafactorMlp::start().size());
  w[w.size() - 2] = 1;
  MatrixXd y = x, z = x;
  Optimizer adafactor{AdafactorMlp{.weights = w}, y};
  adafactor.step(g);
  CHECK(y == x - MatrixXd::Constant(3, 4, 1e-3));
  w = VectorXd::Zero(MomentumMlp::network().size());
  w[w.size() - 2] = 1;
  w[w.size() - 1] = 2;  // magnitude
  Optimizer momentum{MomentumMlp{.weights = w, .step_multiplier = 0.5, .exp_multiplier = 0.1}, z};
  momentum.step(g);
  CHECK(z == x - MatrixXd::Constant(3, 4, std::exp(0.2) * 0.5));
}

TEST_CASE("learned rules: the start without weights steps against the gradient") {
  const MatrixXd x = matrix(1, 3, 4), g = matrix(2, 3, 4);
  const MatrixXd step = moved({}, x, g);
  CHECK((step.array() * g.array() < 0).all());
  CHECK(std::abs(step.squaredNorm() / 12 / 1e-6 - 1) <= 1e-3);  // 1e-3 in the mean of squares
  CHECK(moved({.weights = AdafactorMlp::start()}, x, g) == step);
}

TEST_CASE("learned rules: features do not depend on the unit of the gradient, nor on the order of rows and columns") {
  const AdafactorMlp rule{.weights = weights_without_inverse_roots()};
  const MatrixXd x = matrix(1, 4, 6), g = matrix(2, 4, 6);
  const MatrixXd step = moved(rule, x, 1e5 * g, 5);
  CHECK((moved(rule, x, 3e9 * g, 5) - step).norm() <= 1e-6 * step.norm());
  const AdafactorMlp whole{.weights = AdafactorMlp::random(3)};
  CHECK((moved(whole, x, 3e4 * g) - moved(whole, x, 100 * g)).norm() >= 1e-3 * step.norm());
  const MatrixXd plain = moved(whole, x, g, 5);
  CHECK((moved(whole, x.reverse(), g.reverse(), 5).reverse() - plain).norm() <= 1e-12 * plain.norm());
  // Wide or tall: the longer side has the same part.
  CHECK((moved(whole, x.transpose(), g.transpose(), 5).transpose() - plain).norm() <= 1e-12 * plain.norm());
}

TEST_CASE("learned rules: trained by an evolution strategy, better than its start on other problems") {
  const auto mean = [](const VectorXd& weights) {
    double sum = 0;
    for (std::uint64_t k = 0; k < 40; ++k)
      sum += outcome({.weights = weights, .step_multiplier = 0.05}, RandomKey{5000}.derive(k)) / 40;
    return sum;
  };
  EvolutionTrainer trainer(Adam{.learning_rate = 0.03}, AdafactorMlp::start(), {.pairs = 8, .sigma = 0.05, .seed = 1});
  const EvolutionObjective f = [](const VectorXd& weights, RandomKey key) {
    return outcome({.weights = weights, .step_multiplier = 0.05}, key);
  };
  for (int t = 0; t < 60; ++t) REQUIRE(trainer.step(f) == Status::running);
  const double before = mean(AdafactorMlp::start()), after = mean(trainer.parameters());
  CAPTURE(before, after);
  CHECK(after <= before - 0.3);  // in decades
}

TEST_CASE("learned rules: with scaled hidden matrices a width four times as large changes what units see by the same") {
  const double narrow = change_in_hidden(64, false), wide = change_in_hidden(256, false);
  CAPTURE(narrow, wide);
  CHECK(std::abs(std::log(wide / narrow) / std::log(4.0) - 1) <= 0.25);
  const double scaled_narrow = change_in_hidden(64, true), scaled_wide = change_in_hidden(256, true);
  CAPTURE(scaled_narrow, scaled_wide);
  CHECK(std::abs(std::log(scaled_wide / scaled_narrow) / std::log(4.0)) <= 0.1);
}

TEST_CASE("learned rules: which tensors are scaled, and by what") {
  MatrixXd W = MatrixXd::Zero(2, 4), V = W;
  VectorXd b = VectorXd::Zero(3);
  const MatrixXd g = MatrixXd::Ones(2, 4);
  const auto hidden = [](const Tensor& t) { return t.name == "W"; };
  Optimizer optimizer{chain(ScaleByLearningRate{1.0}, ScaleByWidth{.multiplier = 2, .hidden = hidden}), named("W", W),
                      named("V", V), named("b", b)};
  optimizer.step(g, g, VectorXd::Ones(3));
  CHECK(W == -0.5 * g);
  CHECK(V == -g);
  CHECK(b == -VectorXd::Ones(3));
  Optimizer turned{chain(ScaleByLearningRate{1.0}, ScaleByWidth{.inputs_are_columns = false}), V};
  turned.step(g);
  CHECK(V == -1.5 * g);
}

TEST_CASE("learned rules: bad weights are refused") {
  MatrixXd x = MatrixXd::Ones(2, 2);
  CHECK(message_of([&] { Optimizer o(AdafactorMlp{.weights = VectorXd(VectorXd::Zero(5))}, x); }) ==
        "AdafactorMlp: weights is 5 x 1, must be 197 x 1, or empty");
  CHECK(message_of([&] { Optimizer o(MomentumMlp{.weights = VectorXd(VectorXd::Zero(5))}, x); }) ==
        "MomentumMlp: weights is 5 x 1, must be 1762 x 1, or empty");
  CHECK(message_of([] { RuleWeights w(VectorXd::Constant(2, std::numeric_limits<double>::quiet_NaN())); }) ==
        "RuleWeights: a weight is not finite");
  Optimizer optimizer{AdafactorMlp{}, x};
  const MatrixXd g = MatrixXd::Constant(2, 2, std::numeric_limits<double>::quiet_NaN());
  optimizer.step(g);
  CHECK(x.array().isNaN().all());
}
