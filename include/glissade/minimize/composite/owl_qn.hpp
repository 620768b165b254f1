// The limited-memory quasi-Newton method for a smooth function plus an l1 norm.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../quasi_newton/lbfgs.hpp"
#include "l1_term.hpp"

namespace glissade {

/// OWL-QN, for f(x) + sum_i w_i |x_i| with a smooth f of many variables: sparse logistic regression and the like. The
/// zeros that it finds are zeros.
///
///     v = the subgradient of f + h that is least in norm
///     d = -H v by the pairs of Lbfgs, which are those of f;   d_i = 0 where w_i > 0 and d_i v_i >= 0
///     o_i = sign(x_i), or -sign(v_i) where x_i = 0
///     x(a) = x + a d, with 0 where w_i > 0 and x(a)_i o_i <= 0;   a = first, first shrink, ...  until
///     f(x(a)) + h(x(a)) <= f(x) + h(x) + c v'(x(a) - x)      first: 1, without pairs 1 / |v|
///
/// Where the values are too near to tell, the slopes at both ends are asked. Where no step is found the pairs are
/// dropped and -v is tried once, then it ends with search_failed. Result::value is f + h, gradient_norm that of the
/// gradient of f, measure |v|.
///
/// The objective says that its term is an l1 norm: plus_term(f, L1{.weight = 0.1}), or its own l1_weights(). Any other
/// prox does not compile; without a term it is Lbfgs with Armijo's rule.
///
/// Options: memory in [1, 1000] (10); sufficient_decrease c in (0, 1/2) (1e-4); shrink in (0, 1) (0.5);
/// max_trials >= 1 (60).
/// State: that of Lbfgs; penalty (h), measure, subgradient (v).
/// Cost: 4 memory n flops, a value per trial and one gradient per step.
/// Errors: std::invalid_argument for options out of range, weights that are negative or not as many as coefficients.
/// Source: "Scalable Training of L1-Regularized Log-Linear Models", 2007.
/// Deviations: c and shrink are options; weights may differ, and coefficients of weight 0 keep to no orthant.
struct OwlQn {
  static constexpr std::string_view name = "OwlQn";
  static constexpr bool honours_l1 = true;

  int memory = 10;
  double sufficient_decrease = 1e-4;
  double shrink = 0.5;
  int max_trials = 60;

  static void options(auto& self, auto&& visit) {
    visit("memory", self.memory, Range{1, 1000});
    visit("sufficient_decrease", self.sufficient_decrease, Range{0, 0.5, true, true});
    visit("shrink", self.shrink, range::open_fraction);
    visit("max_trials", self.max_trials, range::at_least_one);
  }

  template <class V>
  struct State : Lbfgs::State<V>, L1State<V> {
    static constexpr std::string_view name = OwlQn::name;

    static void visit(auto& self, auto&& field) {
      Lbfgs::State<V>::visit(self, field);
      L1State<V>::visit(self, field);
    }
    friend Report report_of(const State& state, Status status = Status::running) {
      return {state.measure, state.value + state.penalty, status, norm_of(state.gradient)};
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    V weights = f.l1_weights(x);
    auto state = state_at<State<V>>(*this, f, x);
    state.term.weights = std::move(weights);
    state.s.setZero(x.size(), memory);
    state.y.setZero(x.size(), memory);
    state.product.setZero(memory);
    state.share.setZero(memory);
    state.look(x, state.gradient);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    state.last_x = x;
    state.last_gradient = state.gradient;
    state.scratch.unbounded = false;
    double length = 0;
    if (state.pairs > 0) {
      state.direction = -state.subgradient;
      detail::two_loops(state);
      for (Index i = 0; i < x.size(); ++i)
        if (state.term.weights[i] > 0 && !(state.direction[i] * state.subgradient[i] < 0)) state.direction[i] = 0;
      length = search(f, x, state, 1);
      if (!(length > 0)) {
        state.pairs = 0;
        state.length = 0;  // along another direction
      }
    }
    if (!(length > 0)) {
      state.direction = -state.subgradient;
      length = search(f, x, state, state.length > 0 ? state.length : 1 / state.measure);
    }
    if (!(length > 0)) return report_of(state, why_failed(state.scratch));
    state.length = length;
    detail::keep_pair(x, state);
    return report_of(state);
  }

 private:
  /// Moves x and returns the length; 0: not moved.
  template <class F, class V>
  double search(F& f, V& x, State<V>& state, double first) const {
    V& trial = state.scratch.point;
    trial.resize(x.size());
    double length = first;
    for (int k = 0; k < max_trials && !f.refused(); ++k, length *= shrink) {
      double promised = 0;
      for (Index i = 0; i < x.size(); ++i) {
        const double v = state.subgradient[i];
        trial[i] = x[i] + length * state.direction[i];
        const double orthant = x[i] != 0 ? x[i] : -v;
        if (state.term.weights[i] > 0 && !((trial[i] > 0 && orthant > 0) || (trial[i] < 0 && orthant < 0)) &&
            trial[i] == trial[i])
          trial[i] = 0;
        promised += v * (trial[i] - x[i]);
      }
      if (!(promised < 0)) continue;
      const double value = f.probe(trial, state.scratch.gradient);
      if (value == -std::numeric_limits<double>::infinity()) state.scratch.unbounded = true;
      bool complete = !F::has_value;
      const auto complete_it = [&] {
        if (!complete) f.complete_probe(trial, state.scratch.gradient);
        complete = true;
      };
      const auto slope = [&] {
        complete_it();
        double sum = 0;
        for (Index i = 0; i < x.size(); ++i) {
          // In the orthant of the step the l1 norm is linear.
          const double v = state.subgradient[i] - state.gradient[i];
          sum += (state.scratch.gradient[i] + v) * (trial[i] - x[i]);
        }
        return sum;
      };
      const double now = state.value + state.penalty, then = value + state.term.value(trial);
      const bool low = then < now && then <= now + sufficient_decrease * promised;
      if (!low && !(std::abs(then - now) <= 1e-14 * std::abs(now) &&
                    std::abs(slope()) <= (1 - 2 * sufficient_decrease) * std::abs(promised)))
        continue;
      complete_it();
      if (!std::isfinite(value) || !state.scratch.gradient.allFinite()) continue;
      x = trial;
      state.value = value;
      state.gradient = state.scratch.gradient;
      state.look(x, state.gradient);
      return length;
    }
    return 0;
  }
};

}  // namespace glissade
