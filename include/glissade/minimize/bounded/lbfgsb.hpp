// The limited-memory quasi-Newton method between bounds.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "../../linalg/pivoted_solver.hpp"
#include "../line/strong_wolfe.hpp"
#include "within_bounds.hpp"

namespace glissade {

/// L-BFGS-B, for a smooth function of many variables, each of which may have a lower and an upper bound.
///
///     B = t I - W M W',  W = [Y, S],  M = [[-D, L'/t], [L/t, S'S/t]]^-1    from the last pairs s, y;  t = y'y / s'y
///         D: the diagonal of S'Y; L: s_i'y_j where s_i is newer than y_j
///     c = the first minimizer of q along the path P(x - a g), a >= 0,   q(z) = g'(z - x) + (z - x)'B(z - x) / 2
///     z = P(the minimizer of q over the variables that are between their bounds at c, all others as in c)
///         where g'(z - x) >= 0, c and the part of that step that stays between the bounds
///     x <- x + a (z - x)    a by StrongWolfe, first 1, at most to where a bound is met
///     keep s = x_new - x, y = g_new - g, both over ||s||,  if  s'y > 1e-10 ||s|| ||y||
///
/// Without pairs t = 1 / first_length(x, g) before the step is cut off by bounds. x never leaves the bounds, and
/// a variable at a bound is equal to it. Where no step is found the pairs are dropped and the search is tried once
/// more, then it ends with search_failed. A start beyond the bounds is moved to the nearest point first.
/// Result::measure is |P(x - g) - x|.
///
/// Options: memory in [1, 1000] (10); sufficient_decrease c1 in (0, 1/2) (1e-3); curvature c2 in (c1, 1) (0.9);
/// max_trials >= 1 (20).
/// State: w (2 memory x n: y and s of a pair in two rows), gram (W'S), scale (t), pairs, newest.
/// Cost: 4 memory^2 n + 12 memory n + (2 memory)^3 flops, 8 memory^2 per bound on the path; mostly one gradient.
/// Errors: std::invalid_argument for options out of range, bounds that are crossed or of another size than x.
/// Source: "A Limited Memory Algorithm for Bound Constrained Optimization", 1995, algorithm CP and the direct primal
/// method; "Remark on Algorithm 778", 2011: the projection of the subspace minimizer.
/// Deviations: pairs are kept over ||s||, which leaves B as it is; t of the first step; the rule for keeping pairs.
struct LbfgsB {
  static constexpr std::string_view name = "LbfgsB";
  static constexpr bool honours_box = true;

  int memory = 10;
  double sufficient_decrease = 1e-3;
  double curvature = 0.9;
  int max_trials = 20;

  static void options(auto& self, auto&& visit) {
    visit("memory", self.memory, Range{1, 1000});
    visit("sufficient_decrease", self.sufficient_decrease, Range{0, 0.5, true, true});
    visit("curvature", self.curvature, range::open_fraction);
    visit("max_trials", self.max_trials, range::at_least_one);
  }
  void check() const { require(name, "curvature", curvature, Range{sufficient_decrease, 1, true, true}); }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = LbfgsB::name;
    double measure = 0;
    Eigen::Matrix<double, Eigen::Dynamic, V::RowsAtCompileTime> w;  // y of slot k in row 2 k, s in row 2 k + 1
    Eigen::MatrixXd gram;                                           // W's of slot k in column k
    double scale = 0;                                               // t; 0: no pair yet
    std::int64_t pairs = 0;
    std::int64_t newest = 0;
    Bounds<V> bounds;
    V last_x, last_gradient, slope, cauchy, target, direction, meets;  // workspace, as all that follows
    double t = 0;
    Eigen::Matrix<Index, V::RowsAtCompileTime, 1> order;
    Eigen::MatrixXd middle;
    PivotedSolver solver;
    Eigen::VectorXd along, moved, row, solved;
    LineScratch<V> scratch;

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("measure", self.measure);
      field("w", self.w);
      field("gram", self.gram);
      field("scale", self.scale);
      field("pairs", self.pairs, 0, self.gram.cols());
      field("newest", self.newest, 0, self.gram.cols() - 1);
    }
    friend Report report_of(const State& state, Status status = Status::running) {
      return {state.measure, state.value, status, norm_of(state.gradient)};
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    auto bounds = f.box(x);
    auto state = state_at<State<V>>(*this, f, x);
    state.bounds = std::move(bounds);
    state.w.setZero(2 * memory, x.size());
    state.gram.setZero(2 * memory, memory);
    state.middle.resize(2 * memory, 2 * memory);
    state.solver.reserve(2 * memory);
    for (Eigen::VectorXd* v : {&state.along, &state.moved, &state.row, &state.solved}) v->resize(2 * memory);
    state.order.resize(x.size());
    set_measure(x, state);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    if (!state.bounds.contains(x)) {
      state.bounds.project(x);
      state.value = f.value_and_gradient(x, state.gradient);
    }
    state.last_x = x;
    state.last_gradient = state.gradient;
    const StrongWolfe search{sufficient_decrease, curvature, max_trials};
    for (;;) {
      if (set_direction(x, state)) {
        WithinBounds<F, V> within(f, state.bounds, state.last_x, state.direction);
        Line line(within, x, state, state.direction, state.scratch);
        const double most = within.longest();
        if (most > 0 && search(line, std::min(1.0, most) / line.unit(), most / line.unit()) > 0) break;
      }
      if (state.pairs == 0) return report_of(state, why_failed(state.scratch));
      state.pairs = 0;
    }
    remember(x, state);
    set_measure(x, state);
    return report_of(state);
  }

