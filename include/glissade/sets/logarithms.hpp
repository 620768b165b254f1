// Functions of each coefficient for itself with logarithms or exponentials.
#pragma once

#include "values.hpp"

namespace glissade {

/// The w > 0 with w + log w = a, which is Lambert's W at exp(a), for a of any size.
///
/// Newton's iteration from below, from where it rises to w; 0 where exp(a) is.
[[nodiscard]] inline double lambert_of_exp(double a) {
  if (a != a || a == detail::infinity) return a;
  if (a < -40) return std::exp(a);  // w = exp(a - w)
  double w = a > 1 ? a - std::log(a) : std::exp(a) / (1 + std::exp(a));
  for (int k = 0; k < 50; ++k) {
    const double next = w / (1 + w) * (1 + (a - std::log(w)));
    if (!(next > w)) break;
    w = next;
  }
  return w;
}

namespace detail {
/// change(v, step times weight) of every coefficient.
template <class S, class V, class F>
void change_each(const S& function, V&& x, double step, F&& change) {
  check_set(function);
  require(S::name, "step", step, range::positive);
  const double t = step * function.weight;
  change_values(x, [&](Coefficients v, double) {
    for (double& a : v) a = t > 0 ? change(a, t) : a;
  });
}
/// weight times the sum of term(v).
template <class S, class V, class F>
[[nodiscard]] double sum_of_each(const S& function, const V& x, F&& term) {
  check_set(function);
  return read_values(x, [&](ConstCoefficients v) {
    double sum = 0;
    for (const double a : v) sum += term(a);
    return sum == 0 ? 0.0 : function.weight * sum;
  });
}
}  // namespace detail

/// h(x) = -weight sum log x, infinity where a coefficient is not positive.
///
///     x <- (x + sqrt(x^2 + 4 step weight)) / 2
///
/// Options: weight >= 0 (1). Any coefficient, the prox is positive (0 where that is below the range); NaN stays.
struct LogBarrier {
  static constexpr std::string_view name = "LogBarrier";

  double weight = 1;

  static void options(auto& self, auto&& visit) { visit("weight", self.weight, range::non_negative); }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    return detail::sum_of_each(*this, x, [](double a) { return a <= 0 ? detail::infinity : -std::log(a); });
  }
  template <class V>
  void prox(V&& x, double step) const {
    detail::change_each(*this, x, step, [](double v, double t) {
      const double root = std::hypot(v / 2, std::sqrt(t));
      return v < 0 ? t / (root - v / 2) : v / 2 + root;
    });
  }
};

/// h(x) = weight sum x log x, 0 at 0 and infinity where a coefficient is negative: negative entropy.
///
///     x <- t w  with  w + log w = x / t - 1 - log t,  t = step weight
///
/// Options: weight >= 0 (1). Any coefficient, the prox is positive (0 where that is below the range); NaN stays.
struct XLogX {
  static constexpr std::string_view name = "XLogX";

  double weight = 1;

  static void options(auto& self, auto&& visit) { visit("weight", self.weight, range::non_negative); }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    return detail::sum_of_each(*this, x, [](double a) {
      return a < 0 ? detail::infinity : a == 0 ? 0.0 : a * std::log(a);
    });
  }
  template <class V>
  void prox(V&& x, double step) const {
    detail::change_each(*this, x, step, [](double v, double t) {
      const double a = v / t - 1 - std::log(t);
      return a == detail::infinity ? v : t * lambert_of_exp(a);
    });
  }
};

/// h(x) = weight sum exp x.
///
///     x <- x - w  with  w + log w = x + log t,  t = step weight
///
/// Options: weight >= 0 (1). Any coefficient; NaN stays.
struct Exponential {
  static constexpr std::string_view name = "Exponential";

  double weight = 1;

  static void options(auto& self, auto&& visit) { visit("weight", self.weight, range::non_negative); }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    return detail::sum_of_each(*this, x, [](double a) { return std::exp(a); });
  }
  template <class V>
  void prox(V&& x, double step) const {
    detail::change_each(*this, x, step, [](double v, double t) {
      const double w = lambert_of_exp(v + std::log(t));
      return w > 1 ? std::log(w) - std::log(t) : v - w;  // the same, and no digits lost to a large v
    });
  }
};

}  // namespace glissade
