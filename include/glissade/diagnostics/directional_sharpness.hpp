// The curvature along an update.
#pragma once

#include <stdexcept>

#include "../method/objective.hpp"

namespace glissade {

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
