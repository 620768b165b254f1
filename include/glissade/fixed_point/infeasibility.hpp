// Finds out that there is no fixed point.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <string>
#include <utility>

#include "halpern.hpp"
#include "picard.hpp"

namespace glissade {

/// How far step t of a method goes along v where T x = x - v.
inline double share_of_displacement(const Picard&, std::int64_t) { return 1; }
inline double share_of_displacement(const KrasnoselskiiMann& method, std::int64_t t) { return method.relaxation(t); }
inline double share_of_displacement(const Halpern&, std::int64_t) { return 0.5; }

template <class M>
concept KnowsDisplacement = requires(const M& method) {
  { share_of_displacement(method, std::int64_t{}) } -> std::convertible_to<double>;
};

/// Wraps a method for nonexpansive operators that may lack a fixed point: the steps then settle at the least
/// displacement v = x - T x there is, such as the gap between two sets that do not meet, and the run ends with
/// Status::infeasible and v in state.displacement.
///
///     estimates after k steps:  residual    x_k - T x_k
///                               normalised  (x_0 - x_k) / sum of r_i     Picard r = 1, Halpern r = 1/2
///     displacement:  the shorter of the two; both lie in the closed convex set of which v is the shortest element, so
///                    the shorter is surely the nearer:  |a - v|^2 <= |a|^2 - |v|^2
///     infeasible:    |displacement| > tolerance,
///                    |displacement - what it was after some k / 2 steps| <= settled |displacement|,
///                    that change is not above the one before it, of k / 4 to k / 2 (slow convergence drifts ever on),
///                    and the operator's own bool certifies(displacement), where it has one; if that refuses the
///                    shorter estimate, the other is tried
///
/// Squared errors of the estimates: for Picard and KrasnoselskiiMann O(1 / k) and at most 4 R^2 / k^2; for Halpern
/// ((sqrt(H_k + 12) + 1) / (k + 1))^2 R^2, H_k = 1 + ... + 1 / k, and O(1 / k^2), R the distance of x_0 from a point
/// that attains v. That is the best there is in the worst case; on polyhedra the residual of Picard is linear in the
/// end. Without certifies it is a judgement, not a proof.
///
///     auto state = initial_state(DetectInfeasibility<Halpern>{}, T, x);
///     Result r = resume_fixed_point(T, x, DetectInfeasibility<Halpern>{}, state);
///     if (r.status == Status::infeasible) log("the sets are " + std::to_string(state.displacement.norm()) + " apart");
///
/// Options: method (Halpern); tolerance (>= 0; 1e-6), in the operator's norm; settled (in (0, 1); 1e-3); check_every
/// (>= 1; 10) steps. Lengths are in the operator's own norm.
/// State: that of the method, origin (x_0), displacement (at the last check), residual_estimate and
/// normalized_estimate there, mark and next_mark (displacements at earlier checks), steps, marked, next_marked,
/// last_change, travelled (sum of r_i). Cost: that of the method; per check two norms and a call of certifies.
/// Errors: std::invalid_argument for options out of range. Methods that do not stay in step with v, such as Anderson,
/// do not compile.
/// Source: "Accelerated Infeasibility Detection of Constrained Optimization and Fixed-Point Iterations", 2023, arXiv
/// 2303.15876. Deviation: estimates are compared with those of half as many steps, not with the last ones, from which a
/// slow iteration differs little.
template <class M = Halpern>
struct DetectInfeasibility {
  static_assert(KnowsDisplacement<M>,
                "DetectInfeasibility takes Picard, KrasnoselskiiMann and Halpern, or a method for which there is "
                "share_of_displacement(method, step)");
  static constexpr std::string_view name = "DetectInfeasibility";

  M method = {};
  double tolerance = 1e-6;
  double settled = 1e-3;
  std::int64_t check_every = 10;

  static void options(auto& self, auto&& visit) {
    visit("method", self.method);
    visit("tolerance", self.tolerance, range::non_negative);
    visit("settled", self.settled, range::open_fraction);
    visit("check_every", self.check_every, range::at_least_one);
  }
  void check() const { check_method(method); }

  template <class V>
  struct State : M::template State<V> {
    using Base = typename M::template State<V>;
    static inline const std::string name = "DetectInfeasibility of " + std::string(M::name);
    V origin, displacement, residual_estimate, normalized_estimate, mark, next_mark;
    std::int64_t steps = 0, marked = 0, next_marked = 0;
    double travelled = 0, last_change = -1;
    V scratch;  // workspace

    static void visit(auto& self, auto&& field) {
      Base::visit(self, field);
      field("origin", self.origin);
      field("displacement", self.displacement);
      field("residual_estimate", self.residual_estimate);
      field("normalized_estimate", self.normalized_estimate);
      field("mark", self.mark);
      field("next_mark", self.next_mark);
      field("steps", self.steps, 0, std::int64_t{1} << 53);
      field("marked", self.marked, 0, std::int64_t{1} << 53);
      field("next_marked", self.next_marked, 0, std::int64_t{1} << 53);
      field("travelled", self.travelled);
      field("last_change", self.last_change);
    }
  };

  template <class F, class V>
  State<V> init(F&& problem, const V& x) const {
    auto&& f = oracle_of(problem, x);
    check_method(*this);
    State<V> state;
    static_cast<typename M::template State<V>&>(state) = method.init(f, x);
    state.origin = x;
    state.displacement = state.residual_estimate = state.normalized_estimate = state.residual;
    state.mark = state.next_mark = state.residual;
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    const Report report = method.step(f, x, state);
    state.travelled += share_of_displacement(method, state.steps);
    if (++state.steps % check_every != 0 || report.status != Status::running || !std::isfinite(report.measure))
      return report;
    state.residual_estimate = state.residual;
    state.normalized_estimate = (state.origin - x) / state.travelled;
    const double of_residual = f.norm(state.residual_estimate);
    const double of_normalized = f.norm(state.normalized_estimate);
    const bool residual_first = !(of_normalized < of_residual);
    state.displacement = residual_first ? state.residual_estimate : state.normalized_estimate;
    bool certified = false;
    const double norm = residual_first ? of_residual : of_normalized;
    advance_mark(f, state);
    if (norm > tolerance && has_settled(f, state, norm)) {
      certified = f.certifies(state.displacement);
      if (!certified) {
        const V& other = residual_first ? state.normalized_estimate : state.residual_estimate;
        certified = f.certifies(other);
        if (certified) state.displacement = other;
      }
    }
    if (state.next_marked == 0) {
      state.next_mark = state.displacement;
      state.next_marked = state.steps;
    }
    return report_of(state, certified ? Status::infeasible : Status::running);
  }

 private:
  template <class F, class V>
  bool has_settled(F& f, State<V>& state, double norm) const {
    if (state.last_change < 0) return false;
    state.scratch = state.displacement - state.mark;
    const double change = f.norm(state.scratch);
    constexpr double rounding = 1e-10;
    return change <= settled * norm && change <= std::max(state.last_change, rounding * norm);
  }
  /// mark: the displacement after at most half as many steps, kept in turns.
  template <class F, class V>
  static void advance_mark(F& f, State<V>& state) {
    if (state.next_marked == 0 || state.steps < 2 * state.next_marked) return;
    if (state.marked > 0) {
      state.scratch = state.next_mark - state.mark;
      state.last_change = f.norm(state.scratch);
    }
    state.mark.swap(state.next_mark);
    state.marked = state.next_marked;
    state.next_marked = 0;
  }
};

}  // namespace glissade
