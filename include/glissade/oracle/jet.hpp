// A number that carries its first and second derivatives: formulas called with it yield their own.
#pragma once

#include <Eigen/Core>

#include <array>
#include <cmath>
#include <compare>
#include <concepts>
#include <cstddef>
#include <limits>
#include <numbers>

namespace glissade {

/// Forward-mode differentiation in N directions: a formula written for a number and called with jets
/// yields its value, its slopes d[a] and, with Order 2, its curvatures h(a, b), exact to rounding.
///
///     phi(u):     d <- phi' d,                  h <- phi' h + phi'' d d'
///     phi(u, w):  d <- phi_u du + phi_w dw,     h <- phi_u hu + phi_w hw + phi_uu du du' + ... + phi_ww dw dw'
///
/// Cost: of order N (Order 1) or N^2 / 2 (Order 2) flops for each operation of the formula; no memory from the heap.
///
/// Functions, called unqualified (using std::exp;), a plain number on either side of those of two arguments:
/// + - * /, sqrt, cbrt, exp, exp2, expm1, log, log2, log10, log1p, sin, cos, tan, asin, acos, atan, atan2, sinh,
/// cosh, tanh, asinh, acosh, atanh, erf, erfc, hypot, pow, abs, fabs, min, max, fmin, fmax, isnan, isinf, isfinite.
/// Comparisons compare values. Jets may be coefficients of Eigen objects, also mixed with such of doubles.
///
/// Values are those of the C library, bit for bit. So are the singular points: sqrt has an infinite slope at 0, log at
/// 0, acos at 1; where the value is not a number, as outside a function's domain, no derivative is one. With that:
/// - A direction in which an argument stands still (slope exactly 0) is unmoved by it, however steep the function:
///   sqrt(x) + y at x = 0 has the slopes (inf, 1), and pow(-2, 3) none in its exponent.
/// - Where a function has a kink: abs and hypot have slope and curvature 0 at 0; min and max follow the argument that
///   they return, the first of two equal ones. atan2(0, 0) is 0 and has no derivative.
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

