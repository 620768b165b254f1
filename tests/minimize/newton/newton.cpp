// Newton's method, with a search and in a trust region.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include "support/test_functions.hpp"
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/newton/newton.hpp>
#include <glissade/minimize/newton/trust_region_newton.hpp>
#include <glissade/oracle/autodiff.hpp>
#include <glissade/oracle/differences.hpp>

#include <algorithm>
#include <limits>

using namespace glissade;
using namespace test_functions;

namespace {

template <class F, class M>
Result solve(const F& f, VectorXd& x, const M& method) {
  return minimize(f, x, method, {.max_iterations = 500, .gradient_tolerance = 1e-9});
}

/// x0^4 / 4 - x0^2 / 2 + x1^2 / 2: a saddle at 0, minima at (+-1, 0).
const AutoDiff saddle{[](const auto& x) {
  using S = NumberOf<std::remove_cvref_t<decltype(x)>>;
  const S a = x[0] * x[0];
  return S(0.25 * a * a - 0.5 * a + 0.5 * x[1] * x[1]);
}};

/// Rosenbrock's function of the first two and squares of the others.
struct Valley {
  template <class V>
  double value_and_gradient(const V& x, V& g) const {
    const double a = x[1] - x[0] * x[0];
    g = 2 * x;
    g[0] = -400 * a * x[0] - 2 * (1 - x[0]);
    g[1] = 200 * a;
    return 100 * a * a + (1 - x[0]) * (1 - x[0]) + x.tail(x.size() - 2).squaredNorm();
  }
  template <class V>
  void hessian(const V& x, SquareOf<V>& H) const {
    H = 2 * SquareOf<V>::Identity(x.size(), x.size());
    H(0, 0) = 1200 * x[0] * x[0] - 400 * x[1] + 2;
    H(0, 1) = H(1, 0) = -400 * x[0];
    H(1, 1) = 200;
  }
};

/// sum c_i x_i^2 / 2
struct Diagonal {
  VectorXd c;
  double value_and_gradient(const VectorXd& x, VectorXd& g) const {
    g = c.cwiseProduct(x);
    return 0.5 * g.dot(x);
  }
  void hessian(const VectorXd&, Eigen::MatrixXd& H) const { H = c.asDiagonal(); }
};

/// |A x - y|^2 / 2
struct SumOfSquares {
  Eigen::MatrixXd A;
  VectorXd y;
  double value_and_gradient(const VectorXd& x, VectorXd& g) const {
    const VectorXd r = A * x - y;
    g = A.transpose() * r;
    return 0.5 * r.squaredNorm();
  }
  void hessian(const VectorXd&, Eigen::MatrixXd& H) const { H = A.transpose() * A; }
};

/// f with its variables in other units.
template <class F>
struct InUnits {
  F f;
  VectorXd unit;
  double value_and_gradient(const VectorXd& x, VectorXd& g) const {
    const double value = f.value_and_gradient(VectorXd(x.cwiseProduct(unit)), g);
    g.array() *= unit.array();
    return value;
  }
  void hessian(const VectorXd& x, Eigen::MatrixXd& H) const {
    f.hessian(VectorXd(x.cwiseProduct(unit)), H);
    H = (unit.asDiagonal() * H * unit.asDiagonal()).eval();
  }
};

}  // namespace

TEST_CASE("Newton: the units of the variables do not matter") {
  VectorXd x = vector({1, 1, 1});
  CHECK(minimize(Diagonal{vector({1, 1e10, 1e20})}, x, Newton{}, {.gradient_tolerance = 1e-9}).iterations == 1);
  CHECK(x.norm() <= 1e-15);
}

TEST_CASE("Newton: nor do they where the Hessian is indefinite, unless it is modified by Cholesky") {
  const InUnits<Valley> f{{}, vector({0x1p20, 0x1p-30, 0x1p-3})};
  VectorXd x = vector({0.2, 1, 1}), y = x.cwiseQuotient(f.unit);
  Eigen::MatrixXd H(3, 3);
  f.f.hessian(x, H);
  REQUIRE(H.determinant() < 0);
  minimize(f.f, x, Newton{}, {.max_iterations = 7});
  minimize(f, y, Newton{}, {.max_iterations = 7});
  CHECK(y.cwiseProduct(f.unit) == x);
  VectorXd u = vector({0.2, 1, 1}), v = u.cwiseQuotient(f.unit);
  minimize(f.f, u, Newton{.indefinite = Indefinite::modified_cholesky}, {.max_iterations = 7});
  minimize(f, v, Newton{.indefinite = Indefinite::modified_cholesky}, {.max_iterations = 7});
  CHECK_FALSE(v.cwiseProduct(f.unit) == u);
}

