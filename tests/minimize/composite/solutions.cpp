// Smooth functions plus a term: solutions by scikit-learn and numpy, certified there, by every method that honours it.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/minimize/composite/owl_qn.hpp>
#include <glissade/minimize/composite/proximal_newton.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/proximal_gradient.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/sets/groups.hpp>
#include <glissade/sets/l1.hpp>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace glissade;
using Catch::Matchers::ContainsSubstring;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

struct Line {
  std::string kind;
  std::vector<double> numbers;
};

std::vector<Line> read(const std::string& name) {
  std::ifstream file(GLISSADE_TEST_DATA "/minimize/composite/" + name);
  REQUIRE(file);
  std::vector<Line> lines;
  for (std::string text; std::getline(file, text);) {
    std::stringstream cells(text);
    Line line;
    std::getline(cells, line.kind, ',');
    for (std::string cell; std::getline(cells, cell, ',');) line.numbers.push_back(std::stod(cell));
    lines.push_back(line);
  }
  return lines;
}

/// |A x - b|^2 / 2, or sum log(1 + exp(-sign(b) a'x)), with its Hessian.
struct Loss {
  MatrixXd A;
  VectorXd b;
  bool logistic = false;

  double value_and_gradient(const VectorXd& x, VectorXd& gradient) const {
    const VectorXd z = A * x;
    if (!logistic) {
      gradient = A.transpose() * (z - b);
      return (z - b).squaredNorm() / 2;
    }
    VectorXd slope(z.size());
    double sum = 0;
    for (Index i = 0; i < z.size(); ++i) {
      const double y = b[i] > 0 ? 1 : -1;
      sum += std::log1p(std::exp(-std::abs(z[i]))) + (y * z[i] < 0 ? std::abs(z[i]) : 0.0);
      slope[i] = -y / (1 + std::exp(y * z[i]));
    }
    gradient = A.transpose() * slope;
    return sum;
  }
  void hessian(const VectorXd& x, MatrixXd& H) const {
    VectorXd curvature = VectorXd::Ones(A.rows());
    if (logistic) curvature = (1 / ((A * x).array().exp() + 2 + (-A * x).array().exp())).matrix();
    H = A.transpose() * curvature.asDiagonal() * A;
  }
};

Loss data() {
  Loss loss{MatrixXd(20, 12), VectorXd(20)};
  Index row = 0;
  for (const Line& line : read("lasso.csv")) {
    if (line.kind != "data") continue;
    loss.A.row(row) = Eigen::Map<const VectorXd>(line.numbers.data() + 1, 12).transpose();
    loss.b[row++] = line.numbers[13];
  }
  REQUIRE(row == 20);
  return loss;
}

struct Solution {
  std::string kind;
  double weight, second;
  VectorXd x;
};

std::vector<Solution> solutions() {
  std::vector<Solution> all;
  for (const Line& line : read("composite.csv"))
    all.push_back(
        {line.kind, line.numbers[0], line.numbers[1], Eigen::Map<const VectorXd>(line.numbers.data() + 2, 12)});
  for (const Line& line : read("lasso.csv"))
    if (line.kind == "lasso")
      all.push_back({line.kind, line.numbers[0], 0, Eigen::Map<const VectorXd>(line.numbers.data() + 1, 12)});
  REQUIRE(all.size() == 12);
  return all;
}

