// OASIS, on whole functions and on finite sums.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "../../drive/method.hpp"
#include "../../linalg/diagonal_estimate.hpp"
#include "../../oracle/batches.hpp"

namespace glissade {

/// The state of OASIS: where it was before and what the curvature looked like.
template <class V>
struct OasisState {
  std::string_view name;
  double value = 0;
  V gradient;
  V last, last_gradient, curvature, momentum;
  double rate = 0;                                          // eta
  double growth = std::numeric_limits<double>::infinity();  // theta, the last ratio of two rates
  std::int64_t steps = 0;
  V probe, product, at_last, scale;  // workspace
  detail::Batches batches = {};

  static void visit(auto& self, auto&& field) {
    field("value", self.value);
    field("gradient", self.gradient);
    field("last", self.last);
    field("last_gradient", self.last_gradient);
    field("curvature", self.curvature);
    field("momentum", self.momentum);
    field("rate", self.rate);
    field("growth", self.growth);
    field("steps", self.steps, 0, std::int64_t{1} << 53);
  }
};

namespace detail {

void oasis_options(auto& self, auto&& visit) {
  visit("learning_rate", self.learning_rate, range::non_negative);
  visit("initial_learning_rate", self.initial_learning_rate, range::positive);
  visit("largest_learning_rate", self.largest_learning_rate, range::positive);
  visit("beta1", self.beta1, range::decay);
  visit("beta2", self.beta2, range::decay);
  visit("truncation", self.truncation, range::positive);
  visit("weight_decay", self.weight_decay, range::non_negative);
  visit("warm_start", self.warm_start, range::at_least_one);
}

template <class M>
void require_rate(const M& method) {
  if (!method.learning_rate && (method.beta1 != 0 || method.weight_decay != 0))
    throw std::invalid_argument(std::string(M::name) + ": beta1 and weight_decay need a learning_rate");
}

/// The mean of `warm_start` probes, from the streams before those of the steps.
template <class M, class V, class Product>
void oasis_warm_start(const M& method, const V& x, OasisState<V>& state, const Product& product) {
  state.curvature.setZero(x.size());
  state.probe.resize(x.size());
  for (std::int64_t k = 0; k < method.warm_start; ++k) {
    fill_probe(Probe::rademacher, RandomKey{method.seed}.derive(0).derive(static_cast<std::uint64_t>(k)), state.probe);
    product(state.probe, state.product);
    state.curvature += state.probe.cwiseProduct(state.product) / static_cast<double>(method.warm_start);
  }
  state.last = x;
  state.last_gradient = state.gradient;
  state.momentum.setZero(x.size());
  state.rate = method.initial_learning_rate;
}

/// One step along `gradient`; `at_last` is the gradient at the last point of the same (mini-batch) function, and
/// product(v, Hv) that function's Hessian at x. Leaves x in state.last.
template <class M, class V, class Product>
void oasis_move(const M& method, V& x, OasisState<V>& state, const V& gradient, const V& at_last,
                const Product& product) {
  // A schedule is a function of the user's: each of its numbers is looked at, before anything is touched.
  if (method.learning_rate)
    require(M::name, "learning_rate", (*method.learning_rate)(state.steps), range::non_negative);
  const std::int64_t k = state.steps++;
  if (k > 0) {
    fill_probe(Probe::rademacher, RandomKey{method.seed}.derive(1).derive(static_cast<std::uint64_t>(k)), state.probe);
    product(state.probe, state.product);
    state.curvature = method.beta2 * state.curvature + (1 - method.beta2) * state.probe.cwiseProduct(state.product);
  }
  state.scale = state.curvature.cwiseAbs().cwiseMax(method.truncation);
  double rate = state.rate;
  if (method.learning_rate) {
    rate = (*method.learning_rate)(k);
  } else if (k > 0) {
    const double moved = (x - state.last).cwiseAbs2().cwiseProduct(state.scale).sum();
    const double changed = (gradient - at_last).cwiseAbs2().cwiseQuotient(state.scale).sum();
    const double grown = std::sqrt(1 + state.growth) * state.rate;
    const double measured =
        changed > 0 ? std::sqrt(moved) / (2 * std::sqrt(changed)) : std::numeric_limits<double>::infinity();
    rate = (std::min)((std::min)(grown, measured), method.largest_learning_rate);
    if (std::isinf(grown) && std::isinf(measured)) rate = state.rate;
    if (rate <= 0) rate = state.rate;  // the point has not moved
    state.growth = rate / state.rate;
  }
  state.rate = rate;
  state.last = x;
  if (method.beta1 > 0) {
    state.momentum = method.beta1 * state.momentum + (1 - method.beta1) * gradient;
    const double correction = -std::expm1(static_cast<double>(k + 1) * std::log(method.beta1));
    x *= 1 - rate * method.weight_decay;
    x -= (rate / correction) * state.momentum.cwiseQuotient(state.scale);
  } else {
    if (method.weight_decay != 0) x *= 1 - rate * method.weight_decay;
    x -= rate * gradient.cwiseQuotient(state.scale);
  }
}

}  // namespace detail

/// OASIS: gradient descent with a diagonal preconditioner from Hutchinson probes and a step size that adapts itself in
/// the preconditioner's norm; nothing to tune, and badly scaled variables do not hurt.
///
///     D <- beta2 D + (1 - beta2) z (H z), z random of +-1;   S = max(|D|, truncation)
///     eta <- min( sqrt(1 + theta) eta,  |x - x_last|_S / (2 |g - g_last|_1/S) ),   theta <- ratio of the last two eta
///     x <- x - eta g / S
///
/// With a learning_rate, a number or schedule, that is eta, and there may be momentum and decoupled weight decay:
/// m <- beta1 m + (1 - beta1) g,  x <- (1 - eta weight_decay) x - eta / (1 - beta1^k) m / S.
/// Scales of variables cancel exactly where the Hessian is diagonal, else only as far as one probe's noise lets them.
/// With S constant it is AdGD, "Adaptive Gradient Descent without Descent". The value need not fall in every step.
/// State: value, gradient, last, last_gradient, curvature D, momentum, rate eta, growth theta, steps.
/// Cost: one gradient and one Hessian-vector product a step; `warm_start` products at the start.
/// Errors: std::invalid_argument for options out of range, and for beta1 or weight_decay without a learning_rate.
/// Source: "Doubly Adaptive Scaled Algorithm for Machine Learning Using Second-Order Information", 2021, arXiv
/// 2109.05198, Algorithm 1.
struct Oasis {
  static constexpr std::string_view name = "Oasis";
  std::optional<Schedule> learning_rate = {};  // >= 0; empty: adaptive
  double initial_learning_rate = 1e-3;         // > 0, of the first adaptive step
  double largest_learning_rate = 1e10;         // > 0: where gradients vanish, eta would grow for ever
  double beta1 = 0;                            // in [0, 1)
  double beta2 = 0.99;                         // in [0, 1)
  double truncation = 1e-5;                    // > 0
  double weight_decay = 0;                     // >= 0, decoupled
  std::int64_t warm_start = 1;                 // >= 1, probes of the first D
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) { detail::oasis_options(self, visit); }
  void check() const { detail::require_rate(*this); }
  template <class V>
  using State = OasisState<V>;

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    check_method(*this);
    State<V> state;
    state.name = name;
    state.value = f.value_and_gradient(x, state.gradient);
    detail::oasis_warm_start(*this, x, state, [&](const V& v, V& Hv) { f.hessian_vector(x, v, Hv); });
    return state;
  }
  template <class F, class V>
  Report step(F&& objective, V& x, State<V>& state) const {
    auto&& f = oracle_of(objective, x);
    check_method(*this);
    detail::oasis_move(*this, x, state, state.gradient, state.last_gradient,
                       [&](const V& v, V& Hv) { f.hessian_vector(x, v, Hv); });
    state.last_gradient = state.gradient;
    state.value = f.value_and_gradient(x, state.gradient);
    return report_of(state);
  }
};

