// A rule as a method: the gradient of the objective is what it updates with.
#pragma once

#include <string>
#include <utility>

#include "../drive/method.hpp"
#include "../optimizer/evaluation.hpp"
#include "../optimizer/stepper.hpp"

namespace glissade {

/// Lets a rule or chain minimize a function: minimize(f, x, Adam{.learning_rate = 0.1}), or
/// Lifted{rule, options} where more than the rule is to be said. One gradient a step; the value is not
/// made to fall.
///
///     x += rule(gradient(x))
///
/// Rules that average (Ema, Swa, Lookahead, ScheduleFreeAdamW, ...) leave x where they take gradients; their solution
/// is evaluation_parameters(method, state, x) of a state that the user holds:
///
///     const Lifted method{ScheduleFreeAdamW{}};
///     auto state = method.init(f, x);
///     resume(f, x, method, state);
///     x = evaluation_parameters(method, state, x);
///
/// The state is the rule's own. Throws std::invalid_argument for an option out of its range.
template <Rule R>
struct Lifted {
  static constexpr std::string_view name = "Lifted";

  R rule;
  OptimizerOptions settings = {};

  template <class V>
  struct State {
    std::string name;  // of the rule
    double value = 0;
    V gradient;
    RuleState<double> memory;

    static void visit(auto& self, auto&& field) {
      field("value", self.value);
      field("gradient", self.gradient);
      RuleState<double>::visit(self.memory, field);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    State<V> state;
    state.name = describe(rule);
    state.memory = initial_state(rule, named("x", x));
    state.value = f.value_and_gradient(x, state.gradient);
    return state;
  }

  template <class F, class V>
  Report step(F&& objective, V& x, State<V>& state) const {
    auto&& f = oracle_of(objective, x);
    glissade::step(rule, state.memory, x, state.gradient, settings);
    state.value = f.value_and_gradient(x, state.gradient);
    return report_of(state);
  }
};

/// The solution that an averaging rule holds beside x, as that of an optimizer (optimizer/evaluation.hpp).
/// Throws std::invalid_argument if the rule does not average or keeps its average in 8-bit codes.
template <class R, class V>
[[nodiscard]] V evaluation_parameters(const Lifted<R>& method, const typename Lifted<R>::template State<V>& state,
                                      const V& x) {
  return evaluation_parameters(method.rule, state.memory.tensors[0], state.memory.states[0], x.data()).matrix();
}

template <class R>
Lifted(R) -> Lifted<R>;
template <class R>
Lifted(R, OptimizerOptions) -> Lifted<R>;

}  // namespace glissade
