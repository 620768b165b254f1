// Derivatives by automatic differentiation and by differences, and the checker.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/test_functions.hpp"
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/newton/newton.hpp>
#include <glissade/minimize/newton/trust_region_newton.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>
#include <glissade/oracle/autodiff.hpp>
#include <glissade/oracle/check_derivatives.hpp>

using namespace glissade;
using namespace test_functions;
using Eigen::MatrixXd;

namespace {

/// Another function with one coefficient of its derivatives off by a factor.
template <class F>
struct Wrong {
  F right;
  Index i = 0;
  Index j = 0;
  double factor = 1;

  double value(const VectorXd& x) const { return right.value(x); }
  double value_and_gradient(const VectorXd& x, VectorXd& g) const {
    const double value = right.value_and_gradient(x, g);
    if (j < 0) g[i] *= factor;
    return value;
  }
  void hessian(const VectorXd& x, MatrixXd& H) const {
    right.hessian(x, H);
    if (j < 0) return;
    H(i, j) *= factor;
    H(j, i) = H(i, j);
  }
};

template <class F>
Wrong<F> wrong(const F& right, Index i, Index j, double factor) {
  return {right, i, j, factor};
}

/// Powell's badly scaled function.
constexpr auto badly_scaled = [](const auto& x) {
  using S = NumberOf<std::remove_cvref_t<decltype(x)>>;
  using std::exp;
  const S a = 1e4 * x[0] * x[1] - 1.0;
  const S b = exp(S(-x[0])) + exp(S(-x[1])) - 1.0001;
  return S(a * a + b * b);
};

}  // namespace

TEST_CASE("AutoDiff: value, gradient and Hessian by hand") {
  const AutoDiff f{rosenbrock};
  const VectorXd x = vector({-1.2, 1});
  VectorXd g(2);
  MatrixXd H(2, 2);
  CHECK(f.value(x) == Approx(24.2).epsilon(1e-14));
  CHECK(f.value_and_gradient(x, g) == Approx(24.2).epsilon(1e-14));
  CHECK(g[0] == Approx(-215.6).epsilon(1e-13));
  CHECK(g[1] == Approx(-88).epsilon(1e-13));
  f.hessian(x, H);
  CHECK(H(0, 0) == Approx(1330).epsilon(1e-13));
  CHECK(H(0, 1) == Approx(480).epsilon(1e-13));
  CHECK(H(1, 0) == H(0, 1));
  CHECK(H(1, 1) == Approx(200).epsilon(1e-13));
  const AutoDiff constant{[](const auto& y) { return NumberOf<std::remove_cvref_t<decltype(y)>>(3.0); }};
  CHECK(constant.value_and_gradient(x, g) == 3);
  CHECK(g == vector({0, 0}));
  constant.hessian(x, H);
  CHECK(H.isZero(0));
}

TEST_CASE("checker: exact derivatives pass, also at badly scaled points") {
  const auto check = [](const auto& f, const VectorXd& x) {
    const DerivativeCheck gradient = check_gradient(f, x);
    INFO(gradient.text());
    CHECK(gradient.passed);
    const DerivativeCheck hessian = check_hessian(f, x);
    INFO(hessian.text());
    CHECK(hessian.passed);
  };
  check(AutoDiff{rosenbrock}, vector({-1.2, 1}));
  check(AutoDiff{rosenbrock}, vector({1e6, -1e-6}));
  check(AutoDiff{badly_scaled}, vector({1e-5, 9}));
  check(AutoDiff{badly_scaled}, vector({0, 1}));
  check(AutoDiff{wood}, vector({1e2, -1e-4, 0, 3e3}));
  check(AutoDiff{brown_dennis}, vector({25, 5, -5, -1}));
  check(Quadratic(12, 1e12), VectorXd::LinSpaced(12, -1e3, 1e3));
}

TEST_CASE("checker: a relative error of 1e-4 in one coefficient is found and named") {
  const AutoDiff f{wood};
  const VectorXd x = vector({-3, 2, 0.5, 40});
  for (Index i = 0; i < 4; ++i)
    for (const double factor : {1 + 1e-4, 1 - 1e-4, -1.0}) {
      const DerivativeCheck check = check_gradient(wrong(f, i, -1, factor), x);
      CHECK_FALSE(check.passed);
      CHECK(check.row == i);
      CHECK(check.error == Approx(std::abs(factor - 1)).epsilon(0.02));
    }
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j <= i; ++j) {
      if ((i == 2 || i == 3) && j < 2 && (i != 3 || j != 1)) continue;  // coefficients that are 0
      const DerivativeCheck check = check_hessian(wrong(f, i, j, 1 + 1e-4), x);
      CHECK_FALSE(check.passed);
      CHECK(std::max(check.row, check.col) == i);
      CHECK(std::min(check.row, check.col) == j);
    }
  const DerivativeCheck scaled = check_gradient(wrong(AutoDiff{badly_scaled}, 0, -1, 1.0001), vector({2e-5, 9}));
  CHECK_FALSE(scaled.passed);
  CHECK(scaled.text().starts_with("coefficient (0, 0) is "));
  CHECK(message_of([&] { check_gradient(f, x, 0); }) == "check_gradient: tolerance = 0, must be > 0 and finite");
}

