// Newton steps with step sizes from theory: no regularization, invariant to affine changes of variables.
#pragma once

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "../../linalg/convex_inverse.hpp"
#include "../line/line.hpp"

namespace glissade {

/// How DampedNewton chooses its step size.
enum class Damping { newton, aicn, root, universal, greedy, grls, armijo };

/// Newton's method for smooth convex functions on which the plain step may diverge.
///
///     n = H^{-1} g,  decrement = sqrt(<g, n>),  x <- x - a n
///
///     newton     a = 1
///     aicn       a = 2 / (1 + sqrt(1 + 2 constant decrement))
///     root       a = 1 / (1 + (9 constant)^{1/(q-1)} decrement^{(q-2)/(q-1)})
///     universal  a = 1 / (1 + theta),  theta = c^j sigma decrement^beta,  with the first j = 0, 1, ... for which
///                2 a theta <g(y), n> >= <g(y), H^{-1} g(y)> at y = x - a n;  then sigma <- c^{j-1} sigma
///     greedy     a = argmin of f(y) over a grid
///     grls       a = argmin of (f(y) - f(x)) / <g(y), H^{-1} g(y)> over a grid
///     armijo     a = 1, 1/2, 1/4, ... until f(y) <= f(x) - tau a decrement^2
///
/// universal needs no constant and falls monotonically; aicn needs one that bounds the semi-strong
/// self-concordance of f and may diverge where there is none, as on sqrt(1 + x^2) from 5.
///
/// Options: kind (universal); constant > 0, L of aicn (1) and M_q of root; q in [2, 4] (3); sigma > 0 (1), beta in
/// [2/3, 1] (1), c > 1 (2) of universal; grid_low in (0, 1) (1e-10), grid_points >= 2 (400); tau in (0, 1/2] (1/2);
/// pseudo_inverse_cut (1e-10): H, with its variables scaled so that its diagonal is about 1, is inverted without the
/// eigenvalues that are at most this times the largest; max_trials >= 1 (100).
/// State: sigma.
/// Cost: one Hessian, one factorization and one gradient per step; universal about two gradients, greedy and grls one
/// value or gradient for each point of the grid. Ends with not_convex where H has negative eigenvalues or the
/// decrement is not positive, with non_finite_hessian where H is not finite, and with search_failed where no trial is
/// accepted.
/// Source: Hanzely and others, A damped Newton method achieves global O(1/k^2) and local quadratic convergence rate,
/// 2022, arXiv 2211.00140 (aicn); Hanzely, Abdukhakimov and Takac, Damped Newton method with near-optimal global
/// O(k^{-3}) convergence rate, 2024, arXiv 2405.18926 (the others).
struct DampedNewton {
  static constexpr std::string_view name = "DampedNewton";

  Damping kind = Damping::universal;
  double constant = 1;
  double q = 3;
  double sigma = 1;
  double beta = 1;
  double c = 2;
  double grid_low = 1e-10;
  int grid_points = 400;
  double tau = 0.5;
  double pseudo_inverse_cut = 1e-10;
  int max_trials = 100;

  static void options(auto& self, auto&& visit) {
    visit("kind", self.kind, range::up_to(Damping::armijo));
    visit("constant", self.constant, range::positive);
    visit("q", self.q, Range{2, 4});
    visit("sigma", self.sigma, range::positive);
    visit("beta", self.beta, Range{2.0 / 3, 1});
    visit("c", self.c, Range{1, std::numeric_limits<double>::infinity(), true, true});
    visit("grid_low", self.grid_low, range::open_fraction);
    visit("grid_points", self.grid_points, Range{2, 1e9});
    visit("tau", self.tau, Range{0, 0.5, true, false});
    visit("pseudo_inverse_cut", self.pseudo_inverse_cut, range::decay);
    visit("max_trials", self.max_trials, range::at_least_one);
  }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = DampedNewton::name;
    double sigma = 1;
    V direction;  // -n
    V image;      // H^{-1} of a trial's gradient
    SquareOf<V> hessian;
    V scale;
    ConvexInverse<SquareOf<V>> inverse;  // of the Hessian with variables in this scale
    V trial, trial_gradient;
    double trial_value = 0;

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("sigma", self.sigma);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto state = state_at<State<V>>(*this, objective, x);
    state.sigma = sigma;
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    f.hessian(x, state.hessian);
    if (!state.hessian.allFinite()) return report_of(state, Status::non_finite_hessian);
    equilibrate(state);
    if (!state.inverse.compute(state.hessian, pseudo_inverse_cut)) return report_of(state, Status::not_convex);
    state.direction = -state.gradient;
    solve_in_place(state, state.direction);
    const double squared = -state.gradient.dot(state.direction);
    if (!(squared > 0)) return report_of(state, Status::not_convex);
    const double decrement = std::sqrt(squared);
    bool found = true;
    switch (kind) {
      case Damping::newton:
        look(f, x, 1, state);
        break;
      case Damping::aicn:
        look(f, x, 2 / (1 + std::sqrt(1 + 2 * constant * decrement)), state);
        break;
      case Damping::root:
        look(f, x, 1 / (1 + std::pow(9 * constant, 1 / (q - 1)) * std::pow(decrement, (q - 2) / (q - 1))), state);
        break;
      case Damping::universal:
        found = universal(f, x, decrement, state);
        break;
      case Damping::greedy:
      case Damping::grls:
        found = best_on_grid(f, x, state);
        break;
      case Damping::armijo:
        found = backtrack(f, x, squared, state);
        break;
    }
    if (!found) return report_of(state, Status::search_failed);
    x.swap(state.trial);
    state.gradient.swap(state.trial_gradient);
    state.value = state.trial_value;
    return report_of(state);
  }

