// Methods between bounds: their models by other means, exact bounds, starts beyond them, and what is refused.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/linalg/pivoted_solver.hpp>
#include <glissade/minimize/bounded/lbfgsb.hpp>
#include <glissade/minimize/bounded/projected_newton.hpp>
#include <glissade/minimize/bounded/spectral_projected_gradient.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/sets/simplex.hpp>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace glissade;
using Catch::Matchers::ContainsSubstring;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

MatrixXd random_matrix(Index rows, Index cols, unsigned seed) {
  std::mt19937 generator(seed);
  MatrixXd A(rows, cols);
  for (double& a : A.reshaped()) a = static_cast<double>(generator()) / 4294967296.0 * 2 - 1;
  return A;
}

/// x'A x / 2 - b'x with bounds.
struct Quadratic {
  MatrixXd A;
  VectorXd b;
  Box bounds;
  double value_and_gradient(const VectorXd& x, VectorXd& gradient) const {
    gradient = A * x - b;
    return (x.dot(gradient) - b.dot(x)) / 2;
  }
  void hessian(const VectorXd&, MatrixXd& H) const { H = A; }
  [[nodiscard]] const Box& box() const { return bounds; }
};

Quadratic random_quadratic(Index n, unsigned seed) {
  const MatrixXd G = random_matrix(n, n, seed);
  return {G * G.transpose() + 0.1 * MatrixXd::Identity(n, n),
          3 * random_matrix(n, 1, seed + 1),
          {.low = -0.3, .high = 0.4}};
}

/// sum cosh of differences: not quadratic, every variable coupled with the next.
struct CoshChain {
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    double value = 0;
    gradient.setZero();
    for (Index i = 0; i < x.size(); ++i) {
      const double last = i > 0 ? x[i - 1] : 0;
      const double t = static_cast<double>(i + 1) * (x[i] - 0.7 * last - 0.5);
      value += std::cosh(t);
      gradient[i] += static_cast<double>(i + 1) * std::sinh(t);
      if (i > 0) gradient[i - 1] -= 0.7 * static_cast<double>(i + 1) * std::sinh(t);
    }
    return value;
  }
};

template <class Use>
void for_each_bounded_method(const Use& use) {
  use("LbfgsB", LbfgsB{});
  use("SpectralProjectedGradient", SpectralProjectedGradient{});
  use("ProjectedNewton", ProjectedNewton{});
}

}  // namespace

TEST_CASE("PivotedSolver: solves what needs its rows exchanged, and says what is singular") {
  PivotedSolver solver;
  for (const Index n : {1, 2, 5, 12}) {
    MatrixXd A = random_matrix(n, n, static_cast<unsigned>(n));
    if (n > 1) A.diagonal().setZero();
    const VectorXd x = random_matrix(n, 1, 7);
    VectorXd v = A * x;
    REQUIRE(solver.compute(A));
    solver.solve_in_place(v);
    CHECK((v - x).norm() <= 1e-12);
    A.col(n - 1).setZero();
    CHECK_FALSE(solver.compute(A));
    A(0, n - 1) = std::nan("");
    CHECK_FALSE(solver.compute(A));
  }
}

TEST_CASE("LbfgsB: without bounds it is Lbfgs, step by step") {
  const auto path = [](const auto& method) {
    std::vector<VectorXd> points;
    VectorXd x = VectorXd::LinSpaced(8, -1, 1);
    minimize(CoshChain{}, x, method, {.max_iterations = 25, .gradient_tolerance = 1e-6},
             [&](const Record& record) { points.emplace_back(record.x); });
    return points;
  };
  const auto expected = path(Lbfgs{.memory = 4, .search = StrongWolfe{.sufficient_decrease = 1e-3}});
  const auto found = path(LbfgsB{.memory = 4});
  REQUIRE(found.size() == expected.size());
  REQUIRE(found.size() >= 15);
  for (std::size_t k = 0; k < found.size(); ++k) {
    INFO(k);
    CHECK((found[k] - expected[k]).norm() <= 1e-8);
  }
}

