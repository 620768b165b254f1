// The nearest metric: least squares under all cycle inequalities, of which only those that matter are kept.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../core/random.hpp"
#include "../drive/status.hpp"
#include "../rule/options.hpp"

namespace glissade {

/// How violated inequalities are found: a shortest path for every edge that is longer than it; every violated
/// triangle, on complete graphs; or each of the shortest paths with some probability.
enum class CycleOracle { shortest_paths, triangles, random };

/// Options of nearest_metric.
struct ProjectAndForget {
  static constexpr std::string_view name = "ProjectAndForget";
  double tolerance = 1e-10;
  std::int64_t max_sweeps = 100'000;
  CycleOracle oracle = CycleOracle::shortest_paths;
  double probability = 0.5;  // of the random oracle
  std::uint64_t seed = 0;    // of the random oracle
  bool forget = true;        // false: an inequality stays in the sweeps once it was found
  double upper = std::numeric_limits<double>::infinity();

  static void options(auto& self, auto&& visit) {
    visit("tolerance", self.tolerance, range::positive);
    visit("max_sweeps", self.max_sweeps, range::non_negative);
    visit("oracle", self.oracle, range::up_to(CycleOracle::random));
    visit("probability", self.probability, Range{0, 1, true, false});
    visit("seed", self.seed);
    visit("forget", self.forget);
    visit("upper", self.upper, Range{0, std::numeric_limits<double>::infinity()});
  }
};

/// What nearest_metric has found, and all that it remembers: a run goes on from it.
struct MetricNearness {
  /// The vertices of a cycle whose edge from the first to the last is at most as long as the way through the others.
  using Cycle = std::vector<std::int32_t>;

  Eigen::MatrixXd distances;               // n x n, symmetric, 0 on the diagonal
  std::map<Cycle, double> multipliers;     // of the inequalities that are remembered, >= 0
  Eigen::MatrixXd lower_multipliers;       // of x >= 0, in the triangle above the diagonal
  Eigen::MatrixXd upper_multipliers;       // of x <= upper
  std::int64_t sweeps = 0;                 // so far
  double violation = 0;                    // the largest in the last sweep, before its projections
  double movement = 0;                     // the largest change of a multiplier in the last sweep
  Status status = Status::max_iterations;  // tolerance: both are within it
};

namespace detail {

/// One run of nearest_metric: Hildreth's projections, with the list of inequalities in the solution.
class MetricSweeps {
 public:
  MetricSweeps(MetricNearness& solution, const Eigen::MatrixXd& weights, const ProjectAndForget& options)
      : s_(solution), x_(solution.distances), w_(weights), options_(options), n_(x_.rows()) {}

  void run() {
    s_.status = Status::max_iterations;
    for (std::int64_t sweep = 0; sweep < options_.max_sweeps; ++sweep) {
      s_.movement = s_.violation = 0;
      project_remembered();
      project_bounds();
      ask();
      ++s_.sweeps;
      if (s_.violation <= options_.tolerance && s_.movement <= options_.tolerance) {
        s_.status = Status::tolerance;
        break;
      }
    }
  }

 private:
  using Cycle = MetricNearness::Cycle;

  [[nodiscard]] double length(std::int32_t a, std::int32_t b) const { return x_(a, b); }
  [[nodiscard]] bool is_edge(Eigen::Index a, Eigen::Index b) const { return w_.size() == 0 || w_(a, b) > 0; }
  [[nodiscard]] double inverse_weight(std::int32_t a, std::int32_t b) const {
    return w_.size() == 0 ? 1 : 1 / w_(a, b);
  }
  void lengthen(std::int32_t a, std::int32_t b, double by) {
    x_(a, b) += by;
    x_(b, a) = x_(a, b);
  }

  /// By more than rounding errors.
  static bool exceeds(double edge, double way) {
    return edge - way > 8 * std::numeric_limits<double>::epsilon() * std::abs(way);
  }

  /// Moves x to where the inequality holds, or back by as much of it as its multiplier z allows.
  void project(const Cycle& cycle, double& z) {
    double slack = -length(cycle.front(), cycle.back());
    double spread = inverse_weight(cycle.front(), cycle.back());
    for (std::size_t k = 1; k < cycle.size(); ++k) {
      slack += length(cycle[k - 1], cycle[k]);
      spread += inverse_weight(cycle[k - 1], cycle[k]);
    }
    const double change = std::min(z, slack / spread);
    lengthen(cycle.front(), cycle.back(), change * inverse_weight(cycle.front(), cycle.back()));
    for (std::size_t k = 1; k < cycle.size(); ++k)
      lengthen(cycle[k - 1], cycle[k], -change * inverse_weight(cycle[k - 1], cycle[k]));
    z -= change;
    s_.movement = std::max(s_.movement, std::abs(change));
  }

