// Minimizes F(x) = f(x, y*(x)), y*(x) the point where g(x, .) is least: what a bilevel problem is asked for.
//
// A bilevel problem is an object with these members; x are the upper variables, y and v lower ones, all
// Eigen::VectorXd; what is filled is sized before the call and holds NaN. g must be strongly convex in y.
//
//   VectorXd lower_start()                              y where the first lower problem begins
//   upper_gradients(x, y, draw, f_x, f_y)               the gradients of f
//   lower_gradient(x, y, draw, g_y)                     the gradient of g in y
//   lower_hessian_vector(x, y, v, draw, out)            (d2 g / dy dy) v
//   lower_mixed_vector(x, y, v, draw, out)              (d2 g / dx dy) v, as many numbers as x
//
// They may be estimates: draw, a std::uint64_t, says which, every call another; the same draw gives the same batch or
// noise, so that a run that is resumed goes on as if it had not been interrupted. Exact problems ignore it.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "../drive/drive.hpp"

namespace glissade {

/// What a method asks of a bilevel problem.
template <class F>
concept BilevelProblem = requires(F& f, const Eigen::VectorXd& x, const Eigen::VectorXd& y, std::uint64_t draw,
                                  Eigen::VectorXd& out) {
  { f.lower_start() } -> std::convertible_to<Eigen::VectorXd>;
  f.upper_gradients(x, y, draw, out, out);
  f.lower_gradient(x, y, draw, out);
  f.lower_hessian_vector(x, y, y, draw, out);
  f.lower_mixed_vector(x, y, y, draw, out);
};

namespace detail {

/// What the driver must know of a bilevel problem.
struct BilevelSearch {
  static constexpr bool has_value = false;
  static constexpr double Stop::*tolerance = &Stop::tolerance;
  static constexpr Status solved = Status::tolerance;
  static void check(const Stop& stop) { refuse_rules_about_values("solve_bilevel", stop); }
};

/// One call, counted as a value of an operator: ask(problem) fills out, which is NaN where the call was refused.
template <class F, class Ask>
void ask_bilevel(F& f, const char* what, Index size, Eigen::VectorXd& out, const Ask& ask) {
  out.setConstant(size, std::numeric_limits<double>::quiet_NaN());
  f.sweep(ask);
  if (out.size() != size)
    throw std::invalid_argument("bilevel problem: its " + std::string(what) + " has size " +
                                std::to_string(out.size()) + ", must be " + std::to_string(size));
}

template <class F, class X>
constexpr void check_bilevel() {
  static_assert(std::is_same_v<std::remove_cvref_t<X>, Eigen::VectorXd>,
                "the upper variables of a bilevel problem are an Eigen::VectorXd");
  static_assert(BilevelProblem<std::remove_reference_t<F>>,
                "a bilevel problem has lower_start, upper_gradients, lower_gradient, lower_hessian_vector and "
                "lower_mixed_vector (bilevel/solve_bilevel.hpp)");
}

}  // namespace detail

/// Moves x to where F(x) = f(x, y*(x)) is stationary.
///
/// Result::measure is what the method says of the new x, an estimate where the problem gives estimates; it must be
/// within Stop::tolerance. Every call counts as one Evaluations::operator_value. The lower variables are in the state:
/// for them take initial_state and resume_bilevel. All else is as for solve_game.
///
/// Throws std::invalid_argument for an option out of its range and for stop rules about values and gradients.
template <class F, class X, class M, class... O>
Result solve_bilevel(F&& problem, X&& x, const M& method, const Stop& stop = {}, O&&... observers) {
  detail::check_bilevel<F, X>();
  return drive_from_start<detail::BilevelSearch>(problem, x, method, stop, observers...);
}

/// Goes on from a state of the method at x, as resume does for a minimization.
template <class F, class X, class M, class S, class... O>
Result resume_bilevel(F&& problem, X&& x, const M& method, S& state, const Stop& stop = {}, O&&... observers) {
  detail::check_bilevel<F, X>();
  check_size_of_state(state.image.size(), x.size());
  return drive_from_state<detail::BilevelSearch>(problem, x, method, state, stop, observers...);
}

}  // namespace glissade
