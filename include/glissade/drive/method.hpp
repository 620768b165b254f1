// What a method is. Everything that an author of a new method needs to know is on this page.
//
// A method is an aggregate of options that moves a point, for minimize downhill, with members
//
//   name     static constexpr std::string_view, for messages
//   options  static void options(auto& self, auto&& visit), as of a rule (rule/rule.hpp); and, where
//            that is not enough, void check() const, which throws
//   State    template <class V>: all that it remembers from step to step, a value. It has
//              name      std::string_view or std::string, for files
//              visit     static void visit(auto& self, auto&& field): field("length", self.length) for
//                        every member that matters later; whole numbers with the bounds that
//                        keep them valid: field("pairs", self.pairs, 0, memory)
//            A State for minimize derives from ValueAndGradient<V>, which holds value and gradient, and its visit
//            begins with ValueAndGradient<V>::visit(self, field).
//   init     template <class F, class V> State<V> init(F&& objective, const V& x) const
//            return state_at<State<V>>(*this, objective, x), and what else the state begins with
//   step     template <class F, class V> Report step(F& f, V& x, State<V>& state) const
//   at_saddle
//            template <class F, class V> bool at_saddle(F& f, const V& x, State<V>& state) const, where
//            it can tell: asked where the gradient is within its tolerance; if true, step leaves the
//            saddle, or reports Status::saddle
//
// f is an Oracle (oracle/objective.hpp), the only way to the objective. V is a column vector of doubles, of fixed or
// dynamic size. step moves x and leaves value and gradient of the new x in the state; it says so in its report, or
// why it could not. It need not be careful about options, non-finite values, budgets and stop rules: the driver
// (drive.hpp) goes back to the point before the step that met one of these and ends with the right status, and also
// where the objective throws. What a run ends with is x: a point that is only on trial stays in the state until it
// has been judged good. Only loops within a step must be bounded, whatever the objective returns.
#pragma once

#include "../oracle/norm.hpp"
#include "../oracle/objective.hpp"
#include "../rule/options.hpp"
#include "status.hpp"

namespace glissade {

/// Value and gradient at x: the base of the State of a method that minimizes.
template <class V>
struct ValueAndGradient {
  double value = 0;
  V gradient;

  static void visit(auto& self, auto&& field) {
    field("value", self.value);
    field("gradient", self.gradient);
  }
};

/// The report of a step that ended where the state says.
template <class S>
Report report_of(const S& state, Status status = Status::running) {
  const double norm = norm_of(state.gradient);
  return {norm, state.value, status, norm};
}

/// What an objective declares is honoured or refused. A method that honours a prox says so:
/// `static constexpr bool honours_prox = true`.
template <class M, class F, class V>
constexpr void check_honours() {
  static_assert(
      !HasProx<F, V> || requires { requires M::honours_prox; },
      "the objective declares prox(x, step), which this method would ignore; Saga honours it");
}

/// Throws std::invalid_argument at the first option out of its range.
template <class M>
void check_method(const M& method) {
  visit_options(method, CheckOption{M::name, 0});
  if constexpr (requires { method.check(); }) method.check();
}

/// A state with value and gradient at x, from a method whose options are in range: what init begins with. The
/// objective may be an oracle or not.
template <class S, class M, class F, class V>
S state_at(const M& method, F&& objective, const V& x) {
  check_honours<M, std::remove_reference_t<F>, V>();
  check_method(method);
  auto&& f = oracle_of(objective, x);
  S state;
  state.value = f.value_and_gradient(x, state.gradient);
  return state;
}

/// One step of a method in a loop of one's own; the objective may be an oracle or not.
///
///     auto state = method.init(f, x);
///     while (...) take_step(method, f, x, state);
///
/// Throws std::invalid_argument for an option out of its range. An exception of the objective passes through and
/// leaves x and state within the step, for nothing is copied: resume with max_iterations = 1 is the step that is
/// undone then.
template <class M, class F, class V, class S>
Report take_step(const M& method, F&& objective, V& x, S& state) {
  check_honours<M, std::remove_reference_t<F>, V>();
  check_method(method);
  auto&& f = oracle_of(objective, x);
  return method.step(f, x, state);
}

}  // namespace glissade
