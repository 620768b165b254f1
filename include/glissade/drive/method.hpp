// What an iteration is. Everything that an author of a new method needs to know is on this page.
//
// A method is an aggregate of options that moves a point towards what a problem asks for: downhill for minimize, to
// x = T x for find_fixed_point, to a solution of a game for solve_game. It has members
//
//   name     static constexpr std::string_view, for messages
//   options  static void options(auto& self, auto&& visit), as of a rule (rule/rule.hpp); and, where
//            that is not enough, void check() const, which throws
//   State    template <class V>: all that it remembers from step to step, a value. It has
//              name      std::string_view or std::string, for files
//              visit     static void visit(auto& self, auto&& field): field("length", self.length) for
//                        every member that matters later; whole numbers with the bounds that
//                        keep them valid: field("pairs", self.pairs, 0, memory)
//            For minimize it derives from ValueAndGradient<V>, for problems without a value from OperatorValue<V>,
//            and its visit begins with that of its base.
//   init     template <class F, class V> State<V> init(F&& problem, const V& x) const
//            return state_at<State<V>>(*this, problem, x), and what else the state begins with
//   step     template <class F, class V> Report step(F& f, V& x, State<V>& state) const
//   at_saddle
//            template <class F, class V> bool at_saddle(F& f, const V& x, State<V>& state) const, where
//            it can tell: asked where the gradient is within its tolerance; if true, step leaves the
//            saddle, or reports Status::saddle
//   honours_prox, honours_l1, honours_set, honours_box, honours_constraints
//            static constexpr bool = true where it honours what an objective declares; else that does not compile.
//            honours_prox: any term with a prox; honours_l1: an l1 norm, f.l1_weights(x), but no other term;
//            honours_set: any set with a projection; honours_box: bounds on coefficients, f.box(x), but no other set
//   any_scalar
//            static constexpr bool = true where V may be of any scalar type, as of rules; else it is of doubles
//
// f is an Oracle (oracle/objective.hpp), the only way to the problem. V is a column vector of doubles, of fixed or
// dynamic size; whatever else a user's x is has been made one. step moves x and leaves in the state what the base of
// the state says of the new x; it says so in its report, or why it could not. It need not be careful about options,
// non-finite values, budgets and stop rules: the driver (drive.hpp) goes back to the point before the step that met one
// of these and ends with the right status, and also where the problem throws. What a run ends with is x: a point that
// is only on trial stays in the state until it has been judged good. Only loops within a step must be bounded,
// whatever the problem returns.
#pragma once

#include "../oracle/norm.hpp"
#include "../oracle/objective.hpp"
#include "../rule/options.hpp"
#include "status.hpp"
#include "variable.hpp"

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

/// The value of an operator at x, and what must be small at a solution: the base of the State of a method for problems
/// without a value.
template <class V>
struct OperatorValue {
  V image;  // T x or F(x)
  double measure = 0;

  static void visit(auto& self, auto&& field) {
    field("image", self.image);
    field("measure", self.measure);
  }
};

/// The report of a step that ended where the state says. What must be small is the state's measure, else the norm of
/// its gradient.
template <class S>
Report report_of(const S& state, Status status = Status::running) {
  if constexpr (requires { state.gradient; }) {
    const double norm = norm_of(state.gradient);
    if constexpr (requires { state.measure; })
      return {state.measure, state.value, status, norm};
    else
      return {norm, state.value, status, norm};
  } else {
    return {.measure = state.measure, .status = status};
  }
}

