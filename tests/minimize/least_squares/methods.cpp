// Least squares: solutions by scipy, NIST's regressions, bounds, robust losses, ends and bad input.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include <glissade/least_squares.hpp>

#include <algorithm>
#include <cstring>
#include <limits>

#include "minimize/least_squares/nist.hpp"

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// b1 exp(-b2 t) + b3 - y
struct Decay {
  VectorXd t, y;
  void residuals(const VectorXd& b, VectorXd& r) const { r = b[0] * (-b[1] * t).array().exp() + b[2] - y.array(); }
  void jacobian(const VectorXd& b, MatrixXd& J) const {
    J.resize(t.size(), 3);
    J.col(0) = (-b[1] * t).array().exp();
    J.col(1) = -b[0] * t.array() * J.col(0).array();
    J.col(2).setOnes();
  }
};

struct Golden {
  std::string kind;
  std::vector<double> numbers;
  VectorXd solution;
};

std::pair<Decay, std::vector<Golden>> golden() {
  std::ifstream file(GLISSADE_TEST_DATA "/minimize/least_squares/golden.csv");
  REQUIRE(file);
  std::vector<double> t, y;
  std::vector<Golden> list;
  for (std::string line; std::getline(file, line);) {
    std::stringstream cells(line);
    std::string kind, cell;
    std::getline(cells, kind, ',');
    std::vector<double> numbers;
    while (std::getline(cells, cell, ',')) numbers.push_back(std::stod(cell));
    if (kind == "data") {
      t.push_back(numbers[0]);
      y.push_back(numbers[1]);
    } else if (kind == "solution") {
      list.back().solution = Eigen::Map<VectorXd>(numbers.data(), 3);
    } else {
      list.push_back({kind, numbers, {}});
    }
  }
  return {Decay{Eigen::Map<VectorXd>(t.data(), 20), Eigen::Map<VectorXd>(y.data(), 20)}, list};
}

const Stop tight{.max_iterations = 500, .gradient_tolerance = 1e-11};

/// What the visit of a state names, as a file would carry it.
template <class S>
void copy_named_parts(const S& from, S& to) {
  std::vector<double> numbers;
  S::visit(from, [&](const auto&, const auto& part, auto...) {
    if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(part)>>)
      numbers.push_back(static_cast<double>(part));
    else
      numbers.insert(numbers.end(), part.data(), part.data() + part.size());
  });
  auto next = numbers.begin();
  S::visit(to, [&](const auto&, auto& part, auto...) {
    if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(part)>>)
      part = static_cast<std::remove_cvref_t<decltype(part)>>(*next++);
    else
      for (Index i = 0; i < part.size(); ++i) part.data()[i] = *next++;
  });
}

template <class F>
void check_solution(F f, const VectorXd& start, const VectorXd& solution) {
  const auto check = [&](const auto& method) {
    VectorXd x = start;
    const Result r = minimize(f, x, method, tight);
    INFO(method.name << ": " << to_string(r.status) << " measure " << r.measure);
    CHECK(r.measure <= 1e-7);
    CHECK((x - solution).cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 1e-7);
  };
  check(LevenbergMarquardt{});
  check(LevenbergMarquardt{.acceleration = 0.75});
  check(GaussNewton{});
}

}  // namespace

TEST_CASE("least squares: robust fits as scipy") {
  const auto data = golden();
  const Decay& f = data.first;
  const VectorXd start{{2.5, 0.7, 0.6}};
  int seen = 0;
  for (const Golden& g : data.second) {
    INFO(g.kind);
    const double scale = g.numbers[0];
    if (g.kind == "loss plain") check_solution(LeastSquares{f}, start, g.solution), ++seen;
    if (g.kind == "loss huber") check_solution(LeastSquares{f, HuberLoss{scale}}, start, g.solution), ++seen;
    if (g.kind == "loss cauchy") check_solution(LeastSquares{f, CauchyLoss{scale}}, start, g.solution), ++seen;
    if (g.kind == "loss tukey") check_solution(LeastSquares{f, TukeyLoss{scale}}, start, g.solution), ++seen;
  }
  CHECK(seen == 4);
}

