// First guesses for transport from a network: derivatives, how much they save after training, resuming.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/learned/meta_transport.hpp>
#include <glissade/rules/adam.hpp>

#include <filesystem>
#include <limits>

#include "learned/golden.hpp"

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using learned_golden::cosines;

namespace {

constexpr double epsilon = 0.02;
constexpr Index n = 24;

MatrixXd costs() {
  return MatrixXd::NullaryExpr(n, n,
                               [](Index i, Index j) { return std::pow(static_cast<double>(i - j) / (n - 1), 2); });
}

/// Two bumps anywhere on a grid.
VectorXd histogram(RandomKey key) {
  const double weight = 0.2 + 0.6 * key.uniform(0), first = 0.1 + 0.8 * key.uniform(1),
               second = 0.1 + 0.8 * key.uniform(2);
  const VectorXd h = VectorXd::NullaryExpr(n, [&](Index i) {
    const double at = static_cast<double>(i) / (n - 1);
    return weight * std::exp(-std::pow((at - first) / 0.1, 2)) +
           (1 - weight) * std::exp(-std::pow((at - second) / 0.15, 2)) + 1e-3;
  });
  return h / h.sum();
}

VectorXd weights_for(Index size) { return cosines(7, size) / 3; }

}  // namespace

TEST_CASE("meta transport: both derivatives are those of differences") {
  const VectorXd numbers = VectorXd::Ones(12) + cosines(31, 12);
  const MatrixXd C = Eigen::Map<const MatrixXd>(numbers.data(), 4, 3);
  VectorXd a = VectorXd::Constant(4, 0.25), b = VectorXd::Constant(3, 1.0 / 3);
  const VectorXd solved = 2 * cosines(50, 4);
  for (const bool masked : {false, true}) {
    if (masked) a << 0.5, 0, 0.3, 0.2;
    MetaTransport guesser({.rows = 4, .columns = 3, .hidden = 5});
    VectorXd weights = weights_for(guesser.weights().size()), dw, by_solution, unused;
    guesser.set_weights(weights);
    guesser.loss({C, a, b}, 0.3, dw);
    guesser.loss({C, a, b}, solved, by_solution);
    CHECK(by_solution.norm() > 0.1);
    CHECK(dw.norm() > 0.1);
    for (Index i = 0; i < weights.size(); ++i) {
      const double kept = weights[i], h = 1e-5;
      double dual[2], distance[2];
      for (const int side : {0, 1}) {
        weights[i] = kept + (side == 0 ? h : -h);
        guesser.set_weights(weights);
        dual[side] = guesser.loss({C, a, b}, 0.3, unused);
        distance[side] = guesser.loss({C, a, b}, solved, unused);
      }
      weights[i] = kept;
      CHECK(std::abs((dual[0] - dual[1]) / (2 * h) - dw[i]) <= 1e-8);
      CHECK(std::abs((distance[0] - distance[1]) / (2 * h) - by_solution[i]) <= 1e-8);
    }
    guesser.set_weights(weights);
    VectorXd own = guesser.guess(a, b).array() + 3;  // a constant does not count
    CHECK(guesser.loss({C, a, b}, own, unused) <= 1e-28);
    own[0] += 1;
    CHECK(guesser.loss({C, a, b}, own, unused) > 0.1);
  }
}

TEST_CASE("meta transport: untrained it guesses 0; trained without solutions it saves iterations on other problems") {
  const MatrixXd C = costs();
  MetaTransport guesser({.rows = n, .columns = n, .hidden = 48}, 1);
  CHECK(guesser.guess(histogram(RandomKey{1}), histogram(RandomKey{2})) == VectorXd::Zero(n));
  VectorXd weights = guesser.weights(), dw, sum;
  RuleState<double> memory;
  Adam rule{.learning_rate = 3e-3};
  for (std::uint64_t t = 0; t < 600; ++t) {
    sum.setZero(weights.size());
    for (std::uint64_t k = 0; k < 4; ++k) {
      const RandomKey key = RandomKey{5}.derive(4 * t + k);
      guesser.loss({C, histogram(key.derive(0)), histogram(key.derive(1))}, epsilon, dw);
      sum += dw;
    }
    if (t == 400) rule.learning_rate = 5e-4;
    step(rule, memory, weights, sum);
    guesser.set_weights(weights);
  }
  std::int64_t from_zero = 0, from_guess = 0;
  for (std::uint64_t k = 0; k < 30; ++k) {
    const RandomKey key = RandomKey{77}.derive(k);
    const VectorXd a = histogram(key.derive(0)), b = histogram(key.derive(1));
    from_zero += sinkhorn({C, a, b}, {.epsilon = epsilon}).iterations;
    from_guess += sinkhorn({C, a, b}, {.epsilon = epsilon}, guesser.guess(a, b)).iterations;
  }
  CAPTURE(from_zero, from_guess);
  CHECK(10 * from_guess <= 9 * from_zero);  // of which only the logarithm of the first error can be saved
}

TEST_CASE("meta transport: weights from a seed and from a file; bad input is refused") {
  const MetaTransport guesser({.rows = 4, .columns = 3, .hidden = 5}, 1),
      same({.rows = 4, .columns = 3, .hidden = 5}, 1);
  MetaTransport other({.rows = 4, .columns = 3, .hidden = 5}, 2);
  CHECK(guesser.weights() == same.weights());
  CHECK(guesser.weights() != other.weights());
  CHECK(guesser.weights().size() == 5 * 8 + 4 * 6);
  const auto path = std::filesystem::temp_directory_path() / "glissade_meta_transport.safetensors";
  save(guesser, path);
  load(other, path);
  std::filesystem::remove(path);
  CHECK(guesser.weights() == other.weights());

  const MatrixXd C = MatrixXd::Ones(4, 3);
  const VectorXd a = VectorXd::Constant(4, 0.25), b = VectorXd::Constant(3, 1.0 / 3);
  VectorXd dw;
  CHECK(message_of([] { MetaTransport m({.rows = 0}); }) == "MetaTransport: rows = 0, must be >= 1 and finite");
  CHECK(message_of([] { MetaTransport m({.hidden = 0}); }) == "MetaTransport: hidden = 0, must be >= 1 and finite");
  CHECK(message_of([&] { (void)guesser.guess(b, b); }) == "MetaTransport: a is 3 x 1, must be 4 x 1");
  CHECK(message_of([&] { guesser.loss({C, a, 2 * b}, 0.1, dw); }) == "Sinkhorn: sum of b = 2, must be that of a, 1");
  const MatrixXd wide = MatrixXd::Ones(4, 4);
  CHECK(message_of([&] { guesser.loss({wide, a, a}, 0.1, dw); }) == "MetaTransport: costs is 4 x 4, must be 4 x 3");
  CHECK(message_of([&] {
          guesser.loss({C, a, b}, VectorXd(VectorXd::Zero(3)), dw);
        }) == "Sinkhorn: f is 3 x 1, must be 4 x 1");
  CHECK(message_of([&] { guesser.loss({C, a, b}, -1.0, dw); }) == "Sinkhorn: epsilon = -1, must be > 0 and finite");
  CHECK(message_of([&] { other.set_weights(other.weights() * std::numeric_limits<double>::quiet_NaN()); }) ==
        "MetaTransport: a weight is not finite");
  CHECK(dw.size() == 0);
}
