// Step sizes under a trained hook on noisy quadratic functions of 4 variables: log10 of the loss at the end of runs of
// several lengths, on 400 problems that were not trained on. The hook is trained for 10 and 160 steps, with all of its
// six weights, and with those of t / T and log T held at 0; and the best constant step of a grid for each length.
#include <glissade/glissade.hpp>
#include <glissade/learned.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::VectorXd;

double outcome(const VectorXd& weights, RandomKey key, std::int64_t horizon, double first_step) {
  const auto random = [&](Index i) { return key.uniform(static_cast<std::uint64_t>(i)); };
  const VectorXd h = VectorXd::NullaryExpr(4, [&](Index i) { return std::pow(10.0, -2 * random(i)); });
  VectorXd x = VectorXd::NullaryExpr(4, [&](Index i) { return 4 * random(10 + i) - 2; }), g(4);
  StepController controller(4, {.step_size = first_step, .horizon = horizon, .max_step = 10},
                            linear_step_hook(weights));
  const RandomKey noise = key.derive(1);
  for (std::int64_t t = 0;; ++t) {
    for (Index i = 0; i < 4; ++i) g[i] = h[i] * x[i] + 0.2 * noise.normal(static_cast<std::uint64_t>(4 * t + i));
    if (controller.update(x.dot(h.cwiseProduct(x)) / 2, g) != Status::running) break;
    x -= controller.step_size() * g;
  }
  const double loss = x.dot(h.cwiseProduct(x)) / 2;
  return loss < 1e30 ? std::log10(loss) : 30;
}

double mean(const VectorXd& weights, std::int64_t horizon, double first_step) {
  double sum = 0;
  for (std::uint64_t k = 0; k < 400; ++k) sum += outcome(weights, RandomKey{900'000 + k}, horizon, first_step) / 400;
  return sum;
}

/// Six weights, the last three only where the hook is to know the horizon.
VectorXd six(const VectorXd& weights, bool knows) {
  VectorXd all = VectorXd::Zero(6);
  all.head(knows ? 6 : 3) = weights;
  return all;
}

}  // namespace

int main() {
  constexpr std::array<std::int64_t, 5> horizons{10, 20, 40, 80, 160};
  std::printf("%-28s", "steps");
  for (const std::int64_t T : horizons) std::printf(" %8d", static_cast<int>(T));
  std::printf("\n%-28s", "best constant step of 13");
  for (const std::int64_t T : horizons) {
    double best = 30;
    for (int k = 0; k < 13; ++k) best = std::min(best, mean(VectorXd::Zero(6), T, std::pow(10.0, -2 + 0.25 * k)));
    std::printf(" %8.3f", best);
  }
  std::printf("\n");
  for (const bool knows : {false, true}) {
    EvolutionTrainer trainer(Adam{.learning_rate = 0.02}, VectorXd::Zero(knows ? 6 : 3), {.pairs = 32, .sigma = 0.05});
    const EvolutionObjective f = [&](const VectorXd& weights, RandomKey key) {
      return outcome(six(weights, knows), key, 10, 0.3) + outcome(six(weights, knows), key, 160, 0.3);
    };
    for (int t = 0; t < 400; ++t) {
      trainer.rule().learning_rate = t < 300 ? 0.02 : 0.004;
      trainer.step(f);
    }
    std::printf("%-28s", knows ? "trained, knows the horizon" : "trained, does not");
    for (const std::int64_t T : horizons) std::printf(" %8.3f", mean(six(trainer.parameters(), knows), T, 0.3));
    std::printf("   weights");
    for (const double w : trainer.parameters()) std::printf(" %.3f", w);
    std::printf("\n");
  }
  return 0;
}
