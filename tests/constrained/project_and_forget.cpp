// Project and Forget against Hildreth's projections onto all inequalities, and the conditions of a solution.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/constrained/project_and_forget.hpp>

#include <limits>
#include <numeric>
#include <set>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

MatrixXd symmetric(int n, std::uint64_t seed, bool positive) {
  const RandomKey key{seed};
  MatrixXd d = MatrixXd::Zero(n, n);
  std::uint64_t draw = 0;
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < j; ++i) {
      const double normal = key.normal(draw++);
      d(i, j) = d(j, i) = positive ? std::abs(normal) : normal;
    }
  return d;
}

/// All triangles and x >= 0 of a complete graph, each in turn, until nothing moves.
MatrixXd hildreth(const MatrixXd& d) {
  const auto n = static_cast<int>(d.rows());
  MatrixXd x = d;
  std::vector<double> z(static_cast<std::size_t>(n * n * n), 0.0);
  double movement = 1;
  for (int sweep = 0; sweep < 20'000 && movement > 1e-13; ++sweep) {
    movement = 0;
    const auto change = [&](double& multiplier, double slack) {
      const double c = std::min(multiplier, slack);
      multiplier -= c;
      movement = std::max(movement, std::abs(c));
      return c;
    };
    for (int b = 0; b < n; ++b)
      for (int a = 0; a < b; ++a) {
        double& zero = z[static_cast<std::size_t>((a * n + b) * n + a)];
        x(a, b) = x(b, a) = x(a, b) - change(zero, x(a, b));
        for (int k = 0; k < n; ++k) {
          if (k == a || k == b) continue;
          const double slack = (x(a, k) + x(k, b) - x(a, b)) / 3;
          const double c = change(z[static_cast<std::size_t>((a * n + b) * n + k)], slack);
          x(a, b) = x(b, a) = x(a, b) + c;
          x(a, k) = x(k, a) = x(a, k) - c;
          x(k, b) = x(b, k) = x(k, b) - c;
        }
      }
  }
  CHECK(movement <= 1e-13);
  return x;
}

double largest(const MatrixXd& m) { return m.cwiseAbs().maxCoeff<Eigen::PropagateNaN>(); }

/// x = d - sum z a / w + (lower - upper) / w, z >= 0, and a multiplier only where there is no slack.
void check_conditions(const MetricNearness& s, const MatrixXd& d, const MatrixXd& w, double upper) {
  MatrixXd force = MatrixXd::Zero(d.rows(), d.cols());
  double loose = 0;
  for (const auto& [cycle, z] : s.multipliers) {
    CHECK(z > 0);
    double slack = -s.distances(cycle.front(), cycle.back());
    const auto push = [&](int a, int b, double by) { force(std::min(a, b), std::max(a, b)) += by; };
    push(cycle.front(), cycle.back(), -z);
    for (std::size_t k = 1; k < cycle.size(); ++k) {
      slack += s.distances(cycle[k - 1], cycle[k]);
      push(cycle[k - 1], cycle[k], z);
    }
    loose = std::max(loose, std::abs(slack));
  }
  for (int b = 0; b < d.cols(); ++b)
    for (int a = 0; a < b; ++a) {
      force(a, b) += s.lower_multipliers(a, b) - s.upper_multipliers(a, b);
      if (s.lower_multipliers(a, b) > 0) loose = std::max(loose, std::abs(s.distances(a, b)));
      if (s.upper_multipliers(a, b) > 0) loose = std::max(loose, std::abs(s.distances(a, b) - upper));
    }
  const MatrixXd gap = (w.array() * (s.distances - d).array()).matrix() - force;
  CHECK(largest(gap.triangularView<Eigen::StrictlyUpper>().toDenseMatrix()) <= 2e-15 * std::max(1.0, largest(d)));
  CHECK(loose <= 1e-9);
  CHECK(s.lower_multipliers.minCoeff() >= 0);
  CHECK(s.upper_multipliers.minCoeff() >= 0);
}

const ProjectAndForget tight{.tolerance = 1e-12};

}  // namespace

TEST_CASE("nearest metric: what projections onto all inequalities give, and the conditions of a solution") {
  for (const bool positive : {true, false})
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
      const MatrixXd d = symmetric(10, seed, positive);
      const MetricNearness s = nearest_metric(d, tight);
      CHECK(s.status == Status::tolerance);
      CHECK(largest(s.distances - hildreth(d)) <= 1e-10);
      CHECK(s.multipliers.size() < 100);  // of 360 triangles
      check_conditions(s, d, MatrixXd::Ones(10, 10), 0);
    }
}