TEST_CASE("checker: what has passed reads so") {
  const AutoDiff f{rosenbrock};
  const VectorXd x = vector({-1.2, 1});
  const std::string good = "passed: no coefficient is off by more than the error of the differences";
  CHECK(check_gradient(f, x).text() == good);
  CHECK(check_hessian(f, x).text() == good);
  CHECK(DerivativeCheck{}.text() == good);
  // Off, but within the tolerance.
  const DerivativeCheck near = check_gradient(wrong(f, 1, -1, 1 + 1e-4), x, 1e-3);
  CHECK(near.passed);
  CHECK(near.text().starts_with("passed: coefficient (1, 0) is -88.0"));
  const DerivativeCheck far = check_gradient(wrong(f, 1, -1, 1 + 1e-4), x, 1e-5);
  CHECK_FALSE(far.passed);
  CHECK("passed: " + far.text() == near.text());
}

TEST_CASE("checker: what could not be looked at does not pass") {
  const VectorXd x = vector({1, 2});
  const double infinity = std::numeric_limits<double>::infinity();
  const auto bad = [&](double beyond, bool also_here) {
    return [=](const VectorXd& y, VectorXd& g) {
      g = y;
      return y == x && !also_here ? 2.5 : beyond;
    };
  };
  for (const bool also_here : {true, false})
    for (const double beyond : {infinity, -infinity, std::nan("")}) {
      const DerivativeCheck check = check_gradient(bad(beyond, also_here), x);
      CHECK_FALSE(check.passed);
      CHECK(check.text() == "coefficient (0, 0) is 1, differences say nan, relative error inf");
    }
  struct {
    double value_and_gradient(const VectorXd& y, VectorXd& g) const {
      g = VectorXd::Constant(2, std::nan(""));
      return y.sum();
    }
    void hessian(const VectorXd&, MatrixXd& H) const { H.setIdentity(); }
    void hessian_vector(const VectorXd&, const VectorXd& v, VectorXd& Hv) const { Hv = v; }
  } blind;
  CHECK_FALSE(check_hessian(blind, x).passed);
  CHECK_FALSE(check_hessian_vector(blind, x, VectorXd(VectorXd::Ones(2))).passed);
}

TEST_CASE("checker: products with the Hessian") {
  const Quadratic f(6, 100);
  CHECK(check_hessian_vector(f, VectorXd(VectorXd::Random(6)), VectorXd(VectorXd::Random(6))).passed);
  struct Off : Quadratic {
    using Quadratic::Quadratic;
    void hessian_vector(const VectorXd& x, const VectorXd& v, VectorXd& Hv) const {
      Quadratic::hessian_vector(x, v, Hv);
      Hv[3] *= 1.0001;
    }
  };
  const DerivativeCheck check =
      check_hessian_vector(Off(6, 100), VectorXd(VectorXd::Random(6)), VectorXd(VectorXd::Ones(6)));
  CHECK_FALSE(check.passed);
  CHECK(check.row == 3);
}

TEST_CASE("differences: close to the exact derivatives") {
  const AutoDiff f{wood};
  const VectorXd x = vector({-3, -1, 0.5, 4});
  VectorXd exact(4), approximate(4);
  MatrixXd H(4, 4), approximate_H(4, 4);
  f.value_and_gradient(x, exact);
  const GradientByDifferences values{[&](const VectorXd& y) { return f.value(y); }};
  CHECK(values.value_and_gradient(x, approximate) == f.value(x));
  CHECK((approximate - exact).norm() <= 1e-8 * exact.norm());
  const HessianByDifferences gradients{f};
  f.hessian(x, H);
  gradients.hessian(x, approximate_H);
  CHECK((approximate_H - H).norm() <= 1e-8 * H.norm());
  CHECK(approximate_H == approximate_H.transpose());
  const VectorXd v = 1e-3 * vector({1, -2, 3, 4});
  gradients.hessian_vector(x, v, approximate);
  CHECK((approximate - H * v).norm() <= 1e-7 * (H * v).norm());
  gradients.hessian_vector(x, VectorXd(VectorXd::Zero(4)), approximate);
  CHECK(approximate.isZero(0));
}

