// What the variance-reduced methods share: state, inner loop, and how a direction becomes a step.
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include "../drive/method.hpp"
#include "../oracle/batches.hpp"

namespace glissade {

/// The state between two outer loops: the point's value and full gradient, and how many outer loops there were. All
/// that is random follows from the seed and that number.
template <class V>
struct FiniteSumState {
  std::string_view name;
  double value = 0;
  V gradient;
  std::int64_t outer = 0;
  std::int64_t inner = 0;                   // inner steps so far, of all outer loops
  V direction, anchor, at_anchor, scratch;  // workspace
  detail::Batches batches = {};

  static void visit(auto& self, auto&& field) {
    constexpr std::int64_t most = std::int64_t{1} << 53;
    field("value", self.value);
    field("gradient", self.gradient);
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
  check_batch_size(M::name, method.batch_size, f.size());
  S state;
  state.name = M::name;
  state.value = f.value_and_gradient(x, state.gradient);
  return state;
}

template <class M, class F, class S>
void begin_outer(const M& method, F& f, S& state) {
  check_method(method);
  const Index n = f.size();
  check_batch_size(M::name, method.batch_size, n);
  state.batches.begin(n, method.batch_size, method.order,
                      RandomKey{method.seed}.derive(static_cast<std::uint64_t>(state.outer)));
  state.direction = state.gradient;
}

template <class F, class V, class S>
Report end_outer(F& f, const V& x, S& state) {
  ++state.outer;
  state.value = f.value_and_gradient(x, state.gradient);
  return report_of(state);
}

/// One outer loop of SVRG (recursive = false: differences to the snapshot) or SARAH (to the last point), at most
/// inner_steps steps and as long as |v|^2 > gamma |v_0|^2.
template <bool recursive, class M, class F, class V, class S, class Move>
Report variance_reduced_loop(const M& method, F& f, V& x, S& state, double gamma, Move&& move) {
  begin_outer(method, f, state);
  const std::int64_t steps = method.inner_steps > 0 ? method.inner_steps : 2 * state.batches.per_pass();
  const double end = gamma * state.gradient.squaredNorm();
  state.anchor = x;
  move(x, state.direction, method.step_size);
  ++state.inner;
  for (std::int64_t t = 1; t < steps && f.refused() == Status::running; ++t) {
    if (gamma > 0 && !(state.direction.squaredNorm() > end)) break;
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

}  // namespace detail
}  // namespace glissade