 private:
  template <class V>
  static void set_measure(const V& x, State<V>& state) {
    state.measure = state.bounds.measure(x, state.gradient, state.direction);
  }

  /// direction = z - x; false where there is none. The model is taken over t, so that no scale of f spoils it:
  ///     q / t = r'(z - x) + (z - x)'(I - U'M U)(z - x) / 2,   r = g / t
  ///     U = [Y/t, S]',  M = [[-D/t, L'/t], [L/t, S'S]]^-1
  template <class V>
  static bool set_direction(const V& x, State<V>& state) {
    const Index rows = 2 * static_cast<Index>(state.pairs);
    if (rows > 0) {
      set_middle(state);
      if (!state.solver.compute(state.middle.topLeftCorner(rows, rows))) return false;
    }
    state.t = state.scale;
    if (!(state.t > 0)) {
      state.bounds.gradient_step(x, state.gradient, state.slope);
      for (Index i = 0; i < x.size(); ++i)
        if (state.slope[i] != 0) state.slope[i] = state.gradient[i];
      if (!(norm_of(state.slope) > 0)) return false;
      state.t = 1 / first_length(x, state.slope);
    }
    state.slope = state.gradient / state.t;
    find_cauchy(x, state, rows);
    if (!state.cauchy.allFinite()) return false;
    minimize_over_free(x, state, rows);
    return state.direction.allFinite() && state.slope.dot(state.direction) < 0;
  }

  /// The inverse of M.
  template <class V>
  static void set_middle(State<V>& state) {
    const auto pairs = static_cast<Index>(state.pairs);
    const Index room = state.gram.cols();
    const auto age = [&](Index slot) { return (static_cast<Index>(state.newest) - slot + room) % room; };
    for (Index j = 0; j < pairs; ++j)
      for (Index i = 0; i < pairs; ++i) {
        auto block = state.middle.template block<2, 2>(2 * i, 2 * j);
        block(0, 0) = i == j ? -state.gram(2 * i, i) / state.scale : 0;
        block(1, 0) = age(i) < age(j) ? state.gram(2 * j, i) / state.scale : 0;
        block(0, 1) = age(j) < age(i) ? state.gram(2 * i, j) / state.scale : 0;
        block(1, 1) = state.gram(2 * i + 1, j);
      }
  }

  /// row = U e_i
  template <class V>
  static void read_row(State<V>& state, Index i, Index rows) {
    for (Index k = 0; k < rows; k += 2) {
      state.row[k] = state.w(k, i) / state.t;
      state.row[k + 1] = state.w(k + 1, i);
    }
  }

