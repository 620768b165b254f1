// Anderson acceleration.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "find_fixed_point.hpp"

namespace glissade {

/// Which least squares problem chooses the combination: that of the residuals, or one in which steps meet residuals.
enum class AndersonKind { type_two, type_one };

namespace detail {

/// x = argmin |A x - b| by orthogonal columns with pivoting; columns that depend on those before get x = 0.
/// A template, as the window, so that only who uses it pays for compiling it.
template <class Matrix = Eigen::MatrixXd>
struct PivotedLeastSquares {
  Matrix A;           // becomes Q, then columns that were dropped
  Eigen::VectorXd b;  // becomes b - A x
  Matrix R;
  Eigen::VectorXd solution;
  std::vector<Eigen::Index> order;

  void resize(Eigen::Index rows, Eigen::Index cols) {
    A.resize(rows, cols);
    b.resize(rows);
    R.resize(cols, cols);
    solution.resize(cols);
    order.resize(static_cast<std::size_t>(cols));
  }
  /// Returns the rank.
  Eigen::Index solve() {
    const Eigen::Index cols = A.cols();
    for (Eigen::Index j = 0; j < cols; ++j) order[static_cast<std::size_t>(j)] = j;
    const double rounding = static_cast<double>(A.rows()) * std::numeric_limits<double>::epsilon();
    solution.setZero();
    double first = 0;
    Eigen::Index rank = 0;
    for (; rank < cols; ++rank) {
      Eigen::Index pivot = rank;
      double largest = 0;
      for (Eigen::Index j = rank; j < cols; ++j) {
        const double norm = norm_of(A.col(j));
        if (norm > largest) pivot = j, largest = norm;
      }
      if (rank == 0) first = largest;
      if (!(largest > rounding * first) || !std::isfinite(largest)) break;
      if (pivot != rank) {
        A.col(pivot).swap(A.col(rank));
        R.col(pivot).head(rank).swap(R.col(rank).head(rank));
        std::swap(order[static_cast<std::size_t>(pivot)], order[static_cast<std::size_t>(rank)]);
      }
      auto q = A.col(rank);
      q /= largest;
      R(rank, rank) = largest;
      for (Eigen::Index j = rank + 1; j < cols; ++j) {
        R(rank, j) = q.dot(A.col(j));
        A.col(j) -= R(rank, j) * q;
      }
      // The solution's place for Q'b until it is solved for.
      solution[rank] = q.dot(b);
      b -= solution[rank] * q;
    }
    for (Eigen::Index i = rank - 1; i >= 0; --i) {
      for (Eigen::Index j = i + 1; j < rank; ++j) solution[i] -= R(i, j) * solution[j];
      solution[i] /= R(i, i);
    }
    for (Eigen::Index j = 0; j < cols; ++j) R(0, j) = solution[j];
    for (Eigen::Index j = 0; j < cols; ++j) solution[order[static_cast<std::size_t>(j)]] = R(0, j);
    return rank;
  }
};

/// The weights of a window of the last steps S and changes of the residual Y for the residual g.
template <class Matrix = Eigen::MatrixXd>
struct AndersonWindow {
  PivotedLeastSquares<Matrix> problem, small;

  /// False where there are none to be used.
  bool weigh(const Matrix& S, const Matrix& Y, Eigen::Index count, const double* residual, AndersonKind kind,
             double regularization) {
    const Eigen::Index n = S.rows();
    const bool one = kind == AndersonKind::type_one;
    const auto& left = one ? S : Y;
    const double ridge = std::sqrt(regularization) * std::sqrt(norm_of(left.leftCols(count).reshaped())) *
                         std::sqrt(norm_of(Y.leftCols(count).reshaped()));
    problem.resize(n + count, count);
    problem.A.topRows(n) = left.leftCols(count);
    problem.A.bottomRows(count).setZero();
    problem.A.bottomRows(count).diagonal().setConstant(ridge);
    problem.b.setZero();
    for (Eigen::Index i = 0; i < n; ++i) problem.b[i] = residual[i];
    if (!one) {
      problem.solve();
      return usable(problem.solution);
    }
    // (S'Y + r) w = S'g with (S; sqrt r) = Q R is Q'(Y; sqrt r) w = Q'(g; 0).
    const Eigen::Index rank = problem.solve();
    small.resize(rank, count);
    for (Eigen::Index i = 0; i < rank; ++i) {
      small.b[i] = 0;
      for (Eigen::Index k = 0; k < n; ++k) small.b[i] += problem.A(k, i) * residual[k];
      for (Eigen::Index j = 0; j < count; ++j)
        small.A(i, j) = problem.A.col(i).head(n).dot(Y.col(j)) + problem.A(n + j, i) * ridge;
    }
    small.solve();
    return usable(small.solution);
  }
  [[nodiscard]] const Eigen::VectorXd& weights(AndersonKind kind) const {
    return kind == AndersonKind::type_one ? small.solution : problem.solution;
  }

