// Gradient descent, Barzilai-Borwein, L-BFGS and nonlinear conjugate gradients: the work that they need.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/test_functions.hpp"
#include <glissade/minimize/gradient_descent.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/barzilai_borwein.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>
#include <glissade/minimize/quasi_newton/nonlinear_cg.hpp>
#include <glissade/oracle/autodiff.hpp>

#include <limits>
#include <numbers>

using namespace glissade;
using namespace test_functions;

namespace {

/// 100 ((x3 - 10 angle)^2 + (radius - 1)^2) + x3^2 with the angle in turns.
constexpr auto helical_valley = [](const auto& x) {
  using S = NumberOf<std::remove_cvref_t<decltype(x)>>;
  using std::atan2;
  using std::sqrt;
  S turns = atan2(x[1], x[0]) / (2 * std::numbers::pi);
  if (x[0] < 0 && x[1] < 0) turns += 1;
  const S a = x[2] - 10.0 * turns;
  const S b = sqrt(S(x[0] * x[0] + x[1] * x[1])) - 1.0;
  return S(100.0 * (a * a + b * b) + x[2] * x[2]);
};

/// Calls of the function to ||g|| <= 1e-6, if the value got there too.
template <class F, class M>
std::int64_t calls(const F& function, VectorXd x, const M& method, double minimum) {
  const auto f = [&](const VectorXd& at, VectorXd& g) { return AutoDiff<F>{function}.value_and_gradient(at, g); };
  const Result r = minimize(f, x, method, {.max_iterations = 100'000, .gradient_tolerance = 1e-6});
  INFO(M::name << ": " << to_string(r.status) << " " << r.iterations << " iterations, value " << r.value);
  CHECK((converged(r.status) || r.status == Status::search_failed));
  CHECK(r.value - minimum <= 1e-7 * std::max(1.0, std::abs(minimum)));
  return r.evaluations.value;
}

}  // namespace

TEST_CASE("Lbfgs and NonlinearCg: no more than three times the calls of well-known programs") {
  const VectorXd small = rosenbrock_start();
  CHECK(calls(rosenbrock, small, Lbfgs{}, 0) <= 3 * 45);
  CHECK(calls(rosenbrock, small, NonlinearCg{}, 0) <= 3 * 76);
  CHECK(calls(beale, vector({1, 1}), Lbfgs{}, 0) <= 3 * 16);
  CHECK(calls(beale, vector({1, 1}), NonlinearCg{}, 0) <= 3 * 46);
  CHECK(calls(helical_valley, vector({-1, 0, 0}), Lbfgs{}, 0) <= 3 * 33);
  CHECK(calls(helical_valley, vector({-1, 0, 0}), NonlinearCg{}, 0) <= 3 * 92);
  CHECK(calls(powell_singular, vector({3, -1, 0, 1}), Lbfgs{}, 0) <= 3 * 52);
  CHECK(calls(powell_singular, vector({3, -1, 0, 1}), NonlinearCg{}, 0) <= 3 * 140);
  CHECK(calls(wood, vector({-3, -1, -3, -1}), Lbfgs{}, 0) <= 3 * 111);
  CHECK(calls(wood, vector({-3, -1, -3, -1}), NonlinearCg{}, 0) <= 3 * 129);
  CHECK(calls(rosenbrock, rosenbrock_start(10), Lbfgs{}, 0) <= 3 * 45);
  CHECK(calls(rosenbrock, rosenbrock_start(10), NonlinearCg{}, 0) <= 3 * 63);
  CHECK(calls(brown_dennis, vector({25, 5, -5, -1}), Lbfgs{}, 85822.2016264) <= 3 * 22);
  CHECK(calls(brown_dennis, vector({25, 5, -5, -1}), NonlinearCg{}, 85822.2016264) <= 3 * 108);
}

TEST_CASE("NonlinearCg: every beta, BarzilaiBorwein: both steps") {
  using Beta = NonlinearCg::Beta;
  for (const Beta beta :
       {Beta::fletcher_reeves, Beta::polak_ribiere, Beta::hestenes_stiefel, Beta::dai_yuan, Beta::hager_zhang})
    CHECK(calls(rosenbrock, rosenbrock_start(10), NonlinearCg{.beta = beta}, 0) <= 1000);
  using Kind = BarzilaiBorwein::Kind;
  for (const Kind kind : {Kind::long_step, Kind::short_step})
    CHECK(calls(rosenbrock, rosenbrock_start(10), BarzilaiBorwein{.kind = kind}, 0) <= 1000);
}

TEST_CASE("GradientDescent: every search") {
  CHECK(calls(beale, vector({1, 1}), GradientDescent{}, 0) <= 3000);
  CHECK(calls(beale, vector({1, 1}), GradientDescent{.search = StrongWolfe{}}, 0) <= 3000);
  CHECK(calls(beale, vector({1, 1}), GradientDescent{.search = Polyak{.lowest = 0}}, 0) <= 30000);
}

TEST_CASE("Lbfgs: the two loops are the dense BFGS matrix times the gradient") {
  constexpr Index n = 6;
  const AutoDiff f{rosenbrock};
  VectorXd x = rosenbrock_start(n);
  const Lbfgs method{.memory = 20};
  auto state = method.init(f, x);
  Eigen::MatrixXd steps(n, 20), changes(n, 20);
  for (int k = 0; k < 12; ++k) {
    const VectorXd gradient = state.gradient;
    const VectorXd last = x;
    REQUIRE(take_step(method, f, x, state).status == Status::running);
    if (k > 0) {
      const auto s = steps.leftCols(k);
      const auto y = changes.leftCols(k);
      Eigen::MatrixXd H = Eigen::MatrixXd::Identity(n, n) * s.col(k - 1).dot(y.col(k - 1)) / y.col(k - 1).squaredNorm();
      for (int i = 0; i < k; ++i) {
        const double rho = 1 / s.col(i).dot(y.col(i));
        const Eigen::MatrixXd left = Eigen::MatrixXd::Identity(n, n) - rho * s.col(i) * y.col(i).transpose();
        H = (left * H * left.transpose() + rho * s.col(i) * s.col(i).transpose()).eval();
      }
      const VectorXd expected = -H * gradient;
      CHECK((state.direction - expected).norm() <= 1e-9 * expected.norm());
    }
    steps.col(k) = x - last;
    changes.col(k) = state.gradient - gradient;
  }
}

TEST_CASE("Lbfgs and NonlinearCg: a quadratic with few distinct eigenvalues takes few steps") {
  Quadratic f(30, 100);
  for (Index i = 0; i < 30; ++i) f.d[i] = i % 3 == 0 ? 1 : i % 3 == 1 ? 10 : 100;
  // With an almost exact search both build the same subspace as linear conjugate gradients.
  const StrongWolfe exact{.sufficient_decrease = 1e-10, .curvature = 1e-9};
  VectorXd x = VectorXd::Zero(30);
  CHECK(minimize(f, x, Lbfgs{.memory = 10, .search = exact}, {.gradient_tolerance = 1e-6}).iterations <= 4);
  x.setZero();
  const auto beta = NonlinearCg::Beta::hestenes_stiefel;
  CHECK(minimize(f, x, NonlinearCg{.beta = beta, .search = exact}, {.gradient_tolerance = 1e-6}).iterations <= 4);
}

TEST_CASE("Lbfgs: every direction descends and every pair has positive curvature, also where the function has not") {
  // Waves in a bowl, with a search that leaves negative curvature behind.
  const auto waves = [](const VectorXd& x, VectorXd& g) {
    g = 0.1 * x.array() - 3 * (3 * x.array()).sin();
    return 0.05 * x.squaredNorm() + (3 * x.array()).cos().sum();
  };
  int skipped = 0;
  for (const double size : {0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 7.0, 20.0}) {
    VectorXd x = size * VectorXd::LinSpaced(6, -1, 1.3);
    const Lbfgs method{.memory = 4, .search = Armijo{}};
    auto state = method.init(waves, x);
    for (int k = 0; k < 30 && state.gradient.norm() > 1e-9; ++k) {
      const VectorXd gradient = state.gradient;
      const VectorXd last = x;
      REQUIRE(take_step(method, waves, x, state).status == Status::running);
      CHECK(state.direction.dot(gradient) < 0);
      CHECK((x - last).dot(state.direction) > 0);
      if ((x - last).dot(state.gradient - gradient) <= 0) ++skipped;
      for (std::int64_t pair = 0; pair < state.pairs; ++pair) {
        CHECK(state.product[pair] > 0);
        CHECK(state.product[pair] == state.s.col(pair).dot(state.y.col(pair)));
      }
    }
  }
  CHECK(skipped > 3);
}

TEST_CASE("first-order methods: where a function falls for ever that is what they say") {
  const auto fall = [](const VectorXd& x, VectorXd& g) {
    g = -4 * x.array().cube();
    return -x.array().pow(4).sum();
  };
  const auto check = [&](const auto& method) {
    for (const double lowest : {-1e100, -1e300, -std::numeric_limits<double>::infinity()}) {
      VectorXd x = vector({1, 0.5});
      const Result r = minimize(fall, x, method, {.lowest_value = lowest});
      INFO(to_string(r.status) << " " << r.value);
      CHECK(r.status == Status::unbounded);
      CHECK(x.allFinite());
      CHECK(r.value < -1e70);
    }
  };
  using Beta = NonlinearCg::Beta;
  for (const Beta beta :
       {Beta::fletcher_reeves, Beta::polak_ribiere, Beta::hestenes_stiefel, Beta::dai_yuan, Beta::hager_zhang})
    check(NonlinearCg{.beta = beta});
  check(GradientDescent{});
  check(GradientDescent{.search = StrongWolfe{}});
  check(BarzilaiBorwein{});
  check(Lbfgs{});
  check(Lbfgs{.search = Armijo{}});
}

TEST_CASE("first-order methods: a function of 1e200 takes the path of the function itself") {
  const auto run = [](const auto& method, int exponent) {
    const double scale = std::ldexp(1.0, exponent);
    const auto f = [&](const VectorXd& x, VectorXd& g) {
      const double value = AutoDiff{rosenbrock}.value_and_gradient(x, g);
      g *= scale;
      return scale * value;
    };
    VectorXd x = rosenbrock_start();
    const Result r = minimize(f, x, method, {.max_iterations = 2000, .gradient_tolerance = 1e-6 * scale});
    CHECK(r.status == Status::gradient_tolerance);
    return x;
  };
  const auto check = [&](const auto& method) {
    const VectorXd x = run(method, 0);
    for (const int exponent : {-950, -500, 500, 950}) {
      INFO(method.name << ", 2^" << exponent);
      CHECK(run(method, exponent) == x);
    }
  };
  using Beta = NonlinearCg::Beta;
  for (const Beta beta :
       {Beta::fletcher_reeves, Beta::polak_ribiere, Beta::hestenes_stiefel, Beta::dai_yuan, Beta::hager_zhang})
    check(NonlinearCg{.beta = beta});
  check(BarzilaiBorwein{});
  check(BarzilaiBorwein{.kind = BarzilaiBorwein::Kind::short_step});
  check(Lbfgs{});
  check(Lbfgs{.search = Armijo{}});
}

TEST_CASE("BarzilaiBorwein: in one dimension it is the secant method") {
  const auto f = [](const VectorXd& x, VectorXd& g) {
    g[0] = std::sinh(x[0]) - 1;
    return std::cosh(x[0]) - x[0];
  };
  VectorXd x = vector({1.2});
  const BarzilaiBorwein method;
  auto state = method.init(f, x);
  double before = x[0], slope_before = state.gradient[0];
  take_step(method, f, x, state);
  for (int k = 0; k < 4; ++k) {
    const double now = x[0], slope = state.gradient[0];
    take_step(method, f, x, state);
    CHECK(x[0] == Approx(now - slope * (now - before) / (slope - slope_before)).epsilon(1e-12));
    before = now;
    slope_before = slope;
  }
  CHECK(x[0] == Approx(std::asinh(1.0)).epsilon(1e-5));
}

TEST_CASE("functions on which other libraries' searches gave up or went in circles") {
  // LBFGSpp #23: Rosenbrock's function with pairs that start at (1, 6), where s'y > 0 was lost.
  for (const Index n : {2, 10}) {
    VectorXd x = VectorXd::Zero(n);
    x[n - 2] = 1;
    x[n - 1] = 6;
    CHECK(calls(rosenbrock, x, Lbfgs{}, 0) <= 300);
    CHECK(calls(rosenbrock, x, Lbfgs{.search = Armijo{}}, 0) <= 300);
  }
  // LBFGSpp #32: the third function of Bohachevsky, from far away and from the point where the search failed; it has
  // many minima.
  const auto bohachevsky = [](const VectorXd& x, VectorXd& g) {
    const double angle = 3 * std::numbers::pi * x[0] + 4 * std::numbers::pi * x[1];
    const double s = 0.3 * std::sin(angle) * std::numbers::pi;
    g = vector({2 * x[0] + 3 * s, 4 * x[1] + 4 * s});
    return x[0] * x[0] + 2 * x[1] * x[1] - 0.3 * std::cos(angle) + 0.3;
  };
  for (const VectorXd& start : {vector({-100, -100}), vector({-1.17596, -1.02192})}) {
    const auto ends = [&](const auto& method) {
      VectorXd x = start;
      const Result r = minimize(bohachevsky, x, method, {.gradient_tolerance = 1e-8});
      CHECK(r.status == Status::gradient_tolerance);
      CHECK(r.evaluations.value <= 200);
    };
    ends(Lbfgs{});
    ends(NonlinearCg{});
    ends(BarzilaiBorwein{});
  }
}

TEST_CASE("Polyak: at or below the least value that it was told of, it says so") {
  const auto f = [](const VectorXd& x, VectorXd& g) { return g = x, 0.5 * x.squaredNorm(); };
  VectorXd x = vector({1, 2});
  CHECK(minimize(f, x, GradientDescent{.search = Polyak{.lowest = 1}}).status == Status::lowest_reached);
  CHECK(0.5 * x.squaredNorm() <= 1);
  x = vector({1, 2});
  CHECK(minimize(f, x, Lbfgs{.search = Polyak{.lowest = 1}}).status == Status::lowest_reached);
  const auto wall = [](const VectorXd& y, VectorXd& g) {
    g = y;
    return y[0] < 0.9 ? std::nan("") : 0.5 * y.squaredNorm();
  };
  x = vector({1, 2});
  CHECK(minimize(wall, x, GradientDescent{.search = Polyak{.lowest = 0}}).status == Status::non_finite);
  CHECK(x == vector({1, 2}));
}

TEST_CASE("minimize: observers see every point once, also where a search fails in the end") {
  const auto wrong = [](const VectorXd& x, VectorXd& g) {
    g = x.norm() > 0.5 ? VectorXd(x) : VectorXd(-x);
    return 0.5 * x.squaredNorm();
  };
  for (const VectorXd& x0 : {vector({0.3, 0.2}), vector({1, 2})}) {
    VectorXd x = x0;
    History history;
    const Result r = minimize(wrong, x, GradientDescent{.search = Armijo{.sufficient_decrease = 0.3}}, {}, history);
    CHECK(r.status == Status::search_failed);
    REQUIRE(history.size() == static_cast<std::size_t>(r.iterations) + 1);
    CHECK(history.value.back() == r.value);
  }
}

TEST_CASE("first-order methods: options out of range") {
  const AutoDiff f{beale};
  VectorXd x = vector({1, 1});
  CHECK(message_of([&] { minimize(f, x, Lbfgs{.memory = 0}); }) == "Lbfgs: memory = 0, must be in [1, 1000]");
  CHECK(message_of([&] { minimize(f, x, Lbfgs{.search = StrongWolfe{.curvature = 1}}); }) ==
        "StrongWolfe: curvature = 1, must be in (0, 1)");
  CHECK(message_of([&] {
          minimize(f, x, Lbfgs{.search = StrongWolfe{.sufficient_decrease = 0.3, .curvature = 0.2}});
        }) == "StrongWolfe: curvature = 0.2, must be in (0.3, 1)");
  CHECK(message_of([&] { minimize(f, x, NonlinearCg{.search = {.sufficient_decrease = 0.1, .curvature = 0.1}}); }) ==
        "StrongWolfe: curvature = 0.1, must be in (0.1, 1)");
  CHECK(message_of([&] { minimize(f, x, GradientDescent{.search = Armijo{.shrink = 0}}); }) ==
        "Armijo: shrink = 0, must be in (0, 1)");
  CHECK(message_of([&] { minimize(f, x, NonlinearCg{.search = {.max_trials = 0}}); }) ==
        "StrongWolfe: max_trials = 0, must be >= 1 and finite");
  CHECK(message_of([&] { minimize(f, x, BarzilaiBorwein{.window = 101}); }) ==
        "BarzilaiBorwein: window = 101, must be in [1, 100]");
  CHECK(x == vector({1, 1}));
}
