// The largest coefficient and the largest magnitude as functions with a prox.
#pragma once

#include "thresholds.hpp"

namespace glissade {

/// h(x) = weight max_i |x_i|.
///
///     x <- x - projection of x on the l1 ball of radius step weight, which is  min(max(x, -t), t)
///
/// Options: weight >= 0 (1). Cost: as Simplex. Of size 0 the value is 0. Where a coefficient is not finite, all become
/// NaN.
struct LInfinity {
  static constexpr std::string_view name = "LInfinity";

  double weight = 1;

  static void options(auto& self, auto&& visit) { visit("weight", self.weight, range::non_negative); }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    check_set(*this);
    return read_values(x, [&](ConstCoefficients v) { return weight * detail::greatest_magnitude(v); });
  }
  template <class V>
  void prox(V&& x, double step) const {
    check_set(*this);
    require(name, "step", step, range::positive);
    change_values(x, [&](Coefficients v, double) { clip(v, step * weight); });
  }

  /// The same of coefficients in double: `amount` is step times weight.
  static void clip(Coefficients v, double amount) {
    if (!detail::all_finite(v)) return detail::fill_with_nan(v);
    if (v.empty() || !(amount > 0)) return;
    CompensatedSum sum;
    for (const double a : v) sum.add(std::abs(a));
    if (sum.value() <= amount) return std::fill(v.begin(), v.end(), 0.0);
    const auto [top, cut] = detail::simplex_cut(
        v.size(), [&](std::size_t i) { return std::abs(v[i]); }, amount);
    const double most = std::max(top + amount * cut, 0.0);
    for (double& a : v) a = std::min(std::max(a, -most), most);
  }
};

/// h(x) = weight max_i x_i.
///
///     x <- x - projection of x on the simplex of total step weight, which is  min(x, t)
///
/// Options: weight >= 0 (1). Cost: as Simplex. Of size 0 the value is -infinity. -infinity stays; with NaN or infinity
/// all become NaN.
struct Max {
  static constexpr std::string_view name = "Max";

  double weight = 1;

  static void options(auto& self, auto&& visit) { visit("weight", self.weight, range::non_negative); }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    check_set(*this);
    return read_values(x, [&](ConstCoefficients v) { return weight == 0 ? 0.0 : weight * detail::largest_of(v); });
  }
  template <class V>
  void prox(V&& x, double step) const {
    check_set(*this);
    require(name, "step", step, range::positive);
    change_values(x, [&](Coefficients v, double) {
      if (v.empty() || !(step * weight > 0)) return;
      const auto [top, cut] = detail::simplex_cut(
          v.size(), [&](std::size_t i) { return v[i]; }, step * weight);
      if (top != top) return detail::fill_with_nan(v);
      const double most = top + step * weight * cut;
      for (double& a : v) a = std::min(a, most);
    });
  }
};

}  // namespace glissade
