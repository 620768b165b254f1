// Target-based surrogates: many steps for each gradient of an expensive loss.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "../oracle/outputs.hpp"
#include "inner_loop.hpp"

namespace glissade {

/// How the step in the space of outputs goes on, t = 1, 2, ...: as it is; over sqrt(t); times (1 / horizon)^(t /
/// horizon); or, with calls of the loss, the first of step_size, shrink step_size, ... on which the loss falls enough.
enum class TargetSchedule { constant, inverse_sqrt, exponential, armijo };

/// How a surrogate is minimized: the options that TargetSurrogate and StochasticTargetSurrogate have in common.
struct SurrogateDescent {
  std::int64_t steps = 10;           // >= 1: inner steps, m
  bool line_search = true;           // false: every inner step has the length first_step
  double first_step = 10;            // > 0: with which each search begins anew
  double sufficient_decrease = 0.5;  // in (0, 1): c
  double shrink = 0.9;               // in (0, 1)
  double grow = 1.8;                 // > 1: of the step from one inner step to the next, per pass of batches
  double gradient_tolerance = 1e-6;  // >= 0: of the surrogate, below which its descent ends
  double smallest_step = 1e-6;       // > 0
  std::int64_t max_trials = 100;     // >= 1: per search

  static void options(auto& self, auto&& visit) {
    visit("inner.steps", self.steps, range::at_least_one);
    visit("inner.line_search", self.line_search);
    visit("inner.first_step", self.first_step, range::positive);
    visit("inner.sufficient_decrease", self.sufficient_decrease, range::open_fraction);
    visit("inner.shrink", self.shrink, range::open_fraction);
    visit("inner.grow", self.grow, Range{1, std::numeric_limits<double>::infinity(), true, true});
    visit("inner.gradient_tolerance", self.gradient_tolerance, range::non_negative);
    visit("inner.smallest_step", self.smallest_step, range::positive);
    visit("inner.max_trials", self.max_trials, range::at_least_one);
  }
};

namespace detail {

/// Memory of the descent on a surrogate.
template <class V>
struct SurrogateWork {
  Eigen::VectorXd outputs, target_gradient;  // z and u: where the surrogate touches the objective
  Eigen::VectorXd reached, trial_outputs;    // of the last inner step, and on trial
  Eigen::VectorXd weights;                   // u + (outputs - z) / (eta n)
  V point, trial, gradient;
};

/// The gradient in x of a loss with gradient u in its outputs: NaN where u is not finite, which a product may hide.
template <class P, class V>
void pull_back(const P& parts, const V& x, const Eigen::VectorXd& u, V& gradient) {
  parts.vector_jacobian(x, u, gradient);
  if (!u.allFinite()) gradient.setConstant(std::numeric_limits<double>::quiet_NaN());
}

/// At most `descent.steps` steps on the surrogate from work.point, with its outputs in work.outputs. What the surrogate
/// is made of comes from outputs(x, z) and product(x, v, g); `curvature` is 1 / (eta n); work.gradient is the gradient
/// at the start, or is asked for where `known` is false. Leaves the last point in work.point and its outputs in
/// work.reached; whether it moved.
template <class V, class F, class Outputs, class Product>
bool descend_surrogate(const F& f, SurrogateWork<V>& work, const SurrogateDescent& descent, double curvature,
                       double grow, bool known, const Outputs& outputs, const Product& product) {
  const Eigen::VectorXd& u = work.target_gradient;
  const auto surrogate = [&](const Eigen::VectorXd& at) {
    double value = 0;
    for (Index i = 0; i < at.size(); ++i) {
      const double change = at[i] - work.outputs[i];
      value += change * (u[i] + 0.5 * curvature * change);
    }
    return value;
  };
  work.reached = work.outputs;
  double value = 0;
  double step = descent.first_step;
  bool moved = false;
  for (std::int64_t k = 0; k < descent.steps && !f.refused(); ++k) {
    if (k > 0 || !known) {
      work.weights = u + curvature * (work.reached - work.outputs);
      product(work.point, work.weights, work.gradient);
    }
    const double norm = norm_of(work.gradient);
    if (!(norm > (k == 0 ? 0 : descent.gradient_tolerance)) || !std::isfinite(norm)) break;
    if (!descent.line_search) {
      work.point -= step * work.gradient;
      outputs(work.point, work.reached);
      moved = true;
      continue;
    }
    if (k > 0) step *= grow;
    bool found = false;
    for (std::int64_t trial = 0; trial < descent.max_trials && !f.refused(); ++trial, step *= descent.shrink) {
      if (step < descent.smallest_step) break;
      work.trial = work.point - step * work.gradient;
      outputs(work.trial, work.trial_outputs);
      const double next = surrogate(work.trial_outputs);
      if (!(next <= value - descent.sufficient_decrease * step * norm * norm)) continue;
      found = true;
      value = next;
      break;
    }
    if (!found) break;
    std::swap(work.point, work.trial);
    std::swap(work.reached, work.trial_outputs);
    moved = true;
  }
  return moved;
}

/// The step in the space of outputs that a schedule has for the t-th target gradient.
inline double scheduled(TargetSchedule schedule, double step_size, double horizon, std::int64_t t) {
  const auto time = static_cast<double>(t);
  if (schedule == TargetSchedule::inverse_sqrt) return step_size / std::sqrt(time);
  if (schedule == TargetSchedule::exponential) return step_size * std::pow(horizon, -time / horizon);
  return step_size;
}

/// The largest of step, shrink step, ... with loss(z - eta terms u) <= value - c eta terms |u|^2; 0 if none is.
template <class V, class F, class Loss>
double functional_armijo(const F& f, SurrogateWork<V>& work, const SurrogateDescent& descent, double step, double terms,
                         double value, const Loss& loss) {
  const double norm = norm_of(work.target_gradient);
  for (std::int64_t trial = 0; trial < descent.max_trials && !f.refused(); ++trial, step *= descent.shrink) {
    work.trial_outputs = work.outputs - step * terms * work.target_gradient;
    if (loss(work.trial_outputs, work.weights) <= value - descent.sufficient_decrease * step * terms * norm * norm)
      return step;
  }
  return 0;
}

}  // namespace detail

/// Target-based surrogates: for objectives f(x) = loss(outputs(x)) whose loss costs much more than the outputs, such as
/// a simulation of what a network says. One gradient of the loss serves many steps.
///
///     Result r = minimize(simulated, x, TargetSurrogate{.inner = {.steps = 20}}, {.max_gradient_calls = 100});
///
///     z = outputs(x),   u = gradient of the loss at z                        the only expensive call
///     g(y) = <u, outputs(y) - z> + |outputs(y) - z|^2 / (2 eta n)
///     x <- y after at most inner.steps steps  y <- y - alpha J(y)'(u + (outputs(y) - z) / (eta n))  from y = x
///
/// alpha is first_step in the first of these, then grow times the last, and shrinks until g falls by c alpha |J'..|^2.
/// With eta at most 1 / L, L the smoothness of the loss of one term with respect to its outputs (1 of half a square,
/// 1/4 of the logistic loss), g is an upper bound, and f falls in every step, whatever the outputs. n is size() where
/// the objective is a mean of that many terms, else 1. With one inner step it is gradient descent, with outputs(x) = x
/// gradient descent with the step eta n; many inner steps on linear outputs are a projected step in their space.
///
/// The objective gives outputs(x, z), vector_jacobian(x, v, g) and double loss(z, u); max_value_calls and
/// max_gradient_calls count the loss, and outputs and products are counted apart in Result::evaluations.
///
/// Options: step_size > 0 (1), eta; schedule (constant); horizon > 0 (1000), T of the exponential schedule; inner: see
/// SurrogateDescent. With schedule armijo, eta begins at step_size, in later steps at grow times the last one, at most
/// step_size, and shrinks until loss(z - eta n u) <= loss(z) - c eta n |u|^2.
/// State: value, gradient, outputs (z), target_gradient (u), outer (steps), last_step (eta).
/// Cost: one value and gradient of the loss; up to inner.steps products with J' and the outputs of all trials, of which
/// the first search alone may make dozens. Memory: 5 vectors of outputs.
/// Errors: std::invalid_argument for options out of range, and for outputs that change in number. Where not even the
/// first inner step lowers g it ends with Status::search_failed.
/// Source: "Target-based Surrogates for Stochastic Optimization", 2023, arXiv 2302.02607, Algorithm 1, SSO and SSO-SLS.
/// Deviations: inner.gradient_tolerance ends the descent after its first step only; where a search fails, the last
/// point that lowered g stands.
struct TargetSurrogate {
  static constexpr std::string_view name = "TargetSurrogate";
  double step_size = 1;
  TargetSchedule schedule = TargetSchedule::constant;
  double horizon = 1000;
  SurrogateDescent inner = {};

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    visit("schedule", self.schedule, range::up_to(TargetSchedule::armijo));
    visit("horizon", self.horizon, range::positive);
    self.inner.options(self.inner, visit);
  }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = TargetSurrogate::name;
    std::int64_t outer = 0;
    double last_step = 0;
    detail::SurrogateWork<V> work;

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("outputs", self.work.outputs);
      field("target_gradient", self.work.target_gradient);
      field("outer", self.outer, 0, std::int64_t{1} << 53);
      field("last_step", self.last_step);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    check_honours<TargetSurrogate, std::remove_reference_t<F>, V>();
    check_method(*this);
    auto&& f = oracle_of(objective, x);
    State<V> state;
    const LossOfOutputs parts(f);
    parts.outputs(x, state.work.outputs);
    evaluate(f, x, state);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    detail::SurrogateWork<V>& work = state.work;
    const LossOfOutputs parts(f);
    double terms = 1;
    if constexpr (F::has_size) terms = static_cast<double>(f.size());
    double eta = detail::scheduled(schedule, step_size, horizon, state.outer + 1);
    if (schedule == TargetSchedule::armijo) {
      const double from = state.last_step > 0 ? std::min(step_size, inner.grow * state.last_step) : step_size;
      eta = detail::functional_armijo(f, work, inner, from, terms, state.value,
                                      [&](const auto& z, auto& unused) { return parts.loss_value(z, unused); });
      if (eta == 0) return report_of(state, Status::search_failed);
    }
    work.point = x;
    work.gradient = state.gradient;
    const Index count = work.outputs.size();
    const bool moved = detail::descend_surrogate(
        f, work, inner, 1 / (eta * terms), inner.grow, true,
        [&](const V& at, Eigen::VectorXd& z) { parts.outputs(at, z, count); },
        [&](const V& at, const Eigen::VectorXd& v, V& product) { parts.vector_jacobian(at, v, product); });
    if (!moved) return report_of(state, Status::search_failed);
    x = work.point;
    std::swap(work.outputs, work.reached);
    state.last_step = eta;
    ++state.outer;
    evaluate(f, x, state);
    return report_of(state);
  }

 private:
  template <class F, class V>
  static void evaluate(F& f, const V& x, State<V>& state) {
    const LossOfOutputs parts(f);
    state.value = parts.loss(state.work.outputs, state.work.target_gradient);
    detail::pull_back(parts, x, state.work.target_gradient, state.gradient);
  }
};