  // --- Arithmetic ---

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
    for (double& slope : d) slope = moved(c, slope);
    for (double& curvature : pair) curvature = moved(c, curvature);
    return *this;
  }
  Jet& operator/=(double c) {
    value /= c;
    for (double& slope : d) slope = divided(slope, c);
    for (double& curvature : pair) curvature = divided(curvature, c);
    return *this;
  }
  Jet& operator*=(const Jet& o) { return *this = *this * o; }
  Jet& operator/=(const Jet& o) { return *this = *this / o; }

  friend Jet operator+(const Jet& a) { return a; }
  friend Jet operator+(Jet a, const Jet& b) { return a += b; }
  friend Jet operator+(Jet a, double b) { return a += b; }
  friend Jet operator+(double a, Jet b) { return b += a; }
  friend Jet operator-(Jet a) { return a *= -1; }
  friend Jet operator-(Jet a, const Jet& b) { return a -= b; }
  friend Jet operator-(Jet a, double b) { return a -= b; }
  friend Jet operator-(double a, const Jet& b) { return -b + a; }
  friend Jet operator*(Jet a, double b) { return a *= b; }
  friend Jet operator*(double a, Jet b) { return b *= a; }
  friend Jet operator/(Jet a, double b) { return a /= b; }
  friend Jet operator/(double a, const Jet& b) { return Jet(a) / b; }

  friend Jet operator*(const Jet& a, const Jet& b) {
    Jet out(a.value * b.value);
    for (std::size_t i = 0; i < directions; ++i) out.d[i] = moved(a.value, b.d[i]) + moved(b.value, a.d[i]);
    out.for_pairs([&](std::size_t i, std::size_t j, std::size_t p) {
      return moved(a.value, b.pair[p]) + moved(b.value, a.pair[p]) + product(a.d[i], b.d[j]) + product(a.d[j], b.d[i]);
    });
    return out;
  }

  friend Jet operator/(const Jet& a, const Jet& b) {
    Jet out(a.value / b.value);
    for (std::size_t i = 0; i < directions; ++i) out.d[i] = divided(a.d[i] - moved(out.value, b.d[i]), b.value);
    out.for_pairs([&](std::size_t i, std::size_t j, std::size_t p) {
      const double rest = moved(out.value, b.pair[p]) + product(out.d[i], b.d[j]) + product(out.d[j], b.d[i]);
      return divided(a.pair[p] - rest, b.value);
    });
    return out;
  }

  friend bool operator==(const Jet& a, const Jet& b) { return a.value == b.value; }
  friend std::partial_ordering operator<=>(const Jet& a, const Jet& b) { return a.value <=> b.value; }

  // --- Functions of one argument: phi, phi' and phi'' at u's value ---

  friend Jet compose(const Jet& u, double phi, double slope, double curvature) {
    if (std::isnan(phi)) slope = curvature = phi;
    Jet out(phi);
    for (std::size_t i = 0; i < directions; ++i) out.d[i] = moved(slope, u.d[i]);
    out.for_pairs([&](std::size_t i, std::size_t j, std::size_t p) {
      return moved(slope, u.pair[p]) + moved(moved(curvature, u.d[i]), u.d[j]);
    });
    return out;
  }

  friend Jet sqrt(const Jet& u) {
    const double root = std::sqrt(u.value);
    const double slope = 0.5 / std::abs(root);
    return compose(u, root, slope, -0.5 * slope / std::abs(u.value));
  }
  friend Jet cbrt(const Jet& u) {
    const double root = std::cbrt(u.value);
    const double slope = 1 / (3 * root * root);
    return compose(u, root, slope, -2 * slope / (3 * u.value));
  }

  friend Jet exp(const Jet& u) { return exponential(u, std::exp(u.value), 1); }
  friend Jet exp2(const Jet& u) { return exponential(u, std::exp2(u.value), std::numbers::ln2); }
  friend Jet expm1(const Jet& u) {
    Jet out = exponential(u, std::exp(u.value), 1);
    out.value = std::expm1(u.value);
    return out;
  }
  friend Jet log(const Jet& u) { return logarithm(u, std::log(u.value), u.value, 1); }
  friend Jet log2(const Jet& u) { return logarithm(u, std::log2(u.value), u.value, std::numbers::log2e); }
  friend Jet log10(const Jet& u) { return logarithm(u, std::log10(u.value), u.value, std::numbers::log10e); }
  friend Jet log1p(const Jet& u) { return logarithm(u, std::log1p(u.value), 1 + u.value, 1); }

  friend Jet sin(const Jet& u) {
    const double s = std::sin(u.value);
    return compose(u, s, std::cos(u.value), -s);
  }
  friend Jet cos(const Jet& u) {
    const double c = std::cos(u.value);
    return compose(u, c, -std::sin(u.value), -c);
  }
  friend Jet tan(const Jet& u) {
    const double t = std::tan(u.value);
    return compose(u, t, 1 + t * t, 2 * t * (1 + t * t));
  }
  friend Jet asin(const Jet& u) {
    const double slope = 1 / std::sqrt((1 - u.value) * (1 + u.value));
    return compose(u, std::asin(u.value), slope, product(u.value, slope * slope * slope));
  }
  friend Jet acos(const Jet& u) {
    const double slope = -1 / std::sqrt((1 - u.value) * (1 + u.value));
    return compose(u, std::acos(u.value), slope, product(u.value, slope * slope * slope));
  }
  friend Jet atan(const Jet& u) {
    const double cosine = 1 / std::hypot(1, u.value);
    return compose(u, std::atan(u.value), cosine * cosine, -2 * product(u.value, cosine) * cosine * cosine * cosine);
  }

  friend Jet sinh(const Jet& u) {
    const double s = std::sinh(u.value);
    return compose(u, s, std::cosh(u.value), s);
  }
  friend Jet cosh(const Jet& u) {
    const double c = std::cosh(u.value);
    return compose(u, c, std::sinh(u.value), c);
  }
  friend Jet tanh(const Jet& u) {
    const double t = std::tanh(u.value);
    const double secant = 1 / std::cosh(u.value);  // 1 - t t would cancel
    return compose(u, t, secant * secant, -2 * t * secant * secant);
  }
  friend Jet asinh(const Jet& u) {
    const double slope = 1 / std::hypot(1, u.value);
    return compose(u, std::asinh(u.value), slope, -product(u.value, slope) * slope * slope);
  }
  friend Jet acosh(const Jet& u) {
    const double slope = 1 / (std::sqrt(u.value - 1) * std::sqrt(u.value + 1));
    return compose(u, std::acosh(u.value), slope, -product(u.value, slope) * slope * slope);
  }
  friend Jet atanh(const Jet& u) {
    const double slope = 1 / ((1 - u.value) * (1 + u.value));
    return compose(u, std::atanh(u.value), slope, product(2 * u.value, slope * slope));
  }

  friend Jet erf(const Jet& u) { return error_function(u, std::erf(u.value), 1); }
  friend Jet erfc(const Jet& u) { return error_function(u, std::erfc(u.value), -1); }

  friend Jet abs(const Jet& u) {
    return compose(u, std::abs(u.value), u.value > 0 ? 1.0 : (u.value < 0 ? -1.0 : 0.0), 0);
  }
  friend Jet fabs(const Jet& u) { return abs(u); }

  // --- Functions of two arguments, either of which may be a plain number ---

  /// u^b for a number b.
  friend Jet pow(const Jet& u, double b) {
    const double slope = b == 0 ? 0 : b * std::pow(u.value, b - 1);
    const double curvature = b == 0 || b == 1 ? 0 : b * (b - 1) * std::pow(u.value, b - 2);
    return compose(u, std::pow(u.value, b), slope, curvature);
  }
  friend Jet pow(const Jet& u, std::integral auto b) { return pow(u, static_cast<double>(b)); }
  friend Jet pow(const Jet& u, const Jet& w) {
    const Jet base = pow(u, w.value);
    const double logarithm = std::log(u.value);
    const double slope = product(logarithm, base.value);
    double mixed = product(std::pow(u.value, w.value - 1), 1 + product(w.value, logarithm));
    if (u.value < 0) mixed = logarithm;  // not a number: a negative base has no slope in the exponent
    return add_second(base, u, w, slope, mixed, product(logarithm, slope));
  }
  friend Jet pow(double a, const Jet& w) { return pow(Jet(a), w); }

  /// The angle of the point (x, y), in radians.
  friend Jet atan2(const Jet& y, const Jet& x) {
    const double radius = std::hypot(x.value, y.value);
    const double c = std::isinf(radius) ? 0 : x.value / radius;
    const double s = std::isinf(radius) ? 0 : y.value / radius;
    const double bend = 2 * s * c / radius / radius;
    return add_second(compose(y, std::atan2(y.value, x.value), c / radius, -bend), y, x, -s / radius,
                      (s - c) * (s + c) / radius / radius, bend);
  }

  friend Jet hypot(const Jet& u, const Jet& w) {
    const double h = std::hypot(u.value, w.value);
    const double c = part(u.value, h);
    const double s = part(w.value, h);
    return add_second(compose(u, h, c, divided(s * s, h)), u, w, s, -divided(c * s, h), divided(c * c, h));
  }

  friend Jet min(const Jet& a, const Jet& b) { return b.value < a.value ? b : a; }
  friend Jet max(const Jet& a, const Jet& b) { return a.value < b.value ? b : a; }
  friend Jet fmin(const Jet& a, const Jet& b) { return b.value < a.value || std::isnan(a.value) ? b : a; }
  friend Jet fmax(const Jet& a, const Jet& b) { return a.value < b.value || std::isnan(a.value) ? b : a; }

  friend bool isnan(const Jet& u) { return std::isnan(u.value); }
  friend bool isinf(const Jet& u) { return std::isinf(u.value); }
  friend bool isfinite(const Jet& u) { return std::isfinite(u.value); }

 private:
  /// What a move makes of a factor: nothing where nothing moves, even if the factor is not finite.
  static double moved(double factor, double move) {
    const double plain = factor * move;
    return move == 0 ? 0 : plain;
  }
  static double divided(double move, double divisor) {
    const double plain = move / divisor;
    return move == 0 ? 0 : plain;
  }
  /// 0 if either is 0.
  static double product(double a, double b) { return a == 0 ? 0 : moved(a, b); }
  /// A coordinate as a part of the radius; of two ends, 0 or infinity, the limit along the axis.
  static double part(double coordinate, double radius) {
    return std::isinf(coordinate) ? std::copysign(1, coordinate) : divided(coordinate, radius);
  }

  /// pair[p] = value(i, j, p) for all p, which stands for the directions i >= j.
  template <class Value>
  void for_pairs(const Value& value_of_pair) {
    if constexpr (Order == 2)
      for (std::size_t i = 0, p = 0; i < directions; ++i)
        for (std::size_t j = 0; j <= i; ++j, ++p) pair[p] = value_of_pair(i, j, p);
  }

  /// phi(u, w) from what u alone contributes, phi_w, phi_uw and phi_ww.
  static Jet add_second(Jet out, const Jet& u, const Jet& w, double slope, double mixed, double curvature) {
    if (std::isnan(out.value)) slope = mixed = curvature = out.value;
    for (std::size_t i = 0; i < directions; ++i) out.d[i] += moved(slope, w.d[i]);
    const auto first = out.pair;
    out.for_pairs([&](std::size_t i, std::size_t j, std::size_t p) {
      return first[p] + moved(slope, w.pair[p]) + moved(moved(mixed, u.d[i]), w.d[j]) +
             moved(moved(mixed, u.d[j]), w.d[i]) + moved(moved(curvature, w.d[i]), w.d[j]);
    });
    return out;
  }

  static Jet exponential(const Jet& u, double power, double rate) {
    if (power == 0) return 0.0;  // flat, however steep u may be
    return compose(u, power, rate * power, rate * rate * power);
  }
  static Jet logarithm(const Jet& u, double phi, double at, double unit) {
    return compose(u, phi, unit / std::abs(at), -unit / at / at);
  }
  static Jet error_function(const Jet& u, double phi, double sign) {
    const double slope = sign * 2 * std::numbers::inv_sqrtpi * std::exp(-u.value * u.value);
    return compose(u, phi, slope, -2 * product(u.value, slope));
  }
};

/// The number inside, for decisions.
inline double value_of(double x) { return x; }
template <int N, int Order>
double value_of(const Jet<N, Order>& x) {
  return x.value;
}

}  // namespace glissade

/// Jets as coefficients of Eigen objects, also mixed with doubles.
template <int N, int Order>
struct Eigen::NumTraits<glissade::Jet<N, Order>> : Eigen::NumTraits<double> {
  using Real = glissade::Jet<N, Order>;
  using NonInteger = Real;
  using Nested = Real;
  static constexpr int numbers = static_cast<int>(1 + Real::directions + Real::pairs);
  enum { RequireInitialization = 1, ReadCost = numbers, AddCost = numbers, MulCost = 2 * numbers };
};
template <int N, int Order, class Operation>
struct Eigen::ScalarBinaryOpTraits<glissade::Jet<N, Order>, double, Operation> {
  using ReturnType = glissade::Jet<N, Order>;
};
template <int N, int Order, class Operation>
struct Eigen::ScalarBinaryOpTraits<double, glissade::Jet<N, Order>, Operation> {
  using ReturnType = glissade::Jet<N, Order>;
};
template <int N, int Order>
class std::numeric_limits<glissade::Jet<N, Order>> : public std::numeric_limits<double> {};
