// AdaSketchNewton does what its paper's program does, and what its formulas promise.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include <glissade/constrained.hpp>
#include <glissade/core/random.hpp>

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "objective.hpp"

using namespace glissade;
using namespace constrained_problems;

namespace {

struct Run {
  Result result;
  VectorXd x;
  AdaSketchNewton::State<VectorXd> state;
};

Run run(const Objective& objective, VectorXd x, const AdaSketchNewton& method, const Stop& stop) {
  Objective f = objective;
  auto state = method.init(f, x);
  const Result r = resume(f, x, method, state, stop);
  return {r, x, state};
}

VectorXd normals(RandomKey key, Index n) {
  return VectorXd::NullaryExpr(n, [&](Index i) { return key.normal(static_cast<std::uint64_t>(i)); });
}

const Stop published{.max_iterations = 100, .gradient_tolerance = 1e-4};

/// Rows of golden.csv by name.
std::map<std::string, std::vector<double>> golden() {
  std::ifstream file(GLISSADE_TEST_DATA "/constrained/golden.csv");
  REQUIRE(file);
  std::map<std::string, std::vector<double>> rows;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    std::string name, cell;
    std::getline(cells, name, ',');
    while (std::getline(cells, cell, ',')) rows[name].push_back(std::stod(cell));
  }
  return rows;
}

/// min mean log(1 + exp(-y_i <a_i, x>)) with A x = b and ||x|| = 1.
Objective logistic(Index rows, Index n, Index equations, std::uint64_t seed) {
  const RandomKey key{seed};
  const VectorXd entries = normals(key.derive(1), rows * n) / std::sqrt(static_cast<double>(n));
  const MatrixXd data = Eigen::Map<const MatrixXd>(entries.data(), rows, n);
  const VectorXd labels = normals(key.derive(2), rows).array().sign();
  const VectorXd coefficients = normals(key.derive(3), equations * n);
  const MatrixXd A = Eigen::Map<const MatrixXd>(coefficients.data(), equations, n);
  const VectorXd b = normals(key.derive(4), equations);
  MatrixXd gram(equations, equations);
  product_with_transposed(A, A, gram);
  REQUIRE(b.dot(gram.partialPivLu().solve(b)) < 0.81);  // the planes cut the sphere
  const auto probabilities = [=](const VectorXd& x) -> VectorXd {
    return (1 + (labels.array() * (data * x).array()).exp()).inverse();
  };
  Objective f;
  f.gradient_of = [=](const VectorXd& x, VectorXd& g) {
    const VectorXd p = probabilities(x);
    g = data.transpose() * VectorXd(-labels.array() * p.array()) / static_cast<double>(rows);
    return -(1 - p.array()).log().mean();
  };
  f.constraints_of = [=](const VectorXd& x, VectorXd& c) {
    c.resize(equations + 1);
    c.head(equations) = A * x - b;
    c[equations] = x.squaredNorm() - 1;
  };
  f.jacobian_of = [=](const VectorXd& x, MatrixXd& J) {
    J.resize(equations + 1, n);
    J.topRows(equations) = A;
    J.row(equations) = 2 * x.transpose();
  };
  f.hessian_of = [=](const VectorXd& x, const VectorXd& multipliers, MatrixXd& H) {
    const VectorXd p = probabilities(x);
    const MatrixXd weighted = (p.array() * (1 - p.array())).matrix().asDiagonal() * data;
    H.resize(n, n);
    product_of_transposed(data, weighted, H, 1 / static_cast<double>(rows));
    H.diagonal().array() += 2 * multipliers[equations];
  };
  return f;
}

}  // namespace