/// Ends at the solution to 1e-8, with its zeros.
Result check(const Solution& s, const auto& f, const auto& method) {
  VectorXd x = VectorXd::Zero(12);
  const Result r = minimize(f, x, method, {.max_iterations = 20'000, .gradient_tolerance = 1e-10});
  INFO(s.kind << " " << s.weight << ": " << to_string(r.status));
  CHECK(r.status == Status::gradient_tolerance);
  CHECK((x - s.x).template lpNorm<Eigen::Infinity>() <= 1e-8);
  for (Index i = 0; i < 12; ++i) CHECK((x[i] == 0) == (s.x[i] == 0));
  return r;
}

}  // namespace

TEST_CASE("composite: elastic net, group lasso and l1 logistic regression as scikit-learn and numpy solve them") {
  for (const Solution& s : solutions()) {
    Loss f = data();
    f.logistic = s.kind == "logistic";
    for (const bool accelerated : {true, false}) {
      const ProximalGradient method{.accelerated = accelerated};
      if (s.kind == "elastic_net")
        check(s, plus_term(f, ElasticNet{.l1 = s.weight, .l2 = s.second}), method);
      else if (s.kind == "group_lasso")
        check(s, plus_term(f, GroupNorm{.weight = s.weight, .sizes = {3, 3, 3, 3}}), method);
      else
        check(s, plus_term(f, L1{.weight = s.weight}), method);
    }
  }
}

TEST_CASE("OwlQn, ProximalNewton: the lasso and l1 logistic regression as scikit-learn solves them") {
  for (const Solution& s : solutions()) {
    if (s.kind != "lasso" && s.kind != "logistic") continue;
    Loss f = data();
    f.logistic = s.kind == "logistic";
    check(s, plus_term(f, L1{.weight = s.weight}), OwlQn{});
    CHECK(check(s, plus_term(f, L1{.weight = s.weight}), ProximalNewton{}).evaluations.hessian <= 12);
  }
}

TEST_CASE("OwlQn, ProximalNewton: the value is that of the sum, and the measure that of its least subgradient") {
  Loss f = data();
  f.logistic = true;
  const VectorXd weights = VectorXd::LinSpaced(12, 0, 1.1);
  const L1 term{.weight = weights};
  const auto at = [&](const auto& method) {
    VectorXd x = VectorXd::LinSpaced(12, -0.5, 0.6), gradient(12);
    x[3] = 0;
    const Result r = minimize(plus_term(f, term), x, method, {.max_iterations = 2, .gradient_tolerance = 1e-10});
    CHECK(r.value == Approx(f.value_and_gradient(x, gradient) + term.value(x)).epsilon(1e-14));
    CHECK(r.gradient_norm == Approx(gradient.norm()));
    // The least subgradient by its definition: the distance of -gradient from the subdifferential of h.
    double squares = 0;
    for (Index i = 0; i < 12; ++i) {
      const double w = weights[i];
      const double nearest = x[i] > 0 ? w : x[i] < 0 ? -w : std::min(w, std::max(-w, -gradient[i]));
      squares += std::pow(gradient[i] + nearest, 2);
    }
    CHECK(r.measure == Approx(std::sqrt(squares)));
  };
  at(OwlQn{});
  at(ProximalNewton{});
}

TEST_CASE("OwlQn: without a term it is Lbfgs with Armijo's rule, bit for bit") {
  Loss f = data();
  f.logistic = true;
  VectorXd x = VectorXd::Zero(12), y = x;
  const Stop stop{.max_iterations = 12, .gradient_tolerance = 1e-10};
  CHECK(minimize(f, x, OwlQn{.memory = 4}, stop).iterations == 12);
  minimize(f, y, Lbfgs{.memory = 4, .search = Armijo{}}, stop);
  CHECK(x == y);
}

TEST_CASE("OwlQn: no step crosses from one sign to the other") {
  Loss f = data();
  VectorXd last = VectorXd::LinSpaced(12, -1, 1), x = last;
  minimize(plus_term(f, L1{.weight = 2}), x, OwlQn{}, {.max_iterations = 200, .gradient_tolerance = 1e-8},
           [&](const Record& record) {
             CHECK((last.array() * record.x.array() >= 0).all());
             last = record.x;
           });
}

TEST_CASE(
    "ProximalNewton: a quadratic takes about as few Hessians as the logistic loss, which converges faster than "
    "linearly") {
  Loss f = data();
  for (const bool logistic : {false, true}) {
    f.logistic = logistic;
    VectorXd x = VectorXd::Zero(12);
    std::vector<double> measures;
    const Result r = minimize(plus_term(f, L1{.weight = 0.5}), x, ProximalNewton{}, {.gradient_tolerance = 1e-12},
                              [&](const Record& record) { measures.push_back(record.measure); });
    INFO(r.iterations);
    CHECK(r.status == Status::gradient_tolerance);
    CHECK(r.evaluations.hessian <= 12);
    REQUIRE(measures.size() >= 3);
    const std::size_t k = measures.size() - 1;
    CHECK(measures[k] / measures[k - 1] < 0.1 * measures[1] / measures[0]);
  }
}

TEST_CASE("l1 weights: of a matrix, of several tensors, and an objective's own, honoured by any method for proxes") {
  struct Own : Loss {
    [[nodiscard]] PerCoefficient l1_weights() const { return 0.5; }
  };
  const Loss f = data();
  const Own own{f};
  STATIC_REQUIRE(HasProx<const Own, VectorXd>);
  VectorXd expected = VectorXd::Zero(12);
  const Stop stop{.max_iterations = 5000, .gradient_tolerance = 1e-10};
  minimize(plus_term(f, L1{.weight = 0.5}), expected, ProximalGradient{}, stop);
  VectorXd x = VectorXd::Zero(12);
  CHECK(minimize(own, x, ProximalGradient{}, stop).status == Status::gradient_tolerance);
  CHECK((x - expected).norm() <= 1e-8);
  x.setZero();
  minimize(own, x, OwlQn{}, stop);
  CHECK((x - expected).norm() <= 1e-8);

  // Weights by columns, for a matrix by rows: the larger weight belongs to the coefficient of the same place.
  using RowMajor = Eigen::Matrix<double, 2, 2, Eigen::RowMajor>;
  const auto near_one = [](const auto& W, auto& gradient) {
    gradient = W;
    gradient.array() -= 1;
    return gradient.squaredNorm() / 2;
  };
  RowMajor W = RowMajor::Zero();
  minimize(plus_term(near_one, L1{.weight = Eigen::Vector4d(0, 0.25, 0.5, 2)}), W, OwlQn{}, stop);
  CHECK((W - RowMajor{{1, 0.5}, {0.75, 0}}).norm() <= 1e-9);
  const auto two = [](const VectorXd& a, const VectorXd& b, VectorXd& da, VectorXd& db) {
    da = a.array() - 1;
    db = b.array() - 1;
    return da.squaredNorm() / 2 + db.squaredNorm() / 2;
  };
  VectorXd a = VectorXd::Zero(1), b = VectorXd::Zero(2);
  minimize(plus_term(two, L1{.weight = VectorXd{{0.25, 0.5, 2}}}), std::tie(a, b), OwlQn{}, stop);
  CHECK(std::abs(a[0] - 0.75) <= 1e-9);
  CHECK(std::abs(b[0] - 0.5) <= 1e-9);
  CHECK(b[1] == 0);
}

TEST_CASE("OwlQn, ProximalNewton: bad weights and options are refused before a call") {
  const Loss f = data();
  VectorXd x = VectorXd::Zero(12);
  const auto message = [&](const L1& term) {
    const std::string text = message_of([&] { minimize(plus_term(f, term), x, OwlQn{}); });
    CHECK(message_of([&] { minimize(plus_term(f, term), x, ProximalNewton{}); }) == text);
    return text;
  };
  CHECK_THAT(message({.weight = -1}), ContainsSubstring("L1: weight = -1, must be >= 0"));
  VectorXd weights = VectorXd::Ones(12);
  weights[2] = std::nan("");
  CHECK_THAT(message({.weight = weights}), ContainsSubstring("L1: weight[2] = nan"));
  CHECK_THAT(message({.weight = VectorXd::Ones(3)}), ContainsSubstring("L1: weight has 3 numbers, must have 12"));
  CHECK_THAT(message_of([&] { minimize(f, x, OwlQn{.memory = 0}); }), ContainsSubstring("OwlQn: memory = 0"));
  CHECK_THAT(message_of([&] { minimize(f, x, ProximalNewton{.shrink = 1}); }),
             ContainsSubstring("ProximalNewton: shrink = 1, must be in (0, 1)"));
  x[1] = std::nan("");
  CHECK(minimize(plus_term(f, L1{}), x, OwlQn{}).status == Status::non_finite_start);
  CHECK(minimize(plus_term(f, L1{}), x, ProximalNewton{}).status == Status::non_finite_start);
}
