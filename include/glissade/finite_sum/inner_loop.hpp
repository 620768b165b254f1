// What the variance-reduced methods share: state, inner loop, and how a direction becomes a step.
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include "../drive/method.hpp"
#include "batching.hpp"

namespace glissade {

/// The state between two outer loops: the point's value and full gradient, and how many outer loops there were. All
/// that is random follows from the seed and that number.
template <class V>
struct FiniteSumState : ValueAndGradient<V> {
  std::string_view name;
  std::int64_t outer = 0;
  std::int64_t inner = 0;                   // inner steps so far, of all outer loops
  V direction, anchor, at_anchor, scratch;  // workspace
  Batches batches = {};

  static void visit(auto& self, auto&& field) {
    constexpr std::int64_t most = std::int64_t{1} << 53;
    ValueAndGradient<V>::visit(self, field);
    field("outer", self.outer, 0, most);
    field("inner", self.inner, 0, most);
  }
};

namespace detail {

/// x <- x - step v.
struct PlainMove {
  template <class V>
  void operator()(V& x, const V& v, double step) const {
    x -= step * v;
  }
};

/// A state at x with value and full gradient. Checks the options that need the number of terms.
template <class S, class M, class F, class V>
S begin_finite_sum(const M& method, F&& objective, const V& x) {
  check_method(method);
  auto&& f = oracle_of(objective, x);
  method.batching.terms(M::name, f);
  S state = state_at<S>(method, f, x);
  state.name = M::name;
  return state;
}

template <class M, class F, class S>
void begin_outer(const M& method, F& f, S& state) {
  const RandomKey key = RandomKey{method.batching.seed}.derive(static_cast<std::uint64_t>(state.outer));
  state.batches.begin(method.batching.terms(M::name, f), method.batching.size, method.batching.order, key);
  state.direction = state.gradient;
}

template <class F, class V, class S>
Report end_outer(F& f, const V& x, S& state) {
  ++state.outer;
  state.value = f.value_and_gradient(x, state.gradient);
  return report_of(state);
}

/// One outer loop of SVRG (recursive = false: differences to the snapshot) or SARAH (to the last point), at most
/// batching.inner_steps steps and as long as |v|^2 > gamma |v_0|^2.
template <bool recursive, class M, class F, class V, class S, class Move>
Report variance_reduced_loop(const M& method, F& f, V& x, S& state, double gamma, Move&& move) {
  begin_outer(method, f, state);
  const std::int64_t steps = method.batching.steps_or(2 * state.batches.per_pass());
  const double end = std::sqrt(gamma) * norm_of(state.gradient);
  state.anchor = x;
  move(x, state.direction, method.step_size);
  ++state.inner;
  for (std::int64_t t = 1; t < steps && !f.refused(); ++t) {
    if (gamma > 0 && !(norm_of(state.direction) > end)) break;
    const auto batch = state.batches.next();
    f.batch_gradient(x, batch, state.scratch);
    f.batch_gradient(state.anchor, batch, state.at_anchor);
    if constexpr (recursive) {
      state.direction += state.scratch - state.at_anchor;
      state.anchor = x;
    } else {
      state.direction = state.scratch - state.at_anchor + state.gradient;
    }
    move(x, state.direction, method.step_size);
    ++state.inner;
  }
  return end_outer(f, x, state);
}

/// SVRG or SARAH: Kind has the name, and `recursive`.
template <class Kind>
struct VarianceReduced {
  static constexpr std::string_view name = Kind::name;
  double step_size = 0.1;    // > 0
  Batching<> batching = {};  // inner_steps 0: two passes

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    self.batching.options(self.batching, visit);
  }
  template <class V>
  using State = FiniteSumState<V>;

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    return begin_finite_sum<State<V>>(*this, objective, x);
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    return step_with(f, x, state, PlainMove{});
  }
  /// The same with the user's move(x, direction, step_size) in place of x -= step_size direction.
  template <class F, class V, class Move>
  Report step_with(F&& objective, V& x, State<V>& state, Move&& move) const {
    auto&& f = oracle_of(objective, x);
    return variance_reduced_loop<Kind::recursive>(*this, f, x, state, 0, move);
  }
};

}  // namespace detail
}  // namespace glissade
