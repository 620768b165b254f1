// What a search tries first, as the methods' formulas say.
#include "support/catch.hpp"
#include <glissade/minimize/gradient_descent.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/barzilai_borwein.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>
#include <glissade/minimize/quasi_newton/nonlinear_cg.hpp>

#include <cmath>
#include <limits>
#include <vector>

using namespace glissade;
using Eigen::VectorXd;

namespace {

/// A bowl times `scale` that notes where it was asked for its value. With `scale` the gradient, and not the path, gets
/// longer, so that steps are much shorter or longer than 1.
struct Noted {
  double scale;
  std::vector<VectorXd>& points;
  double operator()(const VectorXd& x, VectorXd& g) const {
    points.push_back(x);
    g = scale * VectorXd{{x[0], 5 * x[1], 9 * x[2]}};
    return 0.5 * g.dot(x);
  }
  [[nodiscard]] double height(const VectorXd& x) const {
    return 0.5 * scale * (x[0] * x[0] + 5 * x[1] * x[1] + 9 * x[2] * x[2]);
  }
  [[nodiscard]] VectorXd uphill(const VectorXd& x) const { return scale * VectorXd{{x[0], 5 * x[1], 9 * x[2]}}; }
};

constexpr double scales[] = {1e-3, 1.0, 1e3};

}  // namespace

TEST_CASE("first_length: no variable moves by more than a quarter of itself") {
  using V = VectorXd;
  CHECK(first_length(V{{1.0, -0.5, 0.25}}, V{{1.0, -2.5, 2.25}}) == Approx(0.25 / 9).epsilon(1e-15));
  CHECK(first_length(V{{1.0, 0.0}}, V{{1.0, 100.0}}) == 0.25);                        // what is 0 has no size
  CHECK(first_length(V{{3.0, 4e-9}}, V{{3.0, 4.0}}) == Approx(6e-5).epsilon(1e-12));  // 1e-4 ||x|| / ||g||
  CHECK(first_length(V{{4.0, 0.0}}, V{{0.0, 2.0}}) == 2);                             // ||x|| / ||g||
  CHECK(first_length(V{{0.0, 0.0}}, V{{3.0, 4.0}}) == Approx(0.2).epsilon(1e-15));    // 1 / ||g||
  CHECK(first_length(V{{1.0, 1.0}}, V{{0.0, 0.0}}) == 1);
  CHECK(first_length(V{{1e-200, 2e-200}}, V{{1e200, 1e-200}}) > 0);
  CHECK(first_length(V{{1e200, 2e200}}, V{{1e-200, 1e-100}}) < std::numeric_limits<double>::infinity());
}

TEMPLATE_TEST_CASE("methods along -g: the units of the variables do not matter", "", GradientDescent, BarzilaiBorwein,
                   NonlinearCg, Lbfgs) {
  for (const double unit : {0x1p-200, 0x1p30}) {
    std::vector<VectorXd> points, others;
    const auto f = [&](const VectorXd& x, VectorXd& g) {
      const VectorXd y = unit * x;
      others.push_back(y);
      g = unit * VectorXd{{y[0] * y[0] * y[0], 5 * y[1], 9 * y[2]}};
      return 0.25 * std::pow(y[0], 4) + 2.5 * y[1] * y[1] + 4.5 * y[2] * y[2];
    };
    const auto plain = [&](const VectorXd& x, VectorXd& g) {
      points.push_back(x);
      g = VectorXd{{x[0] * x[0] * x[0], 5 * x[1], 9 * x[2]}};
      return 0.25 * std::pow(x[0], 4) + 2.5 * x[1] * x[1] + 4.5 * x[2] * x[2];
    };
    VectorXd x{{1.0, -0.5, 0.25}}, y = x / unit;
    minimize(plain, x, TestType{}, {.max_iterations = 20, .gradient_tolerance = 1e-300});
    minimize(f, y, TestType{}, {.max_iterations = 20, .gradient_tolerance = 1e-300});
    CHECK(points.size() > 20);
    CHECK(points == others);
  }
}

TEST_CASE("GradientDescent: the first trial is first_length, then where the last decrease would be had again") {
  for (const double scale : scales) {
    INFO("scale " << scale);
    std::vector<VectorXd> points;
    const Noted f{scale, points};
    const GradientDescent method;
    VectorXd x{{1.0, -0.5, 0.25}};
    auto oracle = oracle_of(f, x);
    auto state = method.init(oracle, x);
    VectorXd last = x;
    double length = 0;
    for (int k = 0; k < 30; ++k) {
      const VectorXd before = x;
      points.clear();
      if (k == 20) state.decrease *= 1e6;  // at most ten times the last step
      if (k == 25) state.decrease = 0;     // the last step again
      REQUIRE(method.step(oracle, x, state).status == Status::running);
      REQUIRE(!points.empty());
      const VectorXd g = f.uphill(before);
      const double tried = (points.front() - before).norm() / g.norm();
      double expected = 0.25 / 9 / scale;  // x2 / g2, the least quotient
      if (k > 0) {
        const double again = 2 * (f.height(last) - f.height(before)) / g.squaredNorm();
        expected = k == 20 ? 10 * length : k == 25 ? length : std::min(again, 10 * length);
      }
      CHECK(tried == Approx(expected).epsilon(1e-6));
      length = (x - before).norm() / g.norm();
      last = before;
    }
  }
}

TEST_CASE("NonlinearCg: the first trial is first_length, then that of the same decrease to first order") {
  for (const double scale : scales) {
    INFO("scale " << scale);
    std::vector<VectorXd> points;
    const Noted f{scale, points};
    const NonlinearCg method;
    VectorXd x{{1.0, -0.5, 0.25}};
    auto oracle = oracle_of(f, x);
    auto state = method.init(oracle, x);
    double decrease = 0, length = 0;
    for (int k = 0; k < 4; ++k) {
      const VectorXd before = x, d = state.direction;
      points.clear();
      REQUIRE(method.step(oracle, x, state).status == Status::running);
      REQUIRE(!points.empty());
      const double slope = f.uphill(before).dot(d);
      const double tried = (points.front() - before).norm() / d.norm();
      const double expected = k == 0 ? 0.25 / 9 / scale : std::min(decrease / slope, 100 * length);
      CHECK(tried == Approx(expected).epsilon(1e-6));
      length = (x - before).norm() / d.norm();
      decrease = length * slope;
    }
  }
}

TEST_CASE("Polyak: a value that is the least one says so") {
  const auto f = [](const VectorXd& x, VectorXd& g) { return g = x, 0.5 * x.squaredNorm(); };
  VectorXd x{{1.0, 1.0}};
  const Result r = minimize(f, x, GradientDescent{.search = Polyak{.lowest = 1}});
  CHECK(r.status == Status::lowest_reached);
  CHECK(r.iterations == 0);
}