TEST_CASE("constrained: iterations and ends of exact steps are those of an implementation in numpy") {
  const std::map<std::string, int> published_counts{
      {"HS6", 9},      {"HS7", 10}, {"HS8", 4},  {"HS9", 5},   {"HS26", 11}, {"HS27", 10},    {"HS28", 1},
      {"HS39", 13},    {"HS40", 3}, {"HS42", 4}, {"HS46", 12}, {"HS47", 14}, {"HS48", 1},     {"HS49", 13},
      {"HS50", 8},     {"HS51", 1}, {"HS52", 1}, {"HS56", 5},  {"HS77", 8},  {"HS78", 4},     {"HS79", 4},
      {"HS100LNP", 8}, {"BT2", 11}, {"BT3", 1},  {"BT5", 5},   {"BT10", 7},  {"MARATOS", 14}, {"GENHS28", 1}};
  auto rows = golden();
  std::size_t compared = 0;
  for (const Problem& problem : all()) {
    const std::string name(problem.name);
    INFO(name);
    REQUIRE(rows[name].size() == 8);
    const auto& row = rows[name];
    const Run r = run(Objective(problem), problem.start(), {}, published);
    CHECK(r.result.iterations == static_cast<std::int64_t>(row[1]));
    CHECK(r.result.value == Approx(row[2]).epsilon(1e-9).margin(1e-9));
    CHECK(r.result.measure == Approx(row[3]).epsilon(1e-5).margin(1e-9));
    CHECK(r.state.constraint_penalty == Approx(row[4]).epsilon(1e-12));
    CHECK(r.state.gradient_penalty == Approx(row[5]).epsilon(1e-12));
    if (row[0] == 1) {
      CHECK(r.result.status == Status::singular_constraints);
      CHECK(r.x.allFinite());
      continue;
    }
    CHECK(r.result.status == Status::gradient_tolerance);
    CHECK(row[6] <= 1e-13);
    CHECK(std::abs(r.result.value - row[7]) <= 1e-3);
    CHECK(r.state.length == 1);
    if (published_counts.contains(name)) {
      CHECK(r.result.iterations == published_counts.at(name));
      ++compared;
    }
  }
  CHECK(compared == published_counts.size());
}

TEST_CASE("constrained: sketched steps solve what exact ones solve") {
  const auto rows = golden();
  for (const Sketch kind : {Sketch::gaussian, Sketch::kaczmarz, Sketch::block})
    for (const char* name :
         {"HS6", "HS7", "HS8", "HS28", "HS40", "HS42", "HS48", "HS51", "HS56", "HS78", "HS79", "BT3", "BT5", "BT10"}) {
      INFO(name << ", sketch " << static_cast<int>(kind));
      const Problem problem = named(name);
      const Run r = run(Objective(problem), problem.start(), {.sketch = kind}, published);
      CHECK(r.result.status == Status::gradient_tolerance);
      CHECK(r.result.iterations <= static_cast<std::int64_t>(rows.at(name)[1]) + 1);
      CHECK(std::abs(r.result.value - rows.at(name)[7]) <= 1e-3);
      CHECK(r.state.sketches > 0);
    }
  const auto sketches = [](Sketch kind) {
    const Problem problem = named("HS40");
    return run(Objective(problem), problem.start(), {.sketch = kind}, published).state.sketches;
  };
  CHECK(sketches(Sketch::block) * 4 < sketches(Sketch::gaussian));
}

TEST_CASE("constrained: logistic regression on a sphere cut by ten planes") {
  const Stop stop{.max_iterations = 50, .gradient_tolerance = 1e-5};
  for (const std::uint64_t seed : {2U, 3U})
    for (const double multiplier : {0.0, 1.0}) {
      const Objective f = logistic(200, 40, 10, seed);
      AdaSketchNewton method{.first_multiplier = multiplier, .least_curvature = 1e-2, .max_sketches = 1'000'000};
      const Run exact = run(f, VectorXd::Ones(40), method, stop);
      CHECK(exact.result.status == Status::gradient_tolerance);
      CHECK(exact.result.iterations <= 14);  // from 8
      CHECK(exact.state.length == 1);
      method.sketch = Sketch::block;
      method.block_size = 26;
      const Run block = run(f, VectorXd::Ones(40), method, stop);
      CHECK(block.result.iterations == exact.result.iterations);
      CHECK((block.x - exact.x).norm() <= 1e-5);
    }
}

TEST_CASE("constrained: with as many equations as variables it is Newton's method for them") {
  const Problem problem = named("HS8");
  Objective f(problem);
  VectorXd x = problem.start(), c;
  MatrixXd J;
  problem.constraints(x, c);
  problem.jacobian(x, J);
  const VectorXd first = x, newton = J.partialPivLu().solve(c);
  const AdaSketchNewton method;
  auto state = method.init(f, x);
  take_step(method, f, x, state);
  CHECK(state.length == 0.5);  // as the multipliers are not near yet
  CHECK((x - (first - state.length * newton)).norm() <= 1e-13);
}

