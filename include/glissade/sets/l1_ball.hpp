// The l1 ball.
#pragma once

#include "thresholds.hpp"

namespace glissade {

/// { x : sum_i weights_i |x_i| <= radius }.
///
///     x_i <- sign(x_i) max(|x_i| - t weights_i, 0)  with the least t >= 0 for which the sum is at most the radius
///
/// Options: radius >= 0 (1); weights > 0 (1), a number or one per coefficient.
/// Cost: as Simplex with one weight, O(n log n) and memory for n numbers with many.
/// Points of the ball up to rounding are left as they are. Where a coefficient is not finite, all become NaN.
struct L1Ball {
  static constexpr std::string_view name = "L1Ball";

  double radius = 1;
  PerCoefficient weights = 1;

  static void options(auto& self, auto&& visit) {
    visit("radius", self.radius, range::non_negative);
    visit("weights", self.weights);
  }
  void check() const {
    require(name, "radius", radius, range::non_negative);
    weights.require_in(name, "weights", range::positive);
  }

  template <class V>
  void project(V&& x) const {
    check();
    change_values(x, [&](Coefficients v, double epsilon) { project_values(v, epsilon); });
  }

 private:
  void project_values(Coefficients v, double epsilon) const {
    weights.require_size(name, "weights", v.size());
    if (v.empty()) return;
    if (!detail::all_finite(v)) return detail::fill_with_nan(v);
    CompensatedSum sum;
    for (std::size_t i = 0; i < v.size(); ++i) sum.add(weights[i] * std::abs(v[i]));
    if (sum.value() <= radius * (1 + detail::rounding_of(v.size(), epsilon))) return;
    const double common = radius / weights[0];
    if (!(common > 0)) return std::fill(v.begin(), v.end(), 0.0);
    const auto size = [&](std::size_t i) { return std::abs(v[i]); };
    if (weights.many()) {
      const double unit = detail::largest_of(weights.numbers());  // squares of weights neither overflow nor vanish
      Eigen::Map<const Eigen::ArrayXd> all(weights.numbers().data(), static_cast<Index>(v.size()));
      const PerCoefficient w = all / unit;
      std::vector<double> sizes(v.size());
      for (std::size_t i = 0; i < v.size(); ++i) sizes[i] = size(i);
      detail::take_threshold(sizes, w, nullptr, radius / unit);
      for (std::size_t i = 0; i < v.size(); ++i) v[i] = std::copysign(sizes[i], v[i]);
    } else {
      const auto [top, cut] = detail::simplex_cut(v.size(), size, common);
      CompensatedSum share;
      for (std::size_t i = 0; i < v.size(); ++i) {
        v[i] = std::copysign(std::max((size(i) - top) / common - cut, 0.0), v[i]);
        share.add(size(i));
      }
      for (double& a : v) a = a / share.value() * common;
    }
  }
};

}  // namespace glissade
