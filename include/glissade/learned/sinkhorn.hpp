// Entropic optimal transport by Sinkhorn's iteration on logarithms, from any first guess.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

#include "../drive/status.hpp"
#include "../rule/options.hpp"

namespace glissade {

/// Options of sinkhorn.
///
///     epsilon         > 0 (0.01): of the entropy, in units of the costs
///     tolerance       > 0 (1e-6): of the marginal error, sum_j |(P'1)_j - b_j|
///     max_iterations  >= 0 (1000): of one call
struct SinkhornOptions {
  static constexpr std::string_view name = "Sinkhorn";
  double epsilon = 0.01;
  double tolerance = 1e-6;
  std::int64_t max_iterations = 1000;

  static void options(auto& self, auto&& visit) {
    visit("epsilon", self.epsilon, range::positive);
    visit("tolerance", self.tolerance, range::positive);
    visit("max_iterations", self.max_iterations, range::non_negative);
  }
};

/// What sinkhorn has found, and all that it remembers: a run goes on from it.
struct SinkhornSolution {
  static constexpr std::string_view name = "Sinkhorn";
  Eigen::VectorXd f;  // potential of the rows; -infinity where a is 0
  Eigen::VectorXd g;  // of the columns; -infinity where b is 0
  double marginal_error = std::numeric_limits<double>::infinity();
  std::int64_t iterations = 0;  // so far
  Status status = Status::max_iterations;

  static void visit(auto& self, auto&& field) {
    field("f", self.f);
    field("g", self.g);
    field("marginal_error", self.marginal_error);
    field("iterations", self.iterations, 0, std::int64_t{1} << 53);
  }
};

/// A transport problem: costs C (n x m) and the masses a (n) and b (m) of its two sides. What is referred to must live.
struct TransportProblem {
  const Eigen::MatrixXd& costs;
  const Eigen::VectorXd& a;
  const Eigen::VectorXd& b;

  /// Throws std::invalid_argument for shapes that do not fit, empty sides, numbers that are not finite, masses below 0
  /// or all 0, and sums of masses that differ by more than 1e-9 of them.
  void check() const {
    constexpr std::string_view name = SinkhornOptions::name;
    if (costs.size() == 0) throw std::invalid_argument("Sinkhorn: the costs are empty");
    require_shape(name, "a", a, costs.rows(), 1);
    require_shape(name, "b", b, costs.cols(), 1);
    if (!costs.allFinite()) throw std::invalid_argument("Sinkhorn: a cost is not finite");
    for (const Eigen::VectorXd* side : {&a, &b})
      for (Eigen::Index i = 0; i < side->size(); ++i)
        require(name, (side == &a ? "a[" : "b[") + std::to_string(i) + "]", (*side)[i], range::non_negative);
    const double sum = a.sum();
    require(name, "sum of a", sum, range::positive);
    if (!(std::abs(b.sum() - sum) <= 1e-9 * sum)) reject(name, "sum of b", b.sum(), "that of a, " + to_text(sum));
  }
};

namespace detail {

/// What a run of sinkhorn needs besides the potentials.
class SinkhornWork {
 public:
  SinkhornWork(const TransportProblem& problem, double epsilon) : C_(problem.costs), epsilon_(epsilon) {
    column_.resize(C_.rows());
    largest_.resize(C_.rows());
  }

  /// out_j = log sum_i exp((f_i - C_ij) / epsilon)
  void over_rows(const Eigen::VectorXd& f, Eigen::VectorXd& out) {
    out.resize(C_.cols());
    for (Eigen::Index j = 0; j < C_.cols(); ++j) {
      column_ = (f - C_.col(j)).array() / epsilon_;
      const double most = column_.maxCoeff();
      out[j] = most + std::log((column_ - most).max(negligible).exp().sum());
    }
  }
  /// out_i = log sum_j exp((g_j - C_ij) / epsilon)
  void over_columns(const Eigen::VectorXd& g, Eigen::VectorXd& out) {
    constexpr double none = -std::numeric_limits<double>::infinity();
    largest_.setConstant(none);
    for (Eigen::Index j = 0; j < C_.cols(); ++j)
      if (g[j] != none) largest_ = largest_.max((g[j] - C_.col(j).array()) / epsilon_);
    column_.setZero();
    for (Eigen::Index j = 0; j < C_.cols(); ++j)
      if (g[j] != none) column_ += ((g[j] - C_.col(j).array()) / epsilon_ - largest_).max(negligible).exp();
    out = largest_ + column_.log();
  }
  /// epsilon (log masses - sums); -infinity where there is no mass
  void potential(const Eigen::VectorXd& masses, const Eigen::VectorXd& sums, Eigen::VectorXd& out) const {
    out.resize(masses.size());
    for (Eigen::Index i = 0; i < masses.size(); ++i)
      out[i] = masses[i] > 0 ? epsilon_ * (std::log(masses[i]) - sums[i]) : -std::numeric_limits<double>::infinity();
  }