TEST_CASE("least squares: fits within bounds as scipy, at a bound exactly") {
  const auto data = golden();
  const Decay& f = data.first;
  int seen = 0;
  for (const Golden& g : data.second) {
    if (g.kind != "box") continue;
    const VectorXd low = Eigen::Map<const VectorXd>(g.numbers.data(), 3);
    const VectorXd high = Eigen::Map<const VectorXd>(g.numbers.data() + 3, 3);
    const auto bounded = subject_to(f, Box{.low = low, .high = high});
    check_solution(bounded, VectorXd{{1, 1, 1}}, g.solution);
    VectorXd x{{100, 100, 100}};  // outside: projected first
    minimize(bounded, x, LevenbergMarquardt{}, tight);
    for (Index i = 0; i < 3; ++i) {
      CHECK((x[i] >= low[i] && x[i] <= high[i]));
      if (std::abs(g.solution[i] - low[i]) < 1e-12) CHECK(x[i] == low[i]);
      if (std::abs(g.solution[i] - high[i]) < 1e-12) CHECK(x[i] == high[i]);
    }
    ++seen;
  }
  CHECK(seen == 5);
}

TEST_CASE("least squares: value and gradient of the objective belong to the residuals") {
  const auto data = golden();
  const Decay& f = data.first;
  LeastSquares objective{f, CauchyLoss{.scale = 0.3}};
  const VectorXd x{{2, 1, 0.3}};
  VectorXd g(3), other(3);
  const double value = objective.value_and_gradient(x, g);
  CHECK(value == objective.value(x));
  GradientByDifferences differences{[&](const VectorXd& at) { return objective.value(at); }};
  differences.value_and_gradient(x, other);
  CHECK((g - other).norm() <= 1e-7 * g.norm());
  const auto state = LevenbergMarquardt{}.init(objective, x);
  CHECK(state.value == value);
  CHECK(state.gradient == g);
  MatrixXd J, by_differences;
  f.jacobian(x, J);
  JacobianByDifferences{f}.jacobian(x, by_differences);
  CHECK((J - by_differences).norm() <= 1e-8 * J.norm());
}

TEST_CASE("least squares: NIST's regressions, from both starts, with no more calls than scipy's trf in the median") {
  std::ifstream scipy(GLISSADE_TEST_DATA "/minimize/least_squares/nist_scipy.csv");
  std::string line;
  std::getline(scipy, line);
  std::vector<double> ratios;
  int solved = 0, solved_by_gauss_newton = 0;
  for (const nist::Regression& regression : nist::regressions())
    for (int k = 0; k < 2; ++k) {
      std::getline(scipy, line);
      std::stringstream cells(line);
      std::string name, cell;
      std::getline(cells, name, ',');
      REQUIRE(name == regression.name);
      for (int column = 0; column < 3; ++column) std::getline(cells, cell, ',');
      INFO(name << " from start " << k + 1);
      const auto f = regression.residuals();
      VectorXd x = regression.start[k];
      std::int64_t calls = 0;
      minimize(f, x, LevenbergMarquardt{}, {.max_iterations = 1000, .gradient_tolerance = 1e-300},
               [&](const Record& record) {
                 if (regression.digits(record.x) < 4) return Flow::go_on;
                 calls = record.evaluations.value;
                 return Flow::stop;
               });
      CHECK(regression.digits(x) >= 4);
      if (calls > 0) ++solved, ratios.push_back(static_cast<double>(calls) / std::stod(cell));
      x = regression.start[k];
      minimize(f, x, GaussNewton{}, {.max_iterations = 1000, .gradient_tolerance = 1e-300});
      solved_by_gauss_newton += regression.digits(x) >= 4 ? 1 : 0;
    }
  CHECK(solved == 54);
  REQUIRE(ratios.size() == 54);
  std::sort(ratios.begin(), ratios.end());
  CHECK((ratios[26] + ratios[27]) / 2 <= 1);
  CHECK(solved_by_gauss_newton >= 52);
}

