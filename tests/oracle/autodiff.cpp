// Numbers that carry their derivatives, and objectives made from formulas by them.
#include "support/catch.hpp"
#include <glissade/oracle/autodiff.hpp>
#include <glissade/problems/jet.hpp>

#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double pi = std::numbers::pi;

using Jet1 = problems::Jet<1, 2>;
using Jet2 = problems::Jet<2, 2>;

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }
bool close(double a, double b) { return same(a, b) || std::abs(a - b) <= 4e-15 * std::max(std::abs(a), std::abs(b)); }

/// A value with its slope and curvature along one variable.
struct Taylor {
  double value, slope, curvature;
};

/// By jets, and by gradient and Hessian of AutoDiff, which must agree.
template <class F>
Taylor derivatives(const F& formula, double at) {
  Jet1 x(at);
  x.d[0] = 1;
  const Jet1 jet = formula(x);
  const AutoDiff objective{[&](const auto& v) { return formula(v[0]); }};
  const VectorXd point = VectorXd::Constant(1, at);
  VectorXd gradient;
  MatrixXd hessian;
  CHECK(same(objective.value_and_gradient(point, gradient), jet.value));
  objective.hessian(point, hessian);
  CHECK(same(gradient[0], jet.d[0]));
  CHECK(same(hessian(0, 0), jet.h(0, 0)));
  CHECK(same(formula(at), jet.value));  // the C library's value, bit for bit
  return {jet.value, jet.d[0], jet.h(0, 0)};
}

/// Value, both slopes, and h(0, 0), h(1, 0), h(1, 1) of a formula of two variables.
template <class F>
std::array<double, 6> derivatives(const F& formula, double a, double b) {
  Jet2 u(a), w(b);
  u.d[0] = 1;
  w.d[1] = 1;
  const Jet2 jet = formula(u, w);
  const AutoDiff objective{[&](const auto& v) { return formula(v[0], v[1]); }};
  const Eigen::Vector2d point(a, b);
  Eigen::Vector2d gradient;
  Eigen::Matrix2d hessian;
  CHECK(same(objective.value_and_gradient(point, gradient), jet.value));
  objective.hessian(point, hessian);
  for (int i = 0; i < 2; ++i) {
    CHECK(same(gradient[i], jet.d[static_cast<std::size_t>(i)]));
    for (int j = 0; j < 2; ++j) CHECK(same(hessian(i, j), jet.h(i, j)));
  }
  CHECK(same(formula(a, b), jet.value));
  return {jet.value, jet.d[0], jet.d[1], jet.h(0, 0), jet.h(1, 0), jet.h(1, 1)};
}

/// Both arguments move along t, and either is a plain number.
template <class F>
void check_mixed(const F& formula, double a, double b) {
  const auto both = derivatives(formula, a, b);
  const Taylor left = derivatives([&](const auto& x) { return formula(x, b); }, a);
  const Taylor right = derivatives([&](const auto& x) { return formula(a, x); }, b);
  INFO("at " << a << ", " << b);
  CHECK(close(left.slope, both[1]));
  CHECK(close(left.curvature, both[3]));
  CHECK(close(right.slope, both[2]));
  CHECK(close(right.curvature, both[5]));
}

using std::abs, std::acos, std::acosh, std::asin, std::asinh, std::atan, std::atan2, std::atanh, std::cbrt, std::cos,
    std::cosh, std::erf, std::erfc, std::exp, std::exp2, std::expm1, std::fabs, std::fmax, std::fmin, std::hypot,
    std::log, std::log10, std::log1p, std::log2, std::max, std::min, std::pow, std::sin, std::sinh, std::sqrt, std::tan,
    std::tanh;

