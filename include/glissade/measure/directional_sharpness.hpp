// How steep and how curved the loss is along an update.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "../core/checks.hpp"
#include "../oracle/objective.hpp"

namespace glissade {

/// The second-order model of the loss along u / |u|:  f + e slope + e^2 / 2 sharpness.
struct DirectionalModel {
  double sharpness;      // <u, H u> / |u|^2, between the smallest and the largest eigenvalue of H
  double slope;          // <g, u> / |u|
  double best_step;      // -slope / sharpness; infinite where the sharpness is not positive
  double best_decrease;  // slope^2 / (2 sharpness); infinite likewise
};

/// A diagnostic: compares the directions of optimizers at the same parameters. Needs the update u, the
/// gradient g and one Hessian-vector product H u; vectors or matrices of one shape, all parameters
/// together.
/// Throws std::invalid_argument for shapes that differ and for u = 0.
/// Source: "Toward Understanding Why Adam Converges Faster Than SGD for Transformers", 2023, arXiv
/// 2306.00204, section 4.
template <class G, class U, class HU>
[[nodiscard]] DirectionalModel directional_model(const Eigen::DenseBase<G>& gradient, const Eigen::DenseBase<U>& update,
                                                 const Eigen::DenseBase<HU>& hessian_update) {
  const auto check_shape = [&](const char* what, Eigen::Index rows, Eigen::Index cols) {
    if (rows != update.rows() || cols != update.cols())
      throw std::invalid_argument(std::string("directional_model: ") + what + " is " + std::to_string(rows) + " x " +
                                  std::to_string(cols) + ", the update " + std::to_string(update.rows()) + " x " +
                                  std::to_string(update.cols()));
  };
  check_shape("the gradient", gradient.rows(), gradient.cols());
  check_shape("the Hessian's product", hessian_update.rows(), hessian_update.cols());
  // Sums of u / s with a power of two s near the largest |u|, so that squares neither overflow nor vanish.
  double largest = 0;
  const auto u = [&](Eigen::Index r, Eigen::Index c) { return static_cast<double>(update.derived().coeff(r, c)); };
  for (Eigen::Index c = 0; c < update.cols(); ++c)
    for (Eigen::Index r = 0; r < update.rows(); ++r) largest = std::max(largest, std::abs(u(r, c)));
  if (largest == 0) reject("directional_model", "|update|", 0, "> 0");
  int exponent = 0;
  std::frexp(largest, &exponent);
  double squared = 0;
  double along = 0;
  double curved = 0;
  for (Eigen::Index c = 0; c < update.cols(); ++c)
    for (Eigen::Index r = 0; r < update.rows(); ++r) {
      const double scaled = std::ldexp(u(r, c), -exponent);
      squared += scaled * scaled;
      along += scaled * static_cast<double>(gradient.derived().coeff(r, c));
      curved += scaled * std::ldexp(static_cast<double>(hessian_update.derived().coeff(r, c)), -exponent);
    }
  const double slope = along / std::sqrt(squared);
  const double sharpness = curved / squared;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (sharpness > 0) return {sharpness, slope, -slope / sharpness, slope / sharpness * slope / 2};
  return {sharpness, slope, infinity, infinity};
}

/// <v, H v> / |v|^2 at x: how fast the slope along v grows; small along the updates of adaptive rules, large along the
/// gradient where coordinates are badly scaled. One Hessian-vector product.
/// Throws std::invalid_argument for v = 0 or of another length.
/// Source: "Toward Understanding Why Adam Converges Faster Than SGD for Transformers", 2023, arXiv 2306.00204.
template <class F, class V>
double directional_sharpness(F&& objective, const V& x, const V& v) {
  if (v.size() != x.size()) throw std::invalid_argument("directional_sharpness: x and v have different lengths");
  if ((v.array() == 0).all()) throw std::invalid_argument("directional_sharpness: v is zero");
  auto&& f = oracle_of(objective, x);
  const V direction = v.stableNormalized();
  V product(x.size());
  f.hessian_vector(x, direction, product);
  return direction.dot(product);
}

}  // namespace glissade
