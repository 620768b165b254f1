// Proximal gradient steps: solutions by scikit-learn and scipy, the rates and the search for a step.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/proximal_gradient.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/sets/box.hpp>
#include <glissade/sets/l1.hpp>
#include <glissade/sets/simplex.hpp>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// |A x - b|^2 / 2
struct Squares {
  MatrixXd A;
  VectorXd b;
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    const VectorXd residual = A * x - b;
    gradient = A.transpose() * residual;
    return residual.squaredNorm() / 2;
  }
};

struct Solution {
  std::string kind;
  double weight;
  VectorXd x;
};

/// The problem of lasso.csv and its solutions.
std::pair<Squares, std::vector<Solution>> golden() {
  std::ifstream file(GLISSADE_TEST_DATA "/minimize/composite/lasso.csv");
  REQUIRE(file);
  Squares f{MatrixXd(20, 12), VectorXd(20)};
  std::vector<Solution> solutions;
  Index row = 0;
  for (std::string line; std::getline(file, line);) {
    std::stringstream cells(line);
    Solution s{"", 0, VectorXd(12)};
    std::string cell;
    std::getline(cells, s.kind, ',');
    std::getline(cells, cell, ',');
    s.weight = std::stod(cell);
    for (double& number : s.x) std::getline(cells, cell, ','), number = std::stod(cell);
    std::getline(cells, cell, ',');
    if (s.kind == "data") {
      f.A.row(row) = s.x.transpose();
      f.b[row++] = std::stod(cell);
    } else {
      solutions.push_back(s);
    }
  }
  REQUIRE(row == 20);
  REQUIRE(solutions.size() == 7);
  return {f, solutions};
}

const std::vector<ProximalGradient> all{
    ProximalGradient{},
    ProximalGradient{.accelerated = false},
    ProximalGradient{.restart = Restart::none},
    ProximalGradient{.step_size = 0.015},
    ProximalGradient{.step_size = 0.015, .accelerated = false},
};

}  // namespace

