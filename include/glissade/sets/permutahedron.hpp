// The permutahedron.
#pragma once

#include <algorithm>
#include <numeric>

#include "values.hpp"

namespace glissade {

/// The convex hull of all permutations of a point: rankings, relaxed.
///
///     s = x sorted, falling;  w = point sorted, falling
///     m = argmin |m - (s - w)|^2 over falling m, by pooling neighbours;   x <- s - m, back in the order of x
///
/// Options: point, a number per coefficient (or one, for the set of a single point).
/// Cost: O(n log n) and memory for some n numbers. Where a coefficient is not finite, all become NaN.
/// Source: "Fast Differentiable Sorting and Ranking", 2020, arXiv 2002.08871.
struct Permutahedron {
  static constexpr std::string_view name = "Permutahedron";

  PerCoefficient point = 0;

  static void options(auto& self, auto&& visit) { visit("point", self.point); }
  void check() const { point.require_in(name, "point", range::finite); }

  template <class V>
  void project(V&& x) const {
    check();
    change_values(x, [&](Coefficients v, double) { project_values(v); });
  }

 private:
  /// Neighbours with one m: the means of their s and of their w.
  struct Pool {
    std::size_t count;
    double s, w;
  };

  void project_values(Coefficients v) const {
    point.require_size(name, "point", v.size());
    if (!detail::all_finite(v)) return detail::fill_with_nan(v);
    std::vector<double> w(v.size());
    for (std::size_t i = 0; i < w.size(); ++i) w[i] = point[i];
    std::sort(w.begin(), w.end(), [](double a, double b) { return a > b; });
    std::vector<std::size_t> order(v.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return v[i] > v[j]; });

    std::vector<Pool> pools;
    for (std::size_t k = 0; k < order.size(); ++k) {
      Pool next{1, v[order[k]], w[k]};
      // Differences of s and of w apart, so that what is small next to a large s is not lost.
      while (!pools.empty() && pools.back().s - next.s <= pools.back().w - next.w) {
        const Pool& last = pools.back();
        const double share = static_cast<double>(next.count) / static_cast<double>(last.count + next.count);
        next = {last.count + next.count, last.s + (next.s - last.s) * share, last.w + (next.w - last.w) * share};
        pools.pop_back();
      }
      pools.push_back(next);
    }
    std::size_t k = 0;
    for (const Pool& pool : pools)
      for (std::size_t i = 0; i < pool.count; ++i, ++k) v[order[k]] = (v[order[k]] - pool.s) + pool.w;
  }
};

}  // namespace glissade
