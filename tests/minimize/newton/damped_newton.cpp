// Damped Newton: the published claims and the identities.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/soft_max.hpp"
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/newton/damped_newton.hpp>

#include <numbers>

using namespace glissade;
using namespace test_functions;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// sqrt(1 + x^2): Newton's map is x -> -x^3.
struct Hyperbola {
  double value_and_gradient(const VectorXd& x, VectorXd& g) const {
    const double r = std::hypot(1, x[0]);
    g[0] = x[0] / r;
    return r;
  }
  void hessian(const VectorXd& x, MatrixXd& H) const { H(0, 0) = std::pow(std::hypot(1, x[0]), -3); }
};

/// Values after each iteration.
template <class F>
std::vector<double> values(const F& f, VectorXd x, const DampedNewton& method, int iterations) {
  std::vector<double> all;
  const Result r = minimize(f, x, method, {.max_iterations = iterations, .gradient_tolerance = 0},
                            [&](const Record& record) { all.push_back(record.value); });
  all.resize(static_cast<std::size_t>(iterations) + 1, r.value);
  return all;
}

VectorXd one(double x) { return VectorXd::Constant(1, x); }

double normal(Uniform& uniform) {
  const double u = 0.5 * (uniform() + 1), v = uniform();
  return std::sqrt(-2 * std::log(1 - u)) * std::cos(std::numbers::pi * v);
}

/// mean log(1 + exp(-y <a, x>)) + ridge ||x||^2 / 2
struct Logistic {
  MatrixXd A;
  double ridge;
  Logistic(Index n, Index d, double weight, std::uint64_t seed) : A(n, d), ridge(weight) {
    Uniform uniform{seed};
    const VectorXd w = VectorXd::NullaryExpr(d, [&] { return normal(uniform); });
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < d; ++j) A(i, j) = normal(uniform);
      A.row(i).normalize();
      if (A.row(i).dot(w) + 0.1 * normal(uniform) < 0) A.row(i) *= -1;
    }
  }
  double value_and_gradient(const VectorXd& x, VectorXd& g) const {
    const Eigen::ArrayXd m = (A * x).array();
    const Eigen::ArrayXd s = 1 / (1 + m.exp());
    g = ridge * x - A.transpose() * s.matrix() / static_cast<double>(A.rows());
    return ((-m.abs()).exp().log1p() + (-m).max(0.0)).mean() + 0.5 * ridge * x.squaredNorm();
  }
  void hessian(const VectorXd& x, MatrixXd& H) const {
    const Eigen::ArrayXd s = 1 / (1 + (A * x).array().exp());
    H = A.transpose() * (s * (1 - s)).matrix().asDiagonal() * A / static_cast<double>(A.rows());
    H = (0.5 * (H + H.transpose())).eval();
    H.diagonal().array() += ridge;
  }
};

/// sum_i max(<a_i, x> - b_i, 0)^3 with a feasible point.
struct Polytope {
  MatrixXd A;
  VectorXd b;
  Polytope(Index n, Index d, std::uint64_t seed) : A(n, d) {
    Uniform uniform{seed};
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < d; ++j) A(i, j) = uniform();
    b = A * VectorXd::NullaryExpr(d, [&] { return uniform(); });
  }
  double value_and_gradient(const VectorXd& x, VectorXd& g) const {
    const VectorXd r = (A * x - b).cwiseMax(0.0);
    g = 3 * A.transpose() * r.cwiseAbs2();
    return r.array().cube().sum();
  }
  void hessian(const VectorXd& x, MatrixXd& H) const {
    const VectorXd r = (A * x - b).cwiseMax(0.0);
    H = 6 * A.transpose() * r.asDiagonal() * A;
    H = (0.5 * (H + H.transpose())).eval();
  }
};

}  // namespace