/// What the table calls, compiled once for each function.
struct OfOne {
  const char* name;
  Taylor (*at)(double);
};
struct OfTwo {
  const char* name;
  std::array<double, 6> (*at)(double, double);
  void (*check_mixed)(double, double);
};
template <class F>
OfOne of_one(const char* name, F) {
  return {name, [](double x) { return derivatives(F{}, x); }};
}
template <class F>
OfTwo of_two(const char* name, F) {
  return {name, [](double a, double b) { return derivatives(F{}, a, b); },
          [](double a, double b) { check_mixed(F{}, a, b); }};
}

const auto sqrt_of = of_one("sqrt", [](const auto& u) { return sqrt(u); });
const auto log_of = of_one("log", [](const auto& u) { return log(u); });
const auto log2_of = of_one("log2", [](const auto& u) { return log2(u); });
const auto log10_of = of_one("log10", [](const auto& u) { return log10(u); });
const auto cbrt_of = of_one("cbrt", [](const auto& u) { return cbrt(u); });
const auto exp_of = of_one("exp", [](const auto& u) { return exp(u); });
const auto exp2_of = of_one("exp2", [](const auto& u) { return exp2(u); });
const auto expm1_of = of_one("expm1", [](const auto& u) { return expm1(u); });
const auto sin_of = of_one("sin", [](const auto& u) { return sin(u); });
const auto cos_of = of_one("cos", [](const auto& u) { return cos(u); });
const auto tan_of = of_one("tan", [](const auto& u) { return tan(u); });
const auto atan_of = of_one("atan", [](const auto& u) { return atan(u); });
const auto sinh_of = of_one("sinh", [](const auto& u) { return sinh(u); });
const auto cosh_of = of_one("cosh", [](const auto& u) { return cosh(u); });
const auto tanh_of = of_one("tanh", [](const auto& u) { return tanh(u); });
const auto asinh_of = of_one("asinh", [](const auto& u) { return asinh(u); });
const auto erf_of = of_one("erf", [](const auto& u) { return erf(u); });
const auto erfc_of = of_one("erfc", [](const auto& u) { return erfc(u); });
const auto abs_of = of_one("abs", [](const auto& u) { return abs(u); });
const auto fabs_of = of_one("fabs", [](const auto& u) { return fabs(u); });
const auto log1p_of = of_one("log1p", [](const auto& u) { return log1p(u); });
const auto acosh_of = of_one("acosh", [](const auto& u) { return acosh(u); });
const auto asin_of = of_one("asin", [](const auto& u) { return asin(u); });
const auto acos_of = of_one("acos", [](const auto& u) { return acos(u); });
const auto atanh_of = of_one("atanh", [](const auto& u) { return atanh(u); });
const auto pow_of = of_two("pow", [](const auto& u, const auto& w) { return pow(u, w); });
const auto atan2_of = of_two("atan2", [](const auto& u, const auto& w) { return atan2(u, w); });
const auto hypot_of = of_two("hypot", [](const auto& u, const auto& w) { return hypot(u, w); });
const auto min_of = of_two("min", [](const auto& u, const auto& w) { return min(u, w); });
const auto fmin_of = of_two("fmin", [](const auto& u, const auto& w) { return fmin(u, w); });
const auto max_of = of_two("max", [](const auto& u, const auto& w) { return max(u, w); });
const auto fmax_of = of_two("fmax", [](const auto& u, const auto& w) { return fmax(u, w); });
const auto plus_of = of_two("plus", [](const auto& u, const auto& w) { return u + w; });
const auto minus_of = of_two("minus", [](const auto& u, const auto& w) { return u - w; });
const auto times_of = of_two("times", [](const auto& u, const auto& w) { return u * w; });
const auto over_of = of_two("over", [](const auto& u, const auto& w) { return u / w; });

}  // namespace