TEST_CASE("constrained: the gradient of the merit is that of differences, and every step lowers it") {
  for (const char* name : {"HS77", "HS40", "BT1"}) {
    INFO(name);
    const Problem problem = named(name);
    const AugmentedLagrangian merit{.constraint_penalty = 3, .gradient_penalty = 0.2};
    const Index n = problem.start().size(), m = problem.constraint_count;
    const auto parts = [&](const VectorXd& z, VectorXd& c, MatrixXd& J, VectorXd& g) {
      const VectorXd x = z.head(n);
      const double f = problem.value_and_gradient(x, g);
      problem.constraints(x, c);
      problem.jacobian(x, J);
      g += J.transpose() * z.tail(m);
      return merit.value(f, c, z.tail(m), g);
    };
    VectorXd z(n + m), c, g;
    z << problem.start(), VectorXd::LinSpaced(m, 0.5, 1);
    MatrixXd J, H;
    parts(z, c, J, g);
    problem.lagrangian_hessian(z.head(n), z.tail(m), H);
    const VectorXd gradient = merit.gradient(H, J, c, g);
    for (Index i = 0; i < z.size(); ++i) {
      const double h = 1e-5;
      VectorXd up = z, down = z;
      up[i] += h;
      down[i] -= h;
      const double difference = (parts(up, c, J, g) - parts(down, c, J, g)) / (2 * h);
      CHECK(gradient[i] == Approx(difference).epsilon(1e-6).margin(1e-6 * gradient.norm()));
    }
  }
  for (const char* name : {"HS6", "HS7", "HS26", "HS39", "HS47", "BT1"}) {
    INFO(name);
    const Problem problem = named(name);
    Objective f(problem);
    VectorXd x = problem.start();
    const AdaSketchNewton method;
    auto state = method.init(f, x);
    for (int k = 0; k < 8; ++k) {
      const auto before = state;
      REQUIRE(take_step(method, f, x, state).status == Status::running);
      const auto at = [&](const AdaSketchNewton::State<VectorXd>& s) {
        const VectorXd g = s.gradient + s.jacobian.transpose() * s.multipliers;
        return AugmentedLagrangian{state.constraint_penalty, state.gradient_penalty}.value(s.value, s.constraints,
                                                                                           s.multipliers, g);
      };
      CHECK(at(state) < at(before));
    }
  }
}

TEST_CASE("constrained: no sketch moves away from the solution, and one of every row arrives") {
  const Problem problem = named("HS78");
  const VectorXd x = problem.start();
  MatrixXd H, J;
  problem.lagrangian_hessian(x, VectorXd::Ones(3), H);
  problem.jacobian(x, J);
  const MatrixXd rows = thin_svd(J).V;
  const VectorXd b = normals(RandomKey{3}, 8);
  KktSystem system;
  system.build(H, J, rows, b, 0.1, 1e-6);
  REQUIRE(system.solve());
  CHECK((system.matrix() * system.solution() - b).norm() <= 1e-12);
  const VectorXd solution = system.solution();
  for (const Sketch kind : {Sketch::gaussian, Sketch::kaczmarz, Sketch::block}) {
    system.build(H, J, rows, b, 0.1, 1e-6);
    double distance = solution.norm();
    int nearer = 0;
    for (int k = 0; k < 300; ++k) {
      CHECK(system.sketch_until(0, kind, 3, RandomKey{5}, k, 1) <= 1);
      const double next = (system.solution() - solution).norm();
      CHECK(next <= distance + 1e-13);
      nearer += next < distance;
      distance = next;
    }
    CHECK(distance < 0.2 * solution.norm());
    CHECK(nearer > 50);
  }
  system.build(H, J, rows, b, 0.1, 1e-6);
  CHECK(system.sketch_until(0, Sketch::block, 8, RandomKey{5}, 0, 1) == 1);
  CHECK((system.solution() - solution).norm() <= 1e-9);
}

TEST_CASE("constrained: the Hessian is shifted where it is not positive along the constraints, and only there") {
  const MatrixXd J = MatrixXd::Identity(1, 3), rows = J.transpose();
  const VectorXd b = VectorXd::Ones(4);
  KktSystem system;
  system.build(Eigen::Vector3d(-5, 1, 2).asDiagonal(), J, rows, b, 0.1, 1e-6);
  CHECK(system.shift() == 0);
  const MatrixXd indefinite = Eigen::Vector3d(3, 1, -4).asDiagonal();
  system.build(indefinite, J, rows, b, 0.1, 1e-6);
  CHECK(system.shift() == Approx(0.1 + std::sqrt(26.0)));
}