TEST_CASE("least squares: standard errors are those that NIST certifies") {
  for (const nist::Regression& regression : nist::regressions()) {
    if (regression.name == "Lanczos1") continue;  // whose residuals are below the digits certified
    INFO(regression.name);
    const auto f = regression.residuals();
    const auto c = covariance_at(f, regression.certified);
    const VectorXd error = (c.standard_errors - regression.deviation).cwiseQuotient(regression.deviation);
    CHECK(error.cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 1e-6);
    CHECK(c.rank == regression.certified.size());
    CHECK((c.matrix.diagonal().cwiseSqrt() - c.standard_errors).norm() == 0);
  }
}

TEST_CASE("least squares: damped solutions are those of the normal equations") {
  MatrixXd A(5, 3);
  A << 1, 2, 3, 4, 5, 6, 7, 8, 10, -1, 0, 2, 3, 3, 1;
  const VectorXd b{{1, -2, 3, 0.5, 2}};
  for (const Index rows : {5, 2})
    for (const double d : {0.0, 0.3, 20.0}) {
      if (rows == 2 && d == 0) continue;
      DampedQr qr;
      qr.matrix(rows, 3) = A.topRows(rows);
      qr.factor();
      CHECK(qr.rank() == std::min<Index>(rows, 3));
      VectorXd right = b.head(rows), p;
      qr.set_right(right);
      if (d == 0)
        qr.solve(right, p);
      else
        qr.solve(right, d, p);
      const MatrixXd normal = A.topRows(rows).transpose() * A.topRows(rows) + d * d * MatrixXd::Identity(3, 3);
      CHECK((normal * p - A.topRows(rows).transpose() * b.head(rows)).norm() <= 1e-11);
      const VectorXd q{{1, 2, 3}};
      CHECK(qr.inverse_square(q, d > 0) == Approx(q.dot(normal.inverse() * q)).epsilon(1e-9));
    }
}

TEST_CASE("least squares: of columns that depend on each other as many are used as there are ranks") {
  MatrixXd A(4, 3);
  A << 1, 2, 3, 4, 5, 9, 7, 8, 15, -1, 0.5, -0.5;  // the last is the sum of the others, up to rounding
  const VectorXd b{{1, -2, 3, 0.5}};
  DampedQr qr;
  qr.matrix(4, 3) = A;
  qr.factor();
  CHECK(qr.rank() == 2);
  VectorXd right = b, p;
  qr.set_right(right);
  qr.solve(right, p);
  CHECK((A.transpose() * (A * p - b)).norm() <= 1e-12);
  CHECK((p.array() == 0).count() == 1);
}

TEST_CASE("least squares: a Jacobian without full rank, and fewer residuals than variables") {
  // x1 + x2 = 2 and its square: a line of solutions.
  struct Line {
    void residuals(const VectorXd& x, VectorXd& r) const {
      r = VectorXd{{x[0] + x[1] - 2, std::pow(x[0] + x[1], 2) - 4}};
    }
    void jacobian(const VectorXd& x, MatrixXd& J) const {
      const double sum = 2 * (x[0] + x[1]);
      J.resize(2, 3);
      J << 1, 1, 0, sum, sum, 0;
    }
  } f;
  const auto check = [&](const auto& method) {
    VectorXd x{{3, -0.5, 7}};
    const Result r = minimize(f, x, method, tight);
    CHECK(r.status == Status::gradient_tolerance);
    CHECK(x[0] + x[1] == Approx(2).epsilon(1e-9));
    CHECK(x[2] == 7);
  };
  check(LevenbergMarquardt{});
  check(GaussNewton{});
  CHECK(message_of([&] {
          (void)covariance_at(f, VectorXd{{1, 1, 0}});
        }) == "covariance_at: 2 residuals for 3 parameters, must be more");
}