TEST_CASE("derivatives of functions of one number") {
  const auto check = [](const OfOne& f, double x, double slope, double curvature) {
    const Taylor t = f.at(x);
    INFO(f.name << " at " << x << ": " << t.slope << ", " << t.curvature << " for " << slope << ", " << curvature);
    CHECK(close(t.slope, slope));
    CHECK(close(t.curvature, curvature));
  };
  const double ln2 = std::log(2), ln10 = std::log(10);
  for (const double x : {0.3, 0.8, 1.5, 20.0, 1e-8}) {
    check(sqrt_of, x, 0.5 / std::sqrt(x), -0.25 / std::pow(x, 1.5));
    check(log_of, x, 1 / x, -1 / (x * x));
    check(log2_of, x, 1 / (x * ln2), -1 / (x * x * ln2));
    check(log10_of, x, 1 / (x * ln10), -1 / (x * x * ln10));
    for (const double s : {x, -x}) {
      check(cbrt_of, s, 1 / (3 * std::pow(std::cbrt(s), 2)), -2 / (9 * std::pow(std::cbrt(s), 5)));
      check(exp_of, s, std::exp(s), std::exp(s));
      check(exp2_of, s, ln2 * std::exp2(s), ln2 * ln2 * std::exp2(s));
      check(expm1_of, s, std::exp(s), std::exp(s));
      check(sin_of, s, std::cos(s), -std::sin(s));
      check(cos_of, s, -std::sin(s), -std::cos(s));
      check(tan_of, s, std::pow(std::cos(s), -2), 2 * std::sin(s) * std::pow(std::cos(s), -3));
      check(atan_of, s, 1 / (1 + s * s), -2 * s / std::pow(1 + s * s, 2));
      check(sinh_of, s, std::cosh(s), std::sinh(s));
      check(cosh_of, s, std::sinh(s), std::cosh(s));
      check(tanh_of, s, std::pow(std::cosh(s), -2), -2 * std::sinh(s) * std::pow(std::cosh(s), -3));
      check(asinh_of, s, 1 / std::sqrt(1 + s * s), -s / std::pow(1 + s * s, 1.5));
      const double bell = 2 / std::sqrt(pi) * std::exp(-s * s);
      check(erf_of, s, bell, -2 * s * bell);
      check(erfc_of, s, -bell, 2 * s * bell);
      check(abs_of, s, s < 0 ? -1 : 1, 0);
      check(fabs_of, s, s < 0 ? -1 : 1, 0);
      check(of_one("1 / x", [](const auto& u) { return 1 / u; }), s, -1 / (s * s), 2 / (s * s * s));
      check(of_one("x / 3", [](const auto& u) { return u / 3; }), s, 1.0 / 3, 0);
      check(of_one("x x", [](const auto& u) { return u * u; }), s, 2 * s, 2);
      check(of_one("x / (1 + x x)", [](const auto& u) { return u / (1 + u * u); }), s,
            (1 - s * s) / std::pow(1 + s * s, 2), 2 * s * (s * s - 3) / std::pow(1 + s * s, 3));
    }
    check(log1p_of, x, 1 / (1 + x), -1 / ((1 + x) * (1 + x)));
    if (x > 1e-3) check(acosh_of, 1 + x, 1 / std::sqrt(x * (x + 2)), -(1 + x) / std::pow(x * (x + 2), 1.5));
  }
  for (const double x : {0.25, -0.75, 0.0}) {
    check(asin_of, x, 1 / std::sqrt(1 - x * x), x / std::pow(1 - x * x, 1.5));
    check(acos_of, x, -1 / std::sqrt(1 - x * x), -x / std::pow(1 - x * x, 1.5));
    check(atanh_of, x, 1 / (1 - x * x), 2 * x / std::pow(1 - x * x, 2));
    check(log1p_of, x, 1 / (1 + x), -1 / ((1 + x) * (1 + x)));
  }
}

