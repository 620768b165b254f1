// Iterations of Sinkhorn on histograms of two bumps on a grid of 100, epsilon = 0.01, tolerance 1e-6: from zero, from
// the solution of a problem that differs by 5 %, and from a network that was trained on the dual of other problems.
#include <glissade/glissade.hpp>
#include <glissade/learned.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::VectorXd;

constexpr Index n = 100;

VectorXd histogram(RandomKey key) {
  const double weight = 0.2 + 0.6 * key.uniform(0);
  const double first = 0.1 + 0.8 * key.uniform(1), second = 0.1 + 0.8 * key.uniform(2);
  const VectorXd h = VectorXd::NullaryExpr(n, [&](Index i) {
    const double at = static_cast<double>(i) / (n - 1);
    return weight * std::exp(-std::pow((at - first) / 0.05, 2) / 2) +
           (1 - weight) * std::exp(-std::pow((at - second) / 0.08, 2) / 2) + 1e-4;
  });
  return h / h.sum();
}

VectorXd nearby(const VectorXd& h, RandomKey key) {
  VectorXd other = h;
  for (Index i = 0; i < n; ++i) other[i] *= std::abs(1 + 0.05 * key.normal(static_cast<std::uint64_t>(i)));
  return other / other.sum();
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main() {
  const Eigen::MatrixXd costs = Eigen::MatrixXd::NullaryExpr(
      n, n, [](Index i, Index j) { return std::pow(static_cast<double>(i - j) / (n - 1), 2); });
  MetaTransport guesser({.rows = n, .columns = n, .hidden = 128}, 1);
  VectorXd weights = guesser.weights(), dw, sum;
  RuleState<double> memory;
  Adam rule{.learning_rate = 2e-3};
  std::printf("problems seen  seconds  iterations from zero  nearby  guess  (medians of 100 other problems)\n");
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t t = 0; t <= 4000; ++t) {
    if (t == 0 || t == 250 || t == 1000 || t == 4000) {
      const double spent = seconds_since(start);
      std::vector<std::int64_t> zero, near, guess;
      for (std::uint64_t k = 0; k < 100; ++k) {
        const RandomKey key = RandomKey{2}.derive(k);
        const VectorXd a = histogram(key.derive(0)), b = histogram(key.derive(1));
        const VectorXd near_a = nearby(a, key.derive(2)), near_b = nearby(b, key.derive(3));
        const SinkhornOptions options{.max_iterations = 100'000};
        const SinkhornSolution solved = sinkhorn({costs, a, b}, options);
        zero.push_back(solved.iterations);
        near.push_back(sinkhorn({costs, near_a, near_b}, options, solved.f).iterations);
        guess.push_back(sinkhorn({costs, a, b}, options, guesser.guess(a, b)).iterations);
      }
      for (auto* counts : {&zero, &near, &guess}) std::sort(counts->begin(), counts->end());
      std::printf("%13d  %7.1f  %20d  %6d  %5d\n", static_cast<int>(8 * t), spent, static_cast<int>(zero[50]),
                  static_cast<int>(near[50]), static_cast<int>(guess[50]));
    }
    sum.setZero(weights.size());
    for (std::uint64_t k = 0; k < 8; ++k) {
      const RandomKey key = RandomKey{1}.derive(8 * t + k);
      guesser.loss({costs, histogram(key.derive(0)), histogram(key.derive(1))}, 0.01, dw);
      sum += dw / 8;
    }
    rule.learning_rate = t < 3000 ? 2e-3 : 3e-4;
    step(rule, memory, weights, sum);
    guesser.set_weights(weights);
  }
  return 0;
}