  void project_remembered() {
    for (auto at = s_.multipliers.begin(); at != s_.multipliers.end();) {
      project(at->first, at->second);
      at = at->second == 0 && options_.forget ? s_.multipliers.erase(at) : std::next(at);
    }
  }

  void project_bounds() {
    for (std::int32_t b = 0; b < n_; ++b)
      for (std::int32_t a = 0; a < b; ++a) {
        if (!is_edge(a, b)) continue;
        const double inverse = inverse_weight(a, b);
        s_.violation = std::max({s_.violation, -x_(a, b), x_(a, b) - options_.upper});
        double& low = s_.lower_multipliers(a, b);
        const double down = std::min(low, x_(a, b) / inverse);
        lengthen(a, b, -down * inverse);
        low -= down;
        s_.movement = std::max(s_.movement, std::abs(down));
        if (options_.upper == std::numeric_limits<double>::infinity()) continue;
        double& high = s_.upper_multipliers(a, b);
        const double up = std::min(high, (options_.upper - x_(a, b)) / inverse);
        lengthen(a, b, up * inverse);
        high -= up;
        s_.movement = std::max(s_.movement, std::abs(up));
      }
  }

  /// Projects onto an inequality that was violated when it was found.
  void meet(const Cycle& cycle, double excess) {
    s_.violation = std::max(s_.violation, excess);
    const auto at = s_.multipliers.try_emplace(cycle, 0.0).first;
    project(at->first, at->second);
    if (at->second == 0 && options_.forget) s_.multipliers.erase(at);
  }

  void ask() {
    if (options_.oracle == CycleOracle::triangles) {
      for (std::int32_t b = 0; b < n_; ++b)
        for (std::int32_t a = 0; a < b; ++a)
          for (std::int32_t k = 0; k < n_; ++k) {
            if (k == a || k == b) continue;
            const double way = length(a, k) + length(k, b);
            if (exceeds(length(a, b), way)) meet({a, k, b}, length(a, b) - way);
          }
      return;
    }
    find_shortest_paths();
    const RandomKey key = RandomKey{options_.seed}.derive(static_cast<std::uint64_t>(s_.sweeps));
    std::uint64_t draw = 0;
    for (std::int32_t b = 0; b < n_; ++b)
      for (std::int32_t a = 0; a < b; ++a) {
        if (through_(a, b) < 0 || !is_edge(a, b)) continue;
        // As at the time of the search: projections since then have changed x.
        if (!exceeds(edge_(a, b), shortest_(a, b))) continue;
        const double excess = edge_(a, b) - shortest_(a, b);
        if (options_.oracle == CycleOracle::random && !(key.uniform(draw++) < options_.probability)) {
          s_.violation = std::max(s_.violation, excess);
          continue;
        }
        path_.assign(1, a);
        append_path(a, b);
        meet(path_, excess);
      }
  }

  /// Floyd and Warshall, on lengths cut off at 0; through_(a, b): a vertex between, or -1 where the edge is shortest.
  void find_shortest_paths() {
    constexpr double none = std::numeric_limits<double>::infinity();
    shortest_.resize(n_, n_);
    through_.setConstant(n_, n_, -1);
    for (Eigen::Index b = 0; b < n_; ++b)
      for (Eigen::Index a = 0; a < n_; ++a)
        shortest_(a, b) = a == b ? 0 : is_edge(a, b) ? std::max(x_(a, b), 0.0) : none;
    edge_ = x_;
    for (Eigen::Index k = 0; k < n_; ++k) {
      const double* const to_k = shortest_.col(k).data();
      for (Eigen::Index b = 0; b < n_; ++b) {
        const double rest = shortest_(k, b);
        if (b == k || rest == none) continue;
        double* const to_b = shortest_.col(b).data();
        std::int32_t* const through_b = through_.col(b).data();
        const auto via = static_cast<std::int32_t>(k);
        for (Eigen::Index a = 0; a < n_; ++a) {
          const double sum = to_k[a] + rest;
          const bool shorter = sum < to_b[a];
          to_b[a] = shorter ? sum : to_b[a];
          through_b[a] = shorter ? via : through_b[a];
        }
      }
    }
  }

  /// Appends the vertices after a of the shortest path to b.
  void append_path(std::int32_t a, std::int32_t b) {
    pending_.assign(1, {a, b});
    while (!pending_.empty()) {
      const auto [from, to] = pending_.back();
      pending_.pop_back();
      const std::int32_t k = through_(from, to);
      if (k < 0) {
        path_.push_back(to);
      } else {
        pending_.push_back({k, to});
        pending_.push_back({from, k});
      }
    }
  }

  struct Pair {
    std::int32_t from, to;
  };

