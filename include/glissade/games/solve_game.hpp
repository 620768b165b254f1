// Finds a solution of a monotone game: z in Z with <F(z), w - z> >= 0 for all w in Z.
#pragma once

#include <limits>

#include "../drive/drive.hpp"
#include "../drive/history.hpp"

namespace glissade {

namespace detail {

/// What the driver must know of a game.
struct GameSearch {
  static constexpr bool has_value = false;
  static constexpr double Stop::*tolerance = &Stop::tolerance;
  static constexpr Status solved = Status::tolerance;
  static void check(const Stop& stop) { refuse_rules_about_values("solve_game", stop); }
};

/// F at z, and how far z is from a solution. Scratch is overwritten.
template <class F, class V, class S>
Report look_at_game(F& f, const V& z, S& state, V& scratch) {
  using G = std::remove_reference_t<F>;
  f.operator_value(z, state.image);
  if constexpr (G::has_set && !G::has_tangent) {
    scratch = z - state.image;
    f.project(scratch);
    scratch = z - scratch;
  } else {
    scratch = -state.image;
    f.project_tangent(z, scratch);
  }
  // A projection would hide a value of F that is not finite.
  state.measure = state.image.allFinite() ? norm_of(scratch) : std::numeric_limits<double>::quiet_NaN();
  return report_of(state);
}

}  // namespace detail

/// Moves z to a solution of a game, or of any variational inequality with a monotone operator: F(z, out) are the
/// gradients of all players' costs, each with respect to its player's own variables.
///
///     auto F = [](const Eigen::VectorXd& at, Eigen::VectorXd& out) { out = Eigen::Vector2d(at[1], -at[0]); };
///     Eigen::VectorXd z = Eigen::Vector2d(1, 0);
///     Result r = solve_game(F, z, AcceleratedOptimisticGradient{.step_size = 0.1}, {.tolerance = 1e-3});
///
/// Where the players are bound to sets, F has project(z), the nearest point (see subject_to, oracle/composite.hpp).
/// Result::measure is the tangent residual |P(-F(z))|, P the projection on the directions that stay in the set, where F
/// has project_tangent(z, v); else the natural residual |z - project(z - F(z))|, which is never larger; without a set
/// |F(z)|. It must be within Stop::tolerance. z is whatever minimize takes: F(x, y, out_x, out_y) for two players of
/// their own shapes. All else is as for find_fixed_point.
///
/// Throws std::invalid_argument for an option out of its range and for stop rules about values and gradients.
template <class F, class Z, class M, class... O>
Result solve_game(F&& game, Z&& z, const M& method, const Stop& stop = {}, O&&... observers) {
  check_variable<Z>();
  return drive_from_start<detail::GameSearch>(game, z, method, stop, observers...);
}

/// Goes on from a state of the method at z, as resume does for a minimization.
template <class F, class Z, class M, class S, class... O>
Result resume_game(F&& game, Z&& z, const M& method, S& state, const Stop& stop = {}, O&&... observers) {
  check_variable<Z>();
  check_size_of_state(state.image.size(), size_of(z));
  return drive_from_state<detail::GameSearch>(game, z, method, state, stop, observers...);
}

}  // namespace glissade
