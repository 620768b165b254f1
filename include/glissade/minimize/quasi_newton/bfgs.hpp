// The quasi-Newton method of Broyden, Fletcher, Goldfarb and Shanno with a whole matrix.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "../line/search.hpp"

namespace glissade {

/// Approximates the inverse of the Hessian from all gradients so far: for a smooth function of up to a few hundred
/// variables, of which it needs fewer calls than Lbfgs where the problem is badly scaled.
///
///     Z = c diag(t)   t_i: the size of variable i;   c: no variable moves by more than a quarter of its size at first
///     x <- x - a H g,  H = Z Z'     a by the search, first 1
///     s = x_new - x,  y = g_new - g,  u = Z'y,  v = -a Z'g,   where  s'y > curvature_floor ||s|| ||y||:
///     Z <- Z - s (u - sqrt(s'y / v'v) v)' / s'y
///
/// That is H <- (I - s y'/s'y) H (I - y s'/s'y) + s s'/s'y for a factor, with which H stays positive definite whatever
/// rounding errors do. Pairs that do not hold the condition are skipped. Where no step along -H g is found, Z is set
/// from the sizes again and tried once, then it ends with search_failed.
///
/// The size of a variable is its value, at least 1e-6 times the root mean square of all, or that where it is 0: a start
/// with the right orders of magnitude makes the path the same in any units. With scaled_start it begins as Lbfgs does,
/// with Z = sqrt(first_length(x, g)) I and, before the first update, sqrt(s'y / y'y) I, which is too small for all but
/// the steepest variables where they differ much in size.
///
/// Options: search (StrongWolfe); curvature_floor in [0, 1) (0); scaled_start (false).
/// State: root Z (n x n), updates, length (the last a).
/// Cost: 8 n^2 flops and mostly one gradient per step.
/// Source: Nocedal and Wright, Numerical Optimization, 2006, algorithm 6.1 and equation 6.20; the update of a factor,
/// as products: Brodlie, Gourlay and Greenstadt, J. Inst. Maths Applics 11, 1973. Deviation: pairs of little curvature
/// are skipped.
struct Bfgs {
  static constexpr std::string_view name = "Bfgs";

  Search search = StrongWolfe{};
  double curvature_floor = 0;
  bool scaled_start = false;

  static void options(auto& self, auto&& visit) {
    visit("search", self.search);
    visit("curvature_floor", self.curvature_floor, range::decay);
    visit("scaled_start", self.scaled_start);
  }
  void check() const { check_search(search); }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = Bfgs::name;
    SquareOf<V> root;
    std::int64_t updates = 0;  // since Z was set from sizes
    double length = 0;         // 0 at the start
    V last_x, last_gradient, direction, slopes, change;
    LineScratch<V> scratch;

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("root", self.root);
      field("updates", self.updates, 0, std::int64_t{1} << 53);
      field("length", self.length);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto state = state_at<State<V>>(*this, objective, x);
    reset(x, state);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    state.last_x = x;
    state.last_gradient = state.gradient;
    double length = 0;
    if (state.updates > 0) {
      length = search_downhill(f, x, state, 1);
      if (!(length > 0)) reset(x, state);
    }
    if (state.updates == 0) length = search_downhill(f, x, state, state.length > 0 ? state.length : 1);
    if (!(length > 0)) return report_of(state, why_failed(search, state.value, state.scratch));
    state.length = length;
    update(x, state);
    return report_of(state);
  }

 private:
  template <class V>
  void reset(const V& x, State<V>& state) const {
    state.updates = 0;
    state.length = 0;  // along another direction
    state.root.setIdentity(x.size(), x.size());
    if (scaled_start) {
      state.root *= std::sqrt(first_length(x, state.gradient));
      return;
    }
    const double size = norm_of(x) / std::sqrt(static_cast<double>(x.size()));
    const double mean = size > 0 ? size : 1;
    double least = std::numeric_limits<double>::infinity();
    for (Index i = 0; i < x.size(); ++i) {
      const double own = x[i] != 0 ? std::max(std::abs(x[i]), 1e-6 * mean) : mean;
      state.root(i, i) = own;
      if (state.gradient[i] != 0) least = std::min(least, 0.25 / std::abs(state.gradient[i]) / own);
    }
    if (least > 0 && std::isfinite(least)) state.root *= std::sqrt(least);
  }

  /// Along -H g.
  template <class F, class V>
  double search_downhill(F& f, V& x, State<V>& state, double first) const {
    state.slopes.noalias() = state.root.transpose() * state.gradient;
    state.direction.noalias() = state.root * state.slopes;
    state.direction = -state.direction;
    Line line(f, x, state, state.direction, state.scratch);
    return search_along(line, search, first);
  }

  template <class V>
  void update(const V& x, State<V>& state) const {
    V& s = state.last_x;
    V& y = state.last_gradient;
    s = x - s;
    y = state.gradient - y;
    const double product = s.dot(y);
    if (!(product > curvature_floor * norm_of(s) * norm_of(y)) || !std::isfinite(1 / product)) return;
    if (state.updates == 0 && scaled_start) {
      const double scale = std::sqrt(over_square(product, y));
      if (!(scale > 0) || !std::isfinite(1 / scale)) return;
      state.root.diagonal().setConstant(scale);
      state.slopes = s / scale;
    } else {
      state.slopes *= -state.length;
    }
    // v = Z^-1 s
    const V& v = state.slopes;
    state.change.noalias() = state.root.transpose() * y;
    const double pull = std::sqrt(product) / norm_of(v);
    if (!std::isfinite(pull)) return;
    state.change = (state.change - pull * v) / product;
    state.root.noalias() -= s * state.change.transpose();
    ++state.updates;
  }
};

}  // namespace glissade