/// Target-based surrogates with the gradient of the loss on batches of terms: what TargetSurrogate is to gradient
/// descent, this is to stochastic gradient descent.
///
///     inner_steps times, with batches S:   z = outputs of S at x,   u = gradient of the mean loss of S at z
///     g(y) = <u, outputs_S(y) - z> + |outputs_S(y) - z|^2 / (2 eta |S|),   x <- y as of TargetSurrogate
///
/// One step of the method is batching.inner_steps of these, and then value and gradient of the whole, which it does not
/// use. With one inner step of fixed length it is SGD.
///
/// The objective gives size(), outputs, vector_jacobian and loss, and of batches batch_outputs(x, indices, z),
/// batch_vector_jacobian(x, indices, v, g) and double batch_loss(z, indices, u), whose terms count as shares of values
/// and gradients.
///
/// Options: as TargetSurrogate (schedule inverse_sqrt, in t the batches so far); alpha grows by the part grow^(1 /
/// batches in a pass); batching (size 1, reshuffled, one pass). With schedule armijo eta is sought on each batch.
/// State: value, gradient, measure, outer and inner (steps, batches), last_step (eta); batches follow from the seed.
/// Cost: per batch a value and gradient of the loss of its terms, and outputs and products as TargetSurrogate.
/// Errors: as TargetSurrogate. Where no inner step lowers g, the next batch is taken; a loss of a batch that is not
/// finite ends the run with Status::non_finite.
struct StochasticTargetSurrogate {
  static constexpr std::string_view name = "StochasticTargetSurrogate";
  double step_size = 1;
  TargetSchedule schedule = TargetSchedule::inverse_sqrt;
  double horizon = 1000;
  SurrogateDescent inner = {};
  Batching<> batching = {};

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    visit("schedule", self.schedule, range::up_to(TargetSchedule::armijo));
    visit("horizon", self.horizon, range::positive);
    self.inner.options(self.inner, visit);
    self.batching.options(self.batching, visit);
  }

  template <class V>
  struct State : FiniteSumState<V> {
    double last_step = 0;
    detail::SurrogateWork<V> work;             // of a batch
    Eigen::VectorXd outputs, target_gradient;  // of the whole

    static void visit(auto& self, auto&& field) {
      FiniteSumState<V>::visit(self, field);
      field("last_step", self.last_step);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    check_honours<StochasticTargetSurrogate, std::remove_reference_t<F>, V>();
    check_method(*this);
    auto&& f = oracle_of(objective, x);
    batching.terms(name, f);
    State<V> state;
    state.name = name;
    evaluate(f, x, state);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    detail::SurrogateWork<V>& work = state.work;
    const LossOfOutputs parts(f);
    detail::begin_batches(*this, f, state);
    const Index per_pass = state.batches.per_pass();
    const double grow = std::pow(inner.grow, 1 / static_cast<double>(per_pass));
    const std::int64_t steps = batching.steps_or(per_pass);
    work.point = x;
    for (std::int64_t t = 0; t < steps && !f.refused(); ++t) {
      const auto batch = state.batches.next();
      const auto terms = static_cast<double>(batch.size());
      parts.batch_outputs(work.point, batch, work.outputs);
      const double value = parts.batch_loss(work.outputs, batch, work.target_gradient);
      if (!std::isfinite(value) || !work.target_gradient.allFinite()) return {};
      ++state.inner;
      double eta = detail::scheduled(schedule, step_size, horizon, state.inner);
      if (schedule == TargetSchedule::armijo) {
        const double from = state.last_step > 0 ? std::min(step_size, inner.grow * state.last_step) : step_size;
        eta = detail::functional_armijo(f, work, inner, from, terms, value, [&](const auto& z, auto& unused) {
          return parts.batch_loss_value(z, batch, unused);
        });
        if (eta == 0) continue;
      }
      state.last_step = eta;
      const Index count = work.outputs.size();
      detail::descend_surrogate(
          f, work, inner, 1 / (eta * terms), grow, false,
          [&](const V& at, Eigen::VectorXd& z) { parts.batch_outputs(at, batch, z, count); },
          [&](const V& at, const Eigen::VectorXd& v, V& product) {
            parts.batch_vector_jacobian(at, batch, v, product);
          });
    }
    x = work.point;
    ++state.outer;
    evaluate(f, x, state);
    return report_of(state);
  }

 private:
  template <class F, class V>
  static void evaluate(F& f, const V& x, State<V>& state) {
    const LossOfOutputs parts(f);
    parts.outputs(x, state.outputs);
    state.value = parts.loss(state.outputs, state.target_gradient);
    detail::pull_back(parts, x, state.target_gradient, state.gradient);
    state.measure = norm_of(state.gradient);
  }
};

}  // namespace glissade
