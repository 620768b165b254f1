// AdafactorMlp trained by an evolution strategy on least squares problems of 8 x 4, for the loss after 25 steps: log10
// of loss / first loss on 100 other problems, also after more steps than it was trained for and on larger problems,
// beside its own start and Adam with the best of twelve rates for each column.
#include <glissade/glissade.hpp>
#include <glissade/learned.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

struct Family {
  Index rows, columns;
  int steps;
};

MatrixXd normal(RandomKey key, Index rows, Index cols) {
  return MatrixXd::NullaryExpr(rows, cols,
                               [&](Index i, Index j) { return key.normal(static_cast<std::uint64_t>(i + rows * j)); });
}

template <class R>
double outcome(const R& rule, RandomKey key, const Family& family) {
  const MatrixXd A = normal(key.derive(0), family.rows, family.columns);
  const MatrixXd target = A * normal(key.derive(1), family.columns, 2);
  MatrixXd X = MatrixXd::Zero(family.columns, 2), residual = -target, gradient;
  Optimizer optimizer{rule, X};
  for (int t = 0; t < family.steps; ++t) {
    gradient = A.transpose() * residual / static_cast<double>(family.rows);
    optimizer.step(gradient);
    residual = A * X - target;
  }
  return std::max(std::log10(residual.squaredNorm() / target.squaredNorm()), -30.0);
}

template <class R>
double mean(const R& rule, const Family& family) {
  double sum = 0;
  for (std::uint64_t k = 0; k < 100; ++k) sum += outcome(rule, RandomKey{5000}.derive(k), family) / 100;
  return sum;
}

AdafactorMlp learned(const VectorXd& weights) { return {.weights = weights, .step_multiplier = 0.05}; }

}  // namespace

int main() {
  const std::array<Family, 4> families{{{8, 4, 25}, {8, 4, 10}, {8, 4, 100}, {40, 20, 25}}};
  const auto start = std::chrono::steady_clock::now();
  const auto line = [&](const char* name, const auto& measure) {
    std::printf("%-22s", name);
    for (const Family& family : families) std::printf(" %9.2f", measure(family));
    std::printf("   %.1f s\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    std::fflush(stdout);
  };
  std::printf("%-22s", "");
  for (const Family& family : families)
    std::printf(" %2dx%-2d %3d", static_cast<int>(family.rows), static_cast<int>(family.columns), family.steps);
  std::printf("\n");
  line("Adam, best rate", [](const Family& family) {
    double best = 0;
    for (int k = 0; k < 12; ++k)
      best = std::min(best, mean(Adam{.learning_rate = std::pow(10.0, -2.5 + 0.25 * k)}, family));
    return best;
  });
  line("AdafactorMlp, start", [](const Family& family) { return mean(learned(AdafactorMlp::start()), family); });
  EvolutionTrainer trainer(Adam{.learning_rate = 0.03}, AdafactorMlp::start(), {.pairs = 16, .sigma = 0.05});
  const EvolutionObjective f = [&](const VectorXd& weights, RandomKey key) {
    return outcome(learned(weights), key, families[0]);
  };
  for (int t = 1; t <= 3000; ++t) {
    trainer.rule().learning_rate = t <= 2000 ? 0.03 : 0.005;
    trainer.step(f);
    if (t == 60 || t == 300 || t == 1000 || t == 3000) {
      char name[32];
      std::snprintf(name, sizeof name, "trained, %d steps", t);
      line(name, [&](const Family& family) { return mean(learned(trainer.parameters()), family); });
    }
  }
  return 0;
}
