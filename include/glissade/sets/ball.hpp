// The Euclidean ball.
#pragma once

#include "values.hpp"

namespace glissade {

/// { x : |x - center| <= radius } in the Euclidean norm, of a matrix in Frobenius'.
///
///     x <- center + (x - center) min(1, radius / |x - center|)
///     tangent on the boundary, n = (x - center) / |x - center|:  v <- v - max(0, n'v) n
///
/// Options: radius >= 0 (1); center (0), a number or one per coefficient.
/// Points of the ball up to rounding are left as they are. Where a coefficient is not finite, all become NaN.
struct Ball {
  static constexpr std::string_view name = "Ball";

  double radius = 1;
  PerCoefficient center = 0;

  static void options(auto& self, auto&& visit) {
    visit("radius", self.radius, range::non_negative);
    visit("center", self.center);
  }
  void check() const {
    require(name, "radius", radius, range::non_negative);
    center.require_in(name, "center", range::finite);
  }

  template <class V>
  void project(V&& x) const {
    check();
    change_values(x, [&](Coefficients v, double epsilon) {
      center.require_size(name, "center", v.size());
      if (!detail::all_finite(v)) return detail::fill_with_nan(v);
      double unit = 0;  // at least the largest coefficient of x - center
      for (std::size_t i = 0; i < v.size(); ++i) unit = std::max(unit, std::abs(v[i] / 2 - center[i] / 2));
      if (unit == 0) return;
      const double length = length_in(unit, v);
      if (length <=
          radius / unit / 2 * (1 + detail::rounding_of(v.size(), epsilon)) + slack(v.size(), epsilon) / unit / 2)
        return;
      for (std::size_t i = 0; i < v.size(); ++i) v[i] = center[i] + (v[i] / 2 - center[i] / 2) / unit / length * radius;
    });
  }
  template <class X, class V>
  void project_tangent(const X& x, V&& v) const {
    check();
    change_values_at(name, x, v, [&](ConstCoefficients at, Coefficients d, double epsilon) {
      center.require_size(name, "center", d.size());
      if (!detail::all_finite(at) || !detail::all_finite(d)) return detail::fill_with_nan(d);
      double unit = 0;
      for (std::size_t i = 0; i < d.size(); ++i) unit = std::max(unit, std::abs(at[i] / 2 - center[i] / 2));
      if (radius == 0) return std::fill(d.begin(), d.end(), 0.0);
      if (unit == 0) return;
      const double length = length_in(unit, at);
      if (length <
          radius / unit / 2 * (1 - detail::rounding_of(d.size(), epsilon)) - slack(d.size(), epsilon) / unit / 2)
        return;
      double outward = 0;
      const auto normal = [&](std::size_t i) { return (at[i] / 2 - center[i] / 2) / unit / length; };
      for (std::size_t i = 0; i < d.size(); ++i) outward += normal(i) * d[i];
      if (!(outward > 0)) return;
      for (std::size_t i = 0; i < d.size(); ++i) d[i] -= outward * normal(i);
    });
  }

 private:
  /// |x - center| / (2 unit); halves, so that no difference overflows.
  [[nodiscard]] double length_in(double unit, ConstCoefficients v) const {
    double squares = 0;
    for (std::size_t i = 0; i < v.size(); ++i) squares += std::pow((v[i] / 2 - center[i] / 2) / unit, 2);
    return std::sqrt(squares);
  }
  /// What x = center + d loses by rounding.
  [[nodiscard]] double slack(std::size_t n, double epsilon) const {
    double squares = 0;
    for (std::size_t i = 0; i < n; ++i) squares += std::pow(center[i] / 1e150, 2);
    return 4 * epsilon * std::sqrt(squares) * 1e150;
  }
};

}  // namespace glissade