 private:
  static constexpr double negligible = -700;  // beside exp(0) = 1, and exp of it is no denormal number, which is slow

  const Eigen::MatrixXd& C_;
  double epsilon_;
  Eigen::ArrayXd column_, largest_;
};

/// Whether all potentials are finite where there is mass.
inline bool finite_where(const Eigen::VectorXd& potential, const Eigen::VectorXd& masses) {
  for (Eigen::Index i = 0; i < masses.size(); ++i)
    if (masses[i] > 0 && !std::isfinite(potential[i])) return false;
  return true;
}

inline void check_potential(const TransportProblem& problem, const Eigen::VectorXd& f) {
  require_shape(SinkhornOptions::name, "f", f, problem.a.size(), 1);
  if (!finite_where(f, problem.a))
    throw std::invalid_argument("Sinkhorn: f has a coefficient that is not finite where a is positive");
}

/// f with -infinity where there is no mass.
inline Eigen::VectorXd masked_potential(const TransportProblem& problem, const Eigen::VectorXd& f) {
  return (problem.a.array() > 0).select(f.array(), -std::numeric_limits<double>::infinity());
}

inline void run_sinkhorn(const TransportProblem& problem, SinkhornSolution& solution, const SinkhornOptions& options) {
  SinkhornWork work(problem, options.epsilon);
  Eigen::VectorXd f, g, sums, row_sums;
  solution.status = Status::max_iterations;
  work.over_rows(solution.f, sums);
  for (std::int64_t t = 0; t < options.max_iterations; ++t) {
    work.potential(problem.b, sums, g);
    work.over_columns(g, row_sums);
    work.potential(problem.a, row_sums, f);
    work.over_rows(f, sums);  // of the marginal, and of the next iteration
    double error = 0;
    for (Eigen::Index j = 0; j < g.size(); ++j)
      if (problem.b[j] > 0) error += std::abs(std::exp(g[j] / options.epsilon + sums[j]) - problem.b[j]);
    if (!std::isfinite(error) || !finite_where(f, problem.a) || !finite_where(g, problem.b)) {
      solution.status = Status::non_finite;
      return;
    }
    solution.f.swap(f);
    solution.g.swap(g);
    solution.marginal_error = error;
    ++solution.iterations;
    if (error <= options.tolerance) {
      solution.status = Status::tolerance;
      return;
    }
  }
}

}  // namespace detail

/// The value of the dual at f and g: what transport with entropy costs at least, and at its solution exactly.
///
///     sum_i a_i (f_i - epsilon log a_i) + sum_j b_j (g_j - epsilon log b_j) + epsilon (sum a sum b - sum_ij P_ij)
///
/// Points without mass do not count.
[[nodiscard]] inline double transport_dual(const TransportProblem& problem, const Eigen::VectorXd& f,
                                           const Eigen::VectorXd& g, double epsilon) {
  problem.check();
  require(SinkhornOptions::name, "epsilon", epsilon, range::positive);
  require_shape(SinkhornOptions::name, "f", f, problem.a.size(), 1);
  require_shape(SinkhornOptions::name, "g", g, problem.b.size(), 1);
  double value = 0, mass = 0;
  for (Eigen::Index i = 0; i < f.size(); ++i)
    if (problem.a[i] > 0) value += problem.a[i] * (f[i] - epsilon * std::log(problem.a[i]));
  for (Eigen::Index j = 0; j < g.size(); ++j) {
    if (!(problem.b[j] > 0)) continue;
    value += problem.b[j] * (g[j] - epsilon * std::log(problem.b[j]));
    for (Eigen::Index i = 0; i < f.size(); ++i)
      if (problem.a[i] > 0) mass += std::exp((f[i] + g[j] - problem.costs(i, j)) / epsilon);
  }
  return value + epsilon * (problem.a.sum() * problem.b.sum() - mass);
}

/// P_ij = exp((f_i + g_j - C_ij) / epsilon), in exact arithmetic with the marginals a and b at the solution.
[[nodiscard]] inline Eigen::MatrixXd transport_plan(const Eigen::MatrixXd& costs, const Eigen::VectorXd& f,
                                                    const Eigen::VectorXd& g, double epsilon) {
  require_shape("transport_plan", "f", f, costs.rows(), 1);
  require_shape("transport_plan", "g", g, costs.cols(), 1);
  require("transport_plan", "epsilon", epsilon, range::positive);
  Eigen::MatrixXd plan(costs.rows(), costs.cols());
  for (Eigen::Index j = 0; j < costs.cols(); ++j)
    for (Eigen::Index i = 0; i < costs.rows(); ++i) plan(i, j) = std::exp((f[i] + g[j] - costs(i, j)) / epsilon);
  return plan;
}

/// How well a guess f does with the best g for it, and in which direction it gets better: -dual, and its derivative by
/// f, which is P1 - a. What a network that guesses f is trained with, see MetaTransport. g becomes the best one.
/// Where a is 0, f is not looked at and the derivative is 0.
inline double transport_loss(const TransportProblem& problem, const Eigen::VectorXd& f, double epsilon,
                             Eigen::VectorXd& g, Eigen::VectorXd& gradient) {
  problem.check();
  require(SinkhornOptions::name, "epsilon", epsilon, range::positive);
  detail::check_potential(problem, f);
  detail::SinkhornWork work(problem, epsilon);
  const Eigen::VectorXd masked = detail::masked_potential(problem, f);
  Eigen::VectorXd sums;
  work.over_rows(masked, sums);
  work.potential(problem.b, sums, g);
  work.over_columns(g, sums);
  gradient.resize(f.size());
  double value = 0;
  for (Eigen::Index i = 0; i < f.size(); ++i) {
    gradient[i] = problem.a[i] > 0 ? std::exp(f[i] / epsilon + sums[i]) - problem.a[i] : 0;
    if (problem.a[i] > 0) value += problem.a[i] * (f[i] - epsilon * std::log(problem.a[i]));
  }
  for (Eigen::Index j = 0; j < g.size(); ++j)
    if (problem.b[j] > 0) value += problem.b[j] * (g[j] - epsilon * std::log(problem.b[j]));
  // sum P = sum b for this g
  return -(value + epsilon * problem.b.sum() * (problem.a.sum() - 1));
}

/// Goes on with a run, with the same costs and masses.
inline void resume_sinkhorn(const TransportProblem& problem, SinkhornSolution& solution,
                            const SinkhornOptions& options = {}) {
  visit_options(options, CheckOption{SinkhornOptions::name, 0});
  problem.check();
  detail::check_potential(problem, solution.f);
  detail::run_sinkhorn(problem, solution, options);
}

/// Optimal transport with an entropy: how masses a move to where b wants them at the least cost. For epsilon near 0 it
/// approaches the linear program, and nothing overflows on the way; larger epsilon is solved faster.
///
///     minimize  sum_ij C_ij P_ij + epsilon KL(P | a b')   over P >= 0 with P 1 = a, P'1 = b
///
///     const SinkhornSolution found = sinkhorn({costs, from, to}, {.epsilon = 0.01});
///     Eigen::MatrixXd P = transport_plan(costs, found.f, found.g, 0.01);
///
///     g_j <- epsilon (log b_j - log sum_i exp((f_i - C_ij) / epsilon))
///     f_i <- epsilon (log a_i - log sum_j exp((g_j - C_ij) / epsilon))
///
/// from f = 0, or from a first guess `start`, such as the f of a problem nearby or that of a network
/// (meta_transport.hpp). f may be shifted by any number. After an iteration P 1 = a, and the error is in P'1; it is
/// known from what the next iteration needs anyway. The dual (transport_dual) never falls; at the solution it is the
/// minimum.
/// Ends: tolerance, max_iterations, or non_finite where f or g would overflow, as for costs above 1e308 epsilon; then
/// they are those before the iteration. Points without mass take no part: f or g is -infinity there.
/// State: SinkhornSolution, a value from which resume_sinkhorn goes on bit for bit, also from a file
/// (io/method_state.hpp).
/// Cost: 2 n m exp per iteration; memory 3 (n + m).
/// Errors: std::invalid_argument for options out of range and for what TransportProblem::check says; a start of another
/// size, or one that is not finite where a is positive.
/// Source: "Sinkhorn Distances: Lightspeed Computation of Optimal Transport", 2013, arXiv 1306.0895; on logarithms as
/// in "Computational Optimal Transport", 2019, arXiv 1803.00567, section 4.4.
[[nodiscard]] inline SinkhornSolution sinkhorn(const TransportProblem& problem, const SinkhornOptions& options = {},
                                               const Eigen::VectorXd& start = {}) {
  visit_options(options, CheckOption{SinkhornOptions::name, 0});
  problem.check();
  SinkhornSolution solution;
  if (start.size() == 0) {
    solution.f = detail::masked_potential(problem, Eigen::VectorXd::Zero(problem.a.size()));
  } else {
    detail::check_potential(problem, start);
    solution.f = detail::masked_potential(problem, start);
  }
  solution.g.setZero(problem.b.size());
  detail::run_sinkhorn(problem, solution, options);
  return solution;
}

}  // namespace glissade