TEST_CASE("DampedNewton: where Newton diverges the universal step converges") {
  const Hyperbola f;
  VectorXd x = one(1.1);
  CHECK(minimize(f, x, DampedNewton{.kind = Damping::newton}, {.max_iterations = 50}).gradient_norm > 0.7);
  std::vector<double> v = values(f, one(1.1), DampedNewton{}, 5);
  CHECK(v[2] - 1 < 2e-6);
  CHECK(v[5] == 1.0);
  v = values(f, one(2), DampedNewton{}, 5);
  CHECK(v[2] - 1 == Approx(5e-3).epsilon(0.1));
  CHECK(v[5] == 1.0);
  v = values(f, one(5), DampedNewton{}, 5);
  CHECK(v[1] - 1 == Approx(1.40).epsilon(0.01));
  CHECK(v[2] - 1 == Approx(0.147).epsilon(0.01));
  CHECK(v[5] - 1 <= 1e-10);
}

TEST_CASE("DampedNewton: aicn converges from 2 and, without a global constant, not from 5") {
  const DampedNewton method{.kind = Damping::aicn, .constant = 3};
  CHECK(values(Hyperbola{}, one(2), method, 5)[5] - 1 <= 1e-8);
  CHECK(values(Hyperbola{}, one(5), method, 20)[20] > 5);
}

TEST_CASE("DampedNewton: logistic regression") {
  const Logistic f(1000, 100, 1e-3, 1);
  const VectorXd x = VectorXd::Constant(100, 5.0);
  const double minimum = values(f, x, DampedNewton{}, 15)[15];
  const auto gap = [&](const DampedNewton& method, int iterations) {
    const std::vector<double> v = values(f, x, method, iterations);
    for (std::size_t k = 1; k < v.size(); ++k) CHECK(v[k] <= v[k - 1] + 1e-15);
    return v.back() - minimum;
  };
  for (const double beta : {2.0 / 3, 1.0}) {
    CHECK(gap({.beta = beta}, 5) <= 1e-8);
    CHECK(std::abs(gap({.beta = beta}, 10)) <= 2e-16);  // rounding errors of the values
  }
  CHECK(gap({.kind = Damping::root, .constant = 0.1, .q = 4}, 5) <= 1e-4);
  CHECK(gap({.kind = Damping::root, .constant = 0.1, .q = 4}, 10) <= 1e-15);
  CHECK(gap({.kind = Damping::aicn, .constant = 1}, 5) <= 1e-15);
  const DampedNewton root_2{.kind = Damping::root, .constant = 0.1, .q = 2};
  CHECK(gap(root_2, 5) <= 2 * 1.6e-4);
  CHECK(gap(root_2, 10) <= 2 * 9e-8);
  CHECK(gap(root_2, 20) <= 1e-13);
  // Plain Newton gets there too, but later.
  const std::vector<double> plain = values(f, x, {.kind = Damping::newton}, 15);
  CHECK(plain[5] - minimum > 1e3 * gap({}, 5));
  CHECK(plain[15] - minimum <= 1e-15);
  // Linear with the ratio (1 - 1/1.9)^2 a step.
  const double at_10 = gap({.kind = Damping::root, .constant = 0.1, .q = 2}, 10);
  const double at_16 = gap({.kind = Damping::root, .constant = 0.1, .q = 2}, 16);
  CHECK(std::pow(at_16 / at_10, 1.0 / 6) == Approx(0.224).epsilon(0.02));
}

TEST_CASE("DampedNewton: polytope feasibility with a Hessian that becomes singular") {
  const Polytope f(200, 100, 2);
  const VectorXd x = VectorXd::Zero(100);
  for (const DampedNewton& method : {DampedNewton{.kind = Damping::root, .constant = 1e-4, .q = 2},
                                     DampedNewton{.kind = Damping::grls}, DampedNewton{.kind = Damping::greedy}}) {
    const std::vector<double> v = values(f, x, method, 20);
    CHECK(v[10] < 1e-4);
    CHECK(v[20] < 1e-12);
  }
  // Here the whole step is the best one everywhere: plain Newton is the same.
  const std::vector<double> plain = values(f, x, {.kind = Damping::newton}, 20);
  CHECK(plain == values(f, x, {.kind = Damping::grls}, 20));
  CHECK(plain == values(f, x, {.kind = Damping::greedy}, 20));
}