TEST_CASE("least squares: bad input is refused, and walls of NaN are kept away from") {
  const auto data = golden();
  const Decay& f = data.first;
  VectorXd x{{1, 1, 1}};
  CHECK_THAT(message_of([&] { LevenbergMarquardt{.accept = 0.3}.init(f, x); }),
             Catch::Matchers::ContainsSubstring("LevenbergMarquardt: accept = 0.3, must be in [0, 0.25)"));
  CHECK_THAT(message_of([&] { GaussNewton{.initial_radius = 0}.init(f, x); }),
             Catch::Matchers::ContainsSubstring("GaussNewton: initial_radius = 0, must be > 0"));
  CHECK_THAT(message_of([&] {
               (void)LeastSquares{f, HuberLoss{.scale = -1}};
             }),
             Catch::Matchers::ContainsSubstring("HuberLoss: scale = -1, must be > 0"));
  const auto crossed = subject_to(f, Box{.low = 2, .high = 1});
  CHECK_THAT(message_of([&] { minimize(crossed, x, LevenbergMarquardt{}); }),
             Catch::Matchers::ContainsSubstring("Box: low"));
  CHECK(x == VectorXd{{1, 1, 1}});

  Decay bad = f;
  bad.y[4] = std::numeric_limits<double>::quiet_NaN();
  const Result r = minimize(bad, x, LevenbergMarquardt{});
  CHECK(r.status == Status::non_finite_start);
  CHECK(x == VectorXd{{1, 1, 1}});

  struct Wall : Decay {
    void residuals(const VectorXd& b, VectorXd& r) const {
      Decay::residuals(b, r);
      if (b[0] > 1.5) r[2] = std::numeric_limits<double>::quiet_NaN();
    }
  };
  const Wall wall{f};
  minimize(wall, x, GaussNewton{}, {.max_iterations = 100});
  CHECK(x.allFinite());
  CHECK(x[0] <= 1.5);
  CHECK(x[0] > 1.4);

  struct Growing : Decay {
    mutable int calls = 0;
    void residuals(const VectorXd& b, VectorXd& r) const {
      Decay::residuals(b, r);
      r.conservativeResize(20 + calls++);
    }
  };
  const Growing growing{f};
  x = VectorXd{{1, 1, 1}};
  CHECK_THAT(message_of([&] { minimize(growing, x, LevenbergMarquardt{}); }),
             Catch::Matchers::ContainsSubstring("vector of residuals has size 21, must be 20"));
}

TEST_CASE("least squares: budgets are kept, parts are the whole bit for bit, and no memory is taken later") {
  const auto data = golden();
  const Decay& f = data.first;
  const auto check = [&](const auto& method) {
    INFO(method.name);
    const VectorXd start{{9, 4, 3}};
    for (std::int64_t most = 0; most < 8; ++most) {
      VectorXd x = start;
      const Result a = minimize(f, x, method, {.gradient_tolerance = 0, .max_value_calls = most});
      CHECK(a.evaluations.value <= most);
      CHECK(a.status == Status::max_value_calls);
      x = start;
      const Result b = minimize(f, x, method, {.gradient_tolerance = 0, .max_gradient_calls = most});
      CHECK(b.evaluations.jacobian <= most);
      CHECK(b.evaluations.jacobian == b.evaluations.gradient);
      CHECK(b.status == Status::max_gradient_calls);
    }
    VectorXd whole = start;
    minimize(f, whole, method, {.max_iterations = 7, .gradient_tolerance = 0});
    for (std::int64_t cut = 0; cut <= 7; ++cut) {
      VectorXd x = start;
      auto state = method.init(f, x);
      resume(f, x, method, state, {.max_iterations = cut, .gradient_tolerance = 0});
      auto other = method.init(f, start);
      copy_named_parts(state, other);
      resume(f, x, method, other, {.max_iterations = 7 - cut, .gradient_tolerance = 0});
      CHECK(std::memcmp(x.data(), whole.data(), 3 * sizeof(double)) == 0);
    }
    VectorXd x = start;
    auto state = method.init(f, x);
    Oracle<const Decay, VectorXd> oracle(f);
    for (int k = 0; k < 3; ++k) method.step(oracle, x, state);
    std::size_t taken = 0;
    {
      const NoHeap heap;
      for (int k = 0; k < 3; ++k) method.step(oracle, x, state);
      taken = heap.taken();
    }
    CHECK(taken == 0);
  };
  check(LevenbergMarquardt{});
  check(LevenbergMarquardt{.acceleration = 0.75});
  check(GaussNewton{});
}
