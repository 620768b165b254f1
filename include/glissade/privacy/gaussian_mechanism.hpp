// This is a research kernel and not a certified implementation of differential privacy: its noise is floating-point.
// The Gaussian mechanism: what noise of a given size buys, exactly and by zero-concentrated differential privacy.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string_view>

#include "../core/checks.hpp"

namespace glissade {

namespace detail {

/// Phi(-y) / phi(y) for y > 0, the tail of the normal distribution over its density: nothing underflows.
inline double mills_ratio(double y) {
  if (y < 10) return std::sqrt(std::numbers::pi / 2) * std::erfc(y / std::numbers::sqrt2) * std::exp(y * y / 2);
  double fraction = y;
  for (int k = 40; k > 0; --k) fraction = y + k / fraction;
  return 1 / fraction;
}

/// delta(epsilon) for noise = ratio times the sensitivity.
inline double gaussian_delta_of_ratio(double epsilon, double ratio) {
  const double u = 1 / (2 * ratio);
  const double v = epsilon * ratio;
  if (epsilon == 0) return std::erf(u / std::numbers::sqrt2);
  const double density = std::exp(-(u - v) * (u - v) / 2) / std::sqrt(2 * std::numbers::pi);
  const double first = v > u ? density * mills_ratio(v - u) : std::erfc((v - u) / std::numbers::sqrt2) / 2;
  return std::max(0.0, first - density * mills_ratio(v + u));
}

}  // namespace detail

/// The smallest delta for which the Gaussian mechanism is (epsilon, delta)-differentially private. This is a research
/// kernel and not a certified implementation of differential privacy: its noise is floating-point.
///
///     delta = Phi(D/(2 s) - epsilon s/D) - e^epsilon Phi(-D/(2 s) - epsilon s/D)
///
/// for noise N(0, s^2) on an answer that one person moves by at most the sensitivity D in the Euclidean norm.
/// epsilon >= 0, noise > 0, sensitivity > 0, else std::invalid_argument.
/// Source: "Improving the Gaussian Mechanism for Differential Privacy", 2018, arXiv 1805.06530, Theorem 8. The usual
/// sqrt(2 ln(1.25/delta)) D / epsilon holds for epsilon <= 1 alone and is larger.
[[nodiscard]] inline double gaussian_delta(double epsilon, double noise, double sensitivity = 1) {
  constexpr std::string_view name = "gaussian_delta";
  require(name, "epsilon", epsilon, range::non_negative);
  require(name, "noise", noise, range::positive);
  require(name, "sensitivity", sensitivity, range::positive);
  return detail::gaussian_delta_of_ratio(epsilon, noise / sensitivity);
}

/// The smallest noise s with which the Gaussian mechanism is (epsilon, delta)-differentially private, to rounding and
/// never below it. epsilon >= 0, delta in (0, 1), sensitivity > 0, else std::invalid_argument.
///
///     const double noise = gaussian_noise(1, 1e-5, 0.012);
[[nodiscard]] inline double gaussian_noise(double epsilon, double delta, double sensitivity = 1) {
  constexpr std::string_view name = "gaussian_noise";
  require(name, "epsilon", epsilon, range::non_negative);
  require(name, "delta", delta, range::open_fraction);
  require(name, "sensitivity", sensitivity, range::positive);
  double high = 1;
  while (detail::gaussian_delta_of_ratio(epsilon, high) > delta) high *= 2;
  double low = high / 2;
  while (detail::gaussian_delta_of_ratio(epsilon, low) <= delta) low /= 2;
  for (int k = 0; k < 60; ++k) {
    const double middle = low + (high - low) / 2;
    (detail::gaussian_delta_of_ratio(epsilon, middle) <= delta ? high : low) = middle;
  }
  return high * sensitivity;
}

/// The smallest epsilon for which the Gaussian mechanism is (epsilon, delta)-differentially private, to rounding and
/// never below it. delta in (0, 1), noise > 0, sensitivity > 0, else std::invalid_argument.
[[nodiscard]] inline double gaussian_epsilon(double delta, double noise, double sensitivity = 1) {
  constexpr std::string_view name = "gaussian_epsilon";
  require(name, "delta", delta, range::open_fraction);
  require(name, "noise", noise, range::positive);
  require(name, "sensitivity", sensitivity, range::positive);
  const double ratio = noise / sensitivity;
  if (detail::gaussian_delta_of_ratio(0, ratio) <= delta) return 0;
  double high = 1;
  while (detail::gaussian_delta_of_ratio(high, ratio) > delta) high *= 2;
  double low = high > 1 ? high / 2 : 0;
  for (int k = 0; k < 60; ++k) {
    const double middle = low + (high - low) / 2;
    (detail::gaussian_delta_of_ratio(middle, ratio) <= delta ? high : low) = middle;
  }
  return high;
}

/// What one use of the Gaussian mechanism spends in zero-concentrated differential privacy: D^2 / (2 s^2). The sum of
/// several is what all of them spend, also where later questions depend on earlier answers.
/// Source: "Concentrated Differential Privacy: Simplifications, Extensions, and Lower Bounds", 2016, arXiv 1605.02065,
/// Proposition 1.6 and Lemma 1.7.
[[nodiscard]] inline double zcdp_of_gaussian(double noise, double sensitivity = 1) {
  require("zcdp_of_gaussian", "noise", noise, range::positive);
  require("zcdp_of_gaussian", "sensitivity", sensitivity, range::non_negative);
  return sensitivity / noise * (sensitivity / noise) / 2;
}

/// epsilon of rho in zero-concentrated differential privacy, by the formula of the paper: rho + 2 sqrt(rho
/// ln(1/delta)).
[[nodiscard]] inline double zcdp_epsilon(double rho, double delta) {
  require("zcdp_epsilon", "rho", rho, range::non_negative);
  require("zcdp_epsilon", "delta", delta, range::open_fraction);
  return rho + 2 * std::sqrt(-rho * std::log(delta));
}

/// epsilon of a Renyi divergence of the given order, which must be above 1:
///
///     divergence + ln(1 - 1/order) - (ln delta + ln order) / (order - 1), at least 0
///
/// Source: "Hypothesis Testing Interpretations and Renyi Differential Privacy", 2019, arXiv 1905.09982, Theorem 21.
[[nodiscard]] inline double renyi_epsilon(double divergence, double order, double delta) {
  require("renyi_epsilon", "divergence", divergence, Range{0});
  require("renyi_epsilon", "order", order, Range{1, std::numeric_limits<double>::infinity(), true, true});
  require("renyi_epsilon", "delta", delta, range::open_fraction);
  return std::max(0.0, divergence + std::log1p(-1 / order) - (std::log(delta) + std::log(order)) / (order - 1));
}

/// epsilon of rho in zero-concentrated differential privacy, by the best of its Renyi divergences, order * rho, of 2000
/// orders from 1 + 1e-4 to 1e6. Never more than zcdp_epsilon.
[[nodiscard]] inline double zcdp_epsilon_of_best_order(double rho, double delta) {
  require("zcdp_epsilon_of_best_order", "rho", rho, range::non_negative);
  require("zcdp_epsilon_of_best_order", "delta", delta, range::open_fraction);
  double best = zcdp_epsilon(rho, delta);
  for (int k = 0; k <= 2000; ++k) {
    const double order = 1 + std::pow(10.0, -4 + 0.005 * k);
    best = std::min(best, renyi_epsilon(order * rho, order, delta));
  }
  return best;
}

}  // namespace glissade