/// What an objective declares is honoured or refused.
template <class M, class F, class V>
constexpr void check_honours() {
  if constexpr (requires { requires F::added_set; })
    static_assert(HasSet<F, V>, "subject_to was given something that has no project(x) for this x");
  if constexpr (requires { requires F::added_prox; })
    static_assert(HasProx<F, V>, "plus_term was given something that has no prox(x, step) for this x");
  constexpr bool any_prox = requires { requires M::honours_prox; };
  constexpr bool any_l1 = any_prox || requires { requires M::honours_l1; };
  static_assert(!HasProx<F, V> || any_l1,
                "the objective declares prox(x, step), which this method would ignore; ProximalGradient and Saga "
                "honour it");
  static_assert(
      !HasProx<F, V> || HasL1<F, V> || any_prox || !any_l1,
      "the objective declares prox(x, step) of a term that is not an l1 norm, and this method honours nothing "
      "else; ProximalGradient honours any prox");
  constexpr bool any_set = requires { requires M::honours_set; };
  constexpr bool any_box = any_set || requires { requires M::honours_box; };
  static_assert(!HasBox<F, V> || any_box,
                "the problem declares box(), bounds that this method would leave; LbfgsB, ProximalGradient, "
                "Extragradient and OptimisticGradient honour them");
  static_assert(HasBox<F, V> || !HasSet<F, V> || any_set || !any_box,
                "the problem declares project(x), a set that is not a box, and this method honours nothing but bounds; "
                "ProximalGradient and SpectralProjectedGradient honour any set");
  static_assert(HasBox<F, V> || !HasSet<F, V> || any_box,
                "the problem declares project(x), a set that this method would leave; ProximalGradient, Extragradient "
                "and OptimisticGradient honour it");
  static_assert(
      !HasConstraints<F, V> || requires { requires M::honours_constraints; },
      "the objective declares constraints(x, c), which this method would ignore; AdaSketchNewton honours them");
}

/// Throws std::invalid_argument at the first option out of its range.
template <class M>
void check_method(const M& method) {
  visit_options(method, CheckOption{M::name, 0});
  if constexpr (requires { method.check(); }) method.check();
}

/// A state with value and gradient at x, or with the value of the operator, from a method whose options are in range:
/// what init begins with. The objective may be an oracle or not.
template <class S, class M, class F, class V>
S state_at(const M& method, F&& objective, const V& x) {
  check_honours<M, std::remove_reference_t<F>, V>();
  check_method(method);
  auto&& f = oracle_of(objective, x);
  S state;
  if constexpr (std::is_base_of_v<OperatorValue<V>, S>)
    f.operator_value(x, state.image);
  else
    state.value = f.value_and_gradient(x, state.gradient);
  return state;
}

/// The state with which a method begins at x, a vector, matrix or tuple as for minimize; a vector of doubles may as
/// well go to method.init(f, x).
///
///     auto state = initial_state(method, f, x);
///
/// Throws std::invalid_argument for an option out of its range.
template <class M, class F, class X>
[[nodiscard]] auto initial_state(const M& method, F&& objective, const X& x) {
  // The copy is writable as x need not be.
  auto copy = owned_tuple(x);
  const auto init = [&](auto& f, auto& plain) { return method.init(f, plain); };
  if constexpr (std::tuple_size_v<decltype(copy)> == 1 && !NamedParameter<X>)
    return with_plain<M>(objective, std::get<0>(copy), init);
  else
    return with_plain<M>(objective, copy, init);
}

/// One step of a method in a loop of one's own; the objective may be an oracle or not.
///
///     auto state = method.init(f, x);
///     while (...) take_step(method, f, x, state);
///
/// Throws std::invalid_argument for an option out of its range. An exception of the objective passes through and
/// leaves x and state as they were before the step; for that both are copied.
template <class M, class F, class X, class S>
Report take_step(const M& method, F&& objective, X&& x, S& state) {
  check_method(method);
  return with_plain<M>(objective, x, [&]<class G, class V>(G& plain_objective, V& plain) {
    check_honours<M, G, V>();
    auto&& f = oracle_of(plain_objective, plain);
    const V last = plain;
    const S last_state = state;
    try {
      return method.step(f, plain, state);
    } catch (...) {
      plain = last;
      state = last_state;
      throw;
    }
  });
}

}  // namespace glissade