  MetricNearness& s_;
  Eigen::MatrixXd& x_;
  const Eigen::MatrixXd& w_;
  const ProjectAndForget& options_;
  Eigen::Index n_;
  Eigen::MatrixXd shortest_, edge_;
  Eigen::Matrix<std::int32_t, Eigen::Dynamic, Eigen::Dynamic> through_;
  Cycle path_;
  std::vector<Pair> pending_;
};

inline void check_metric_input(const Eigen::MatrixXd& d, const Eigen::MatrixXd& weights,
                               const ProjectAndForget& options) {
  constexpr std::string_view name = ProjectAndForget::name;
  visit_options(options, CheckOption{name, 0});
  const auto refuse = [&](const std::string& what) { throw std::invalid_argument(std::string(name) + ": " + what); };
  const auto shape = [](const Eigen::MatrixXd& m) {
    return std::to_string(m.rows()) + " x " + std::to_string(m.cols());
  };
  if (d.rows() != d.cols()) refuse("the distances are " + shape(d) + ", must be square");
  if (weights.size() != 0 && (weights.rows() != d.rows() || weights.cols() != d.cols()))
    refuse("the weights are " + shape(weights) + ", must be " + shape(d));
  bool complete = true;
  for (Eigen::Index j = 0; j < d.cols(); ++j)
    for (Eigen::Index i = 0; i < d.rows(); ++i) {
      const std::string at = "(" + std::to_string(i) + ", " + std::to_string(j) + ")";
      if (i == j) {
        if (d(i, i) != 0) reject(name, "distance" + at, d(i, i), "0");
        continue;
      }
      if (!std::isfinite(d(i, j))) reject(name, "distance" + at, d(i, j), "finite");
      if (d(i, j) != d(j, i)) reject(name, "distance" + at, d(i, j), "as its mirror image, " + to_text(d(j, i)));
      if (weights.size() == 0) continue;
      require(name, "weight" + at, weights(i, j), range::non_negative);
      if (weights(i, j) != weights(j, i))
        reject(name, "weight" + at, weights(i, j), "as its mirror image, " + to_text(weights(j, i)));
      complete = complete && weights(i, j) > 0;
    }
  if (!complete && options.oracle == CycleOracle::triangles)
    refuse("oracle = triangles, but some weights are 0: on a graph that is not complete take shortest_paths");
}

}  // namespace detail

/// Goes on with a run, with the same distances (in what `solution` remembers) and weights.
inline void resume_nearest_metric(MetricNearness& solution, const ProjectAndForget& options = {},
                                  const Eigen::MatrixXd& weights = {}) {
  visit_options(options, CheckOption{ProjectAndForget::name, 0});
  detail::MetricSweeps(solution, weights, options).run();
}

/// The metric that is nearest to dissimilarities d, by Project and Forget: for data that break the triangle inequality,
/// for correlation clustering, for any graph with lengths of edges that should be distances.
///
///     minimize  1/2 sum_e w_e (x_e - d_e)^2   over x with  0 <= x_e <= upper  and, for every cycle,
///               x_ab <= x_ac + ... + x_yb
///
///     const MetricNearness nearest = nearest_metric(D);
///
/// A sweep projects onto every inequality that is remembered, forgets those whose multiplier z becomes 0, projects onto
/// the bounds, and meets those that the oracle finds violated:
///
///     c = min(z, slack / sum of 1 / w over the cycle);   x_ab += c / w_ab,  the others -= c / w;   z -= c
///
/// It ends with Status::tolerance where neither a violation nor a change of a multiplier in a sweep was above
/// `tolerance`, else after max_sweeps. The solution is unique, whatever the oracle. Pairs of weight 0 are no edges:
/// they stay as they are. Violations within 8 rounding errors are none. The linear program of correlation clustering,
/// minimize sum c_e x_e for x_e in [0, 1], is approached from d = -c / (gamma w), upper = 1, as gamma falls.
///
/// Arguments: d (n x n, symmetric, 0 on the diagonal); weights (n x n, >= 0; none: all 1).
/// Options: tolerance > 0 (1e-10); max_sweeps >= 0 (100 000); oracle (shortest_paths); probability in (0, 1] (0.5) and
/// seed of the random oracle; forget (true); upper >= 0 (infinity).
/// State: MetricNearness, a value from which resume_nearest_metric goes on.
/// Cost: per sweep 2 n^3 flops for the shortest paths, and the edges of the remembered cycles; memory n^2 and those.
/// Errors: std::invalid_argument for options out of range, shapes, values that are not finite or not symmetric.
/// Source: "Project and Forget: Solving Large-Scale Metric Constrained Problems", 2022. Deviation: it ends only where
/// the multipliers have settled as well; a feasible x alone may be far from the nearest.
[[nodiscard]] inline MetricNearness nearest_metric(const Eigen::MatrixXd& d, const ProjectAndForget& options = {},
                                                   const Eigen::MatrixXd& weights = {}) {
  detail::check_metric_input(d, weights, options);
  MetricNearness solution;
  solution.distances = d;
  solution.lower_multipliers.setZero(d.rows(), d.cols());
  solution.upper_multipliers.setZero(d.rows(), d.cols());
  detail::MetricSweeps(solution, weights, options).run();
  return solution;
}

}  // namespace glissade