TEST_CASE("ProximalGradient: the lasso, boxes and simplexes, as scikit-learn and scipy solve them") {
  const auto problem = golden();
  const Squares& f = problem.first;
  for (const Solution& s : problem.second)
    for (const ProximalGradient& method : all) {
      INFO(s.kind << " " << s.weight << ", step " << method.step_size << " accelerated " << method.accelerated);
      const Stop stop{.max_iterations = 20'000, .gradient_tolerance = 1e-9};
      VectorXd x = VectorXd::Zero(12);
      const Result r = s.kind == "lasso" ? minimize(plus_term(f, L1{.weight = s.weight}), x, method, stop)
                       : s.kind == "box"
                           ? minimize(subject_to(f, Box{.low = -s.weight, .high = s.weight}), x, method, stop)
                           : minimize(subject_to(f, Simplex{.total = s.weight}), x, method, stop);
      CHECK(r.status == Status::gradient_tolerance);
      CHECK((x - s.x).norm() <= 1e-8);
      CHECK((x.array() == 0).count() >= (s.kind == "box" ? 0 : (s.x.array() == 0).count()));
      VectorXd gradient(12);
      CHECK(r.value == f(x, gradient));
      CHECK(r.gradient_norm == Approx(gradient.norm()));
      CHECK(r.measure <= 1e-9);
      CHECK((r.evaluations.prox == 0) == (s.kind != "lasso"));
    }
}

TEST_CASE("ProximalGradient: with an orthogonal A the lasso is a soft threshold, found in one step of length 1") {
  const VectorXd b{{3, -0.5, 1.25, -2}};
  const auto f = plus_term(Squares{MatrixXd::Identity(4, 4), b}, L1{.weight = 1});
  VectorXd x = VectorXd::Zero(4);
  const Result r = minimize(f, x, ProximalGradient{.step_size = 1, .accelerated = false});
  CHECK(r.iterations == 1);
  CHECK(r.measure == 0);
  CHECK(x == VectorXd{{2, 0, 0.25, -1}});
  x.setZero();
  CHECK(minimize(f, x, ProximalGradient{}).status == Status::gradient_tolerance);
  CHECK((x - VectorXd{{2, 0, 0.25, -1}}).norm() <= 1e-6);
}

TEST_CASE("ProximalGradient: both rates hold at every step, and acceleration pays where the condition is bad") {
  // A chain: sum (x_i - x_{i+1})^2 / 2 with pull at one end, condition 1e4, and an l1 term.
  const Index n = 100;
  MatrixXd A = MatrixXd::Zero(n, n);
  for (Index i = 0; i < n; ++i) {
    A(i, i) = 1;
    if (i > 0) A(i, i - 1) = -1;
  }
  const Squares f{A, VectorXd::Unit(n, 0)};
  const L1 term{.weight = 1e-4};
  const auto whole = plus_term(f, term);
  VectorXd best = VectorXd::Zero(n), gradient(n);
  minimize(whole, best, ProximalGradient{}, {.max_iterations = 100'000, .gradient_tolerance = 1e-12});
  const double least = f(best, gradient) + term.value(best);
  const double L = 4;  // of A'A
  const double radius = best.squaredNorm();
  const auto gap_of = [&](const VectorXd& x) { return f(x, gradient) + term.value(x) - least; };
  std::vector<double> last;
  for (const bool accelerated : {false, true})
    for (const double step : {1 / L, 0.0}) {
      VectorXd x = VectorXd::Zero(n);
      double gap = 0;
      minimize(whole, x, ProximalGradient{.step_size = step, .accelerated = accelerated, .restart = Restart::none},
               {.max_iterations = 500, .gradient_tolerance = 0}, [&](const Record& record) {
                 gap = gap_of(record.x);
                 if (record.iteration == 0) return;
                 const auto k = static_cast<double>(record.iteration);
                 // With backtracking L may seem up to twice as large.
                 const double seen = step > 0 ? L : 2 * L;
                 const double bound = accelerated ? 2 * seen * radius / ((k + 1) * (k + 1)) : seen * radius / (2 * k);
                 CHECK(gap <= bound * (1 + 1e-12));
               });
      last.push_back(gap);
    }
  INFO(last[0] << " " << last[1] << " " << last[2] << " " << last[3]);
  CHECK(last[2] <= 0.05 * last[0]);
  CHECK(last[3] <= 0.05 * last[0]);
}

TEST_CASE("ProximalGradient: a restart makes it linear where the function is strongly convex") {
  MatrixXd A = MatrixXd::Zero(30, 30);
  for (Index i = 0; i < 30; ++i) A(i, i) = std::pow(10.0, -1.5 * static_cast<double>(i) / 29);  // condition 1e3
  const Squares f{A, VectorXd::Ones(30)};
  const auto iterations = [&](Restart restart) {
    VectorXd x = VectorXd::Zero(30);
    return minimize(f, x, ProximalGradient{.step_size = 1, .restart = restart},
                    {.max_iterations = 100'000, .gradient_tolerance = 1e-10})
        .iterations;
  };
  const auto none = iterations(Restart::none);
  INFO(none);
  CHECK(2 * iterations(Restart::gradient) <= none);
  CHECK(2 * iterations(Restart::function) <= none);
}

TEST_CASE("ProximalGradient: backtracking finds the step at any scale, and counts what it costs") {
  const auto problem = golden();
  for (const int exponent : {0, 300, -300}) {
    const double scale = std::ldexp(1.0, exponent);
    const auto scaled = [&](const VectorXd& x, VectorXd& gradient) {
      const double value = problem.first(x, gradient);
      gradient *= scale;
      return scale * value;
    };
    for (const bool accelerated : {true, false}) {
      VectorXd x = VectorXd::Zero(12);
      const Result r = minimize(subject_to(scaled, Box{.low = -0.5, .high = 0.5}), x,
                                ProximalGradient{.accelerated = accelerated}, {.gradient_tolerance = 1e-9 * scale});
      INFO(exponent);
      CHECK(r.status == Status::gradient_tolerance);
      CHECK((x - problem.second[3].x).norm() <= 1e-8);
      CHECK(r.iterations <= 500);
    }
  }
  // A fixed step: one gradient per plain step, two per accelerated one after the first, two projections.
  VectorXd x = VectorXd::Zero(12);
  const auto f = subject_to(problem.first, Box{.low = -0.5, .high = 0.5});
  Result r = minimize(f, x, ProximalGradient{.step_size = 0.01, .accelerated = false}, {.max_iterations = 10});
  CHECK(r.evaluations.gradient == 11);
  CHECK(r.evaluations.projection == 2 + 20);
  x.setZero();
  r = minimize(f, x, ProximalGradient{.step_size = 0.01, .restart = Restart::none}, {.max_iterations = 10});
  CHECK(r.evaluations.gradient == 2 + 2 * 9);
}

TEST_CASE("ProximalGradient: what it cannot do is said") {
  VectorXd x = VectorXd::Zero(12);
  const auto f = plus_term(golden().first, L1{});
  CHECK_THAT(message_of([&] { minimize(f, x, ProximalGradient{.restart = Restart::function}); }),
             Catch::Matchers::ContainsSubstring("ProximalGradient: restart = function"));
  CHECK_THAT(message_of([&] { minimize(f, x, ProximalGradient{.step_size = -1}); }),
             Catch::Matchers::ContainsSubstring("ProximalGradient: step_size = -1, must be >= 0"));
}

TEST_CASE("subject_to and plus_term keep the prox and the set that a problem has already") {
  struct Term {
    void prox(VectorXd& x, double step) { x.array() -= step; }
  };
  struct Square : Squares, Term {};
  struct Bound : Squares {
    void project(VectorXd& x) const { x.setConstant(7); }
    void project_tangent(const VectorXd&, VectorXd& v) const { v.setConstant(3); }
  };
  VectorXd x = VectorXd::Zero(2), v = x;
  auto both = subject_to(Square{}, Box{.low = 1});
  STATIC_REQUIRE(HasProx<decltype(both), VectorXd>);
  both.prox(x, 0.5);
  CHECK(x == VectorXd::Constant(2, -0.5));
  both.project(x);
  CHECK(x == VectorXd::Constant(2, 1));
  const auto bound = plus_term(Bound{}, L1{.weight = 1});
  STATIC_REQUIRE(HasSet<decltype(bound), VectorXd>);
  STATIC_REQUIRE(HasTangent<decltype(bound), VectorXd>);
  bound.project(x);
  bound.project_tangent(x, v);
  CHECK(x == VectorXd::Constant(2, 7));
  CHECK(v == VectorXd::Constant(2, 3));
  bound.prox(x, 2);
  CHECK(x == VectorXd::Constant(2, 5));
}