TEST_CASE("Newton: a saddle is left whatever the units of the variables that curve down") {
  // x1^2 + x2^4 / 4 - x2^2 / 2, saddle at 0, with x2 in units in which its curvature is 1e-12 of the other
  const auto f = [](const VectorXd& x, VectorXd& g, Eigen::MatrixXd* H) {
    const double y = 1e-6 * x[1];
    g = vector({2 * x[0], 1e-6 * (y * y * y - y)});
    if (H) *H << 2, 0, 0, 1e-12 * (3 * y * y - 1);
    return x[0] * x[0] + y * y * y * y / 4 - y * y / 2;
  };
  struct Saddle {
    decltype(f) both;
    double value_and_gradient(const VectorXd& x, VectorXd& g) const { return both(x, g, nullptr); }
    void hessian(const VectorXd& x, Eigen::MatrixXd& H) const {
      VectorXd g(2);
      both(x, g, &H);
    }
  };
  VectorXd x = vector({0, 0});
  const auto result = minimize(Saddle{f}, x, Newton{}, {.gradient_tolerance = 1e-12});
  CAPTURE(to_string(result.status));
  CHECK(std::abs(std::abs(1e-6 * x[1]) - 1) < 1e-6);
}

TEST_CASE("TrustRegionNewton: units that all variables share do not matter") {
  for (const double unit : {0x1p-100, 0x1p40}) {
    const InUnits<Valley> f{{}, VectorXd::Constant(3, unit)};
    VectorXd x = vector({0.2, 1, 1}), y = x / unit;
    minimize(f.f, x, TrustRegionNewton{}, {.max_iterations = 9, .gradient_tolerance = 1e-300});
    minimize(f, y, TrustRegionNewton{}, {.max_iterations = 9, .gradient_tolerance = 1e-300});
    CHECK(y * unit == x);
    CHECK((x - vector({1, 1, 0})).norm() < 0.8);
  }
}

TEST_CASE("Newton: Longley's regression in its raw units, as NIST certifies it") {
  Eigen::Matrix<double, 16, 7> data;  // employed; deflator, product, unemployed, armed forces, population, year
  data << 60323, 83.0, 234289, 2356, 1590, 107608, 1947,  //
      61122, 88.5, 259426, 2325, 1456, 108632, 1948,      //
      60171, 88.2, 258054, 3682, 1616, 109773, 1949,      //
      61187, 89.5, 284599, 3351, 1650, 110929, 1950,      //
      63221, 96.2, 328975, 2099, 3099, 112075, 1951,      //
      63639, 98.1, 346999, 1932, 3594, 113270, 1952,      //
      64989, 99.0, 365385, 1870, 3547, 115094, 1953,      //
      63761, 100.0, 363112, 3578, 3350, 116219, 1954,     //
      66019, 101.2, 397469, 2904, 3048, 117388, 1955,     //
      67857, 104.6, 419180, 2822, 2857, 118734, 1956,     //
      68169, 108.4, 442769, 2936, 2798, 120445, 1957,     //
      66513, 110.8, 444546, 4681, 2637, 121950, 1958,     //
      68655, 112.6, 482704, 3813, 2552, 123366, 1959,     //
      69564, 114.2, 502601, 3931, 2514, 125368, 1960,     //
      69331, 115.7, 518173, 4806, 2572, 127852, 1961,     //
      70551, 116.9, 554894, 4007, 2827, 130081, 1962;
  Eigen::MatrixXd rows(16, 7);
  rows << VectorXd::Ones(16), data.rightCols(6);
  const VectorXd employed = data.col(0);
  VectorXd x = VectorXd::Zero(7);
  CHECK(minimize(SumOfSquares{rows, employed}, x, Newton{}, {.max_iterations = 50}).iterations <= 4);
  constexpr double least = 836424.055505915;
  CHECK((rows * x - employed).squaredNorm() <= (1 + 1e-6) * least);
}

