// Finds x = T x.
#pragma once

#include "../drive/drive.hpp"
#include "../drive/history.hpp"

namespace glissade {

namespace detail {

/// What the driver must know of a search for a fixed point.
struct FixedPointSearch {
  static constexpr bool has_value = false;
  static constexpr double Stop::*tolerance = &Stop::tolerance;
  static constexpr Status solved = Status::tolerance;
  static void check(const Stop& stop) { refuse_rules_about_values("find_fixed_point", stop); }
};

/// T at x, and how far away it is.
template <class F, class V, class S>
Report look_at_image(F& f, const V& x, S& state) {
  f.operator_value(x, state.image);
  state.residual = x - state.image;
  state.measure = f.distance(x, state.image, state.residual);
  return report_of(state);
}

}  // namespace detail

/// T x and x - T x: what methods for fixed points keep.
template <class V>
struct FixedPointState : OperatorValue<V> {
  V residual;  // x - T x

  static void visit(auto& self, auto&& field) {
    OperatorValue<V>::visit(self, field);
    field("residual", self.residual);
  }
};

/// Moves x to a fixed point of an operator.
///
///     auto T = [](const Eigen::VectorXd& at, Eigen::VectorXd& image) { image = at.array().cos(); };
///     Result r = find_fixed_point(T, x, Halpern{}, {.tolerance = 1e-9});
///
/// Result::measure is |x - T x|, by the operator's own norm or distance where it has one, and must be within
/// Stop::tolerance. x is whatever minimize takes (minimize/minimize.hpp): T(W, b, image_of_W, image_of_b) for several
/// tensors. Stop rules, budgets of calls (max_operator_calls), observers, exceptions of T and numbers that are not
/// finite are as there: x is the last point where T x was finite.
///
/// Throws std::invalid_argument for an option out of its range and for stop rules about values and gradients.
template <class F, class X, class M, class... O>
Result find_fixed_point(F&& T, X&& x, const M& method, const Stop& stop = {}, O&&... observers) {
  check_variable<X>();
  return drive_from_start<detail::FixedPointSearch>(T, x, method, stop, observers...);
}

/// Goes on from a state of the method at x, as resume does for a minimization.
///
///     auto state = initial_state(Halpern{}, T, x);
///     resume_fixed_point(T, x, Halpern{}, state, {.max_seconds = 60});
template <class F, class X, class M, class S, class... O>
Result resume_fixed_point(F&& T, X&& x, const M& method, S& state, const Stop& stop = {}, O&&... observers) {
  check_variable<X>();
  check_size_of_state(state.image.size(), size_of(x));
  return drive_from_state<detail::FixedPointSearch>(T, x, method, state, stop, observers...);
}

}  // namespace glissade
