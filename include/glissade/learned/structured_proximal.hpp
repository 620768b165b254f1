// Learning to optimize with the structure that convergence asks for: proximal steps whose parts are maps.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "../drive/method.hpp"

namespace glissade {

/// What a map of StructuredProximal sees.
struct StructuredInput {
  std::int64_t iteration;  // k, from 0
  Eigen::Ref<const Eigen::VectorXd> x, gradient;
  Eigen::Ref<const Eigen::VectorXd> y, gradient_at_y;
};

/// Writes one number for each coefficient; `out` comes with what stands there without a map.
using StructuredMap = std::function<void(const StructuredInput& at, Eigen::VectorXd& out)>;

/// Proximal gradient steps for f plus an l1 norm (or f alone), whose lengths, momentum and the like are maps, learned
/// or written by hand. Whatever converges to solutions of all such problems has this form, up to terms that vanish.
///
///     p = step_size P_k
///     x_(k+1) = prox_p( (1 - B_k)(x - p grad f(x)) + B_k (y - p grad f(y)) - b1_k )
///     y_(k+1) = x_(k+1) + A_k (x_(k+1) - x) + b2_k
///
/// all products coefficient by coefficient; prox_p takes p_i weight_i from |x_i|. Without maps P = 1, A = 0, B = 1 and
/// b1 = b2 = 0: ISTA. With A alone, fista_momentum, it is FISTA. To converge P and A must stay bounded, b1 and b2
/// vanish, and a learned map be a small change of a step that would.
///
///     StructuredProximal method{.step_size = 0.9999 / L, .P = scale, .A = momentum};
///     minimize(plus_term(f, L1{.weight = 0.1}), x, method, {.max_iterations = 20});
///
/// A run of so many steps from one x is the unrolled network; its weights lie in the maps, and unrolled() is a pair of
/// such maps.
/// Options: step_size > 0 (0.1); P > 0, A, B, b1, b2.
/// The value is not made to fall: too long a step, or maps that are off, may diverge.
/// State: value, gradient, measure (the norm of the prox-gradient step of length step_size), y, iteration.
/// Cost: a gradient per step, two where y is not x; the maps.
/// Errors: std::invalid_argument for a step_size out of range, and for a map that changes the size of `out`, writes
/// what is not finite, or as P what is not positive; then x is as before the step.
/// Source: "Towards Constituting Mathematical Structures for Learning to Optimize", 2023, arXiv 2305.18577, equations
/// of its code (xhchrn/MS4L2O), where the maps are a recurrent network with P and A alone in its last model.
struct StructuredProximal {
  static constexpr std::string_view name = "StructuredProximal";
  static constexpr bool honours_l1 = true;

