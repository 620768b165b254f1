// Negative entropy as a mirror map: on simplexes and on positive vectors.
#pragma once

#include "mirror_map.hpp"

namespace glissade {

/// psi(z) = sum z log z on the simplex, or on a simplex for each segment: every player's strategy.
///
///     gradient: y = log z;   mirror: y <- y - log sum exp y,  z = exp y,  segment by segment
///     divergence: sum z log(z / w), by terms that are >= 0
///
/// The gradient lacks the constant 1, which no z - w of the simplex sees. mirror leaves y = log z, however small z is.
/// Options: sizes of the segments, none for one of all.
/// Errors: gradient throws std::invalid_argument for a z that is not positive, since what is 0 would stay 0.
/// -infinity in y is z = 0; with NaN or infinity a segment becomes NaN.
struct NegativeEntropy {
  static constexpr std::string_view name = "NegativeEntropy";

  std::vector<Index> sizes{};

  static void options(auto& self, auto&& visit) { visit("sizes", self.sizes); }

  template <class V>
  [[nodiscard]] double value(const V& z) const {
    return read_values(z, [&](ConstCoefficients v) {
      double sum = 0;
      for (const double a : v) sum += a == 0 ? 0 : a * std::log(a);
      return sum;
    });
  }
  template <class V, class W>
  [[nodiscard]] double divergence(const V& z, const W& w) const {
    return detail::read_pair(name, z, w, [](ConstCoefficients a, ConstCoefficients b) {
      double sum = 0;
      for (std::size_t i = 0; i < a.size(); ++i) sum += detail::entropy_gap(a[i], b[i]);
      return sum;
    });
  }
  template <class V, class W>
  void gradient(const V& z, W&& y) const {
    detail::map_values(name, z, y, [&](ConstCoefficients a, Coefficients b) {
      if (!sizes.empty()) detail::require_sizes(name, sizes, static_cast<Index>(a.size()));
      for (std::size_t i = 0; i < a.size(); ++i) detail::require_coefficient(name, "z", i, a[i], range::positive);
      for (std::size_t i = 0; i < a.size(); ++i) b[i] = std::log(a[i]);
    });
  }
  template <class V, class W>
  void mirror(V&& y, W&& z) const {
    detail::mirror_values(name, y, z, [&](Coefficients a, Coefficients b) {
      detail::for_segments(name, sizes, a, [](Coefficients segment) { normalize(segment); });
      for (std::size_t i = 0; i < a.size(); ++i) b[i] = std::exp(a[i]);
    });
  }

  /// Logarithms become those of numbers with the sum 1; returns the logarithm of the sum that there was.
  static double normalize(Coefficients y) {
    if (y.empty()) return -detail::infinity;
    const double top = detail::largest_of(y);
    if (!std::isfinite(top)) {
      detail::fill_with_nan(y);
      return y[0];
    }
    double sum = 0;
    for (const double a : y) sum += std::exp(a - top);
    const double rest = std::log(sum);
    for (double& a : y) a = (a - top) - rest;
    return top + rest;
  }
};

/// psi(z) = sum z log z - z on positive vectors.
///
///     gradient: y = log z;   mirror: z = exp y;   divergence: sum z log(z / w) - z + w
///
/// Errors: gradient throws std::invalid_argument for a z that is not positive. -infinity in y is z = 0, NaN stays.
struct PositiveEntropy {
  static constexpr std::string_view name = "PositiveEntropy";

  template <class V>
  [[nodiscard]] double value(const V& z) const {
    return read_values(z, [](ConstCoefficients v) {
      double sum = 0;
      for (const double a : v) sum += a == 0 ? 0 : a * (std::log(a) - 1);
      return sum;
    });
  }
  template <class V, class W>
  [[nodiscard]] double divergence(const V& z, const W& w) const {
    return NegativeEntropy{}.divergence(z, w);
  }
  template <class V, class W>
  void gradient(const V& z, W&& y) const {
    detail::map_values(name, z, y, [](ConstCoefficients a, Coefficients b) {
      for (std::size_t i = 0; i < a.size(); ++i) detail::require_coefficient(name, "z", i, a[i], range::positive);
      for (std::size_t i = 0; i < a.size(); ++i) b[i] = std::log(a[i]);
    });
  }
  template <class V, class W>
  void mirror(V&& y, W&& z) const {
    detail::mirror_values(name, y, z, [](Coefficients a, Coefficients b) {
      for (std::size_t i = 0; i < a.size(); ++i) b[i] = std::exp(a[i]);
    });
  }
};

}  // namespace glissade