TEMPLATE_TEST_CASE("Newton methods: functions of the literature", "", Newton, TrustRegionNewton) {
  const TestType method;
  VectorXd x = rosenbrock_start();
  CHECK(solve(AutoDiff{rosenbrock}, x, method).status == Status::gradient_tolerance);
  CHECK((x - vector({1, 1})).norm() <= 1e-8);
  x = vector({-3, -1, -3, -1});
  CHECK(solve(AutoDiff{wood}, x, method).status == Status::gradient_tolerance);
  CHECK((x - vector({1, 1, 1, 1})).norm() <= 1e-8);
  x = vector({1, 1});
  CHECK(solve(AutoDiff{beale}, x, method).status == Status::gradient_tolerance);
  CHECK((x - vector({3, 0.5})).norm() <= 1e-8);
  x = vector({3, -1, 0, 1});
  CHECK(solve(AutoDiff{powell_singular}, x, method).status == Status::gradient_tolerance);
  x = vector({25, 5, -5, -1});
  const Result r = minimize(AutoDiff{brown_dennis}, x, method, {.gradient_tolerance = 1e-4});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK(r.value == Approx(85822.2016264).epsilon(1e-11));
  CHECK(r.iterations <= 30);
}

TEMPLATE_TEST_CASE("Newton methods: negative curvature leads to a minimum", "", Newton, TrustRegionNewton) {
  VectorXd x = vector({0.1, 0.3});
  const Result r = solve(saddle, x, TestType{});
  CHECK(converged(r.status));
  CHECK(std::abs(x[0]) == Approx(1.0));
  CHECK(r.value == Approx(-0.25));
}

TEMPLATE_TEST_CASE("Newton methods: a saddle on the way, or at the start, is left", "", Newton, TrustRegionNewton) {
  // x^2 - y^2 + y^4: from (1, 0) all gradients lie on the line y = 0, which leads to the saddle at 0.
  const AutoDiff f{[](const auto& x) {
    using S = NumberOf<std::remove_cvref_t<decltype(x)>>;
    const S b = x[1] * x[1];
    return S(x[0] * x[0] - b + b * b);
  }};
  struct Product {  // the same without a Hessian
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      g = vector({2 * x[0], -2 * x[1] + 4 * std::pow(x[1], 3)});
      return x[0] * x[0] - x[1] * x[1] + std::pow(x[1], 4);
    }
    void hessian_vector(const VectorXd& x, const VectorXd& v, VectorXd& Hv) const {
      Hv = vector({2 * v[0], (12 * x[1] * x[1] - 2) * v[1]});
    }
  };
  for (const VectorXd& start : {vector({1, 0}), vector({0, 0}), vector({-3, 1e-9})}) {
    const auto check = [&](const auto& function) {
      VectorXd x = start;
      const Result r = minimize(function, x, TestType{}, {.gradient_tolerance = 1e-9});
      CHECK(r.status == Status::gradient_tolerance);
      CHECK(std::abs(x[0]) <= 1e-9);
      CHECK(std::abs(x[1]) == Approx(std::sqrt(0.5)).epsilon(1e-9));
      CHECK(r.value == Approx(-0.25).epsilon(1e-14));
    };
    check(f);
    if constexpr (std::is_same_v<TestType, TrustRegionNewton>) check(Product{});
  }
  // A state that is resumed at the saddle leaves it too, and a limit on the way says so.
  VectorXd x = vector({0, 0});
  auto state = TestType{}.init(f, x);
  CHECK(resume(f, x, TestType{}, state, {.max_iterations = 0}).status == Status::max_iterations);
  CHECK(resume(f, x, TestType{}, state).value == Approx(-0.25));
}

TEMPLATE_TEST_CASE("Newton methods: an indefinite Hessian that the values deny is said so", "", Newton,
                   TrustRegionNewton) {
  struct {
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      g = x;
      return 0.5 * x.squaredNorm();
    }
    void hessian(const VectorXd&, Eigen::MatrixXd& H) const { H = Eigen::Vector2d(1, -1).asDiagonal(); }
  } wrong;
  VectorXd x = vector({0, 0});
  const Result r = minimize(wrong, x, TestType{});
  CHECK(r.status == Status::saddle);
  CHECK_FALSE(converged(r.status));
  CHECK(x == vector({0, 0}));
}

TEST_CASE("TrustRegionNewton: without saddle_products every small gradient will do") {
  VectorXd x = vector({0, 0});
  const Result r = minimize(saddle, x, TrustRegionNewton{.saddle_products = 0});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK(r.evaluations.hessian == 0);
}

