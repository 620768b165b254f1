// The quasi-Newton method of Broyden, Fletcher, Goldfarb and Shanno with a whole matrix.
#pragma once

#include <algorithm>
#include <cmath>

#include "../line/search.hpp"

namespace glissade {

/// Approximates the inverse of the Hessian from all gradients so far: for a smooth function of up to a few hundred
/// variables, of which it needs fewer calls than Lbfgs where the problem is badly scaled.
///
///     x <- x - a H g     a by the search, first 1  (1 / ||g|| in the first step, H = I)
///     s = x_new - x,  y = g_new - g;   where  s'y > curvature_floor ||s|| ||y||:
///     H <- (I - s y'/s'y) H (I - y s'/s'y) + s s'/s'y,   before the first update H = (s'y / y'y) I
///
/// Pairs that do not hold this are skipped: H stays positive definite. Where no step along -H g is found, H becomes I
/// and -g is tried once, then it ends with search_failed.
///
/// Options: search (StrongWolfe); curvature_floor in [0, 1) (1e-10).
/// State: inverse (n x n), updates, length (the last a).
/// Cost: 6 n^2 flops and mostly one gradient per step.
/// Source: Nocedal and Wright, Numerical Optimization, 2006, algorithm 6.1 and equation 6.20.
/// Deviation: pairs of little curvature are skipped.
struct Bfgs {
  static constexpr std::string_view name = "Bfgs";

  Search search = StrongWolfe{};
  double curvature_floor = 1e-10;

  static void options(auto& self, auto&& visit) {
    visit("search", self.search);
    visit("curvature_floor", self.curvature_floor, range::decay);
  }
  void check() const { check_search(search); }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = Bfgs::name;
    SquareOf<V> inverse;
    std::int64_t updates = 0;  // since H was I
    double length = 0;         // 0 at the start
    V last_x, last_gradient, direction, product;
    LineScratch<V> scratch;

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("inverse", self.inverse);
      field("updates", self.updates, 0, std::numeric_limits<std::int64_t>::max());
      field("length", self.length);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto state = state_at<State<V>>(*this, objective, x);
    state.inverse.setIdentity(x.size(), x.size());
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    state.last_x = x;
    state.last_gradient = state.gradient;
    double length = 0;
    if (state.updates > 0) {
      state.direction.noalias() = state.inverse * state.gradient;
      state.direction = -state.direction;
      Line line(f, x, state, state.direction, state.scratch);
      length = search_along(line, search, 1.0);
      if (!(length > 0)) {
        state.updates = 0;
        state.length = 0;  // along another direction
        state.inverse.setIdentity(x.size(), x.size());
      }
    }
    if (!(length > 0)) {
      state.direction = -state.gradient;
      const double first = state.length > 0 ? state.length : 1 / norm_of(state.gradient);
      Line line(f, x, state, state.direction, state.scratch);
      length = search_along(line, search, first);
    }
    if (!(length > 0)) return report_of(state, why_failed(search, state.value, state.scratch));
    state.length = length;
    update(x, state);
    return report_of(state);
  }

 private:
  template <class V>
  void update(const V& x, State<V>& state) const {
    V& s = state.last_x;
    V& y = state.last_gradient;
    s = x - s;
    y = state.gradient - y;
    const double product = s.dot(y);
    if (!(product > curvature_floor * norm_of(s) * norm_of(y)) || !std::isfinite(1 / product)) return;
    if (state.updates == 0) {
      const double scale = over_square(product, y);
      if (!std::isfinite(scale) || scale == 0) return;
      state.inverse.diagonal().setConstant(scale);
    }
    // H += s s' (1 + y'H y / s'y) / s'y - (H y s' + s y'H) / s'y, as s w' + w s' with one vector w: symmetric to the bit.
    V& w = state.product;
    w.noalias() = state.inverse * y;
    w = (0.5 * (1 + y.dot(w) / product) * s - w) / product;
    for (Index j = 0; j < x.size(); ++j)
      for (Index i = 0; i < x.size(); ++i) state.inverse(i, j) += s[i] * w[j] + w[i] * s[j];
    ++state.updates;
  }
};

}  // namespace glissade
