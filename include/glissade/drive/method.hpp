// What a method is. Everything that an author of a new method needs to know is on this page.
//
// A method is an aggregate of options that moves a point downhill, with members
//
//   name     static constexpr std::string_view, for messages
//   options  static void options(auto& self, auto&& visit), as of a rule (rule/rule.hpp); and, where
//            that is not enough, void check() const, which throws
//   State    template <class V>: all that it remembers from step to step, a value. It has
//              name      std::string_view or std::string, for files
//              value     double, f at x
//              gradient  V, at x
//              visit     static void visit(auto& self, auto&& field): field("value", self.value) for
//                        every member that matters later; whole numbers with the bounds that
//                        keep them valid: field("pairs", self.pairs, 0, memory)
//   init     template <class F, class V> State<V> init(F&& objective, const V& x) const
//   step     template <class F, class V> Report step(F&& objective, V& x, State<V>& state) const
//   at_saddle
//            template <class F, class V> bool at_saddle(F& f, const V& x, State<V>& state) const, where
//            it can tell: asked where the gradient is within its tolerance; if true, step leaves the
//            saddle, or reports Status::saddle
//
// Both begin with `auto&& f = oracle_of(objective, x);` and call the objective only through f; init
// also begins with check_method(*this). V is a column vector of doubles, of fixed or dynamic size. step moves
// x and leaves value and gradient of the new x in the state; it says so in its report, or why it could
// not. It need not be careful about non-finite numbers, budgets and stop rules: minimize goes back
// to the point before a step that met such and ends with the right status. Only loops within
// a step must be bounded, whatever the objective returns.
#pragma once

#include <cmath>

#include "../oracle/objective.hpp"
#include "../rule/options.hpp"
#include "status.hpp"

namespace glissade {

/// Throws std::invalid_argument at the first option out of its range.
template <class M>
void check_method(const M& method) {
  visit_options(method, detail::CheckOption{M::name, 0});
  if constexpr (requires { method.check(); }) method.check();
}

namespace detail {

/// Euclidean, safe from overflow and underflow.
template <class V>
double norm_of(const V& v) {
  const double fast = v.norm();
  if (fast > 1e-140 && fast < 1e140) return fast;
  return v.size() == 0 ? 0.0 : v.stableNorm();
}

}  // namespace detail

/// The report of a step that ended where the state says.
template <class S>
Report report_of(const S& state, Status status = Status::running) {
  return {state.value, detail::norm_of(state.gradient), status};
}

}  // namespace glissade