  double step_size = 0.1;
  StructuredMap P = {}, A = {}, B = {}, b1 = {}, b2 = {};

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    visit("P", self.P);
    visit("A", self.A);
    visit("B", self.B);
    visit("b1", self.b1);
    visit("b2", self.b2);
  }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = StructuredProximal::name;
    double measure = 0;
    V y;
    std::int64_t iteration = 0;
    V weights, last, gradient_at_y;  // workspace, as what follows
    Eigen::VectorXd p, a, b, bias1, bias2;

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("measure", self.measure);
      field("y", self.y);
      field("iteration", self.iteration, 0, std::int64_t{1} << 53);
    }
    friend Report report_of(const State& state, Status status = Status::running) {
      return {state.measure, state.value, status, norm_of(state.gradient)};
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    V weights = f.l1_weights(x);
    auto state = state_at<State<V>>(*this, f, x);
    state.weights = std::move(weights);
    state.y = x;
    set_measure(x, state);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    if (state.y == x)
      state.gradient_at_y = state.gradient;
    else
      f.value_and_gradient(state.y, state.gradient_at_y);
    if (f.refused()) return report_of(state);
    const StructuredInput at{state.iteration, x, state.gradient, state.y, state.gradient_at_y};
    ask("P", P, at, 1, state.p);
    for (Index i = 0; i < x.size(); ++i)
      if (!(state.p[i] > 0)) reject(name, "P[" + std::to_string(i) + "]", state.p[i], range::positive.text());
    ask("A", A, at, 0, state.a);
    ask("B", B, at, 1, state.b);
    ask("b1", b1, at, 0, state.bias1);
    ask("b2", b2, at, 0, state.bias2);
    state.last = x;
    for (Index i = 0; i < x.size(); ++i) {
      const double p = step_size * state.p[i], b = state.b[i];
      double moved = state.y[i] - p * state.gradient_at_y[i];
      if (b != 1) moved = (1 - b) * (x[i] - p * state.gradient[i]) + b * moved;
      x[i] = shrunk(moved - state.bias1[i], p * state.weights[i]);
    }
    for (Index i = 0; i < x.size(); ++i) state.y[i] = x[i] + state.a[i] * (x[i] - state.last[i]) + state.bias2[i];
    ++state.iteration;
    state.value = f.value_and_gradient(x, state.gradient);
    set_measure(x, state);
    return report_of(state);
  }

 private:
  static double shrunk(double x, double by) { return x > by ? x - by : x < -by ? x + by : x == x ? 0.0 : x; }

  static void ask(std::string_view what, const StructuredMap& map, const StructuredInput& at, double otherwise,
                  Eigen::VectorXd& out) {
    out.setConstant(at.x.size(), otherwise);
    if (!map) return;
    map(at, out);
    require_shape(name, what, out, at.x.size(), 1);
    if (!out.allFinite()) throw std::invalid_argument("StructuredProximal: " + std::string(what) + " is not finite");
  }

  template <class V>
  void set_measure(const V& x, State<V>& state) const {
    state.last = x - step_size * state.gradient;
    for (Index i = 0; i < x.size(); ++i)
      state.last[i] = (x[i] - shrunk(state.last[i], step_size * state.weights[i])) / step_size;
    state.measure = norm_of(state.last);
  }
};

/// The momentum of FISTA: A_k = (t_(k+1) - 1) / t_(k+2) with t_1 = 1, t' = (1 + sqrt(1 + 4 t^2)) / 2.
/// From k = 0, as x_1 is the first point that can be left.
[[nodiscard]] inline double fista_momentum(std::int64_t k) {
  double t = 1, last = 1;
  for (std::int64_t i = 0; i <= k + 1; ++i) {
    last = t;
    t = (1 + std::sqrt(1 + 4 * t * t)) / 2;
  }
  return (last - 1) / t;
}

/// A method unrolled for weights.size() / 2 steps: in step k of them P = 2 / (1 + exp(-w_2k)) and A = fista_momentum(k)
/// + w_(2k+1), in later ones as without weights. With all weights 0 it is FISTA; they can be trained for problems of a
/// kind, by EvolutionTrainer for instance.
/// Throws std::invalid_argument for an odd number of weights and one that is not finite.
[[nodiscard]] inline StructuredProximal unrolled(double step_size, const Eigen::VectorXd& weights) {
  if (weights.size() % 2 != 0) throw std::invalid_argument("unrolled: an odd number of weights, must be two per step");
  if (!weights.allFinite()) throw std::invalid_argument("unrolled: a weight is not finite");
  StructuredProximal method{.step_size = step_size};
  method.P = [weights](const StructuredInput& at, Eigen::VectorXd& out) {
    if (2 * at.iteration < weights.size()) out.setConstant(2 / (1 + std::exp(-weights[2 * at.iteration])));
  };
  method.A = [weights](const StructuredInput& at, Eigen::VectorXd& out) {
    out.setConstant(fista_momentum(at.iteration) +
                    (2 * at.iteration < weights.size() ? weights[2 * at.iteration + 1] : 0));
  };
  return method;
}

}  // namespace glissade