TEST_CASE("LbfgsB: the Cauchy point is the first minimizer along the bent path of the dense model") {
  // B by the formula of BFGS, pair by pair, and the path by very short steps.
  int compared = 0, bends = 0;
  for (unsigned seed = 40; seed < 60; ++seed) {
    Quadratic f = random_quadratic(10, seed);
    const VectorXd low = VectorXd::LinSpaced(10, -0.02, -1), high = VectorXd::LinSpaced(10, 0.9, 0.1);
    f.bounds = {.low = low, .high = high};
    VectorXd x = VectorXd::Constant(10, 0.05);
    const LbfgsB method{.memory = 5};
    auto state = method.init(f, x);
    std::vector<VectorXd> s, y;
    for (int k = 0; k < 5; ++k) {
      const VectorXd at = x, gradient = state.gradient;
      const double t = state.scale;
      if (take_step(method, f, x, state).status != Status::running) break;
      if (t > 0) {
        MatrixXd B = t * MatrixXd::Identity(10, 10);
        for (std::size_t j = 0; j < s.size(); ++j) {
          const VectorXd Bs = B * s[j];
          B += y[j] * y[j].transpose() / s[j].dot(y[j]) - Bs * Bs.transpose() / s[j].dot(Bs);
        }
        const auto model = [&](const VectorXd& z) { return gradient.dot(z - at) + (z - at).dot(B * (z - at)) / 2; };
        const auto path = [&](double a) -> VectorXd { return (at - a * gradient).cwiseMax(low).cwiseMin(high); };
        double best = 0;
        const double fine = 1e-4 / t;
        while (model(path(best + fine)) < model(path(best)) && best < 100 / t) best += fine;
        INFO(seed << " " << k << " " << best * t);
        CHECK((state.cauchy - path(best)).norm() <= 2 * fine * gradient.norm());
        CHECK(model(state.cauchy) <= model(path(best)) + 1e-12 * std::abs(model(path(best))));
        ++compared;
        for (Index i = 0; i < 10; ++i)
          bends +=
              at[i] > low[i] && at[i] < high[i] && (state.cauchy[i] == low[i] || state.cauchy[i] == high[i]) ? 1 : 0;
      }
      const VectorXd step = x - at, change = state.gradient - gradient;
      if (state.pairs != static_cast<std::int64_t>(s.size()) + 1) break;
      s.push_back(step);
      y.push_back(change);
    }
  }
  INFO(compared << " " << bends);
  CHECK(compared >= 30);
  CHECK(bends >= 20);
}

TEST_CASE("WithinBounds: a bound that a step meets up to rounding errors is met, and what does not move stays") {
  struct Nothing {
    double value_and_gradient(const VectorXd&, VectorXd& gradient) const { return gradient.setZero(), 0.0; }
  };
  Nothing nothing;
  Oracle<Nothing, VectorXd> f(nothing);
  int missed = 0;
  for (unsigned seed = 0; seed < 50; ++seed) {
    const VectorXd numbers = random_matrix(6, 1, seed);
    const Bounds<VectorXd> bounds{numbers.head(3).cwiseMin(numbers.tail(3)), numbers.head(3).cwiseMax(numbers.tail(3))};
    const VectorXd x = bounds.low + 0.3 * (bounds.high - bounds.low);
    VectorXd direction = 0.1 * (bounds.high - x);
    direction[1] = 0.1 * (bounds.low[1] - x[1]);
    direction[2] = 0;
    WithinBounds<decltype(f), VectorXd> within(f, bounds, x, direction);
    CHECK(within.longest() == Approx(10));
    VectorXd point = x + within.longest() * direction, gradient;
    missed += point[0] != bounds.high[0] || point[1] != bounds.low[1] ? 1 : 0;
    point[2] += 1e-17;
    within.probe(point, gradient);
    CHECK(point[0] == bounds.high[0]);
    CHECK(point[1] == bounds.low[1]);
    CHECK(point[2] == x[2]);
  }
  CHECK(missed >= 5);
}

