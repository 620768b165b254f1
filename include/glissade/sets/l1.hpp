// Functions of each coefficient for itself that favour zeros or are robust: l1, elastic net, l0, Huber.
#pragma once

#include "values.hpp"

namespace glissade {

namespace detail {
/// sign(x) max(|x| - t, 0); NaN stays.
[[nodiscard]] inline double soft_threshold(double x, double t) {
  if (x > t) return x - t;
  if (x < -t) return x + t;
  return x == x ? 0.0 : x;
}
}  // namespace detail

/// h(x) = sum_i weight_i |x_i|: sparse solutions.
///
///     x_i <- sign(x_i) max(|x_i| - step weight_i, 0)
///
/// Options: weight >= 0 (1), a number or one per coefficient.
/// Any coefficient; NaN stays.
struct L1 {
  static constexpr std::string_view name = "L1";

  PerCoefficient weight = 1;

  static void options(auto& self, auto&& visit) { visit("weight", self.weight); }
  void check() const { weight.require_in(name, "weight", range::non_negative); }
  /// What a term has that is an l1 norm, for methods that honour nothing else; an objective may have it too.
  [[nodiscard]] const PerCoefficient& l1_weights() const { return weight; }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    check();
    return read_values(x, [&](ConstCoefficients v) {
      weight.require_size(name, "weight", v.size());
      double sum = 0;
      for (std::size_t i = 0; i < v.size(); ++i) sum += weight[i] * std::abs(v[i]);
      return sum;
    });
  }
  template <class V>
  void prox(V&& x, double step) const {
    check();
    require(name, "step", step, range::positive);
    change_values(x, [&](Coefficients v, double) {
      weight.require_size(name, "weight", v.size());
      for (std::size_t i = 0; i < v.size(); ++i) v[i] = detail::soft_threshold(v[i], step * weight[i]);
    });
  }
};

/// h(x) = l1 |x|_1 + l2 / 2 |x|^2: sparse solutions that share among alike columns.
///
///     x_i <- sign(x_i) max(|x_i| - step l1, 0) / (1 + step l2)
///
/// Options: l1 >= 0 (1), l2 >= 0 (1). Any coefficient; NaN stays.
struct ElasticNet {
  static constexpr std::string_view name = "ElasticNet";

  double l1 = 1;
  double l2 = 1;

  static void options(auto& self, auto&& visit) {
    visit("l1", self.l1, range::non_negative);
    visit("l2", self.l2, range::non_negative);
  }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    check_set(*this);
    return read_values(x, [&](ConstCoefficients v) {
      double sum = 0;
      for (const double a : v) sum += std::abs(a) * (l1 + l2 / 2 * std::abs(a));
      return sum;
    });
  }
  template <class V>
  void prox(V&& x, double step) const {
    check_set(*this);
    require(name, "step", step, range::positive);
    change_values(x, [&](Coefficients v, double) {
      for (double& a : v) a = detail::soft_threshold(a, step * l1) / (1 + step * l2);
    });
  }
};

/// h(x) = weight times the number of coefficients that are not 0. It is not convex: the prox is a global minimizer, of
/// two equal ones that with 0.
///
///     x_i <- x_i where x_i^2 > 2 step weight, else 0
///
/// Options: weight >= 0 (1). Any coefficient; NaN stays.
struct L0 {
  static constexpr std::string_view name = "L0";

  double weight = 1;

  static void options(auto& self, auto&& visit) { visit("weight", self.weight, range::non_negative); }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    check_set(*this);
    return read_values(x, [&](ConstCoefficients v) {
      double sum = 0;
      for (const double a : v) sum += a == 0 ? 0 : a == a ? weight : a;
      return sum;
    });
  }
  template <class V>
  void prox(V&& x, double step) const {
    check_set(*this);
    require(name, "step", step, range::positive);
    change_values(x, [&](Coefficients v, double) {
      const double least = std::sqrt(2 * step) * std::sqrt(weight);
      for (double& a : v)
        if (std::abs(a) <= least) a = 0;
    });
  }
};

/// h(x) = weight sum_i huber(x_i): quadratic near 0, else |x| but for a constant; for residuals with outliers.
///
///     huber(x) = x^2 / (2 delta)  where |x| <= delta,  else |x| - delta / 2;   t = step weight
///     x_i <- x_i delta / (delta + t)  where |x_i| <= delta + t,  else x_i - t sign(x_i)
///
/// Options: delta > 0 (1), weight >= 0 (1). Any coefficient; NaN stays.
struct Huber {
  static constexpr std::string_view name = "Huber";

  double delta = 1;
  double weight = 1;

  static void options(auto& self, auto&& visit) {
    visit("delta", self.delta, range::positive);
    visit("weight", self.weight, range::non_negative);
  }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    check_set(*this);
    return read_values(x, [&](ConstCoefficients v) {
      double sum = 0;
      for (const double a : v) sum += std::abs(a) <= delta ? a / delta * a / 2 : std::abs(a) - delta / 2;
      return weight * sum;
    });
  }
  template <class V>
  void prox(V&& x, double step) const {
    check_set(*this);
    require(name, "step", step, range::positive);
    change_values(x, [&](Coefficients v, double) {
      const double t = step * weight;
      for (double& a : v) {
        const double outside = detail::soft_threshold(a, t);
        a = std::abs(outside) > delta ? outside : a / (1 + t / delta);
      }
    });
  }
};

}  // namespace glissade
