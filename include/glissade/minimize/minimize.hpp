// Minimizes an objective, by a method or a rule.
#pragma once

#include <stdexcept>
#include <string>

#include "../drive/drive.hpp"
#include "../drive/history.hpp"
#include "from_rule.hpp"

namespace glissade {

namespace detail {

/// What the driver must know of a minimization.
struct Minimization {
  static constexpr bool has_value = true;
  static constexpr double Stop::*tolerance = &Stop::gradient_tolerance;
  static constexpr Status solved = Status::gradient_tolerance;
  static void check(const Stop& stop) {
    if (stop.tolerance != Stop{}.tolerance)
      throw std::invalid_argument(
          "minimize: Stop::tolerance = " + to_text(stop.tolerance) +
          ", but a minimization is ended by gradient_tolerance; tolerance bounds the measure of "
          "problems without a gradient");
  }
};

/// A rule becomes a method, a method stays one.
template <class M>
decltype(auto) as_method(const M& method) {
  if constexpr (Rule<M>)
    return Lifted<M>{method};
  else
    return method;
}

}  // namespace detail

/// Minimizes an objective from x, which is moved to the best that the method found.
///
///     Result r = minimize(f, x, Lbfgs{.memory = 10}, {.max_iterations = 200}, ProgressBar{});
///
/// The method is one of the library's or a rule or chain (minimize(f, x, Adam{})). x is a vector of doubles or floats
/// of fixed or dynamic size, or a Map or segment of one, a matrix, a span, a number, or several of them, named or not:
///
///     minimize(loss_of_layer, std::tie(W, b), Muon{}, {.max_iterations = 100});   // loss_of_layer(W, b, dW, db)
///
/// Vectors of double are moved where they lie, all else is copied once in each direction per call. Rules compute with
/// the scalars of x, bit for bit as an Optimizer; the other methods in double. Whatever the objective returns and
/// whatever ends the run, the end is a status: x is the last point that the method judged good, with finite value and
/// gradient, and no more calls are made than the stop rule allows. Exceptions of the objective pass through and leave x
/// at that point. Result::measure is the norm of the gradient; where the objective has a prox, of the prox-gradient
/// step.
///
/// Throws std::invalid_argument for an option out of its range.
template <class F, class X, class M, class... O>
Result minimize(F&& objective, X&& x, const M& method, const Stop& stop = {}, O&&... observers) {
  check_variable<X>();
  return drive_from_start<detail::Minimization>(objective, x, detail::as_method(method), stop, observers...);
}

/// Goes on from a state of the method at x, as if it had not been interrupted. Iterations, calls and
/// time are counted anew; the state is left where a further resume goes on, whatever ended this one: a step that met
/// the end of a budget, a number that is not finite or an exception is undone. For that the state is copied before
/// every step, which minimize, whose state nobody sees, does not need.
///
///     auto state = method.init(f, x);
///     resume(f, x, method, state, {.max_seconds = 60});
///     resume(f, x, method, state);
template <class F, class X, class M, class S, class... O>
Result resume(F&& objective, X&& x, const M& method, S& state, const Stop& stop = {}, O&&... observers) {
  check_variable<X>();
  check_size_of_state(state.gradient.size(), size_of(x));
  return drive_from_state<detail::Minimization>(objective, x, detail::as_method(method), state, stop, observers...);
}

}  // namespace glissade
