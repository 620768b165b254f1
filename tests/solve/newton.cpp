// Newton's method, with a search and in a trust region.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include "support/test_functions.hpp"
#include <glissade/method/minimize.hpp>
#include <glissade/method/autodiff.hpp>
#include <glissade/solve/newton.hpp>
#include <glissade/solve/trust_region_newton.hpp>

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

}  // namespace

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
  const auto value = [](const auto& x) {
    using S = NumberOf<std::remove_cvref_t<decltype(x)>>;
    const S a = x[1] - x[0] * x[0];
    const S b = 1.0 - x[0];
    return S(100.0 * a * a + b * b + x[2] * x[2]);
  };
  const AutoDiff f{value};
  const auto run = [&](const auto& method) {
    Eigen::Vector3d x(-1.2, 1, 1);
    const NoHeap heap;
    const Result r = minimize(f, x, method, {.gradient_tolerance = 1e-10});
    const std::size_t taken = heap.taken();
    CHECK(r.status == Status::gradient_tolerance);
    return taken;
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
}