TEST_CASE("DampedNewton: one Hessian an iteration") {
  VectorXd x = VectorXd::Constant(6, 2.0);
  const Result r = minimize(Logistic(60, 6, 1e-2, 4), x, DampedNewton{}, {.gradient_tolerance = 1e-10});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK(r.evaluations.hessian == r.iterations);
}

TEST_CASE("DampedNewton: affine changes of variables map the path") {
  const Logistic f(60, 6, 1e-2, 4);
  MatrixXd T = MatrixXd::Identity(6, 6);
  for (Index i = 0; i < 6; ++i) T(i, i) = std::pow(3.0, static_cast<double>(i) - 2);
  T(0, 5) = 2;
  const VectorXd shift = VectorXd::LinSpaced(6, -1, 1);
  struct {
    const Logistic& inner;
    const MatrixXd& T;
    const VectorXd& shift;
    double value_and_gradient(const VectorXd& y, VectorXd& g) const {
      VectorXd inner_g(6);
      const double value = inner.value_and_gradient(T * y + shift, inner_g);
      g = T.transpose() * inner_g;
      return value;
    }
    void hessian(const VectorXd& y, MatrixXd& H) const {
      MatrixXd inner_H(6, 6);
      inner.hessian(T * y + shift, inner_H);
      H = T.transpose() * inner_H * T;
      H = (0.5 * (H + H.transpose())).eval();
    }
  } mapped{f, T, shift};
  for (const Damping kind : {Damping::aicn, Damping::root, Damping::universal, Damping::greedy, Damping::grls}) {
    const DampedNewton method{.kind = kind};
    VectorXd x = VectorXd::Constant(6, 2.0);
    VectorXd y = T.inverse() * (x - shift);
    auto at_x = method.init(f, x);
    auto at_y = method.init(mapped, y);
    // The greedy step is the one of least value. The fifth is 1e-7 long: the values of which it takes the least differ
    // by rounding errors only, which a change of variables does not map.
    const int steps = kind == Damping::greedy ? 4 : 10;
    for (int k = 0; k < steps; ++k) {
      take_step(method, f, x, at_x);
      take_step(method, mapped, y, at_y);
      INFO("kind " << static_cast<int>(kind) << ", step " << k);
      CHECK((T * y + shift - x).norm() <= 1e-10 * x.norm());
    }
  }
}

TEST_CASE("DampedNewton: identities of the step size") {
  const Logistic f(60, 6, 1e-2, 4);
  const VectorXd start = VectorXd::Constant(6, 1.0);
  const auto step = [&](const DampedNewton& method) {
    VectorXd x = start;
    auto state = method.init(f, x);
    take_step(method, f, x, state);
    return VectorXd(x - start);
  };
  const VectorXd newton = step({.kind = Damping::newton});
  CHECK((step({.kind = Damping::aicn, .constant = 1e-14}) - newton).norm() <= 1e-12 * newton.norm());
  CHECK((step({.kind = Damping::root, .constant = 1e-30, .q = 3}) - newton).norm() <= 1e-12 * newton.norm());
  CHECK((step({.kind = Damping::root, .constant = 0.1, .q = 2}) - newton / 1.9).norm() <= 1e-14);
  // (L / 2) a^2 decrement + a = 1
  VectorXd g(6);
  MatrixXd H(6, 6);
  f.value_and_gradient(start, g);
  f.hessian(start, H);
  const double decrement = std::sqrt(g.dot(H.ldlt().solve(g)));
  const double a = step({.kind = Damping::aicn, .constant = 5}).norm() / newton.norm();
  CHECK(2.5 * a * a * decrement + a == Approx(1.0).epsilon(1e-12));
}

