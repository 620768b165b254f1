// Losses of residuals that let outliers count less than their squares.
#pragma once

#include <cmath>
#include <string_view>

#include "../core/checks.hpp"
#include "concepts.hpp"

namespace glissade {

/// Least squares as they are: rho(s) = s.
struct PlainLoss {
  static constexpr std::string_view name = "PlainLoss";
  RobustValue operator()(double s) const { return {s, 1, 0}; }
};

/// Residuals beyond c count by their size, not by its square: convex, the mildest of the three.
///
///     rho(s) = s   where s <= c^2,   else 2 c sqrt(s) - c^2
///
/// Options: scale c (> 0, 1), the size of a residual that is still no outlier.
/// Source: Huber, Robust Estimation of a Location Parameter, Annals of Mathematical Statistics 35, 1964.
struct HuberLoss {
  static constexpr std::string_view name = "HuberLoss";
  double scale = 1;

  void check() const { require(name, "scale", scale, range::positive); }
  RobustValue operator()(double s) const {
    if (s <= scale * scale) return {s, 1, 0};
    const double size = std::sqrt(s);
    return {scale * (2 * size - scale), scale / size, -scale / (2 * size * s)};
  }
};

/// Far residuals count by the logarithm of their size: their pull goes to zero, so there may be several minima.
///
///     rho(s) = c^2 log(1 + s / c^2)
///
/// Options: scale c (> 0, 1).
struct CauchyLoss {
  static constexpr std::string_view name = "CauchyLoss";
  double scale = 1;

  void check() const { require(name, "scale", scale, range::positive); }
  RobustValue operator()(double s) const {
    const double square = scale * scale;
    const double slope = 1 / (1 + s / square);
    return {square * std::log1p(s / square), slope, -slope * slope / square};
  }
};

/// Residuals beyond c do not pull at all: a start near the solution is needed.
///
///     rho(s) = c^2 / 3 (1 - (1 - s / c^2)^3)   where s <= c^2,   else c^2 / 3
///
/// Options: scale c (> 0, 4.685, with which normal errors of deviation 1 cost 5 % more variance).
/// Source: Beaton and Tukey, Technometrics 16, 1974.
struct TukeyLoss {
  static constexpr std::string_view name = "TukeyLoss";
  double scale = 4.685;

  void check() const { require(name, "scale", scale, range::positive); }
  RobustValue operator()(double s) const {
    const double square = scale * scale;
    if (s >= square) return {square / 3, 0, 0};
    const double rest = 1 - s / square;
    return {square / 3 * (1 - rest * rest * rest), rest * rest, -2 * rest / square};
  }
};

}  // namespace glissade