/// OASIS on mini-batches of a finite sum: gradient, Hessian-vector product and both gradients of the difference are of
/// the same batch, without which the step size would measure noise.
///
/// One step of the method is one pass over the data, each term once in a new order by default, and then value and
/// gradient of the whole function. Formulas, options, state, errors and source as Oasis; for noisy gradients use a
/// learning_rate (a schedule's argument counts batches). Cost: a pass is two gradients and one Hessian-vector product
/// of every term, and one gradient of the whole; with a learning_rate one gradient less.
struct StochasticOasis {
  static constexpr std::string_view name = "StochasticOasis";
  std::optional<Schedule> learning_rate = {};  // >= 0; empty: adaptive
  double initial_learning_rate = 1e-3;         // > 0
  double largest_learning_rate = 1e10;         // > 0
  double beta1 = 0;                            // in [0, 1)
  double beta2 = 0.99;                         // in [0, 1)
  double truncation = 1e-3;                    // > 0
  double weight_decay = 0;                     // >= 0, decoupled
  std::int64_t warm_start = 1;                 // >= 1
  std::int64_t batch_size = 64;                // in [1, n]; the last batch of a pass has up to twice as many
  Order order = Order::reshuffled;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    detail::oasis_options(self, visit);
    visit("batch_size", self.batch_size, range::at_least_one);
  }
  void check() const { detail::require_rate(*this); }
  template <class V>
  using State = OasisState<V>;

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    check_method(*this);
    State<V> state;
    state.name = name;
    const Index n = check_size(f);
    state.value = f.value_and_gradient(x, state.gradient);
    state.batches.begin(n, n, Order::in_order, {});
    const auto all = state.batches.next();
    detail::oasis_warm_start(*this, x, state, [&](const V& v, V& Hv) { f.batch_hessian_vector(x, all, v, Hv); });
    return state;
  }
  template <class F, class V>
  Report step(F&& objective, V& x, State<V>& state) const {
    auto&& f = oracle_of(objective, x);
    check_method(*this);
    const Index n = check_size(f);
    const RandomKey key = RandomKey{seed}.derive(2).derive(static_cast<std::uint64_t>(state.steps));
    state.batches.begin(n, batch_size, order, key);
    for (Index k = 0; k < state.batches.per_pass() && f.refused() == Status::running; ++k) {
      const auto batch = state.batches.next();
      f.batch_gradient(x, batch, state.gradient);
      if (!learning_rate) f.batch_gradient(state.last, batch, state.last_gradient);
      detail::oasis_move(*this, x, state, state.gradient, state.last_gradient,
                         [&](const V& v, V& Hv) { f.batch_hessian_vector(x, batch, v, Hv); });
    }
    state.value = f.value_and_gradient(x, state.gradient);
    return report_of(state);
  }

 private:
  template <class F>
  Index check_size(F& f) const {
    const Index n = f.size();
    detail::check_batch_size(name, batch_size, n);
    return n;
  }
};

}  // namespace glissade