TEST_CASE("nearest metric: few inequalities are remembered") {
  const MatrixXd d = symmetric(20, 4, true);
  const MetricNearness s = nearest_metric(d, {.tolerance = 1e-10});
  CHECK(s.status == Status::tolerance);
  CHECK(s.multipliers.size() < 342);  // a tenth of all triangles
  CHECK(largest(s.distances - hildreth(d)) <= 1e-8);
}

TEST_CASE("nearest metric: one solution, whatever the oracle and the memory") {
  const MatrixXd d = symmetric(9, 5, false);
  const MatrixXd x = nearest_metric(d, tight).distances;
  for (ProjectAndForget options : {ProjectAndForget{.oracle = CycleOracle::triangles},
                                   ProjectAndForget{.oracle = CycleOracle::random, .probability = 0.3, .seed = 7},
                                   ProjectAndForget{.forget = false}}) {
    options.tolerance = 1e-12;
    const MetricNearness s = nearest_metric(d, options);
    CHECK(s.status == Status::tolerance);
    CHECK(largest(s.distances - x) <= 1e-8);
  }
  CHECK(nearest_metric(d, {.tolerance = 1e-12, .forget = false}).multipliers.size() >
        nearest_metric(d, tight).multipliers.size());
}

TEST_CASE("nearest metric: a metric stays as it is; scale and names of the nodes do not matter") {
  MatrixXd line = MatrixXd::Zero(6, 6);  // of points on a line every triangle is flat
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 6; ++j) line(i, j) = std::abs(0.1 * i * i - 0.1 * j * j);
  const MetricNearness same = nearest_metric(line);
  CHECK(same.distances == line);
  CHECK(same.multipliers.empty());
  CHECK(same.sweeps == 1);
  CHECK(nearest_metric(MatrixXd{}).status == Status::tolerance);
  CHECK(nearest_metric(MatrixXd::Zero(1, 1)).distances == MatrixXd::Zero(1, 1));

  MatrixXd pair = MatrixXd::Zero(2, 2);
  pair(0, 1) = pair(1, 0) = -3;
  const MetricNearness apart = nearest_metric(pair);
  CHECK(apart.distances == MatrixXd::Zero(2, 2));
  CHECK(apart.lower_multipliers(0, 1) == 3);

  const MatrixXd d = symmetric(8, 6, true);
  const MatrixXd x = nearest_metric(d, tight).distances;
  CHECK(largest(nearest_metric(1024 * d, {.tolerance = 1e-9}).distances - 1024 * x) <= 1e-6);
  Eigen::PermutationMatrix<Eigen::Dynamic> turned(8);
  turned.indices() << 3, 1, 7, 0, 6, 2, 5, 4;
  const MatrixXd permuted = turned * d * turned.transpose();
  const MatrixXd back = turned.transpose() * nearest_metric(permuted, tight).distances * turned;
  CHECK(largest(back - x) <= 1e-9);
}

TEST_CASE("nearest metric: weights, pairs that are no edges, an upper bound") {
  const MatrixXd d = 2 * symmetric(9, 8, true);
  MatrixXd w = (symmetric(9, 9, true).array() + 0.2).matrix();
  w = 0.5 * (w + w.transpose()).eval();
  w.diagonal().setZero();
  const MetricNearness heavy = nearest_metric(d, {.tolerance = 1e-12, .upper = 1}, w);
  CHECK(heavy.status == Status::tolerance);
  CHECK((heavy.upper_multipliers.array() > 0).any());
  check_conditions(heavy, d, w, 1);
  CHECK(heavy.distances.maxCoeff() <= 1 + 1e-9);

  // A ring with one chord: two cycles, besides the whole ring.
  MatrixXd ring = MatrixXd::Zero(6, 6), no_edges = MatrixXd::Zero(6, 6);
  const auto join = [&](int a, int b, double length) {
    ring(a, b) = ring(b, a) = length;
    no_edges(a, b) = no_edges(b, a) = 1;
  };
  for (int k = 0; k < 5; ++k) join(k, k + 1, 1);
  join(0, 5, 12);
  join(1, 4, 3.5);
  ring(0, 3) = ring(3, 0) = 77;
  const MetricNearness s = nearest_metric(ring, tight, no_edges);
  check_conditions(s, ring, no_edges, 0);
  CHECK(s.distances(0, 3) == 77);
  CHECK(s.distances(0, 5) ==
        Approx(s.distances(0, 1) + s.distances(4, 5) +
               std::min(s.distances(1, 4), s.distances(1, 2) + s.distances(2, 3) + s.distances(3, 4)))
            .epsilon(1e-9));
}