TEST_CASE("differences: variables of another size than 1 are looked at in steps of theirs") {
  const double s = 1e-9;
  const auto f = [&](const VectorXd& x) { return std::exp(x[0] / s) + std::log(x[1] / s) + x[2] * x[2] * x[2] * x[2]; };
  const VectorXd x = vector({2e-9, 3e-9, 1.5});
  const VectorXd exact = vector({std::exp(2.0) / s, 1 / 3e-9, 4 * 1.5 * 1.5 * 1.5});
  VectorXd g(3);
  GradientByDifferences{f, s}.value_and_gradient(x, g);
  CHECK((g - exact).cwiseQuotient(exact).norm() < 1e-8);
  GradientByDifferences{f, vector({s, s, 1})}.value_and_gradient(x, g);
  CHECK((g - exact).cwiseQuotient(exact).norm() < 1e-8);

  const auto gradient = [&](const VectorXd& y, VectorXd& to) {
    to = vector({std::exp(y[0] / s) / s, 1 / y[1], 4 * y[2] * y[2] * y[2]});
    return f(y);
  };
  const HessianByDifferences h{gradient, vector({s, s, 1})};
  const VectorXd diagonal = vector({std::exp(2.0) / s / s, -1 / 9e-18, 12 * 1.5 * 1.5});
  MatrixXd H(3, 3);
  h.hessian(x, H);
  CHECK((H.diagonal() - diagonal).cwiseQuotient(diagonal).norm() < 1e-7);
  for (const VectorXd& v : {vector({1, 0, 0}), vector({0, 2e5, 0}), vector({0, 0, 1}), vector({1e-9, 3e-9, 1})}) {
    VectorXd product(3);
    h.hessian_vector(x, v, product);
    const VectorXd right = diagonal.cwiseProduct(v);
    CHECK((product - right).norm() < 1e-6 * right.norm());
  }

  // A minimum at 1e-9 (1, 2), found from afar.
  const auto bowl = [&](const VectorXd& y) { return std::cosh(y[0] / s - 1) + std::cosh(y[1] / s - 2); };
  VectorXd y = vector({4e-9, -1e-9});
  minimize(GradientByDifferences{bowl, s}, y, Lbfgs{}, {.gradient_tolerance = 1e3});
  CHECK((y / s - vector({1, 2})).norm() < 1e-5);

  CHECK(message_of([&] {
          static_cast<void>(GradientByDifferences{f, 0.0});
        }) == "TypicalSize: size = 0, must be > 0 and finite");
  CHECK(message_of([&] {
          static_cast<void>(GradientByDifferences{f, vector({1, -1})});
        }) == "TypicalSize: size = -1, must be > 0 and finite");
  CHECK(message_of([&] {
          GradientByDifferences{f, vector({1, 1})}.value_and_gradient(x, g);
        }) == "TypicalSize: 2 sizes for 3 variables");
}

TEST_CASE("differences: a function that does not change tells nothing of its slope") {
  VectorXd g(2);
  const auto refused = [&](const auto& f, const VectorXd& x) {
    return message_of([&] { GradientByDifferences{f}.value_and_gradient(x, g); });
  };
  CHECK(refused([](const VectorXd& x) { return x[0]; }, vector({1, 3})) ==
        "GradientByDifferences: the function does not change with variable 1 = 3, moved by up to 3: its typical_size "
        "must "
        "be larger, or the variable is not one");
  CHECK(
      refused([](const VectorXd& x) { return 1e20 + x.sum(); }, vector({1, 3})).starts_with("GradientByDifferences: "));
  // A minimum that small steps do not see is one all the same.
  const auto flat = [](const VectorXd& x) { return 1e6 + 0.5 * x.squaredNorm(); };
  CHECK(refused(flat, vector({0, 0})).empty());
  CHECK(g == vector({0, 0}));
  VectorXd x = vector({1, -2});
  CHECK(minimize(GradientByDifferences{flat}, x, Lbfgs{}, {.gradient_tolerance = 1e-3}).status ==
        Status::gradient_tolerance);
  // Where it refuses, x is left as it was.
  x = vector({1, 3});
  CHECK_THROWS_AS(minimize(GradientByDifferences{[](const VectorXd&) { return 1.0; }}, x, Lbfgs{}),
                  std::invalid_argument);
  CHECK(x == vector({1, 3}));
}

TEST_CASE("differences: methods run on them") {
  VectorXd x = rosenbrock_start();
  const GradientByDifferences values{[](const VectorXd& y) { return rosenbrock(y); }};
  CHECK(minimize(values, x, Lbfgs{}, {.gradient_tolerance = 1e-5}).status == Status::gradient_tolerance);
  CHECK((x - vector({1, 1})).norm() <= 1e-4);
  const auto lambda = [](const VectorXd& y, VectorXd& g) { return AutoDiff{rosenbrock}.value_and_gradient(y, g); };
  x = rosenbrock_start();
  CHECK(minimize(HessianByDifferences{lambda}, x, Newton{}, {.gradient_tolerance = 1e-8}).status ==
        Status::gradient_tolerance);
  x = rosenbrock_start();
  CHECK(minimize(HessianByDifferences{lambda}, x, TrustRegionNewton{}, {.gradient_tolerance = 1e-8}).status ==
        Status::gradient_tolerance);
}
