// A rule as a method: the gradient of the objective is what it updates with.
#pragma once

#include <string>
#include <utility>

#include "../drive/method.hpp"
#include "../optimizer/evaluation.hpp"

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
    detail::Engine<double> engine;

    static void visit(auto& self, auto&& field) {
      constexpr std::int64_t most = std::int64_t{1} << 53;
      field("value", self.value);
      field("gradient", self.gradient);
      auto& engine = self.engine;
      field("calls", engine.calls, 0, most);
      for (std::size_t i = 0; i < engine.counts.size(); ++i)
        field("counts/" + std::to_string(i), engine.counts[i], 0, most);
      for (auto& tensor : engine.states) {
        for (std::size_t i = 0; i < tensor.counts.size(); ++i)
          field("updates/" + std::to_string(i), tensor.counts[i], 0, most);
        for (std::size_t link = 0; link < tensor.links.size(); ++link)
          for (auto& array : tensor.links[link]) field(std::to_string(link) + "/" + std::string(array.name()), array);
      }
      for (std::size_t link = 0; link < engine.shared.size(); ++link)
        for (auto& array : engine.shared[link]) field("shared/" + std::to_string(link), array);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    detail::check_options(rule, 0);
    State<V> state;
    state.name = detail::describe(rule);
    // The engine only reads what x is now, for rules that begin with the parameters.
    state.engine.add(Tensor{"x", x.size(), 1, 1, false}, const_cast<double*>(x.data()));
    state.engine.prepare(rule);
    state.value = f.value_and_gradient(x, state.gradient);
    return state;
  }

  template <class F, class V>
  Report step(F&& objective, V& x, State<V>& state) const {
    auto&& f = oracle_of(objective, x);
    detail::check_options(rule, state.engine.time());
    state.engine.parameters[0] = x.data();
    state.engine.sources[0] = {state.gradient.data(), true, settings.maximize, true};
    state.engine.step(rule, {resolve_threads(settings.threads), settings.seed, settings.rounding});
    state.value = f.value_and_gradient(x, state.gradient);
    return report_of(state);
  }
};

/// The solution that an averaging rule holds beside x, as that of an optimizer (optimizer/evaluation.hpp).
/// Throws std::invalid_argument if the rule does not average or keeps its average in 8-bit codes.
template <class R, class V>
[[nodiscard]] V evaluation_parameters(const Lifted<R>& method, const typename Lifted<R>::template State<V>& state,
                                      const V& x) {
  return detail::average_of(method.rule, state.engine.tensors[0], state.engine.states[0], x.data()).matrix();
}

template <class R>
Lifted(R) -> Lifted<R>;
template <class R>
Lifted(R, OptimizerOptions) -> Lifted<R>;

}  // namespace glissade