TEST_CASE("DampedNewton: greedy and grls take the best point of their grid") {
  const Hyperbola f;
  for (const double at : {5.0, 2.0, 0.7}) {
    const double value = std::hypot(1, at), slope = at / value, curvature = std::pow(value, -3);
    double greedy = 0, grls = 0, least = std::numeric_limits<double>::infinity(), quotient = least;
    for (int i = 0; i < 50; ++i) {
      const double a = std::pow(1e-3, 1 - i / 49.0), y = at - a * slope / curvature;
      const double value_there = std::hypot(1, y), slope_there = y / value_there;
      const double merit = (value_there - value) / (slope_there * slope_there / curvature);
      if (value_there <= least) least = value_there, greedy = y;
      if (merit <= quotient) quotient = merit, grls = y;
    }
    for (const auto& [kind, expected] : {std::pair(Damping::greedy, greedy), std::pair(Damping::grls, grls)}) {
      VectorXd x = one(at);
      minimize(f, x, DampedNewton{.kind = kind, .grid_low = 1e-3, .grid_points = 50},
               {.max_iterations = 1, .gradient_tolerance = 0});
      CHECK(x[0] == Approx(expected).epsilon(1e-12).margin(1e-12));
    }
  }
}

TEST_CASE("DampedNewton: universal accepts the first trial on a quadratic and lowers sigma") {
  struct Bowl {
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      g = x;
      return 0.5 * x.squaredNorm();
    }
    void hessian(const VectorXd&, MatrixXd& H) const { H.setIdentity(); }
  };
  VectorXd x = VectorXd::Ones(3);
  const DampedNewton method;
  auto state = method.init(Bowl{}, x);
  for (int k = 1; k <= 6; ++k) {
    CHECK(take_step(method, Bowl{}, x, state).status == Status::running);
    CHECK(state.sigma == std::pow(0.5, k));
  }
}

TEST_CASE("DampedNewton: units of the variables do not make a Hessian singular") {
  struct {
    VectorXd d;
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      g = d.cwiseProduct(x);
      return 0.5 * x.dot(g);
    }
    void hessian(const VectorXd&, MatrixXd& H) const { H = d.asDiagonal(); }
  } bowl;
  for (const VectorXd& d : {VectorXd{{1, 1e7, 1e14}}, VectorXd{{1e-3, 1e12, 1e30}}, VectorXd{{1e-200, 1, 1e200}}}) {
    bowl.d = d;
    for (const Damping kind : {Damping::newton, Damping::universal, Damping::armijo}) {
      VectorXd x = d.cwiseSqrt().cwiseInverse();
      const Result r =
          minimize(bowl, x, DampedNewton{.kind = kind}, {.max_iterations = 100, .gradient_tolerance = 1e-120});
      INFO(to_string(r.status));
      CHECK(r.status != Status::not_convex);
      CHECK(r.value < 1e-10);
    }
  }
  // Singular is singular in any units: the step is Newton's where the gradient lies in its range.
  bowl.d = VectorXd{{0, 1, 1e14}};
  VectorXd x = VectorXd::Ones(3);
  const Result r = minimize(bowl, x, DampedNewton{.kind = Damping::newton}, {.max_iterations = 3});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK(x[0] == 1);
}

TEST_CASE("DampedNewton: not convex and bad options are said so") {
  struct Saddle {
    double value_and_gradient(const VectorXd& x, VectorXd& g) const {
      g[0] = x[0];
      g[1] = -x[1];
      return 0.5 * (x[0] * x[0] - x[1] * x[1]);
    }
    void hessian(const VectorXd&, MatrixXd& H) const { H = Eigen::Vector2d(1, -1).asDiagonal(); }
  };
  VectorXd x = VectorXd::Ones(2);
  CHECK(minimize(Saddle{}, x, DampedNewton{}).status == Status::not_convex);
  struct Blind : Saddle {
    void hessian(const VectorXd&, MatrixXd& H) const { H.setConstant(std::nan("")); }
  };
  CHECK(minimize(Blind{}, x, DampedNewton{}).status == Status::non_finite_hessian);
  CHECK(message_of([&] { minimize(Saddle{}, x, DampedNewton{.c = 1}); }) ==
        "DampedNewton: c = 1, must be > 1 and finite");
  CHECK(message_of([&] { minimize(Saddle{}, x, DampedNewton{.q = 5}); }) == "DampedNewton: q = 5, must be in [2, 4]");
}