TEST_CASE("TrustRegionNewton: a trial that does not descend is not accepted") {
  const AutoDiff f{[](const auto& x) {
    using S = NumberOf<std::remove_cvref_t<decltype(x)>>;
    const S a = x[1] - x[0] * x[0];
    return S(100. * a * a + (1. - x[0]) * (1. - x[0]));
  }};
  VectorXd x = Eigen::Vector2d(-1.2, 1);
  History history;
  const Result r = minimize(f, x, TrustRegionNewton{.initial_radius = 10}, {.max_iterations = 100}, history);
  CHECK(r.status == Status::gradient_tolerance);
  CHECK(r.evaluations.gradient > r.iterations + 1);  // some were rejected
  CHECK(std::is_sorted(history.value.rbegin(), history.value.rend()));
}

TEST_CASE("TrustRegionNewton: curvatures next to nothing are steps to the boundary") {
  // -x with a Hessian that is positive by a number whose inverse overflows.
  struct {
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      g.setConstant(-1);
      return -x.sum();
    }
    void hessian_vector(const VectorXd&, const VectorXd& v, VectorXd& Hv) const { Hv = 1e-310 * v; }
  } slope;
  VectorXd x = vector({0, 0});
  CHECK(minimize(slope, x, TrustRegionNewton{}, {.lowest_value = -1e6}).status == Status::unbounded);
}

TEMPLATE_TEST_CASE("Newton methods: one coordinate of 1.5e9 is no endless loop", "", Newton, TrustRegionNewton) {
  // dlib #210: values of 1e18 whose last digits are all that changes.
  struct {
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      g = vector({2 * (x[0] - 1), 2 * (x[1] - 1), 1e-3 * x[2]});
      return (x[0] - 1) * (x[0] - 1) + (x[1] - 1) * (x[1] - 1) + 0.5e-3 * x[2] * x[2];
    }
    void hessian(const VectorXd&, Eigen::MatrixXd& H) const { H = Eigen::Vector3d(2, 2, 1e-3).asDiagonal(); }
  } f;
  VectorXd x = vector({3, -2, 1.5e9});
  const Result r = minimize(f, x, TestType{}, {.gradient_tolerance = 1e-9, .max_value_calls = 1000});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK((x - vector({1, 1, 0})).norm() <= 1e-6);
}

TEST_CASE("TrustRegionNewton: before it gives up it solves the model to the end") {
  // NIST's MGH10, b0 exp(b1 / (x + b2)), from its second start: where conjugate gradients end early, the direction that
  // they found promises no more than rounding errors.
  const VectorXd y =
      vector({34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872});
  const AutoDiff mgh10{[&](const auto& b) {
    using S = NumberOf<std::remove_cvref_t<decltype(b)>>;
    using std::exp;
    S sum = 0.0 * b[0];
    for (Index i = 0; i < y.size(); ++i) {
      const S exponent = b[1] / (b[2] + (50.0 + 5.0 * static_cast<double>(i)));
      const S r = y[i] - b[0] * exp(exponent);
      sum += S(r * r);
    }
    return sum;
  }};
  VectorXd b = vector({0.02, 4000, 250});
  const Result r = minimize(mgh10, b, TrustRegionNewton{}, {.max_iterations = 3000, .gradient_tolerance = 1e-9});
  INFO(to_string(r.status));
  CHECK(r.value == Approx(87.945855171).epsilon(1e-9));
  CHECK((b - vector({5.6096364710e-3, 6181.3463463, 345.22363462})).cwiseQuotient(b).norm() < 1e-5);
}

TEST_CASE("TrustRegionNewton: variables of 300 and of 4e-4 with a Hessian by differences") {
  // NIST's Misra1b, b0 (1 - (1 + b1 x / 2)^-2).
  const VectorXd x =
      vector({77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0});
  const VectorXd y =
      vector({10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78});
  const auto misra1b = [&](const VectorXd& b, VectorXd& g) {
    const Eigen::ArrayXd t = (1 + 0.5 * b[1] * x.array()).inverse();
    const Eigen::ArrayXd r = y.array() - b[0] * (1 - t.square());
    g = vector({-2 * (r * (1 - t.square())).sum(), -2 * b[0] * (r * x.array() * t.cube()).sum()});
    return r.square().sum();
  };
  for (const VectorXd& start : {vector({500, 1e-4}), vector({300, 2e-4})}) {
    VectorXd b = start;
    const HessianByDifferences f{misra1b, vector({100, 1e-4})};
    const Result r = minimize(f, b, TrustRegionNewton{}, {.gradient_tolerance = 1e-6});
    INFO(to_string(r.status));
    CHECK(r.value == Approx(7.5464681533e-2).epsilon(1e-9));
    CHECK(b[0] == Approx(337.99746163).epsilon(1e-6));
    CHECK(b[1] == Approx(3.9039091287e-4).epsilon(1e-6));
  }
}

