// Is a symmetric matrix indefinite? An answer from products with it alone.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <limits>

#include "../core/random.hpp"

namespace glissade {

/// The curvature d'Hd < 0 along a unit vector d, which is found; 0 where none was met.
///
/// Conjugate gradients on H z = b with b random, of at most `most` products(v, Hv): their directions are conjugate and
/// span what Lanczos' method sees, so the first one of negative curvature comes as soon as that space shows the matrix
/// to be indefinite; with n products every indefinite matrix shows, with fewer those whose negative eigenvalue is not
/// tiny next to the others. What is above -1e-8 times the largest curvature met counts as rounding errors, also
/// those of Hessians by differences.
/// residual and image are memory to work in. Source: Steihaug, SIAM J. Numer. Anal. 20, 1983, with a random start.
template <class V, class Product>
double negative_curvature(const Product& product, Eigen::Index n, Eigen::Index most, V& d, V& residual, V& image) {
  const RandomKey key{0};
  residual.resize(n);
  image.resize(n);
  for (Eigen::Index i = 0; i < n; ++i) residual[i] = key.normal(static_cast<std::uint64_t>(i));
  d = residual;
  double rr = residual.squaredNorm();
  const double enough = 1e-20 * rr;
  double largest = 0;
  for (Eigen::Index k = 0; k < most && rr > enough; ++k) {
    product(d, image);
    const double length = d.norm();
    const double curvature = d.dot(image) / length / length;
    largest = std::max(largest, image.stableNorm() / length);
    if (curvature < -1e-8 * largest) {
      d /= length;
      return std::isfinite(curvature) ? curvature : 0;
    }
    if (!(curvature > 0) || !std::isfinite(largest)) return 0;
    const double step = rr / length / length / curvature;
    residual -= step * image;
    const double next = residual.squaredNorm();
    d = residual + (next / rr) * d;
    rr = next;
  }
  return 0;
}

}  // namespace glissade
