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
/// A rule that reads the loss is told the value.
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
  static constexpr bool any_scalar = true;  // the rule's memory is that of an Optimizer of the same parameters

  R rule;
  OptimizerOptions settings = {};

  template <class V>
  struct State {
    std::string name;  // of the rule
    double value = 0;
    V gradient;
    RuleState<typename V::Scalar> memory;

    static void visit(auto& self, auto&& field) {
      field("value", self.value);
      field("gradient", self.gradient);
      RuleState<typename V::Scalar>::visit(self.memory, field);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    check_optimizer_options<typename V::Scalar>(settings);
    auto&& f = oracle_of(objective, x);
    State<V> state;
    state.name = describe(rule);
    state.memory = initial_state_of_concatenated(rule, f.tensors(x), x.data());
    state.value = f.value_and_gradient(x, state.gradient);
    return state;
  }

  template <class F, class V>
  Report step(F&& objective, V& x, State<V>& state) const {
    auto&& f = oracle_of(objective, x);
    ToldNumbers told;
    const bool tells = reads_argument<typename V::Scalar>(rule, LossValue::name);
    if (tells) told.add(LossValue::name, settings.maximize ? -state.value : state.value);
    step_concatenated(rule, state.memory, x.data(), state.gradient.data(), settings, tells ? &told : nullptr);
    state.value = f.value_and_gradient(x, state.gradient);
    return report_of(state);
  }
};

/// The solution that an averaging rule holds beside x, a vector, matrix or tuple of such, as that of an optimizer
/// (optimizer/evaluation.hpp): an object like x that owns its memory.
/// Throws std::invalid_argument if the rule does not average or keeps its average in 8-bit codes.
template <class R, class S, class X>
[[nodiscard]] auto evaluation_parameters(const Lifted<R>& method, const S& state, const X& x) {
  using P = ScalarOf<X>;
  auto solution = owned_tuple(x);
  std::size_t number = 0;
  for_each_parameter(solution, number, {}, [&](std::size_t k, const std::string&, const auto& view, auto) {
    const Tensor& tensor = state.memory.tensors.at(k);
    const Eigen::ArrayXXd average =
        evaluation_parameters(method.rule, tensor, state.memory.states.at(k), static_cast<const P*>(view.data));
    for (Index row = 0; row < view.rows; ++row)
      for (Index col = 0; col < view.cols; ++col)
        view.data[view.row_major ? row * view.cols + col : col * view.rows + row] = convert<P>(average(row, col));
  });
  if constexpr (std::tuple_size_v<decltype(solution)> == 1)
    return std::get<0>(std::move(solution));
  else
    return solution;
}

template <class R>
Lifted(R) -> Lifted<R>;
template <class R>
Lifted(R, OptimizerOptions) -> Lifted<R>;

}  // namespace glissade
