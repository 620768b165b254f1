// Accelerated mirror descent.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "../drive/method.hpp"
#include "../sets/mirror_map.hpp"
#include "restart.hpp"

namespace glissade {

/// For smooth convex functions on a simplex or another set that has a mirror map: the rate 1 / k^2 in the geometry of
/// the map, whose constants may be far smaller than Euclidean ones.
///
///     theta = 2 / (k + 2),  y = (1 - theta) x + theta z
///     z <- argmin_z <grad f(y), z> + theta L D(z; z_k),   x <- (1 - theta) x + theta z
///     f(x_{k+1}) - f* <= 4 L D(x*; x_0) / (k + 2)^2        at every k, for f convex and L that holds
///
/// L: |grad f(x) - grad f(y)|_dual <= L |x - y| in a norm in which the map is 1-strongly convex; for the entropy on the
/// simplex that is the l1 norm, and of |A x - b|^2 / 2 L is the largest |A'A|_ij.
/// The set is the map's own: x must lie in it at the start, and never leaves it, as no projection is made. An objective
/// that declares project(x) has its own set: with the map Euclidean<> the step is projected on it, for then that is the
/// same; with any other map every z is held against it, and where its set is another one that is an error.
///
/// Options: lipschitz L (> 0; 1); map (Euclidean<>); restart (none). State: value, gradient, dual (gradient of the map
/// at z), z, updates (k since the start or restart). Cost: two gradients per step, one in the first; one mirror.
/// Errors: std::invalid_argument for options out of range and an x outside the set of the map. A restart at a point
/// where the map has no gradient, as a coefficient is 0 there, is not made.
/// Source: derived from P. Tseng, "On accelerated proximal gradient methods for convex-concave optimization", 2008; the
/// bound is checked at every step in a test.
template <class Map = Euclidean<>>
struct AcceleratedMirrorDescent {
  static constexpr std::string_view name = "AcceleratedMirrorDescent";
  static constexpr bool honours_set = true;

  double lipschitz = 1;
  Map map = {};
  Restart restart = Restart::none;

  static void options(auto& self, auto&& visit) {
    visit("lipschitz", self.lipschitz, range::positive);
    visit("map", self.map);
    visit("restart", self.restart, range::up_to(Restart::gradient));
  }
  void check() const {
    if constexpr (requires { map.check(); }) map.check();
  }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = AcceleratedMirrorDescent::name;
    V dual, z;
    std::int64_t updates = 0;
    V base, base_gradient, scratch;  // workspace

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("dual", self.dual);
      field("z", self.z);
      field("updates", self.updates, 0, std::int64_t{1} << 53);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    auto state = state_at<State<V>>(*this, f, x);
    state.dual = state.z = x;
    if (!x.allFinite()) return state;  // which the driver says
    begin_at(f, x, state);
    state.scratch = state.z - x;
    if (!(norm_of(state.scratch) <= slack * std::max(1.0, norm_of(x))))
      throw std::invalid_argument("AcceleratedMirrorDescent: x is " + to_text(norm_of(state.scratch)) +
                                  " away from the set of the map");
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    const double theta = 2 / (static_cast<double>(state.updates) + 2);
    if (state.updates == 0) {  // z = x
      state.base_gradient = state.gradient;
    } else {
      state.base = (1 - theta) * x + theta * state.z;
      f.value_and_gradient(state.base, state.base_gradient);
    }
    state.dual -= 1 / (theta * lipschitz) * state.base_gradient;
    if (!state.dual.allFinite()) return {.measure = std::numeric_limits<double>::quiet_NaN(), .value = state.value};
    mirror(f, state);
    state.scratch = x;
    x = (1 - theta) * x + theta * state.z;
    const double last_value = state.value;
    state.value = f.value_and_gradient(x, state.gradient);
    ++state.updates;
    state.scratch = x - state.scratch;
    if (restart == Restart::function   ? state.value > last_value
        : restart == Restart::gradient ? state.base_gradient.dot(state.scratch) > 0
                                       : false)
      begin_anew(f, x, state);
    return report_of(state);
  }

 private:
  static constexpr double slack = 1e-9;
  static constexpr bool is_euclidean = std::is_same_v<Map, Euclidean<>>;

  template <class F, class V>
  void begin_at(F& f, const V& x, State<V>& state) const {
    map.gradient(x, state.dual);
    mirror(f, state);
    state.updates = 0;
  }
  template <class F, class V>
  void begin_anew(F& f, const V& x, State<V>& state) const {
    state.base = state.dual;
    state.scratch = state.z;
    try {
      begin_at(f, x, state);
    } catch (const std::invalid_argument&) {
      state.dual = state.base;
      state.z = state.scratch;
    }
  }

  /// z from its dual, in the set of the objective.
  template <class F, class V>
  void mirror(F& f, State<V>& state) const {
    map.mirror(state.dual, state.z);
    if constexpr (F::has_set) {
      if constexpr (is_euclidean) {
        f.project(state.z);
        state.dual = state.z;
      } else {
        state.base = state.z;
        f.project(state.base);
        state.base -= state.z;
        const double distance = norm_of(state.base);
        if (distance > slack * std::max(1.0, norm_of(state.z)))
          throw std::invalid_argument("AcceleratedMirrorDescent: the map leads " + to_text(distance) +
                                      " out of the objective's set: its set is another one");
      }
    }
  }
};

}  // namespace glissade
