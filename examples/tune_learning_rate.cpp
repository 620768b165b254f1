// A learning rate found in a dozen trials: a Gaussian process learns what each trial gave, says how sure it is of the
// rest, and the rate with the greatest expected improvement is tried next. Prints the trials, and what a grid of as
// many would have found.
#include <glissade/glissade.hpp>
#include <glissade/models/dual_gaussian_process.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Decades of the loss that Adam reaches on Rosenbrock's function of ten variables, 300 steps from (-1.2, 1, ...).
double trial(double decades_of_rate) {
  VectorXd x(10), g(10);
  for (Index i = 0; i < 10; ++i) x[i] = i % 2 == 0 ? -1.2 : 1.0;
  Optimizer optimizer{Adam{.learning_rate = std::pow(10.0, decades_of_rate)}, x};
  double loss = 0;
  for (int step = 0; step <= 300; ++step) {
    loss = 0;
    g.setZero();
    for (Index i = 0; i + 1 < 10; ++i) {
      const double valley = x[i + 1] - x[i] * x[i], rest = 1 - x[i];
      loss += 100 * valley * valley + rest * rest;
      g[i] += -400 * x[i] * valley - 2 * rest;
      g[i + 1] += 200 * valley;
    }
    if (step < 300) optimizer.step(g);
  }
  return std::log10(loss);
}

/// E[max(best - f, 0)] for f of this mean and variance.
double expected_improvement(double best, double mean, double variance) {
  const double deviation = std::sqrt(variance) + 1e-12, z = (best - mean) / deviation;
  const double below = std::erfc(-z / std::numbers::sqrt2) / 2;
  return deviation * (z * below + std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi));
}

}  // namespace

int main() {
  constexpr int trials = 12;
  constexpr double low = -4, high = 1;  // decades
  const MatrixXd rates = VectorXd::LinSpaced(501, low, high);

  double worst = -1e300, best = 1e300, best_of_grid = 1e300;
  for (int k = 0; k < trials; ++k)
    best_of_grid = std::min(best_of_grid, trial(low + (high - low) * (k + 0.5) / trials));

  // Losses change over about half a decade of rates, by a decade or two around 1.
  DualGaussianProcess process({.kernel = GaussianKernel::matern52, .signal = 2, .length = 0.7, .noise = 1e-4}, 1);
  std::printf("trial       rate       loss   expected improvement, decades\n");
  for (int k = 0; k < trials; ++k) {
    Index next = 150 + 200 * k;  // the first two
    double improvement = 0;
    if (k >= 2) {
      const GaussianPrediction f = process.predict(rates);
      VectorXd gains(rates.rows());
      for (Index i = 0; i < gains.size(); ++i) gains[i] = expected_improvement(best, 1 + f.mean[i], f.variance[i]);
      improvement = gains.maxCoeff(&next);
    }
    const MatrixXd rate = rates.row(next);
    const double loss = trial(rate(0, 0));
    if (process.learn(rate, VectorXd::Constant(1, loss - 1)) != Status::running) return 1;
    best = std::min(best, loss);
    worst = std::max(worst, loss);
    std::printf("%5d %10.5f %10.4g %10.4f%s\n", k + 1, std::pow(10.0, rate(0, 0)), std::pow(10.0, loss), improvement,
                loss == best ? "  *" : "");
  }
  std::printf("\nbest of %d: %.4g, of a grid of as many: %.4g\n", trials, std::pow(10.0, best),
              std::pow(10.0, best_of_grid));
  if (best <= best_of_grid) return 0;
  std::fputs("wrong: the grid should not find a better rate\n", stderr);
  return 1;
}