TEST_CASE("derivatives of functions of one number: singular and far points") {
  const auto check = [](const OfOne& f, double x, double value, double slope, double curvature) {
    const Taylor t = f.at(x);
    INFO(f.name << " at " << x << ": " << t.value << ", " << t.slope << ", " << t.curvature);
    CHECK(same(t.value, value));
    CHECK(close(t.slope, slope));
    CHECK(close(t.curvature, curvature));
  };
  check(sqrt_of, 0, 0, infinity, -infinity);
  check(sqrt_of, -0.0, 0, infinity, -infinity);
  check(sqrt_of, infinity, infinity, 0, 0);
  check(sqrt_of, -1, not_a_number, not_a_number, not_a_number);
  check(cbrt_of, 0, 0, infinity, -infinity);
  check(log_of, 0, -infinity, infinity, -infinity);
  check(log2_of, 0, -infinity, infinity, -infinity);
  check(log10_of, 0, -infinity, infinity, -infinity);
  check(log1p_of, -1, -infinity, infinity, -infinity);
  check(log_of, -1, not_a_number, not_a_number, not_a_number);
  check(log_of, infinity, infinity, 0, 0);
  check(exp_of, -infinity, 0, 0, 0);
  check(exp_of, infinity, infinity, infinity, infinity);
  check(expm1_of, -infinity, -1, 0, 0);
  check(asin_of, 1, std::asin(1.0), infinity, infinity);
  check(asin_of, -1, std::asin(-1.0), infinity, -infinity);
  check(acos_of, 1, 0, -infinity, -infinity);
  check(acos_of, -1, std::acos(-1.0), -infinity, infinity);
  check(acos_of, 1.5, not_a_number, not_a_number, not_a_number);
  check(acosh_of, 1, 0, infinity, -infinity);
  check(acosh_of, 0.5, not_a_number, not_a_number, not_a_number);
  check(atanh_of, 1, infinity, infinity, infinity);
  check(atanh_of, -1, -infinity, infinity, -infinity);
  check(atanh_of, 2, not_a_number, not_a_number, not_a_number);
  check(abs_of, 0, 0, 0, 0);
  check(sin_of, infinity, not_a_number, not_a_number, not_a_number);
  for (const double far : {infinity, -infinity}) {
    check(atan_of, far, std::atan(far), 0, 0);
    check(tanh_of, far, std::tanh(far), 0, 0);
    check(erf_of, far, std::erf(far), 0, 0);
    check(erfc_of, far, std::erfc(far), 0, 0);
    check(asinh_of, far, far, 0, 0);
  }
  // Where squares overflow or differences cancel.
  check(asinh_of, 1e200, std::asinh(1e200), 1e-200, 0);
  check(acosh_of, 1e200, std::acosh(1e200), 1e-200, 0);
  check(asinh_of, -1e120, std::asinh(-1e120), 1e-120, 1e-240);
  check(log_of, 1e-150, std::log(1e-150), 1e150, -1e300);
  check(tanh_of, 20, std::tanh(20), std::pow(std::cosh(20), -2), -2 * std::tanh(20) * std::pow(std::cosh(20), -2));
  check(of_one("x / 1e-310", [](const auto& x) { return x / 1e-310; }), 1e-310, 1, 1 / 1e-310, 0);
  check(of_one("1e-200 / x", [](const auto& x) { return 1e-200 / x; }), 1e-200, 1, -1e200, infinity);
}