  /// cauchy = c, moved = U(c - x).
  template <class V>
  static void find_cauchy(const V& x, State<V>& state, Index rows) {
    V& d = state.direction;
    V& meets = state.meets;
    d.resize(x.size());
    meets.resize(x.size());
    Index count = 0;
    for (Index i = 0; i < x.size(); ++i) {
      const double g = state.slope[i];
      const double bound = g < 0 ? state.bounds.high[i] : state.bounds.low[i];
      meets[i] = g != 0 ? (x[i] - bound) / g : std::numeric_limits<double>::infinity();
      d[i] = meets[i] > 0 ? -g : 0;
      if (meets[i] > 0 && meets[i] < std::numeric_limits<double>::infinity()) state.order[count++] = i;
    }
    const auto later = [&](Index a, Index b) { return meets[a] > meets[b] || (meets[a] == meets[b] && a > b); };
    Index* const first = state.order.data();
    std::make_heap(first, first + count, later);

    auto p = state.along.head(rows);
    auto c = state.moved.head(rows);
    auto row = state.row.head(rows);
    auto solved = state.solved.head(rows);
    p.noalias() = state.w.topRows(rows) * d;
    for (Index k = 0; k < rows; k += 2) p[k] /= state.t;
    c.setZero();
    solved = p;
    if (rows > 0) state.solver.solve_in_place(solved);
    state.cauchy = x;
    const double bend_at_x = d.squaredNorm();
    double slope = -bend_at_x;
    double bend = bend_at_x - p.dot(solved);
    double at = 0;
    const auto least = [&] { return std::max(bend, std::numeric_limits<double>::epsilon() * bend_at_x); };
    double ahead = -slope / least();
    for (; count > 0; --count) {
      const Index b = *first;
      const double next = meets[b] - at;
      if (!(ahead >= next)) break;
      std::pop_heap(first, first + count, later);
      const double g = state.slope[b];
      state.cauchy[b] = g < 0 ? state.bounds.high[b] : state.bounds.low[b];
      d[b] = 0;
      at = meets[b];
      c += next * p;
      slope += next * bend + g * g + g * (state.cauchy[b] - x[b]);
      bend -= g * g;
      if (rows > 0) {
        read_row(state, b, rows);
        solved = row;
        state.solver.solve_in_place(solved);  // M is symmetric
        slope -= g * solved.dot(c);
        bend -= g * (2 * solved.dot(p) + g * solved.dot(row));
        p += g * row;
      }
      ahead = count == 1 && d.isZero(0) ? 0 : std::max(0.0, -slope / least());
    }
    at += ahead;
    c += ahead * p;
    for (Index i = 0; i < x.size(); ++i)
      if (d[i] != 0) state.cauchy[i] = state.bounds.nearest(i, x[i] + at * d[i]);
  }

  /// direction = z - x.
  template <class V>
  static void minimize_over_free(const V& x, State<V>& state, Index rows) {
    const auto is_free = [&](Index i) {
      return state.cauchy[i] > state.bounds.low[i] && state.cauchy[i] < state.bounds.high[i];
    };
    V& step = state.meets;  // first the slope of q at c, then the step from there
    step.setZero(x.size());
    auto v = state.along.head(rows);
    auto row = state.row.head(rows);
    auto solved = state.solved.head(rows);
    auto middle = state.middle.topLeftCorner(rows, rows);
    v.setZero();
    solved = state.moved.head(rows);
    if (rows > 0) state.solver.solve_in_place(solved);
    bool any = false;
    for (Index i = 0; i < x.size(); ++i) {
      if (!is_free(i)) continue;
      any = true;
      read_row(state, i, rows);
      step[i] = state.slope[i] + (state.cauchy[i] - x[i]) - row.dot(solved);
      v += step[i] * row;
      for (Index j = 0; j < rows; ++j) middle.col(j) -= row[j] * row;
    }
    state.target = state.cauchy;
    if (any) {
      // (I - U_F'M U_F)^-1 = I + U_F'(M^-1 - U_F U_F')^-1 U_F
      if (rows > 0) {
        if (state.solver.compute(middle))
          state.solver.solve_in_place(v);
        else
          v.setZero();
      }
      for (Index i = 0; i < x.size(); ++i) {
        if (!is_free(i)) continue;
        read_row(state, i, rows);
        step[i] = -(step[i] + row.dot(v));
        state.target[i] = state.bounds.nearest(i, state.cauchy[i] + step[i]);
      }
    }
    state.direction = state.target - x;
    if (!any || (state.direction.allFinite() && state.slope.dot(state.direction) < 0)) return;
    double part = 1;
    for (Index i = 0; i < x.size(); ++i)
      if (step[i] != 0)
        part = std::min(part, ((step[i] < 0 ? state.bounds.low[i] : state.bounds.high[i]) - state.cauchy[i]) / step[i]);
    state.direction = state.cauchy + part * step - x;
    if (!(state.slope.dot(state.direction) < 0)) state.direction = state.cauchy - x;
  }

  template <class V>
  static void remember(const V& x, State<V>& state) {
    V& s = state.last_x;
    V& y = state.last_gradient;
    s = x - s;
    y = state.gradient - y;
    const double length = norm_of(s);
    if (!(length > 0)) return;
    s /= length;
    y /= length;
    const double product = s.dot(y);
    const double scale = square_over(y, product);
    if (!(product > 1e-10 * norm_of(y)) || !std::isfinite(scale)) return;
    const Index room = state.gram.cols();
    const Index k = state.pairs == 0 ? 0 : (static_cast<Index>(state.newest) + 1) % room;
    state.newest = k;
    state.pairs = std::min<std::int64_t>(state.pairs + 1, room);
    state.scale = scale;
    state.w.row(2 * k) = y.transpose();
    state.w.row(2 * k + 1) = s.transpose();
    const Index rows = 2 * static_cast<Index>(state.pairs);
    state.gram.col(k).head(rows).noalias() = state.w.topRows(rows) * s;
    for (Index j = 0; j < rows / 2; ++j) state.gram(2 * k + 1, j) = state.gram(2 * j + 1, k);
  }
};

}  // namespace glissade
