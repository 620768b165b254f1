// The simplex, with and without upper bounds.
#pragma once

#include "thresholds.hpp"

namespace glissade {

/// { x >= 0 : sum x = total }: probabilities, mixed strategies.
///
///     x <- max(x - t, 0)  with the t for which the sum is right, by Newton's iteration on the numbers above t
///     tangent: v <- v - t, and max(v - t, 0) where x is 0, with the t for which the sum is 0
///
/// Options: total > 0 (1).
/// Cost: some passes over n numbers, no memory; O(n log n) and memory after 50 passes, of which orderly data take
/// three to ten.
/// Points of the set up to rounding are left as they are. -infinity becomes 0; with NaN or infinity all become NaN.
/// Errors: a tangent at an x without a positive coefficient.
/// Source: "Efficient Projections onto the l1-Ball for Learning in High Dimensions", 2008; the iteration: Michelot,
/// 1986.
struct Simplex {
  static constexpr std::string_view name = "Simplex";

  double total = 1;

  static void options(auto& self, auto&& visit) { visit("total", self.total, range::positive); }
  void check() const { require(name, "total", total, range::positive); }

  template <class V>
  void project(V&& x) const {
    check();
    change_values(x, [&](Coefficients v, double epsilon) { detail::project_simplex(v, total, epsilon); });
  }
  template <class X, class V>
  void project_tangent(const X& x, V&& v) const {
    check();
    change_values_at(name, x, v,
                     [](ConstCoefficients at, Coefficients d, double) { detail::project_simplex_tangent(at, d); });
  }
};

/// { 0 <= x <= upper : sum x = total }: choices of `total` things out of many, each at most `upper` times.
///
///     x <- min(max(x - t, 0), upper)  with the t for which the sum is right, between two breakpoints
///
/// Options: total > 0 (1); upper > 0 (1), a number or one per coefficient; their sum >= total.
/// Cost: O(n log n) and memory for 2 n numbers.
/// Points of the set up to rounding are left as they are. Where a coefficient is not finite, all become NaN.
/// Errors: upper bounds whose sum is below the total.
struct CappedSimplex {
  static constexpr std::string_view name = "CappedSimplex";

  double total = 1;
  PerCoefficient upper = 1;

  static void options(auto& self, auto&& visit) {
    visit("total", self.total, range::positive);
    visit("upper", self.upper);
  }
  void check() const {
    require(name, "total", total, range::positive);
    upper.require_in(name, "upper", range::positive);
  }

  template <class V>
  void project(V&& x) const {
    check();
    change_values(x, [&](Coefficients v, double epsilon) { project_values(v, epsilon); });
  }

 private:
  void project_values(Coefficients v, double epsilon) const {
    if (v.empty()) return;
    upper.require_size(name, "upper", v.size());
    CompensatedSum room;
    for (std::size_t i = 0; i < v.size(); ++i) room.add(upper[i]);
    const double slack = detail::rounding_of(v.size(), epsilon);
    if (!(room.value() >= total * (1 - slack))) reject(name, "total", total, "<= the sum of upper");
    if (!detail::all_finite(v)) return detail::fill_with_nan(v);
    CompensatedSum sum;
    bool inside = true;
    for (std::size_t i = 0; i < v.size(); ++i) {
      inside = inside && v[i] >= 0 && v[i] <= upper[i] * (1 + epsilon);
      sum.add(v[i]);
    }
    if (inside && std::abs(sum.value() - total) <= slack * total) return;
    detail::take_threshold(v, 1, &upper, total);
  }
};

}  // namespace glissade