TEST_CASE("derivatives of functions of two numbers, a plain number on either side") {
  const auto check = [](const OfTwo& f, double a, double b, std::array<double, 5> expected) {
    const auto found = f.at(a, b);
    for (std::size_t k = 0; k < 5; ++k) {
      INFO(f.name << " at " << a << ", " << b << ": derivative " << k << " is " << found[k + 1] << " for "
                  << expected[k]);
      CHECK(close(found[k + 1], expected[k]));
    }
    f.check_mixed(a, b);
  };
  for (const double a : {0.5, 3.0})
    for (const double b : {2.5, -1.0, 0.25, 3.0}) {
      const double p = std::pow(a, b), l = std::log(a);
      check(pow_of, a, b, {b * p / a, l * p, b * (b - 1) * p / (a * a), std::pow(a, b - 1) * (1 + b * l), l * l * p});
    }
  for (const double a : {0.5, -3.0})
    for (const double b : {2.0, -1.0}) {
      const double r = a * a + b * b, h = std::sqrt(r);
      check(atan2_of, a, b, {b / r, -a / r, -2 * a * b / (r * r), (a * a - b * b) / (r * r), 2 * a * b / (r * r)});
      check(hypot_of, a, b, {a / h, b / h, b * b / (h * r), -a * b / (h * r), a * a / (h * r)});
      const bool smaller = a < b;
      check(min_of, a, b, {smaller ? 1.0 : 0.0, smaller ? 0.0 : 1.0, 0, 0, 0});
      check(fmin_of, a, b, {smaller ? 1.0 : 0.0, smaller ? 0.0 : 1.0, 0, 0, 0});
      check(max_of, a, b, {smaller ? 0.0 : 1.0, smaller ? 1.0 : 0.0, 0, 0, 0});
      check(fmax_of, a, b, {smaller ? 0.0 : 1.0, smaller ? 1.0 : 0.0, 0, 0, 0});
    }
  check(plus_of, 2, 3, {1, 1, 0, 0, 0});
  check(minus_of, 2, 3, {1, -1, 0, 0, 0});
  check(times_of, 2, 3, {3, 2, 0, 1, 0});
  check(over_of, 2, 4, {0.25, -0.125, 0, -0.0625, 0.0625});
}

TEST_CASE("derivatives of functions of two numbers: singular and far points") {
  const auto check = [](const OfTwo& f, double a, double b, std::array<double, 6> expected) {
    const auto found = f.at(a, b);
    for (std::size_t k = 0; k < 6; ++k) {
      INFO(f.name << " at " << a << ", " << b << ": " << k << " is " << found[k] << " for " << expected[k]);
      CHECK(close(found[k], expected[k]));
    }
  };
  const double nan = not_a_number;
  // pow as in C: x^0 = 1, 0^y = 0; a negative base has no slope in the exponent.
  check(pow_of, 0, 2, {0, 0, 0, 2, 0, 0});
  check(pow_of, 0, 1, {0, 1, 0, 0, -infinity, 0});
  check(pow_of, 0, 0.5, {0, infinity, 0, -infinity, -infinity, 0});
  check(pow_of, 0, 3, {0, 0, 0, 0, 0, 0});
  check(pow_of, 0, 0, {1, 0, -infinity, 0, infinity, infinity});
  check(pow_of, 0, -1, {infinity, -infinity, -infinity, infinity, infinity, infinity});
  check(pow_of, -2, 3, {-8, 12, nan, -12, nan, nan});
  check(pow_of, -2, -1, {-0.5, -0.25, nan, -0.25, nan, nan});
  check(pow_of, -2, 0, {1, 0, nan, 0, nan, nan});
  check(pow_of, -8, 1.0 / 3, {nan, nan, nan, nan, nan, nan});
  const auto fixed = [](double base, auto exponent) {
    return derivatives([=](const auto& x) { return pow(x, exponent); }, base);
  };
  CHECK(fixed(-2, 3).slope == 12);
  CHECK(fixed(-2, 3).curvature == -12);
  CHECK(fixed(-2, 2U).slope == -4);
  CHECK(fixed(-1, -2L).curvature == 6);
  CHECK(fixed(0, 0).slope == 0);
  CHECK(fixed(0, 1).slope == 1);
  CHECK(fixed(0, 1).curvature == 0);
  CHECK(fixed(0, 2).curvature == 2);
  CHECK(fixed(0, 0.5).slope == infinity);
  CHECK(std::isnan(fixed(-1, 0.5).slope));
  CHECK(derivatives([](const auto& x) { return pow(0, x); }, 2).slope == 0);
  CHECK(derivatives([](const auto& x) { return pow(2, x); }, -2000).slope == 0);
  CHECK(derivatives([](const auto& x) { return pow(1, x); }, 5).slope == 0);

  check(atan2_of, 0.0, 0.0, {0, nan, nan, nan, nan, nan});
  check(atan2_of, 0.0, -2, {pi, -0.5, 0, 0, -0.25, 0});
  check(atan2_of, -0.0, -2, {-pi, -0.5, 0, 0, -0.25, 0});
  check(atan2_of, 3, 0, {pi / 2, 0, -1.0 / 3, 0, 1.0 / 9, 0});
  check(atan2_of, 3e200, 4e200, {std::atan2(3, 4), 0.8 / 5e200, -0.6 / 5e200, 0, 0, 0});
  check(atan2_of, 3e-200, 4e-200, {std::atan2(3, 4), 0.8 / 5e-200, -0.6 / 5e-200, -infinity, -infinity, infinity});
  check(atan2_of, 1, infinity, {0, 0, 0, 0, 0, 0});
  check(hypot_of, 0, 0, {0, 0, 0, 0, 0, 0});
  check(hypot_of, -2, 0, {2, -1, 0, 0, 0, 0.5});
  check(hypot_of, 3e200, 4e200, {5e200, 0.6, 0.8, 0.64 / 5e200, -0.48 / 5e200, 0.36 / 5e200});
  check(hypot_of, 3e-200, -4e-200, {5e-200, 0.6, -0.8, 0.64 / 5e-200, 0.48 / 5e-200, 0.36 / 5e-200});
  check(hypot_of, -infinity, 1, {infinity, -1, 0, 0, 0, 0});
  // Of two equal arguments the first, as std::min and std::max; not a number as in C.
  check(min_of, 1, 1, {1, 1, 0, 0, 0, 0});
  check(max_of, 1, 1, {1, 1, 0, 0, 0, 0});
  check(fmin_of, 1, nan, {1, 1, 0, 0, 0, 0});
  check(fmax_of, nan, 1, {1, 0, 1, 0, 0, 0});
  check(over_of, 1, 0, {infinity, infinity, -infinity, 0, -infinity, infinity});
}

