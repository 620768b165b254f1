// Expected values under a normal distribution, by a few values of the function.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <numbers>

#include "../core/checks.hpp"

namespace glissade {

/// E[f(mean + sqrt(2 variance) X)] ~ sum_k weights_k f(mean + sqrt(2 variance) nodes_k), where X has variance 1/2;
/// exact for polynomials of degree 2 n - 1.
struct GaussHermite {
  Eigen::VectorXd nodes, weights;  // n each; the weights add up to 1
};

/// Gauss and Hermite's rule of n points, 1 to 100: zeros of the n-th Hermite polynomial by Newton's method on its
/// normalized recurrence, from the largest down, each from a guess by those before it. Cost: about 20 n^2 flops.
/// Throws std::invalid_argument for another n. Source: Stroud and Secrest, Gaussian Quadrature Formulas, 1966 (the
/// guesses).
[[nodiscard]] inline GaussHermite gauss_hermite(Eigen::Index n) {
  require("gauss_hermite", "n", static_cast<double>(n), Range{1, 100});
  const auto degree = static_cast<double>(n);
  GaussHermite rule{Eigen::VectorXd(n), Eigen::VectorXd(n)};
  double x = 0;
  for (Eigen::Index i = 0; i < (n + 1) / 2; ++i) {
    if (i == 0) x = std::sqrt(2 * degree + 1) - 1.85575 * std::pow(2 * degree + 1, -1.0 / 6);
    if (i == 1) x -= 1.14 * std::pow(degree, 0.426) / x;
    if (i == 2) x = 1.86 * x - 0.86 * rule.nodes[0];
    if (i == 3) x = 1.91 * x - 0.91 * rule.nodes[1];
    if (i > 3) x = 2 * x - rule.nodes[i - 2];
    double slope = 1;
    for (int step = 0; step < 30; ++step) {
      double p = std::pow(std::numbers::pi, -0.25), last = 0;
      for (Eigen::Index k = 1; k <= n; ++k) {
        const auto j = static_cast<double>(k);
        const double next = x * std::sqrt(2 / j) * p - std::sqrt((j - 1) / j) * last;
        last = p;
        p = next;
      }
      slope = std::sqrt(2 * degree) * last;
      const double change = p / slope;
      x -= change;
      if (std::abs(change) <= 1e-15 * std::abs(x)) break;
    }
    rule.nodes[n - 1 - i] = -x;
    rule.nodes[i] = x;
    rule.weights[i] = rule.weights[n - 1 - i] = 2 / (slope * slope) / std::sqrt(std::numbers::pi);
  }
  return rule;
}

}  // namespace glissade