TEST_CASE(
    "bounded methods: convex quadratics end at the point that the optimality conditions certify, exactly at bounds") {
  for (const unsigned seed : {1U, 2U, 3U, 4U}) {
    const Quadratic f = random_quadratic(9, seed);
    for_each_bounded_method([&](const char* name, const auto& method) {
      INFO(name << " " << seed);
      VectorXd x = VectorXd::Zero(9), gradient(9);
      const Result r = minimize(f, x, method, {.max_iterations = 3000, .gradient_tolerance = 1e-10});
      CHECK(r.status == Status::gradient_tolerance);
      f.value_and_gradient(x, gradient);
      int at_bounds = 0;
      for (Index i = 0; i < 9; ++i) {
        if (gradient[i] > 1e-6) CHECK(x[i] == -0.3);
        if (gradient[i] < -1e-6) CHECK(x[i] == 0.4);
        at_bounds += std::abs(gradient[i]) > 1e-6 ? 1 : 0;
      }
      CHECK(at_bounds >= 2);
      CHECK(at_bounds <= 8);
    });
  }
}

TEST_CASE("ProjectedNewton: a convex quadratic takes a step for every change of the bounds that are met") {
  for (const unsigned seed : {1U, 2U, 3U, 4U}) {
    VectorXd x = VectorXd::Zero(9);
    CHECK(minimize(random_quadratic(9, seed), x, ProjectedNewton{}, {.gradient_tolerance = 1e-10}).iterations <= 9);
  }
}

TEST_CASE("bounded methods: a start beyond the bounds is moved between them first, in a loop of one's own too") {
  const Quadratic f = random_quadratic(5, 8);
  for_each_bounded_method([&](const char* name, const auto& method) {
    INFO(name);
    VectorXd x = VectorXd::Constant(5, 100);
    minimize(f, x, method, {.max_iterations = 0});
    CHECK(x == VectorXd::Constant(5, 0.4));
    x.setConstant(100);
    auto state = initial_state(method, f, x);
    VectorXd gradient(5);
    for (int k = 0; k < 60 && state.measure > 1e-7; ++k) {
      take_step(method, f, x, state);
      CHECK((x.array() >= -0.3 && x.array() <= 0.4).all());
      CHECK(state.value == Approx(f.value_and_gradient(x, gradient)));
    }
    CHECK(state.measure <= 1e-7);
  });
}

TEST_CASE("bounded methods: bounds that leave one point, bounds on some variables, and vectors of fixed size") {
  for_each_bounded_method([&](const char* name, const auto& method) {
    INFO(name);
    Quadratic f = random_quadratic(3, 5);
    f.bounds = {.low = 0.1, .high = 0.1};
    VectorXd x = VectorXd::Zero(3);
    CHECK(minimize(f, x, method).status == Status::gradient_tolerance);
    CHECK(x == VectorXd::Constant(3, 0.1));
    f = {MatrixXd::Identity(3, 3), VectorXd{{-4, 5, 6}}, {.low = VectorXd{{-1, -infinity, 7}}}};
    x.setZero();
    CHECK(minimize(f, x, method).status == Status::gradient_tolerance);
    CHECK(x[0] == -1);
    CHECK(x[1] == Approx(5));
    CHECK(x[2] == 7);
  });
  const auto square = [](const auto& at, auto& gradient) {
    gradient = at;
    return at.squaredNorm() / 2;
  };
  Eigen::Vector2d fixed(3, 3);
  CHECK(minimize(subject_to(square, Box{.low = Eigen::Vector2d(1, -1)}), fixed, LbfgsB{}).status ==
        Status::gradient_tolerance);
  CHECK(fixed[0] == 1);
  CHECK(std::abs(fixed[1]) <= 1e-6);
}

