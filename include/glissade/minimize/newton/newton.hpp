// Newton's method for functions that need not be convex.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "../../linalg/absolute_solver.hpp"
#include "../../linalg/modified_cholesky.hpp"
#include "../../linalg/negative_curvature.hpp"
#include "../line/leave_saddle.hpp"
#include "../line/search.hpp"

namespace glissade {

/// What Newton takes for a Hessian H that is not positive definite: |H| (linalg/absolute_solver.hpp), or H + E
/// (linalg/modified_cholesky.hpp), which costs 1 / 14 of that and depends on the units of the variables.
enum class Indefinite { absolute, modified_cholesky };

/// Newton's method with a search, for a function with a Hessian and up to a few thousand variables.
///
///     x <- x - a |H|^{-1} g    |H| = H where the Hessian is positive definite
///     a by the search, first 1; where |H| is not H, less for a step longer than 1e4 ||x||, or 1e4 where x = 0
///
/// Where the Hessian is 0, or no step along that direction is found, -g is tried; then it ends with search_failed. It
/// ends with non_finite_hessian where the Hessian is not finite. Where the gradient is within its tolerance but the
/// Hessian is indefinite, the next step goes along a direction of negative curvature, because -g would never leave the
/// saddle. It looks for one at the start and where the last Hessian had to be modified.
///
/// The path does not depend on the units of the variables; only the longest first step and the first one from a saddle
/// hang on ||x||. With `indefinite = Indefinite::modified_cholesky` it does where the Hessian is not positive definite.
/// Measured: of the 54 starts of NIST's nonlinear regressions Newton solves 46, with StrongWolfe too, and so 47 and 47,
/// but in 1.2 times the calls; on the problems of More, Garbow and Hillstrom calls differ by at most 4 %, and of the 74
/// reference problems 68 are solved both ways.
///
/// Options: search (Armijo); indefinite (absolute). State: none but value and gradient. Cost: one Hessian, n^3 / 3
/// flops, 9 n^3 where it is not positive definite, and one gradient per step; one more Hessian for the look at a
/// saddle. With vectors of fixed size nothing is taken from the heap. Source: Nocedal and Wright, Numerical
/// Optimization, 2006, algorithm 3.2; |H|: Greenstadt, On the Relative Efficiencies of Gradient Methods, Math. Comp.
/// 21, 1967.
struct Newton {
  static constexpr std::string_view name = "Newton";

  Search search = Armijo{};
  Indefinite indefinite = Indefinite::absolute;

  static void options(auto& self, auto&& visit) {
    visit("search", self.search);
    visit("indefinite", self.indefinite, range::up_to(Indefinite::modified_cholesky));
  }
  void check() const { check_search(search); }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = Newton::name;
    V direction;
    SquareOf<V> hessian;
    AbsoluteSolver<SquareOf<V>> absolute;
    ModifiedCholesky<SquareOf<V>> factor;
    bool factored = false;  // the last Hessian
    bool modified = false;
    double curvature = 0;  // along the direction that leaves a saddle; 0: at none
    LineScratch<V> scratch;
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    return state_at<State<V>>(*this, objective, x);
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    if (const double curvature = std::exchange(state.curvature, 0); curvature < 0) {
      const double length = detail::leave_saddle(f, x, state, state.direction, curvature, state.scratch);
      return report_of(state, length > 0 ? Status::running : Status::saddle);
    }
    f.hessian(x, state.hessian);
    if (!factorize(state)) return report_of(state, Status::non_finite_hessian);
    if (!state.hessian.isZero(0)) {
      state.direction = -state.gradient;
      solve_in_place(state);
      // Along what the Hessian tells nothing of, the least |l| alone makes the step: its length hangs on rounding
      // errors.
      const double size = norm_of(x);
      const double most = 1e4 * (size > 0 ? size : 1);
      const double first = state.modified ? std::min(1.0, most / norm_of(state.direction)) : 1.0;
      if (move(f, x, state, first)) return report_of(state);
    }
    state.direction = -state.gradient;
    if (move(f, x, state, first_length(x, state.gradient))) return report_of(state);
    return report_of(state, why_failed(search, state.value, state.scratch));
  }

  /// Whether the Hessian is indefinite at x, where the gradient is small; then the next step leaves.
  template <class F, class V>
  bool at_saddle(F& f, const V& x, State<V>& state) const {
    if (state.factored && !state.modified) return false;
    f.hessian(x, state.hessian);
    if (!factorize(state) || !state.modified) return false;
    if (indefinite == Indefinite::absolute) {
      state.curvature = state.absolute.negative_curvature(state.direction);
    } else {
      const auto product = [&state](const V& v, V& Hv) { Hv.noalias() = state.hessian * v; };
      state.curvature = negative_curvature(product, x.size(), 2 * x.size(), state.direction, state.scratch.point,
                                           state.scratch.gradient);
    }
    return state.curvature < 0;
  }

 private:
  template <class V>
  bool factorize(State<V>& state) const {
    const bool whole = indefinite == Indefinite::absolute;
    state.factored = whole ? state.absolute.compute(state.hessian) : state.factor.compute(state.hessian);
    state.modified = whole ? state.absolute.modified() : state.factor.modified();
    return state.factored;
  }
  template <class V>
  void solve_in_place(State<V>& state) const {
    if (indefinite == Indefinite::absolute)
      state.absolute.solve_in_place(state.direction);
    else
      state.factor.solve_in_place(state.direction);
  }

  template <class F, class V>
  bool move(F& f, V& x, State<V>& state, double first) const {
    if (!state.direction.allFinite()) return false;
    Line line(f, x, state, state.direction, state.scratch);
    return search_along(line, search, first) > 0;
  }
};

}  // namespace glissade
