// A number that carries its first and second derivatives, for the reference problems.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>

namespace glissade::problems {

/// Forward-mode differentiation in N directions: a formula written for a number and called with jets
/// yields its value, its slopes d[a] and, with Order 2, its curvatures h(a, b), exact to rounding.
///
///     phi(u):  d <- phi' d,   h <- phi' h + phi'' d d'
///     u w:     d <- u dw + w du,   h <- u hw + w hu + du dw' + dw du'
///
/// Cost: of order N (Order 1) or N^2 / 2 (Order 2) flops for each operation of the formula.
/// Functions: + - * /, sqrt, exp, log, sin, cos, tanh, atan, abs (slope 0 at 0), and pow with a positive base.
template <int N, int Order>
struct Jet {
  static_assert(N > 0 && (Order == 1 || Order == 2));
  static constexpr std::size_t directions = N;
  static constexpr std::size_t pairs = Order == 2 ? directions * (directions + 1) / 2 : 0;

  double value = 0;
  std::array<double, directions> d{};
  std::array<double, pairs> pair{};  // h(a, b) for a >= b at a (a + 1) / 2 + b

  Jet() = default;
  Jet(double constant) : value(constant) {}  // implicit: formulas mix numbers and jets

  [[nodiscard]] double h(int a, int b) const {
    return pair[static_cast<std::size_t>(a >= b ? a * (a + 1) / 2 + b : b * (b + 1) / 2 + a)];
  }

  Jet& operator+=(const Jet& o) {
    value += o.value;
    for (std::size_t a = 0; a < directions; ++a) d[a] += o.d[a];
    for (std::size_t p = 0; p < pairs; ++p) pair[p] += o.pair[p];
    return *this;
  }
  Jet& operator-=(const Jet& o) {
    value -= o.value;
    for (std::size_t a = 0; a < directions; ++a) d[a] -= o.d[a];
    for (std::size_t p = 0; p < pairs; ++p) pair[p] -= o.pair[p];
    return *this;
  }
  Jet& operator+=(double c) {
    value += c;
    return *this;
  }
  Jet& operator-=(double c) {
    value -= c;
    return *this;
  }
  Jet& operator*=(double c) {
    value *= c;
    for (double& slope : d) slope *= c;
    for (double& curvature : pair) curvature *= c;
    return *this;
  }
  Jet& operator*=(const Jet& o) { return *this = *this * o; }

  friend Jet operator+(Jet a, const Jet& b) { return a += b; }
  friend Jet operator+(Jet a, double b) { return a += b; }
  friend Jet operator+(double a, Jet b) { return b += a; }
  friend Jet operator-(Jet a, const Jet& b) { return a -= b; }
  friend Jet operator-(Jet a, double b) { return a -= b; }
  friend Jet operator-(double a, const Jet& b) { return -b + a; }
  friend Jet operator-(Jet a) { return a *= -1; }
  friend Jet operator*(Jet a, double b) { return a *= b; }
  friend Jet operator*(double a, Jet b) { return b *= a; }
  friend Jet operator/(Jet a, double b) { return a *= 1 / b; }
  friend Jet operator/(const Jet& a, const Jet& b) { return a * inverse(b); }
  friend Jet operator/(double a, const Jet& b) { return inverse(b) * a; }

  friend Jet operator*(const Jet& a, const Jet& b) {
    Jet out(a.value * b.value);
    for (std::size_t i = 0; i < directions; ++i) out.d[i] = a.value * b.d[i] + b.value * a.d[i];
    if constexpr (Order == 2)
      for (std::size_t i = 0, p = 0; i < directions; ++i)
        for (std::size_t j = 0; j <= i; ++j, ++p)
          out.pair[p] = a.value * b.pair[p] + b.value * a.pair[p] + a.d[i] * b.d[j] + a.d[j] * b.d[i];
    return out;
  }

  /// phi(u) from phi, phi' and phi'' at u's value.
  friend Jet compose(const Jet& u, double phi, double slope, double curvature) {
    Jet out(phi);
    for (std::size_t i = 0; i < directions; ++i) out.d[i] = slope * u.d[i];
    if constexpr (Order == 2)
      for (std::size_t i = 0, p = 0; i < directions; ++i)
        for (std::size_t j = 0; j <= i; ++j, ++p) out.pair[p] = slope * u.pair[p] + curvature * u.d[i] * u.d[j];
    return out;
  }

  friend Jet inverse(const Jet& u) {
    const double r = 1 / u.value;
    return compose(u, r, -r * r, 2 * r * r * r);
  }
  friend Jet sqrt(const Jet& u) {
    const double r = std::sqrt(u.value);
    return compose(u, r, 0.5 / r, -0.25 / (r * u.value));
  }
  friend Jet exp(const Jet& u) {
    const double e = std::exp(u.value);
    if (e == 0) return 0.0;  // flat, however steep u may be
    return compose(u, e, e, e);
  }
  friend Jet log(const Jet& u) { return compose(u, std::log(u.value), 1 / u.value, -1 / (u.value * u.value)); }
  friend Jet sin(const Jet& u) {
    const double s = std::sin(u.value);
    return compose(u, s, std::cos(u.value), -s);
  }
  friend Jet cos(const Jet& u) {
    const double c = std::cos(u.value);
    return compose(u, c, -std::sin(u.value), -c);
  }
  friend Jet tanh(const Jet& u) {
    const double t = std::tanh(u.value);
    return compose(u, t, 1 - t * t, -2 * t * (1 - t * t));
  }
  friend Jet atan(const Jet& u) {
    const double q = 1 / (1 + u.value * u.value);
    return compose(u, std::atan(u.value), q, -2 * u.value * q * q);
  }
  friend Jet abs(const Jet& u) {
    return compose(u, std::abs(u.value), u.value > 0 ? 1.0 : (u.value < 0 ? -1.0 : 0.0), 0);
  }
  friend Jet pow(const Jet& u, const Jet& exponent) { return exp(exponent * log(u)); }
};

/// The number inside, for decisions.
inline double value_of(double x) { return x; }
template <int N, int Order>
double value_of(const Jet<N, Order>& x) {
  return x.value;
}

}  // namespace glissade::problems