TEST_CASE("a variable that does not enter has no derivative, however steep the rest") {
  const auto check = [](const auto& formula, double slope) {
    const AutoDiff f{[&](const auto& x) { return formula(x[0]) + 3 * x[1]; }};
    VectorXd gradient;
    MatrixXd hessian;
    f.value_and_gradient(VectorXd(Eigen::Vector2d(0, 2)), gradient);
    CHECK(same(gradient[0], slope));
    CHECK(gradient[1] == 3);
    f.hessian(VectorXd(Eigen::Vector2d(0, 2)), hessian);
    CHECK(hessian(1, 0) == 0);
    CHECK(hessian(1, 1) == 0);
  };
  check([](const auto& x) { return sqrt(x); }, infinity);
  check([](const auto& x) { return 2 * sqrt(x) / 3; }, infinity);
  check([](const auto& x) { return log(x); }, infinity);
  check([](const auto& x) { return 1 / x; }, -infinity);
  check([](const auto& x) { return cbrt(x); }, infinity);
  check([](const auto& x) { return pow(x, 0.5); }, infinity);
  check([](const auto& x) { return acos(1 - x); }, infinity);
  check([](const auto& x) { return hypot(x, 0); }, 0);
}

TEST_CASE("numbers with derivatives compare by value") {
  const Jet2 a(1.0), b(2.0);
  CHECK((a < b && a <= b && b > a && b >= a && a != b && a == a));
  CHECK((a < 2 && 1 <= a && 2 > a && b >= 2.0 && a == 1 && 1.0 == a && a != 2));
  const Jet2 nan(not_a_number);
  CHECK_FALSE((nan < a || nan > a || nan == a || nan == nan));
  CHECK((isnan(nan) && isfinite(a) && isinf(1 / Jet2(0.0))));
  CHECK(value_of(a) == 1);
}

