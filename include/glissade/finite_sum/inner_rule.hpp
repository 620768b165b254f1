// The directions of a finite-sum method, handed to a rule or chain.
#pragma once

#include <string>
#include <utility>

#include "../minimize/from_rule.hpp"
#include "inner_loop.hpp"

namespace glissade {

/// A finite-sum method whose inner directions go through a rule: SVRG's estimate as the gradient of Adam, SARAH's
/// clipped by its norm.
///
///     minimize(f, x, with_rule(Sarah{.batching = {.size = 64}}, chain(ClipByGlobalNorm{1.0}, Adam{})));
///
/// The method's step_size is not used, for the rule has a learning rate, but where the objective has a prox, as the
/// prox's step.
/// State: those of the method and of the rule.
template <class M, Rule R>
struct InnerRule {
  static constexpr std::string_view name = "InnerRule";
  static constexpr bool honours_prox = requires { requires M::honours_prox; };
  static constexpr bool honours_set = requires { requires M::honours_set; };
  M method;
  R rule;

  static void options(auto& self, auto&& visit) { M::options(self.method, visit); }

  template <class V>
  struct State {
    std::string name;
    double value = 0;
    V gradient;
    typename M::template State<V> outer;
    typename Lifted<R>::template State<V> inner;

    static void visit(auto& self, auto&& field) {
      const auto prefixed = [&field](std::string prefix) {
        return [&field, prefix](const auto& key, auto& part, auto... bounds) {
          field(prefix + std::string(key), part, bounds...);
        };
      };
      field("value", self.value);
      field("gradient", self.gradient);
      M::template State<V>::visit(self.outer, prefixed("method/"));
      Lifted<R>::template State<V>::visit(self.inner, prefixed("rule/"));
    }
    friend Report report_of(const State& state) { return report_of(state.outer); }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    State<V> state;
    state.outer = method.init(f, x);
    state.name = std::string(M::name) + " with " + describe(rule);
    state.inner.name = describe(rule);
    state.inner.gradient.setZero(x.size());
    state.inner.memory = initial_state(rule, named("x", x));
    take(state);
    return state;
  }

  template <class F, class V>
  Report step(F&& objective, V& x, State<V>& state) const {
    auto&& f = oracle_of(objective, x);
    const auto move = [&](V& point, const V& direction, double) {
      glissade::step(rule, state.inner.memory, point, direction);
    };
    const Report report = method.step_with(f, x, state.outer, move);
    take(state);
    return report;
  }

 private:
  template <class S>
  static void take(S& state) {
    state.value = state.outer.value;
    state.gradient = state.outer.gradient;
  }
};

template <class M, Rule R>
InnerRule<M, R> with_rule(M method, R rule) {
  return {std::move(method), std::move(rule)};
}

}  // namespace glissade