 private:
  /// Brings the diagonal of H to about 1, by powers of two: whether it is positive definite, and its inverse, do not
  /// hang on the units of the variables.
  template <class V>
  static void equilibrate(State<V>& state) {
    state.scale =
        state.hessian.diagonal().unaryExpr([](double h) { return h > 0 ? std::ldexp(1.0, -std::ilogb(h) / 2) : 1.0; });
    state.hessian.array().colwise() *= state.scale.array();
    state.hessian.array().rowwise() *= state.scale.array().transpose();
  }
  /// v becomes H^{-1} v.
  template <class V>
  static void solve_in_place(const State<V>& state, V& v) {
    v.array() *= state.scale.array();
    state.inverse.solve_in_place(v);
    v.array() *= state.scale.array();
  }

  /// Value and gradient at x - a n.
  template <class F, class V>
  static void look(F& f, const V& x, double a, State<V>& state) {
    state.trial = x + a * state.direction;
    state.trial_value = f.value_and_gradient(state.trial, state.trial_gradient);
  }
  /// <g(y), H^{-1} g(y)> of the last look.
  template <class V>
  static double image_norm(State<V>& state) {
    state.image = state.trial_gradient;
    solve_in_place(state, state.image);
    return state.trial_gradient.dot(state.image);
  }

  template <class F, class V>
  bool universal(F& f, const V& x, double decrement, State<V>& state) const {
    for (int j = 0; j < max_trials; ++j) {
      const double theta = std::pow(c, j) * state.sigma * std::pow(decrement, beta);
      const double a = 1 / (1 + theta);
      look(f, x, a, state);
      if (!std::isfinite(state.trial_value)) continue;
      if (-2 * a * theta * state.trial_gradient.dot(state.direction) >= image_norm(state)) {
        state.sigma *= std::pow(c, j - 1);
        return true;
      }
    }
    return false;
  }

  template <class F, class V>
  bool best_on_grid(F& f, const V& x, State<V>& state) const {
    double best = std::numeric_limits<double>::infinity();
    double best_length = 0;
    for (int i = 0; i < grid_points; ++i) {
      const double a = std::pow(grid_low, 1 - static_cast<double>(i) / (grid_points - 1));
      double merit;
      if (kind == Damping::greedy) {
        state.trial = x + a * state.direction;
        merit = f.probe(state.trial, state.trial_gradient);
      } else {
        look(f, x, a, state);
        merit = (state.trial_value - state.value) / image_norm(state);
        if (state.trial_value < state.value && state.trial_gradient.isZero(0))
          merit = -std::numeric_limits<double>::max();
      }
      if (!(merit <= best)) continue;
      best = merit;
      best_length = a;
    }
    if (best_length == 0) return false;
    look(f, x, best_length, state);
    return state.trial_value <= state.value;
  }

  template <class F, class V>
  bool backtrack(F& f, V& x, double squared, State<V>& state) const {
    double a = 1;
    for (int j = 0; j < max_trials; ++j, a /= 2) {
      look(f, x, a, state);
      if (state.trial_value <= state.value - tau * a * squared) return true;
    }
    return false;
  }
};

}  // namespace glissade