TEMPLATE_TEST_CASE("Newton methods: a Hessian that is not finite is said so", "", Newton, TrustRegionNewton) {
  struct Blind {
    double bad;
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      g = 2 * x;
      return x.squaredNorm();
    }
    void hessian(const VectorXd&, Eigen::MatrixXd& H) const {
      H.setIdentity();
      H(0, 0) = bad;
    }
  };
  struct BlindProducts : Blind {
    void hessian(const VectorXd&, Eigen::MatrixXd&) const = delete;
    void hessian_vector(const VectorXd&, const VectorXd& v, VectorXd& Hv) const { Hv = this->bad * v; }
  };
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    VectorXd x = vector({1, 2});
    CHECK(minimize(Blind{bad}, x, TestType{}).status == Status::non_finite_hessian);
    if constexpr (std::is_same_v<TestType, TrustRegionNewton>)
      CHECK(minimize(BlindProducts{{bad}}, x, TestType{}).status == Status::non_finite_hessian);
    CHECK(x == vector({1, 2}));
  }
}

TEST_CASE("Newton: where the Hessian is 0, or says nothing of a variable, few values are spent") {
  // sqrt(1 + x^2) in each variable, with a Hessian that holds nothing of some.
  struct {
    VectorXd d;
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      const Eigen::ArrayXd root = (1 + x.array().square()).sqrt();
      g = x.array() / root;
      return root.sum();
    }
    void hessian(const VectorXd&, Eigen::MatrixXd& H) const { H = d.asDiagonal(); }
  } f;
  for (const VectorXd& d : {vector({0, 0}), vector({1, 0}), vector({1, -1e-30})}) {
    f.d = d;
    VectorXd x = vector({3, 5});
    const Result r = minimize(f, x, Newton{}, {.max_iterations = 20, .gradient_tolerance = 1e-9});
    INFO(d.transpose() << ": " << to_string(r.status));
    CHECK(r.evaluations.value <= 40 * r.iterations);
  }
  f.d = vector({0, 0});
  VectorXd x = vector({3, 5});
  const Result r = minimize(f, x, Newton{}, {.max_iterations = 5, .gradient_tolerance = 1e-9});
  CHECK(r.evaluations.value <= 2 * r.iterations + 1);
}

TEMPLATE_TEST_CASE("Newton methods: a Hessian is symmetrized where differences and floats may leave it skew", "",
                   Newton, TrustRegionNewton) {
  struct Skew {
    double skew;
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      g = vector({2e3 * x[0] + x[1], x[0] + 2e3 * x[1]});
      return 1e3 * x.squaredNorm() + x[0] * x[1];
    }
    void hessian(const VectorXd&, Eigen::MatrixXd& H) const { H << 2e3, 1 + skew, 1 - skew, 2e3; }
  };
  for (const double skew : {2.5e-8 * 1e3, -2.5e-8 * 1e3, 9e-6 * 1e3}) {
    VectorXd x = vector({1, 2});
    const Result r = minimize(Skew{skew}, x, TestType{}, {.gradient_tolerance = 1e-9});
    CHECK(r.status == Status::gradient_tolerance);
    CHECK(r.iterations <= 5);
  }
  VectorXd x = vector({1, 2});
  CHECK(message_of([&] {
          minimize(Skew{0.02}, x, TestType{});
        }).starts_with("objective: its Hessian is not symmetric: "));
  // Both triangles hold the mean, which is the exact Hessian here.
  const Skew f{5e-6};
  Oracle<const Skew, VectorXd> oracle(f);
  Eigen::MatrixXd H;
  oracle.hessian(x, H);
  CHECK(H(0, 1) == 1);
  CHECK(H(1, 0) == 1);
}

