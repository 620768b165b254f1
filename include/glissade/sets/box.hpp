// Bounds on each coefficient.
#pragma once

#include "values.hpp"

namespace glissade {

/// { x : low <= x <= high }, coefficient by coefficient.
///
///     x <- min(max(x, low), high);   tangent: v_i <- 0 where x_i is at a bound and v_i leads out of it
///
/// Options: low (-infinity) and high (infinity), a number or one per coefficient, low <= high.
/// An infinite coefficient becomes its bound; NaN stays.
struct Box {
  static constexpr std::string_view name = "Box";

  PerCoefficient low = -std::numeric_limits<double>::infinity();
  PerCoefficient high = std::numeric_limits<double>::infinity();

  static void options(auto& self, auto&& visit) {
    visit("low", self.low);
    visit("high", self.high);
  }
  void check() const {
    low.require_in(name, "low", Range{});
    high.require_in(name, "high", Range{});
    if (low.many() && high.many()) low.require_size(name, "low", high.numbers().size());
    const std::size_t count = std::max(low.many() ? low.numbers().size() : 1, high.many() ? high.numbers().size() : 1);
    if ((low.many() && low.numbers().empty()) || (high.many() && high.numbers().empty())) return;
    for (std::size_t i = 0; i < count; ++i)
      if (!(low[i] <= high[i]))
        reject(name, low.label("low", i), low[i], "<= " + high.label("high", i) + " = " + to_text(high[i]));
  }

  /// Throws std::invalid_argument where there are many bounds, but not as many as coefficients.
  void require_size(std::size_t size) const {
    low.require_size(name, "low", size);
    high.require_size(name, "high", size);
  }
  /// What a set has whose points are those within bounds; an objective may have it too.
  [[nodiscard]] const Box& box() const { return *this; }

  template <class V>
  void project(V&& x) const {
    check();
    change_values(x, [&](Coefficients v, double) {
      require_size(v.size());
      for (std::size_t i = 0; i < v.size(); ++i) v[i] = v[i] < low[i] ? low[i] : v[i] > high[i] ? high[i] : v[i];
    });
  }
  template <class X, class V>
  void project_tangent(const X& x, V&& v) const {
    check();
    change_values_at(name, x, v, [&](ConstCoefficients at, Coefficients d, double epsilon) {
      require_size(d.size());
      // A bound is met by what it was rounded to.
      const auto rounded = [epsilon](double bound) {
        return epsilon > 1e-10 ? static_cast<double>(static_cast<float>(bound)) : bound;
      };
      for (std::size_t i = 0; i < d.size(); ++i) {
        if (at[i] != at[i]) d[i] = at[i];
        if ((d[i] < 0 && at[i] <= rounded(low[i])) || (d[i] > 0 && at[i] >= rounded(high[i]))) d[i] = 0;
      }
    });
  }
};

/// { x : x >= 0 }, a Box in fewer letters.
struct NonNegative {
  static constexpr std::string_view name = "NonNegative";

  [[nodiscard]] Box box() const { return {.low = 0}; }

  template <class V>
  void project(V&& x) const {
    Box{.low = 0}.project(x);
  }
  template <class X, class V>
  void project_tangent(const X& x, V&& v) const {
    Box{.low = 0}.project_tangent(x, v);
  }
};

/// All of the space: what a method without a set has for one.
struct WholeSpace {
  static constexpr std::string_view name = "WholeSpace";

  [[nodiscard]] Box box() const { return {}; }

  template <class V>
  void project(V&&) const {}
  template <class X, class V>
  void project_tangent(const X&, V&&) const {}
};

}  // namespace glissade
