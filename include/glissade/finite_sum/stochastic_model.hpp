// Stochastic model-based minimization.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "../rule/schedule.hpp"
#include "inner_loop.hpp"

namespace glissade {

/// f_i(x) + <g, z - x>: the step of the stochastic subgradient method. Needs batch_gradient.
struct SubgradientModel {
  static void options(auto&, auto&&) {}

  template <class F, class V>
  void step(F& f, V& x, Index i, double length, V& gradient) const {
    f.batch_gradient(x, {&i, 1}, gradient);
    x -= length * gradient;
  }
};

/// max( f_i(x) + <g, z - x>, lower_bound ): a subgradient step that goes no further than to where the tangent meets the
/// bound. A term below the bound leaves x where it is. Needs batch_value and batch_gradient.
struct ClippedModel {
  double lower_bound = 0;  // of every term

  static void options(auto& self, auto&& visit) { visit("model.lower_bound", self.lower_bound, range::finite); }

  template <class F, class V>
  void step(F& f, V& x, Index i, double length, V& gradient) const {
    const double above = f.batch_value(x, {&i, 1}) - lower_bound;
    f.batch_gradient(x, {&i, 1}, gradient);
    x -= clipped(above, norm_of(gradient), length) * gradient;
  }
  /// min(length, above / norm^2), 0 where there is no slope or nothing above; NaN stays NaN.
  static double clipped(double above, double norm, double length) {
    if (norm == 0) return 0;
    const double whole = above / norm / norm;
    return whole >= length ? length : (std::max)(whole, 0.0);
  }
};

/// | c_i(x) + <c_i'(x), z - x> | of a term |c_i|: no further than to where the linear c_i vanishes. Needs
/// residual_and_gradient.
struct ProxLinearModel {
  static void options(auto&, auto&&) {}

  template <class F, class V>
  void step(F& f, V& x, Index i, double length, V& gradient) const {
    const double residual = f.residual_and_gradient(x, i, gradient);
    const double way = ClippedModel::clipped(std::abs(residual), norm_of(gradient), length);
    x -= std::copysign(way, residual) * gradient;
  }
};

/// f_i itself: the stochastic proximal point method. Needs prox_of_term.
struct ProximalPointModel {
  static void options(auto&, auto&&) {}

  template <class F, class V>
  void step(F& f, V& x, Index i, double length, V&) const {
    f.prox_of_term(x, i, length);
  }
};

/// Which point a run hands back. `last`: the last one; `average`: the mean of the points x_k from which steps were
/// made, weighted by the lengths a_k of these, for convex functions; `drawn`: one of these points, x_k with a
/// probability proportional to a_k, for which the paper's rate holds.
enum class ModelOutput { last, average, drawn };

/// Minimization by a model of one term at a time, for means of terms that need be neither smooth nor convex, such as
/// |c_i(x)| with smooth c_i: robust losses of which a subgradient method asks for a finely tuned step, and a closer
/// model does not.
///
///     inner_steps times, i the next term:   x <- argmin_z  model_i(z; x) + |z - x|^2 / (2 a),   a = step_size(k)
///     then the projection onto the set, where there is one
///
///     SubgradientModel     x - a g                                     any sum
///     ClippedModel         x - min(a, (f_i - lower_bound) / |g|^2) g   terms with a known lower bound
///     ProxLinearModel      x - clip(c_i / |c_i'|^2, -a, a) c_i'        terms |c_i|: residual_and_gradient
///     ProximalPointModel   argmin_z f_i(z) + |z - x|^2 / (2 a)         terms with a prox: prox_of_term
///
///     Result r = minimize(f, x, StochasticModel<ClippedModel>{.step_size = inverse_sqrt(0.1, 0, 1)},
///                         {.max_iterations = 100});
///
/// The step sizes of the paper: a number, which for K steps in all is about a_0 / sqrt(K + 1); inverse_sqrt(a_0, 0, 1),
/// which is a_0 / sqrt(k + 1); step_decay(a_0, period, factor). k counts all inner steps.
/// One step of the method is inner_steps of these, and then value and gradient of the whole at the point handed back.
/// Where f has a kink that gradient is a subgradient. Small, it proves the point nearly stationary; at a minimum on a
/// kink it need never be small, and the run ends by a limit or by Stop::predicate on the value. As steps shrink,
/// step_tolerance and value_tolerance are met wherever x is. The gradient of the Moreau envelope, by which the paper
/// measures, is not offered: it takes another minimization over all terms.
/// Options: model; step_size > 0 (0.1); output (last); inner_steps >= 0 (0: a pass); order (reshuffled; independent is
/// with replacement); seed.
/// State: value, gradient, measure (as Svrg's), outer and inner (counts), iterate (the point from which the next step
/// is made), weight (the sum of all a_k); all that is random follows from the seed.
/// Cost: per inner step the gradient of a term, of ClippedModel its value too; one gradient per step. A residual with
/// its gradient and the prox of a term count as the gradient of a term.
/// Errors: std::invalid_argument for options out of range, also for a step_size(k) at its step. Too large a step of
/// SubgradientModel ends as Status::non_finite.
/// Source: "Stochastic model-based minimization of weakly convex functions", 2019, arXiv 1803.06523, from its abstract;
/// the closed forms were derived again and are held against grid search.
/// Deviation: the set is not part of the model, but projected on after the step; for SubgradientModel that is the same.
template <class Model = ProxLinearModel>
struct StochasticModel {
  static constexpr std::string_view name = "StochasticModel";
  static constexpr bool honours_set = true;
  Model model = {};
  Schedule step_size = 0.1;
  ModelOutput output = ModelOutput::last;
  std::int64_t inner_steps = 0;
  Order order = Order::reshuffled;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    self.model.options(self.model, visit);
    visit("step_size", self.step_size, range::positive);
    visit("output", self.output, range::up_to(ModelOutput::drawn));
    visit("inner_steps", self.inner_steps, range::non_negative);
    visit("order", self.order, range::up_to(Order::independent));
    visit("seed", self.seed);
  }
  template <class V>
  struct State : FiniteSumState<V> {
    V iterate;
    double weight = 0;

    static void visit(auto& self, auto&& field) {
      FiniteSumState<V>::visit(self, field);
      field("iterate", self.iterate);
      field("weight", self.weight);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    check_method(*this);
    static_cast<void>(f.size());
    auto state = state_at<State<V>>(*this, f, x);
    state.name = name;
    detail::set_measure(f, x, state, 1);
    state.iterate = x;
    return state;
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    const RandomKey key = RandomKey{seed}.derive(static_cast<std::uint64_t>(state.outer));
    const RandomKey coins = detail::coins(key);
    state.batches.begin(f.size(), 1, order, key);
    if (output == ModelOutput::last) state.iterate = x;
    const std::int64_t steps = inner_steps > 0 ? inner_steps : f.size();
    for (std::int64_t t = 0; t < steps && !f.refused(); ++t) {
      const double length = step_size(state.inner);
      if (!range::positive.contains(length)) CheckOption{name, state.inner}("step_size", step_size, range::positive);
      state.weight += length;
      const double share = length / state.weight;
      if (output == ModelOutput::average) x += share * (state.iterate - x);
      if (output == ModelOutput::drawn && coins.uniform(static_cast<std::uint64_t>(t)) < share) x = state.iterate;
      model.step(f, state.iterate, state.batches.next().front(), length, state.scratch);
      detail::proximal_step(f, state.iterate, length);
      ++state.inner;
    }
    if (output == ModelOutput::last) x = state.iterate;
    return detail::end_outer(f, x, state);
  }
};

}  // namespace glissade
