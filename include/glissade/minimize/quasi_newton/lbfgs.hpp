// The limited-memory quasi-Newton method.
#pragma once

#include <algorithm>
#include <cmath>

#include "../line/search.hpp"

namespace glissade {

namespace detail {

/// direction becomes an approximate inverse of the Hessian times direction, by the pairs of a state of Lbfgs.
template <class S>
void two_loops(S& state) {
  auto& r = state.direction;
  const Index room = state.s.cols();
  const auto column = [&](Index age) { return (static_cast<Index>(state.newest) + room - age) % room; };
  for (Index age = 0; age < state.pairs; ++age) {
    const Index k = column(age);
    state.share[k] = state.s.col(k).dot(r) / state.product[k];
    r.noalias() -= state.share[k] * state.y.col(k);
  }
  r *= over_square(state.product[column(0)], state.y.col(column(0)));
  for (Index age = static_cast<Index>(state.pairs) - 1; age >= 0; --age) {
    const Index k = column(age);
    r.noalias() += (state.share[k] - state.y.col(k).dot(r) / state.product[k]) * state.s.col(k);
  }
}

/// Keeps the pair of the step from last_x and last_gradient, which are overwritten.
template <class V, class S>
void keep_pair(const V& x, S& state) {
  state.last_x = x - state.last_x;
  state.last_gradient = state.gradient - state.last_gradient;
  const double product = state.last_x.dot(state.last_gradient);
  if (!(product > 1e-10 * norm_of(state.last_x) * norm_of(state.last_gradient))) return;
  const Index room = state.s.cols();
  const Index k = state.pairs == 0 ? 0 : (static_cast<Index>(state.newest) + 1) % room;
  state.s.col(k) = state.last_x;
  state.y.col(k) = state.last_gradient;
  state.product[k] = product;
  state.newest = k;
  state.pairs = std::min<std::int64_t>(state.pairs + 1, room);
}

}  // namespace detail

/// Approximates the Newton direction from the last few gradients: the first choice for a smooth function
/// of many variables that gives no Hessian.
///
///     q = g;  for pairs i from the newest:  a_i = s_i'q / s_i'y_i,  q -= a_i y_i
///     r = (s'y / y'y of the newest) q
///     for pairs from the oldest:  r += (a_i - y_i'r / s_i'y_i) s_i
///     x <- x - a r    a by the search, first 1  (first_length(x, g) without pairs in the first step)
///     keep s = x_new - x, y = g_new - g  if  s'y > 1e-10 ||s|| ||y||
///
/// Where no step along the direction is found the pairs are dropped and -g is tried once, then it ends
/// with search_failed.
///
/// Options: memory in [1, 1000] (10); search (StrongWolfe).
/// State: 2 memory vectors. Cost: 4 memory n flops and mostly one gradient per step.
/// Source: Nocedal, Math. Comp. 35, 1980; Liu and Nocedal, Math. Prog. 45, 1989.
struct Lbfgs {
  static constexpr std::string_view name = "Lbfgs";

  int memory = 10;
  Search search = StrongWolfe{};

  static void options(auto& self, auto&& visit) {
    visit("memory", self.memory, Range{1, 1000});
    visit("search", self.search);
  }
  void check() const { check_search(search); }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = Lbfgs::name;
    using Columns = Eigen::Matrix<double, V::RowsAtCompileTime, Eigen::Dynamic>;
    Columns s, y;             // pair k of the ring in column k
    Eigen::VectorXd product;  // s'y of each
    std::int64_t pairs = 0;   // in use
    std::int64_t newest = 0;  // the column of the newest
    double length = 0;        // the last a; 0 at the start
    Eigen::VectorXd share;
    V last_x, last_gradient, direction;
    LineScratch<V> scratch;

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("s", self.s);
      field("y", self.y);
      field("product", self.product);
      field("pairs", self.pairs, 0, self.s.cols());
      field("newest", self.newest, 0, self.s.cols() - 1);
      field("length", self.length);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto state = state_at<State<V>>(*this, objective, x);
    state.s.setZero(x.size(), memory);
    state.y.setZero(x.size(), memory);
    state.product.setZero(memory);
    state.share.setZero(memory);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    state.last_x = x;
    state.last_gradient = state.gradient;
    double length = 0;
    if (state.pairs > 0) {
      state.direction = -state.gradient;
      detail::two_loops(state);
      Line line(f, x, state, state.direction, state.scratch);
      length = search_along(line, search, 1.0);
      if (!(length > 0)) {
        state.pairs = 0;
        state.length = 0;  // along another direction
      }
    }
    if (!(length > 0)) {
      state.direction = -state.gradient;
      const double first = state.length > 0 ? state.length : first_length(x, state.gradient);
      Line line(f, x, state, state.direction, state.scratch);
      length = search_along(line, search, first);
    }
    if (!(length > 0)) return report_of(state, why_failed(search, state.value, state.scratch));
    state.length = length;
    detail::keep_pair(x, state);
    return report_of(state);
  }
};

}  // namespace glissade
