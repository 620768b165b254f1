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
  double measure = 0;  // at x
  std::int64_t outer = 0;
  std::int64_t inner = 0;                   // inner steps so far, of all outer loops
  V direction, anchor, at_anchor, scratch;  // workspace
  Batches batches = {};

  static void visit(auto& self, auto&& field) {
    constexpr std::int64_t most = std::int64_t{1} << 53;
    ValueAndGradient<V>::visit(self, field);
    field("measure", self.measure);
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

/// The prox of the objective's second term, or the projection onto its set; without, nothing.
template <class F, class V>
void proximal_step(F& f, V& x, double step) {
  if constexpr (F::has_prox)
    f.prox(x, step);
  else if constexpr (F::has_set)
    f.project(x);
}

/// The norm of the prox-gradient step, which is the gradient where there is neither prox nor set.
template <class F, class V, class S>
void set_measure(F& f, const V& x, S& state, double step) {
  if constexpr (F::has_prox || F::has_set) {
    state.scratch = x - step * state.gradient;
    proximal_step(f, state.scratch, step);
    state.scratch = x - state.scratch;
    state.measure = norm_of(state.scratch) / step;
  } else {
    state.measure = norm_of(state.gradient);
  }
}

/// A state at x with value and full gradient. Checks the options that need the number of terms.
template <class S, class M, class F, class V>
S begin_finite_sum(const M& method, F&& objective, const V& x, double step = 1) {
  check_method(method);
  auto&& f = oracle_of(objective, x);
  using Problem = std::remove_reference_t<decltype(f)>;
  static_assert(!(Problem::has_prox && Problem::has_set),
                "the objective declares prox(x, step) and project(x), whose composition is not the prox of both");
  method.batching.terms(M::name, f);
  S state = state_at<S>(method, f, x);
  state.name = M::name;
  set_measure(f, x, state, step);
  return state;
}

/// The key of all that is random in this outer loop.
template <class M, class S>
RandomKey key_of(const M& method, const S& state) {
  return RandomKey{method.batching.seed}.derive(static_cast<std::uint64_t>(state.outer));
}
/// Uniform numbers next to the batches, which take the keys of the first passes.
inline RandomKey coins(const RandomKey& key) { return key.derive(~std::uint64_t{0}); }

template <class M, class F, class S>
void begin_batches(const M& method, F& f, S& state) {
  state.batches.begin(method.batching.terms(M::name, f), method.batching.size, method.batching.order,
                      key_of(method, state));
}
template <class M, class F, class S>
void begin_outer(const M& method, F& f, S& state) {
  begin_batches(method, f, state);
  state.direction = state.gradient;
}

template <class F, class V, class S>
Report end_outer(F& f, const V& x, S& state, double step = 1) {
  ++state.outer;
  state.value = f.value_and_gradient(x, state.gradient);
  set_measure(f, x, state, step);
  return report_of(state);
}

/// One outer loop of SVRG (recursive = false: differences to the snapshot) or SARAH (to the last point), at most
/// batching.inner_steps steps and as long as |v|^2 > gamma |v_0|^2; with a prox or set, where v need not vanish, the
/// steps' lengths are compared.
template <bool recursive, class M, class F, class V, class S, class Move>
Report variance_reduced_loop(const M& method, F& f, V& x, S& state, double gamma, Move&& move) {
  begin_outer(method, f, state);
  const std::int64_t steps = method.batching.steps_or(2 * state.batches.per_pass());
  const auto advance = [&] {
    move(x, state.direction, method.step_size);
    proximal_step(f, x, method.step_size);
    ++state.inner;
  };
  const auto length = [&] {
    if constexpr (F::has_prox || F::has_set) {
      state.scratch = x - state.anchor;
      return norm_of(state.scratch);
    } else {
      return norm_of(state.direction);
    }
  };
  state.anchor = x;
  advance();
  const double end = gamma > 0 ? std::sqrt(gamma) * length() : 0;
  for (std::int64_t t = 1; t < steps && !f.refused(); ++t) {
    if (gamma > 0 && !(length() > end)) break;
    const auto batch = state.batches.next();
    f.batch_gradient(x, batch, state.scratch);
    f.batch_gradient(state.anchor, batch, state.at_anchor);
    if constexpr (recursive) {
      state.direction += state.scratch - state.at_anchor;
      state.anchor = x;
    } else {
      state.direction = state.scratch - state.at_anchor + state.gradient;
    }
    advance();
  }
  return end_outer(f, x, state, method.step_size);
}

/// SVRG or SARAH: Kind has the name, and `recursive`.
template <class Kind>
struct VarianceReduced {
  static constexpr std::string_view name = Kind::name;
  static constexpr bool honours_prox = true;
  static constexpr bool honours_set = true;
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
    return begin_finite_sum<State<V>>(*this, objective, x, step_size);
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
