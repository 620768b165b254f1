// Mirror descent for games, drawn to a magnet or not.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "../rule/schedule.hpp"
#include "../sets/entropy.hpp"
#include "solve_game.hpp"

namespace glissade {

/// Moves every player's strategy along the gradient of a mirror map, and back towards a magnet: the last point solves
/// the game with an entropy for each player (their quantal response equilibrium), or the game itself where the
/// temperature falls or the magnet follows.
///
///     z <- argmin over z' of  eta (<F(z), z'> + alpha D(z'; rho)) + D(z'; z)
///     in the dual y = grad psi(z):   y <- (y - eta F(z) + eta alpha grad psi(rho)) / (1 + eta alpha)
///     then grad psi(rho) <- (1 - k) grad psi(rho) + k y
///
/// D is the divergence of the map, with entropy that of Kullback and Leibler, and the step multiplies probabilities.
/// For k = 0 and eta <= alpha / L^2 the solution z* of the regularized game is met linearly,
/// D(z*; z_t) <= (1 + eta alpha)^(-t) D(z*; z_0); L in the norms that belong to the map: with entropy the largest
/// payoff in magnitude. alpha = 0 is mirror descent, whose last point need not come to rest: it circles away from an
/// equilibrium that is mixed.
///
///     const auto game = [](const auto& at, auto& out) { out << -at[2], at[3], at[0], -at[1]; };
///     Eigen::VectorXd at = Eigen::VectorXd::Constant(4, 0.5);
///     const MagneticMirrorDescent<> mmd{.step_size = 0.2, .temperature = 0.2, .map = {.sizes = {2, 2}}};
///     Result r = solve_game(game, at, mmd, {.tolerance = 1e-9});
///
/// Options: step_size eta (> 0), temperature alpha (>= 0, 0), magnet_rate k (in [0, 1], 0), numbers or schedules; map,
/// a mirror map of sets/, which also says to which set the players are bound; magnet rho (none: the point where the
/// run starts). State: image (F(z)), measure, dual (y: log z), magnet (grad psi(rho), but for what is
/// constant on the set), updates.
/// Result::measure is |z - z'| / eta, z' what the same step would make of z: for the Euclidean map on all of the space
/// and alpha = 0 it is |F(z)|. Cost: one F and two mirror steps per iteration.
/// Errors: std::invalid_argument for a start or magnet that is not in the set of the map, and what the map throws; for
/// a game that declares a set of its own, which does not compile.
/// Source: "A Unified Approach to Reinforcement Learning, Quantal Response Equilibria, and Two-Player Zero-Sum Games",
/// 2022, arXiv 2206.05825. Deviations: probabilities are kept as logarithms, where the authors' code has a floor; a
/// magnet that moves does so towards the new point, as in the authors' code for trees, not as in that for matrices
/// towards the one before.
template <class Map = NegativeEntropy>
struct MagneticMirrorDescent {
  static constexpr std::string_view name = "MagneticMirrorDescent";

  Schedule step_size = 0.1;
  Schedule temperature = 0;
  Schedule magnet_rate = 0;
  Map map{};
  Eigen::VectorXd magnet{};

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    visit("temperature", self.temperature, range::non_negative);
    visit("magnet_rate", self.magnet_rate, range::fraction);
    visit("map", self.map);
    visit("magnet", self.magnet);
  }
  void check() const {
    check_set(map);
    for (Index i = 0; i < magnet.size(); ++i)
      require(name, "magnet[" + std::to_string(i) + "]", magnet[i], range::finite);
  }

  template <class V>
  struct State : OperatorValue<V> {
    static constexpr std::string_view name = MagneticMirrorDescent::name;
    V dual;
    V magnet;
    std::int64_t updates = 0;
    V next, next_dual;  // workspace

    static void visit(auto& self, auto&& field) {
      OperatorValue<V>::visit(self, field);
      field("dual", self.dual);
      field("magnet", self.magnet);
      field("updates", self.updates, 0, std::int64_t{1} << 53);
    }
  };

  template <class F, class V>
  State<V> init(F&& game, const V& z) const {
    check_method(*this);
    check_honours<MagneticMirrorDescent, std::remove_reference_t<F>, V>();
    auto&& f = oracle_of(game, z);
    State<V> state;
    enter("z", z, state.dual, state.next);
    state.magnet = state.dual;
    if (magnet.size() > 0) {
      if (magnet.size() != z.size())
        throw std::invalid_argument("MagneticMirrorDescent: magnet has " + std::to_string(magnet.size()) +
                                    " coefficients, must have " + std::to_string(z.size()));
      enter("magnet", V(magnet), state.magnet, state.next);
    }
    look(f, z, state, 0);
    return state;
  }
  template <class F, class V>
  Report step(F& f, V& z, State<V>& state) const {
    const std::int64_t time = state.updates;
    visit_options(*this, CheckOption{name, time});
    find_next(state, time);
    z = state.next;
    state.dual = state.next_dual;
    // No mirror step: what a mean of two gradients has too much is constant on the set.
    if (const double rate = magnet_rate(time); rate > 0) state.magnet += rate * (state.dual - state.magnet);
    ++state.updates;
    return look(f, z, state, time);
  }