TEST_CASE("AutoDiff: formulas as one writes them, of any size") {
  // Its derivatives by hand: with s = sum x_i^2, f = s^2 + sum sin(x_i) x_{i+1} + 2^(x_0).
  const auto check = [](const auto& formula, auto x) {
    using V = decltype(x);
    const Index n = x.size();
    for (Index i = 0; i < n; ++i) x[i] = 0.1 * static_cast<double>(i + 1);
    V g = V::Zero(n);
    SquareOf<V> H = SquareOf<V>::Zero(n, n);
    const double s = x.squaredNorm();
    for (Index i = 0; i < n; ++i) g[i] = 4 * s * x[i];
    H = 8 * x * x.transpose();
    H.diagonal().array() += 4 * s;
    for (Index i = 0; i + 1 < n; ++i) {
      g[i] += std::cos(x[i]) * x[i + 1];
      g[i + 1] += std::sin(x[i]);
      H(i, i) -= std::sin(x[i]) * x[i + 1];
      H(i, i + 1) += std::cos(x[i]);
      H(i + 1, i) = H(i, i + 1);
    }
    const double ln2 = std::log(2);
    g[0] += ln2 * std::pow(2, x[0]);
    H(0, 0) += ln2 * ln2 * std::pow(2, x[0]);
    const AutoDiff f{formula};
    V gradient;
    SquareOf<V> hessian;
    CHECK(f.value_and_gradient(x, gradient) == Approx(f.value(x)).epsilon(1e-14));  // sums of packets differ
    f.hessian(x, hessian);
    INFO("n = " << n);
    CHECK((gradient - g).norm() <= 1e-14 * g.norm());
    CHECK((hessian - H).norm() <= 1e-14 * H.norm());
    CHECK(hessian == hessian.transpose());
  };
  const auto loop = [](const auto& x) {
    auto s = x[0] * x[0];
    auto sum = 0 * x[0];
    for (Index i = 1; i < x.size(); ++i) {
      const auto square = x[i] * x[i];
      s = s + square;
      const auto term = sin(x[i - 1]) * x[i];
      sum += term;
    }
    return s * s + sum + pow(2, x[0]);
  };
  const auto vectors = [](const auto& x) {
    const Index n = x.size();
    const auto s = x.squaredNorm();
    return s * s + x.head(n - 1).array().sin().matrix().dot(x.tail(n - 1)) + pow(2, x[0]);
  };
  const auto matrices = [](const auto& x) {
    const MatrixXd I = MatrixXd::Identity(x.size(), x.size());
    const auto y = (I * x).eval();
    const auto s = y.dot(2.0 * x) / 2;
    auto total = pow(s, 2) + pow(2, y[0]);
    for (Index i = 0; i + 1 < x.size(); ++i) total += sin(x[i]) * y[i + 1];
    return total;
  };
  for (Index n = 1; n <= 20; ++n) {
    check(loop, VectorXd(n));
    check(vectors, VectorXd(n));
    check(matrices, VectorXd(n));
  }
  check(loop, Eigen::Vector<double, 1>());
  check(loop, Eigen::Vector2d());
  check(loop, Eigen::Vector3d());
  check(loop, Eigen::Vector<double, 8>());
  check(loop, Eigen::Vector<double, 11>());

  // Nothing to move, and nothing that depends on what moves.
  VectorXd gradient;
  MatrixXd hessian;
  const AutoDiff constant{[](const auto&) { return 3; }};
  for (const Index n : {0, 1, 12}) {
    CHECK(constant.value_and_gradient(VectorXd(VectorXd::Ones(n)), gradient) == 3);
    CHECK((gradient.size() == n && gradient.isZero(0)));
    constant.hessian(VectorXd(VectorXd::Ones(n)), hessian);
    CHECK((hessian.rows() == n && hessian.isZero(0)));
  }
}
