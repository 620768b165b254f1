// OASIS.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include "../../drive/method.hpp"
#include "../../linalg/diagonal_estimate.hpp"

namespace glissade {

/// The state of OASIS: where it was before and what the curvature looked like.
template <class V>
struct OasisState : ValueAndGradient<V> {
  std::string_view name;
  V last, last_gradient, curvature, momentum;
  double rate = 0;                                          // eta
  double growth = std::numeric_limits<double>::infinity();  // theta, the last ratio of two rates
  std::int64_t steps = 0;
  V probe, estimate, scale;  // workspace

  static void visit(auto& self, auto&& field) {
    ValueAndGradient<V>::visit(self, field);
    field("last", self.last);
    field("last_gradient", self.last_gradient);
    field("curvature", self.curvature);
    field("momentum", self.momentum);
    field("rate", self.rate);
    field("growth", self.growth);
    field("steps", self.steps, 0, std::int64_t{1} << 53);
  }
};

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

/// Options against each other.
template <class M>
void check_oasis(const M& method) {
  if (!method.learning_rate)
    require(M::name, "initial_learning_rate", method.initial_learning_rate,
            Range{0, method.largest_learning_rate, true, false});
  if (!method.learning_rate && (method.beta1 != 0 || method.weight_decay != 0))
    throw std::invalid_argument(std::string(M::name) + ": beta1 and weight_decay need a learning_rate");
}

/// A state at x, with the mean of `warm_start` probes as curvature; product(v, Hv) is the Hessian at x.
template <class S, class M, class F, class V, class Product>
S begin_oasis(const M& method, const RandomKey& key, F& f, const V& x, const Product& product) {
  S state = state_at<S>(method, f, x);
  state.name = M::name;
  state.curvature.setZero(x.size());
  for (std::int64_t k = 0; k < method.warm_start; ++k) {
    const RandomKey probe = key.derive(0).derive(static_cast<std::uint64_t>(k));
    hutchinson(product, x.size(), Probe::rademacher, probe, state.probe, state.estimate);
    state.curvature += state.estimate / static_cast<double>(method.warm_start);
  }
  state.last = x;
  state.last_gradient = state.gradient;
  state.momentum.setZero(x.size());
  state.rate = method.initial_learning_rate;
  return state;
}

/// One step along `gradient`; `at_last` is the gradient at the last point of the same (mini-batch) function, and
/// product(v, Hv) that function's Hessian at x. Leaves x in state.last. False where the curvature is not finite.
template <class M, class V, class Product>
[[nodiscard]] bool oasis_move(const M& method, const RandomKey& key, V& x, OasisState<V>& state, const V& gradient,
                              const V& at_last, const Product& product) {
  // A schedule is a function of the user's: each of its values is checked before anything is touched.
  if (method.learning_rate)
    require(M::name, "learning_rate", (*method.learning_rate)(state.steps), range::non_negative);
  const std::int64_t k = state.steps++;
  if (k > 0) {
    const RandomKey probe = key.derive(1).derive(static_cast<std::uint64_t>(k));
    hutchinson(product, x.size(), Probe::rademacher, probe, state.probe, state.estimate);
    state.curvature = method.beta2 * state.curvature + (1 - method.beta2) * state.estimate;
  }
  if (!state.curvature.allFinite()) return false;
  state.scale = state.curvature.cwiseAbs().cwiseMax(method.truncation);
  double rate = state.rate;
  if (method.learning_rate) {
    rate = (*method.learning_rate)(k);
  } else if (k > 0) {
    const auto root = state.scale.cwiseSqrt();
    state.probe = (x - state.last).cwiseProduct(root);
    state.estimate = (gradient - at_last).cwiseQuotient(root);
    const double changed = norm_of(state.estimate);
    const double grown = std::sqrt(1 + state.growth) * state.rate;
    const double measured =
        changed > 0 ? norm_of(state.probe) / (2 * changed) : std::numeric_limits<double>::infinity();
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
  return true;
}

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
/// Cost: one gradient and one Hessian-vector product per step; `warm_start` products at the start.
/// Errors: std::invalid_argument for options out of range, and for beta1 or weight_decay without a learning_rate.
/// Ends with non_finite_hessian where the curvature is not finite.
/// Source: "Doubly Adaptive Scaled Algorithm for Machine Learning Using Second-Order Information", 2021, arXiv
/// 2109.05198, Algorithm 1.
struct Oasis {
  static constexpr std::string_view name = "Oasis";
  std::optional<Schedule> learning_rate = {};  // >= 0; empty: adaptive
  double initial_learning_rate = 1e-3;         // in (0, largest_learning_rate], of the first adaptive step
  double largest_learning_rate = 1e10;         // > 0: where gradients vanish, eta would grow for ever
  double beta1 = 0;                            // in [0, 1)
  double beta2 = 0.99;                         // in [0, 1)
  double truncation = 1e-5;                    // > 0
  double weight_decay = 0;                     // >= 0, decoupled
  std::int64_t warm_start = 1;                 // >= 1, probes of the first D
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    oasis_options(self, visit);
    visit("seed", self.seed);
  }
  void check() const { check_oasis(*this); }
  template <class V>
  using State = OasisState<V>;

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    return begin_oasis<State<V>>(*this, RandomKey{seed}, f, x, [&](const V& v, V& Hv) { f.hessian_vector(x, v, Hv); });
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    if (!oasis_move(*this, RandomKey{seed}, x, state, state.gradient, state.last_gradient,
                    [&](const V& v, V& Hv) { f.hessian_vector(x, v, Hv); }))
      return report_of(state, Status::non_finite_hessian);
    state.last_gradient = state.gradient;
    state.value = f.value_and_gradient(x, state.gradient);
    return report_of(state);
  }
};

}  // namespace glissade