TEST_CASE("Newton: one Hessian an iteration") {
  VectorXd x = rosenbrock_start();
  const Result r = minimize(AutoDiff{rosenbrock}, x, Newton{}, {.gradient_tolerance = 1e-9});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK(r.evaluations.hessian == r.iterations);
}

TEST_CASE("Newton: one step on a quadratic, quadratic convergence on a smooth function") {
  const Quadratic f(20, 1e4);
  VectorXd x = VectorXd::Random(20);
  const Result r = solve(f, x, Newton{});
  CHECK(r.iterations == 1);
  CHECK(r.evaluations.hessian == 1);
  CHECK(r.evaluations.gradient == 2);
  VectorXd y = vector({2.5, 0.4});
  History history;
  minimize(AutoDiff{beale}, y, Newton{}, {.gradient_tolerance = 1e-10}, history);
  const std::size_t last = history.size() - 1;
  // The digits double: log ||g|| at least 1.7 times in the last steps.
  CHECK(std::log(history.gradient_norm[last]) <= 1.7 * std::log(history.gradient_norm[last - 1]));
}

TEST_CASE("Newton: vectors of fixed size take nothing from the heap") {
  const Valley f;
  const auto run_in = [&]<int n>(std::integral_constant<int, n>, const auto& method) {
    std::size_t taken = 0;
    for (const double first : {-1.2, 0.2}) {  // at the second one the Hessian is indefinite
      Eigen::Matrix<double, n, 1> x = Eigen::Matrix<double, n, 1>::Ones();
      x[0] = first;
      const NoHeap heap;
      const Result r = minimize(f, x, method, {.gradient_tolerance = 1e-10});
      taken += heap.taken();
      CHECK(r.status == Status::gradient_tolerance);
    }
    return taken;
  };
  const auto run = [&](const auto& method) {
    // Of products Eigen forms the first by coefficients, the second by blocks.
    return run_in(std::integral_constant<int, 3>{}, method) + run_in(std::integral_constant<int, 12>{}, method);
  };
  CHECK(run(Newton{}) == 0);
  CHECK(run(TrustRegionNewton{}) == 0);
}

TEST_CASE("TrustRegionNewton: products instead of the Hessian give the same path") {
  struct Products : Quadratic {
    using Quadratic::Quadratic;
    void hessian(const VectorXd&, Eigen::MatrixXd&) const = delete;
  };
  const Products f(20, 1e3);
  VectorXd x = VectorXd::Zero(20);
  const Result products = minimize(f, x, TrustRegionNewton{}, {.gradient_tolerance = 1e-9});
  CHECK(products.status == Status::gradient_tolerance);
  CHECK(products.evaluations.hessian == 0);
  CHECK(products.evaluations.hessian_vector > 0);
  const Quadratic whole(20, 1e3);
  const auto hessian_only = [&] {
    struct {
      const Quadratic& q;
      double value_and_gradient(const VectorXd& at, VectorXd& g) const { return q.value_and_gradient(at, g); }
      void hessian(const VectorXd& at, Eigen::MatrixXd& H) const { q.hessian(at, H); }
    } f2{whole};
    VectorXd y = VectorXd::Zero(20);
    return minimize(f2, y, TrustRegionNewton{}, {.gradient_tolerance = 1e-9});
  }();
  CHECK(hessian_only.iterations == products.iterations);
  CHECK(hessian_only.evaluations.hessian == hessian_only.iterations);
}

TEST_CASE("Newton methods: misuse") {
  struct Skew {
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      g = x;
      return 0.5 * x.squaredNorm();
    }
    void hessian(const VectorXd&, Eigen::MatrixXd& H) const {
      H.setIdentity();
      H(0, 1) = 0.5;
    }
  };
  VectorXd x = vector({1, 2});
  CHECK(message_of([&] { minimize(Skew{}, x, Newton{}); }) ==
        "objective: its Hessian is not symmetric: max |H - H'| = 0.5, max |H| = 1");
  CHECK(message_of([&] { minimize(AutoDiff{beale}, x, TrustRegionNewton{.accept = 0.3}); }) ==
        "TrustRegionNewton: accept = 0.3, must be in [0, 0.25)");
  CHECK(message_of([&] { minimize(AutoDiff{beale}, x, TrustRegionNewton{.initial_radius = 2, .max_radius = 1}); }) ==
        "TrustRegionNewton: initial_radius = 2, must be in [0, 1]");
}