 private:
  static bool usable(const Eigen::VectorXd& weights) { return norm_of(weights) <= 1e10; }
};

}  // namespace detail

/// Combines the last points so that their residuals nearly cancel: for smooth operators near a fixed point, where it
/// takes far fewer calls than Picard; GMRES where T is linear.
///
///     f = T x,  g = x - f;   S, Y: the last `memory` differences of x and of g
///     type two:  w = argmin |g - Y w|^2 + r |w|^2,   r = regularization |Y|_F^2
///     type one:  (S'Y + r) w = S'g,                  r = regularization |S|_F |Y|_F
///     x <- b (f - (S - Y) w) + (1 - b) (x - S w)
///     where |g| is then over safeguard times what it was:  x <- the step with w = 0, and S and Y are emptied
///
/// Use it where there is a fixed point: without one it runs away faster than Picard.
/// Options: memory (>= 0; 5; 0 is Picard); kind (type_two); regularization (>= 0; 1e-12, for type one 1e-8 is usual);
/// relaxation b (in (0, 2); 1); safeguard (> 0, infinity: none; 2). State: image, residual, measure, steps and changes
/// (S and Y, n x memory), count, newest. Cost: one T, two where the safeguard acts; 4 n memory^2 flops.
/// Errors: none of its own; weights above 1e10 are not used, and empty S and Y.
/// Source: D. G. Anderson 1965; form, regularization and safeguard as in "Globally Convergent Type-I Anderson
/// Acceleration for Non-Smooth Fixed-Point Iterations", 2020, arXiv 1808.03971, and its authors' code.
struct Anderson {
  static constexpr std::string_view name = "Anderson";

  Eigen::Index memory = 5;
  AndersonKind kind = AndersonKind::type_two;
  double regularization = 1e-12;
  double relaxation = 1;
  double safeguard = 2;

  static void options(auto& self, auto&& visit) {
    visit("memory", self.memory, Range{0, 1e6});
    visit("kind", self.kind, range::up_to(AndersonKind::type_one));
    visit("regularization", self.regularization, range::non_negative);
    visit("relaxation", self.relaxation, Range{0, 2, true, true});
    visit("safeguard", self.safeguard, Range{0, std::numeric_limits<double>::infinity(), true});
  }

  template <class V>
  struct State : FixedPointState<V> {
    static constexpr std::string_view name = Anderson::name;
    Eigen::MatrixXd steps, changes;
    std::int64_t count = 0;
    std::int64_t newest = 0;
    V last, last_image, last_residual;  // workspace
    detail::AndersonWindow<> window;

    static void visit(auto& self, auto&& field) {
      FixedPointState<V>::visit(self, field);
      field("steps", self.steps);
      field("changes", self.changes);
      field("count", self.count, 0, self.steps.cols());
      field("newest", self.newest, 0, std::max<std::int64_t>(self.steps.cols() - 1, 0));
    }
  };

  template <class F, class V>
  State<V> init(F&& problem, const V& x) const {
    auto&& f = oracle_of(problem, x);
    check_honours<Anderson, std::remove_reference_t<F>, V>();
    check_method(*this);
    State<V> state;
    detail::look_at_image(f, x, state);
    state.steps.setZero(x.size(), memory);
    state.changes.setZero(x.size(), memory);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    const double last_measure = state.measure;
    state.last = x;
    state.last_image = state.image;
    state.last_residual = state.residual;
    if (state.count > 0 && !state.window.weigh(state.steps, state.changes, static_cast<Index>(state.count),
                                               state.residual.data(), kind, regularization))
      state.count = 0;
    const bool accelerated = state.count > 0;
    move(x, state);
    detail::look_at_image(f, x, state);
    if (accelerated && !(state.measure <= safeguard * last_measure) && !f.refused()) {
      state.count = 0;
      move(x, state);
      detail::look_at_image(f, x, state);
    } else if (memory > 0) {
      const auto column = static_cast<Index>(state.count == 0 ? 0 : (state.newest + 1) % memory);
      state.steps.col(column) = x - state.last;
      state.changes.col(column) = state.residual - state.last_residual;
      state.newest = column;
      state.count = std::min<std::int64_t>(state.count + 1, memory);
    }
    return report_of(state);
  }

 private:
  template <class V>
  void move(V& x, const State<V>& state) const {
    const Eigen::VectorXd& weights = state.window.weights(kind);
    x = state.last_image;
    for (Index j = 0; j < static_cast<Index>(state.count); ++j)
      x -= weights[j] * (state.steps.col(j) - state.changes.col(j));
    if (relaxation == 1) return;
    x = relaxation * x + (1 - relaxation) * state.last;
    for (Index j = 0; j < static_cast<Index>(state.count); ++j) x -= (1 - relaxation) * weights[j] * state.steps.col(j);
  }
};

}  // namespace glissade
