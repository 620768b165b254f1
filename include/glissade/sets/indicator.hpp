// A set as a function.
#pragma once

#include "values.hpp"

namespace glissade {

/// 0 on a set, infinity elsewhere: what makes a set a function with a prox, which is its projection for every step.
///
/// Options: set; tolerance >= 0 (1e-9): how far x may be from its projection, relative to the largest coefficient, and
/// count as of the set.
template <class Set>
struct Indicator {
  static constexpr std::string_view name = "Indicator";

  Set set;
  double tolerance = 1e-9;

  static void options(auto& self, auto&& visit) {
    visit("set", self.set);
    visit("tolerance", self.tolerance, range::non_negative);
  }
  void check() const {
    require(name, "tolerance", tolerance, range::non_negative);
    check_set(set);
  }

  /// NaN where x is.
  template <class V>
  [[nodiscard]] double value(const V& x) const {
    check();
    auto nearest = x.eval();
    set.project(nearest);
    return read_values(x, [&](ConstCoefficients a) {
      return read_values(nearest, [&](ConstCoefficients b) {
        const double size = detail::greatest_magnitude(a);
        if (size != size) return size;
        double distance = 0;
        for (std::size_t i = 0; i < a.size(); ++i)
          if (a[i] != b[i]) distance = std::max(distance, b[i] == b[i] ? std::abs(a[i] - b[i]) : detail::infinity);
        return distance <= tolerance * size && std::isfinite(distance) ? 0.0 : detail::infinity;
      });
    });
  }
  template <class V>
  void prox(V&& x, double step) const {
    check();
    require(name, "step", step, range::positive);
    set.project(x);
  }
};
template <class Set>
Indicator(Set) -> Indicator<Set>;

}  // namespace glissade
