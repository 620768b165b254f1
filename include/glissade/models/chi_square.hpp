// Quantiles of the chi-square distribution.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../core/checks.hpp"

namespace glissade {

/// The probability that a sum of `degrees` squares of standard normal numbers is above x: the regularized incomplete
/// gamma function Q(degrees / 2, x / 2), by its series below the mean, by Lentz's continued fraction above.
[[nodiscard]] inline double chi_square_tail(double x, double degrees) {
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  const double a = degrees / 2, z = x / 2;
  if (!(z > 0)) return 1;
  if (std::isinf(z)) return 0;
  const double front = std::exp(a * std::log(z) - z - std::lgamma(a));
  if (z < a + 1) {
    double term = 1 / a, sum = term;
    for (double k = 1; term > epsilon * sum; ++k) {
      term *= z / (a + k);
      sum += term;
    }
    return std::max(0.0, 1 - front * sum);
  }
  constexpr double tiny = 1e-300;
  double b = z + 1 - a, c = 1 / tiny, d = 1 / b, product = d;
  for (double k = 1; k < 1e5; ++k) {
    const double an = -k * (k - a);
    b += 2;
    d = an * d + b;
    d = 1 / (std::abs(d) < tiny ? tiny : d);
    c = b + an / c;
    if (std::abs(c) < tiny) c = tiny;
    product *= d * c;
    if (std::abs(d * c - 1) <= 2 * epsilon) break;
  }
  return front * product;
}

/// The x with chi_square_tail(x, degrees) = tail, in [0, 1]; 0: infinity. By bisection, in which Newton's steps from
/// the cube of Wilson and Hilferty's normal are taken where they stay inside. Errors: std::invalid_argument for a tail
/// outside, degrees that are not > 0.
[[nodiscard]] inline double chi_square_quantile(double tail, double degrees) {
  require("chi_square_quantile", "tail", tail, range::fraction);
  require("chi_square_quantile", "degrees", degrees, range::positive);
  if (tail == 0) return std::numeric_limits<double>::infinity();
  if (tail == 1) return 0;
  double low = 0, high = std::max(1.0, degrees);
  while (chi_square_tail(high, degrees) > tail) high *= 2;
  const double a = degrees / 2;
  double x = degrees * std::pow(std::max(0.1, 1 - 2 / (9 * degrees)), 3);
  for (int k = 0; k < 200; ++k) {
    const double excess = chi_square_tail(x, degrees) - tail;
    (excess > 0 ? low : high) = x;
    const double density = std::exp((a - 1) * std::log(x / 2) - x / 2 - std::lgamma(a)) / 2;
    double next = x + excess / density;
    if (!(next > low && next < high)) next = low + (high - low) / 2;
    if (std::abs(next - x) <= 2 * std::numeric_limits<double>::epsilon() * x) return next;
    x = next;
  }
  return x;
}

}  // namespace glissade
