// The cubic model of a function around a point.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "shifted_solver.hpp"

namespace glissade {

/// h = argmin <g, h> + h'H h / 2 + (M / 6) ||h||^3, the global minimizer, in the coordinates of Q: g and h are
/// Q'g and Q'h. g is overwritten by h.
///
/// h = -(H + s I)^{-1} g with s = (M / 2) ||h|| and H + s I positive semidefinite. With s = s_0 + t,
/// s_0 = max(0, -least eigenvalue), Newton's method finds the root t > 0 of
///     psi(t) = 1 / ||h(t)|| - M / (2 s)      in (0, sqrt(M ||g|| / 2)]
/// where the eigenvalues shifted by s_0 are exactly 0 at the lowest cluster, so that no digits are lost
/// when t is small. In the hard case (g orthogonal to that cluster) a part of the lowest eigenspace is added.
/// Cost: O(n) per iteration, 6 to 10 of them.
/// Source: Nesterov and Polyak, Cubic regularization of Newton method, Math. Prog. 108, 2006.
template <class V>
void minimize_cubic_model(ShiftedSolver<V>& H, double M, V& g) {
  constexpr double eps = std::numeric_limits<double>::epsilon();
  const Eigen::Index n = g.size();
  const double norm = n == 0 ? 0.0 : g.stableNorm();
  const double s0 = std::max(0.0, -H.least());
  if (norm == 0 && s0 == 0) return;

  // The lowest cluster: how many eigenvalues count as the least one.
  const bool split = H.is_diagonal() && H.least() <= 0;
  Eigen::Index cluster = 0;
  if (split) {
    const double scale = std::max(std::abs(H.diagonal()[0]), std::abs(H.diagonal()[n - 1]));
    while (cluster < n && H.diagonal()[cluster] + s0 <= 4 * eps * scale) ++cluster;
  }
  const auto curvature = [&](Eigen::Index i) { return i < cluster ? 0.0 : H.diagonal()[i] + s0; };

  auto& [h, w] = H.work();
  if (split && s0 > 0 && g.head(cluster).stableNorm() <= 1e-13 * norm) {
    h.setZero(n);
    for (Eigen::Index i = cluster; i < n; ++i) h[i] = -g[i] / curvature(i);
    const double radius = 2 * s0 / M;
    const double length = h.stableNorm();
    if (length <= radius) {
      h[0] = std::sqrt((radius - length) * (radius + length));
      g = h;
      return;
    }
  }

  h.resize(n);
  double low = 0;
  double high = std::sqrt(M / 2) * std::sqrt(norm);
  double t = high;
  for (int k = 0; k < 100; ++k) {
    if (split) {
      for (Eigen::Index i = 0; i < n; ++i) h[i] = -g[i] / (curvature(i) + t);
    } else {
      h = -g;
      H.solve(s0 + t, h);
    }
    const double length = h.stableNorm();
    w = h / length;
    double slope_sum = 0;  // w'(T + s I)^{-1} w of the unit vector w
    if (split) {
      for (Eigen::Index i = 0; i < n; ++i) slope_sum += w[i] * w[i] / (curvature(i) + t);
    } else {
      H.solve(s0 + t, w);
      slope_sum = h.dot(w) / length;
    }
    const double s = s0 + t;
    const double psi = 1 / length - M / (2 * s);
    (psi < 0 ? low : high) = t;
    const double slope = slope_sum / length + M / (2 * s) / s;
    double next = t - psi / slope;
    if (!(next > low && next < high)) next = low + 0.5 * (high - low);
    const bool done = psi == 0 || std::abs(next - t) <= 4 * eps * t;
    if (done) break;
    t = next;
  }
  g = h;
}

}  // namespace glissade