TEST_CASE("nearest metric: a multiplier of a bound counts as movement") {
  const auto first_sweep = [](double distance) {
    return nearest_metric(Eigen::Matrix2d{{0, distance}, {distance, 0}}, {.max_sweeps = 1, .upper = 1});
  };
  const MetricNearness below = first_sweep(-3), above = first_sweep(5);
  CHECK(below.distances(0, 1) == 0);
  CHECK(below.lower_multipliers(0, 1) == 3);
  CHECK(below.movement == 3);
  CHECK(above.distances(0, 1) == 1);
  CHECK(above.upper_multipliers(0, 1) == 4);
  CHECK(above.movement == 4);
}

TEST_CASE("nearest metric: correlation clustering of planted groups") {
  // Friends want x = 0, others x = 1; a tenth of the answers is wrong.
  const int n = 12;
  const RandomKey key{10};
  MatrixXd d = MatrixXd::Zero(n, n);
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < j; ++i) {
      const bool wrong = key.uniform(static_cast<std::uint64_t>(i * n + j)) < 0.1;
      d(i, j) = d(j, i) = (i % 3 == j % 3) != wrong ? -2 : 2;
    }
  const MetricNearness s = nearest_metric(d, {.tolerance = 1e-10, .upper = 1});
  CHECK(s.status == Status::tolerance);
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < j; ++i) CHECK((s.distances(i, j) < 0.5) == (i % 3 == j % 3));
}

TEST_CASE("nearest metric: a run in parts is the whole, bit for bit") {
  const MatrixXd d = symmetric(9, 11, false);
  for (const CycleOracle oracle : {CycleOracle::shortest_paths, CycleOracle::random}) {
    const MetricNearness whole = nearest_metric(d, {.max_sweeps = 30, .oracle = oracle, .seed = 3});
    MetricNearness parts = nearest_metric(d, {.max_sweeps = 11, .oracle = oracle, .seed = 3});
    CHECK(parts.status == Status::max_iterations);
    resume_nearest_metric(parts, {.max_sweeps = 19, .oracle = oracle, .seed = 3});
    CHECK(parts.sweeps == 30);
    CHECK(parts.distances == whole.distances);
    CHECK(parts.multipliers == whole.multipliers);
    CHECK(parts.lower_multipliers == whole.lower_multipliers);
    CHECK(parts.movement == whole.movement);
  }
}

TEST_CASE("nearest metric: bad input is refused by name") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  MatrixXd d = symmetric(4, 12, true);
  CHECK(message_of([&] { (void)nearest_metric(d.topRows(3)); }) ==
        "ProjectAndForget: the distances are 3 x 4, must be square");
  CHECK(message_of([&] { (void)nearest_metric(d, {.tolerance = 0}); }) ==
        "ProjectAndForget: tolerance = 0, must be > 0 and finite");
  CHECK(message_of([&] { (void)nearest_metric(d, {}, MatrixXd::Ones(3, 3)); }) ==
        "ProjectAndForget: the weights are 3 x 3, must be 4 x 4");
  MatrixXd w = MatrixXd::Ones(4, 4);
  w(0, 2) = w(2, 0) = 0;
  CHECK(message_of([&] { (void)nearest_metric(d, {.oracle = CycleOracle::triangles}, w); }) ==
        "ProjectAndForget: oracle = triangles, but some weights are 0: on a graph that is not complete take "
        "shortest_paths");
  w(0, 2) = w(2, 0) = -1;
  CHECK(message_of([&] { (void)nearest_metric(d, {}, w); }) ==
        "ProjectAndForget: weight(2, 0) = -1, must be >= 0 and finite");
  d(2, 1) = infinity;
  CHECK(message_of([&] { (void)nearest_metric(d); }) == "ProjectAndForget: distance(2, 1) = inf, must be finite");
  d(2, 1) = d(1, 2) + 1e-9;
  CHECK_THAT(message_of([&] { (void)nearest_metric(d); }),
             Catch::Matchers::StartsWith("ProjectAndForget: distance(2, 1) = "));
  d = symmetric(4, 12, true);
  d(1, 1) = 1;
  CHECK(message_of([&] { (void)nearest_metric(d); }) == "ProjectAndForget: distance(1, 1) = 1, must be 0");
}