 private:
  /// The dual of a point, which must be in the set.
  template <class V>
  void enter(const char* what, const V& point, V& dual, V& scratch) const {
    dual = scratch = point;
    if (!point.allFinite()) return;  // which the driver reports
    map.gradient(point, dual);
    map.mirror(dual, scratch);
    constexpr double rounding = 1e-6;  // of floats
    for (Index i = 0; i < point.size(); ++i)
      if (!(std::abs(scratch[i] - point[i]) <= rounding * std::max(1.0, std::abs(point[i]))))
        reject(name, std::string(what) + "[" + std::to_string(i) + "]", point[i],
               to_text(scratch[i]) + " to be in the set of the map");
  }
  template <class V>
  void find_next(State<V>& state, std::int64_t time) const {
    const double eta = step_size(time);
    const double pull = eta * temperature(time);
    state.next_dual = (state.dual - eta * state.image + pull * state.magnet) / (1 + pull);
    map.mirror(state.next_dual, state.next);
  }
  template <class F, class V>
  Report look(F& f, const V& z, State<V>& state, std::int64_t time) const {
    f.operator_value(z, state.image);
    state.measure = std::numeric_limits<double>::quiet_NaN();
    if (state.image.allFinite()) {
      find_next(state, time);
      state.next -= z;
      state.measure = norm_of(state.next) / step_size(time);
    }
    return report_of(state);
  }
};

/// The point where a mirror map of n variables is least: as a magnet it leaves the map itself for a regularization.
template <class Map>
[[nodiscard]] Eigen::VectorXd least_point(const Map& map, Index n) {
  Eigen::VectorXd dual = Eigen::VectorXd::Zero(n), z(n);
  map.mirror(dual, z);
  return z;
}

/// One step of a policy where a decision is made, by values q of the actions, from rollouts say, that are to be large:
///
///     pi' = pi^(1 / (1 + eta alpha)) rho^(eta alpha / (1 + eta alpha)) exp(eta q / (1 + eta alpha)) / sum
///
/// alpha = 0 for a common payoff (mdd_step); alpha > 0 against an adversary, rho the policy that was there before the
/// decision. Probabilities come out no smaller than exp(-700), so that they can go in again.
/// Errors: std::invalid_argument for vectors of different sizes, a pi or rho that is not positive, q that is not
/// finite, and options out of their ranges. Source: "The Update-Equivalence Framework for Decision-Time Planning",
/// arXiv 2304.13138.
[[nodiscard]] inline Eigen::VectorXd mmd_step(const Eigen::VectorXd& pi, const Eigen::VectorXd& rho,
                                              const Eigen::VectorXd& q, double step_size, double temperature) {
  require("mmd_step", "step_size", step_size, range::positive);
  require("mmd_step", "temperature", temperature, range::non_negative);
  require_shape("mmd_step", "rho", rho, pi.size(), 1);
  require_shape("mmd_step", "q", q, pi.size(), 1);
  for (Index i = 0; i < q.size(); ++i) {
    const std::string at = "[" + std::to_string(i) + "]";
    require("mmd_step", "pi" + at, pi[i], range::positive);
    require("mmd_step", "rho" + at, rho[i], range::positive);
    require("mmd_step", "q" + at, q[i], range::finite);
  }
  if (pi.size() == 0) return pi;
  const double pull = step_size * temperature;
  // Values are compared before they are multiplied: a constant changes nothing.
  const double top = q.maxCoeff();
  Eigen::VectorXd y(pi.size());
  for (Index i = 0; i < y.size(); ++i)
    y[i] = (std::log(pi[i]) + pull * std::log(rho[i]) + step_size * (q[i] - top)) / (1 + pull);
  Eigen::VectorXd next(pi.size());
  NegativeEntropy{}.mirror(y, next);
  for (Index i = 0; i < y.size(); ++i) next[i] = std::exp(std::max(y[i], -700.0));
  return next;
}
[[nodiscard]] inline Eigen::VectorXd mdd_step(const Eigen::VectorXd& pi, const Eigen::VectorXd& q, double step_size) {
  return mmd_step(pi, pi, q, step_size, 0);
}

}  // namespace glissade
