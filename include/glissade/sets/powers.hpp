// Mirror maps of powers and of the logarithm: the squared p-norm and Itakura and Saito's.
#pragma once

#include "mirror_map.hpp"

namespace glissade {

/// psi(z) = |z|_p^2 / 2: between Euclid (p = 2) and what favours sparse solutions (p near 1).
///
///     gradient: y_i = sign(z_i) |z_i|^(p-1) |z|_p^(2-p);   mirror: the same of y with q, 1/p + 1/q = 1;  y stays
///
/// Options: p > 1 (1.5). Any coefficient; where one is not finite, all become NaN.
struct SquaredPNorm {
  static constexpr std::string_view name = "SquaredPNorm";

  double p = 1.5;

  static void options(auto& self, auto&& visit) { visit("p", self.p, Range{1, detail::infinity, true, true}); }

  template <class V>
  [[nodiscard]] double value(const V& z) const {
    check_set(*this);
    return read_values(z, [&](ConstCoefficients v) { return std::pow(norm(v, p), 2) / 2; });
  }
  template <class V, class W>
  [[nodiscard]] double divergence(const V& z, const W& w) const {
    check_set(*this);
    return detail::read_pair(name, z, w, [&](ConstCoefficients a, ConstCoefficients b) {
      std::vector<double> y(b.begin(), b.end());
      dual(b, y, p);
      double sum = std::pow(norm(a, p), 2) / 2 + std::pow(norm(b, p), 2) / 2;  // <y, w> = |w|_p^2
      for (std::size_t i = 0; i < a.size(); ++i) sum -= y[i] * a[i];
      return sum != sum ? sum : std::max(sum, 0.0);
    });
  }
  template <class V, class W>
  void gradient(const V& z, W&& y) const {
    check_set(*this);
    detail::map_values(name, z, y, [&](ConstCoefficients a, Coefficients b) { dual(a, b, p); });
  }
  template <class V, class W>
  void mirror(V&& y, W&& z) const {
    check_set(*this);
    detail::map_values(name, y, z, [&](ConstCoefficients a, Coefficients b) { dual(a, b, p / (p - 1)); });
  }

 private:
  /// |v / the largest|_power, between 1 and n
  [[nodiscard]] static double shape(ConstCoefficients v, double largest, double power) {
    double sum = 0;
    for (const double a : v) sum += std::pow(std::abs(a) / largest, power);
    return std::pow(sum, 1 / power);
  }
  [[nodiscard]] static double norm(ConstCoefficients v, double power) {
    const double largest = detail::greatest_magnitude(v);
    return largest > 0 && std::isfinite(largest) ? largest * shape(v, largest, power) : largest;
  }
  static void dual(ConstCoefficients v, Coefficients out, double power) {
    if (!detail::all_finite(v)) return detail::fill_with_nan(out);
    const double largest = detail::greatest_magnitude(v);
    const double factor = largest > 0 ? largest * std::pow(shape(v, largest, power), 2 - power) : 0;
    for (std::size_t i = 0; i < v.size(); ++i)
      out[i] = factor > 0 ? std::copysign(std::pow(std::abs(v[i]) / largest, power - 1) * factor, v[i]) : 0.0;
  }
};

/// psi(z) = -sum log z on positive vectors: spectra, and other things whose scale does not matter.
///
///     gradient: y = -1 / z;   mirror: z = -1 / y;   divergence: sum z / w - log(z / w) - 1
///
/// Errors: gradient throws std::invalid_argument for a z that is not positive, mirror for a y that is not negative, for
/// which there is no maximum. NaN in y stays.
struct ItakuraSaito {
  static constexpr std::string_view name = "ItakuraSaito";

  template <class V>
  [[nodiscard]] double value(const V& z) const {
    return read_values(z, [](ConstCoefficients v) {
      double sum = 0;
      for (const double a : v) sum -= std::log(a);
      return sum;
    });
  }
  template <class V, class W>
  [[nodiscard]] double divergence(const V& z, const W& w) const {
    return detail::read_pair(name, z, w, [](ConstCoefficients a, ConstCoefficients b) {
      double sum = 0;
      for (std::size_t i = 0; i < a.size(); ++i) sum += detail::log_gap(a[i], b[i]);
      return sum;
    });
  }
  template <class V, class W>
  void gradient(const V& z, W&& y) const {
    detail::map_values(name, z, y, [](ConstCoefficients a, Coefficients b) {
      for (std::size_t i = 0; i < a.size(); ++i) detail::require_coefficient(name, "z", i, a[i], range::positive);
      for (std::size_t i = 0; i < a.size(); ++i) b[i] = -1 / a[i];
    });
  }
  template <class V, class W>
  void mirror(V&& y, W&& z) const {
    detail::map_values(name, y, z, [](ConstCoefficients a, Coefficients b) {
      for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] >= 0) reject(name, "y[" + std::to_string(i) + "]", a[i], "< 0");
      for (std::size_t i = 0; i < a.size(); ++i) b[i] = -1 / a[i];
    });
  }
};

}  // namespace glissade