TEST_CASE("LbfgsB, SpectralProjectedGradient: times a power of two the path is the same") {
  const Quadratic f = random_quadratic(7, 21);
  const auto check = [&](const auto& method) {
    std::vector<VectorXd> ends;
    for (const int exponent : {0, 700, -700}) {
      const double scale = std::ldexp(1.0, exponent);
      const auto scaled = [&](const VectorXd& x, VectorXd& gradient) {
        const double value = f.value_and_gradient(x, gradient);
        gradient *= scale;
        return scale * value;
      };
      VectorXd x = VectorXd::Constant(7, 0.05);
      minimize(subject_to(scaled, f.bounds), x, method,
               {.max_iterations = 6, .gradient_tolerance = 0, .lowest_value = -infinity});
      ends.push_back(x);
    }
    CHECK((ends[1] - ends[0]).norm() <= 1e-12);
    CHECK((ends[2] - ends[0]).norm() <= 1e-12);
  };
  check(LbfgsB{});
  check(SpectralProjectedGradient{});
}

TEST_CASE("SpectralProjectedGradient: any convex set, here a simplex, with the vertices it ends at exactly") {
  const Quadratic f = random_quadratic(8, 3);
  const auto free = [&](const VectorXd& x, VectorXd& gradient) { return f.value_and_gradient(x, gradient); };
  VectorXd x = VectorXd::Zero(8), gradient(8);
  const Result r = minimize(subject_to(free, Simplex{}), x, SpectralProjectedGradient{},
                            {.max_iterations = 2000, .gradient_tolerance = 1e-10});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK(std::abs(x.sum() - 1) <= 1e-14);
  free(x, gradient);
  const double level = gradient.minCoeff();
  int zeros = 0;
  for (Index i = 0; i < 8; ++i) {
    if (gradient[i] > level + 1e-6) CHECK(x[i] == 0);
    zeros += x[i] == 0 ? 1 : 0;
  }
  CHECK(zeros >= 2);
}

TEST_CASE("bounded methods: bad bounds are refused before a call, and NaN at the start is a status") {
  for_each_bounded_method([&](const char* name, const auto& method) {
    INFO(name);
    int calls = 0;
    struct Counted : Quadratic {
      int* calls;
      double value_and_gradient(const VectorXd& x, VectorXd& gradient) const {
        ++*calls;
        return Quadratic::value_and_gradient(x, gradient);
      }
    };
    Counted f{random_quadratic(3, 1), &calls};
    VectorXd x = VectorXd::Zero(3);
    f.bounds = {.low = VectorXd{{0, 2, 0}}, .high = 1};
    CHECK_THAT(message_of([&] { minimize(f, x, method); }), ContainsSubstring("Box: low[1] = 2, must be <= high = 1"));
    CHECK_THAT(message_of([&] { (void)initial_state(method, f, x); }), ContainsSubstring("Box: low[1] = 2"));
    f.bounds = {.low = VectorXd::Zero(2)};
    CHECK_THAT(message_of([&] { minimize(f, x, method); }), ContainsSubstring("Box: low has 2 numbers, must have 3"));
    CHECK(calls == 0);
    CHECK(x == VectorXd::Zero(3));
    f.bounds = {.low = 0};
    x[1] = std::nan("");
    CHECK(minimize(f, x, method).status == Status::non_finite_start);
    CHECK(x[0] == 0);
  });
  VectorXd x = VectorXd::Zero(3);
  CHECK_THAT(message_of([&] { minimize(random_quadratic(3, 1), x, LbfgsB{.memory = 0}); }),
             ContainsSubstring("LbfgsB: memory = 0, must be in [1, 1000]"));
  CHECK_THAT(message_of([&] { minimize(random_quadratic(3, 1), x, LbfgsB{.curvature = 1e-4}); }),
             ContainsSubstring("LbfgsB: curvature = 1e-04, must be in (0.001, 1)"));
}
