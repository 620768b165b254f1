// Newton's method in a trust region, with products of the Hessian alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "../../linalg/negative_curvature.hpp"
#include "../line/leave_saddle.hpp"

namespace glissade {

/// Newton's method for many variables: the model is minimized within a ball by conjugate gradients, so only
/// products of the Hessian with vectors are needed; indefinite Hessians are no trouble.
///
///     p: conjugate gradients on  H p = -g  until ||r|| <= min(1/2, sqrt(||g|| / ||g_0||)) ||g||, or to the boundary of
///        the ball where a direction leaves it or has no positive curvature
///     rho = (f(x) - f(x + p)) / (-g'p - p'H p / 2)
///     radius / 4 where rho < 1/4;  2 radius, at most max_radius, where rho > 3/4 on the boundary
///     x <- x + p where rho > accept, else again in the smaller ball
///
/// Near a minimum, where values differ by rounding errors only, a smaller gradient counts as rho = 1. Where the model
/// promises nothing or the ball has become too small to move x, the radius is restored and the model solved as far as
/// conjugate gradients get, for a first direction along which nothing falls says little of the others; then it ends
/// with search_failed. It ends with non_finite_hessian where a product is not finite. Where the gradient is within
/// its tolerance, a few more products tell whether x is a saddle, which the next step then leaves along negative
/// curvature.
///
/// The objective has hessian_vector(x, v, Hv), or hessian(x, H), which is then asked for once per step.
/// Options: initial_radius in [0, max_radius] (0: ||x||, or 1 where x = 0, which makes the path the same in other units
/// of all variables; the ball is round, so variables should be of about the same size), max_radius > 0 (1e100), accept
/// in [0, 1/4), saddle_products >= 0 (100), the most that one look for negative curvature may take; 0: every small
/// gradient is an end.
/// State: the radius, first_norm (||g_0||, that of the first g that is not 0).
/// Cost: at most 2 n products per trial, usually a few; one gradient per step.
/// Source: Steihaug, SIAM J. Numer. Anal. 20, 1983; Nocedal and Wright, 2006, algorithms 4.1 and 7.2.
struct TrustRegionNewton {
  static constexpr std::string_view name = "TrustRegionNewton";

  double initial_radius = 0;
  double max_radius = 1e100;
  double accept = 1e-4;
  std::int64_t saddle_products = 100;

  static void options(auto& self, auto&& visit) {
    visit("initial_radius", self.initial_radius, range::non_negative);
    visit("max_radius", self.max_radius, range::positive);
    visit("accept", self.accept, Range{0, 0.25, false, true});
    visit("saddle_products", self.saddle_products, range::non_negative);
  }
  void check() const { require(name, "initial_radius", initial_radius, Range{0, max_radius}); }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = TrustRegionNewton::name;
    double radius = 0;
    double first_norm = 0;
    V p, r, d, product;
    LineScratch<V> trial;
    SquareOf<V> hessian;
    bool has_hessian = false;  // of the last step
    double curvature = 0;      // along d, which leaves a saddle; 0: at none

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("radius", self.radius);
      field("first_norm", self.first_norm);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto state = state_at<State<V>>(*this, objective, x);
    const double size = norm_of(x);
    state.radius = initial_radius > 0 ? initial_radius : std::min(size > 0 ? size : 1, max_radius);
    state.first_norm = norm_of(state.gradient);
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    using Asked = std::remove_cvref_t<decltype(f)>;
    static_assert(Asked::has_hessian_vector || Asked::has_hessian,
                  "the objective lacks hessian_vector(x, v, Hv), or hessian(x, H), which this method needs");
    if (const double curvature = std::exchange(state.curvature, 0); curvature < 0) {
      const double length = detail::leave_saddle(f, x, state, state.d, curvature, state.trial);
      state.radius = std::clamp(length, state.radius, max_radius);
      return report_of(state, length > 0 ? Status::running : Status::saddle);
    }
    if constexpr (!Asked::has_hessian_vector) f.hessian(x, state.hessian);
    state.has_hessian = true;
    const double norm = norm_of(state.gradient);
    const double radius = state.radius;
    if (state.first_norm == 0) state.first_norm = norm;  // it began at a saddle
    double forcing = std::min(0.5, std::sqrt(norm / state.first_norm));
    for (int trial = 0; trial < 200; ++trial) {
      bool on_boundary = false;
      if (!solve_model(f, x, norm, forcing, state, on_boundary)) return report_of(state, Status::non_finite_hessian);
      const double predicted = -0.5 * state.p.dot(state.gradient + state.r);
      const double length = norm_of(state.p);
      if (!(predicted > 0) || !(length > 1e-16 * norm_of(x))) {
        if (forcing == 0) break;
        forcing = 0;
        state.radius = radius;
        continue;
      }
      state.trial.point = x + state.p;
      const double value = f.value_and_gradient(state.trial.point, state.trial.gradient);
      const bool finite = std::isfinite(value) && state.trial.gradient.allFinite();
      double rho = finite ? (state.value - value) / predicted : -1;
      const double noise = 1e-14 * std::abs(state.value);
      if (finite && predicted <= noise && std::abs(state.value - value) <= noise)
        rho = norm_of(state.trial.gradient) < norm ? 1 : -1;
      if (!(rho >= 0.25))
        state.radius = 0.25 * std::min(state.radius, length);
      else if (rho > 0.75 && on_boundary)
        state.radius = std::min(2 * state.radius, max_radius);
      if (rho > accept) {
        x.swap(state.trial.point);
        state.gradient.swap(state.trial.gradient);
        state.value = value;
        return report_of(state);
      }
    }
    return report_of(state, Status::search_failed);
  }

  /// Whether the Hessian is indefinite at x, where the gradient is small; then the next step leaves.
  template <class F, class V>
  bool at_saddle(F& f, const V& x, State<V>& state) const {
    const Index most = std::min<Index>(2 * x.size(), static_cast<Index>(saddle_products));
    const auto look = [&] {
      state.curvature = negative_curvature([&](const V& v, V& Hv) { multiply(f, x, state, v, Hv); }, x.size(), most,
                                           state.d, state.r, state.product);
      return state.curvature < 0;
    };
    if constexpr (!F::has_hessian_vector) {
      // Near a saddle the last step's Hessian was indefinite too: a new one is asked for only then.
      if (most == 0 || (std::exchange(state.has_hessian, false) && !look())) return false;
      f.hessian(x, state.hessian);
    }
    return look();
  }

 private:
  template <class F, class V>
  static void multiply(F& f, const V& x, State<V>& state, const V& v, V& Hv) {
    if constexpr (F::has_hessian_vector)
      f.hessian_vector(x, v, Hv);
    else
      Hv.noalias() = state.hessian * v;
  }

  /// p, and r = g + H p; whether p lies on the boundary. False if a product is not finite.
  /// Residuals and directions are scaled to about 1, by a power of two: no square overflows or vanishes.
  template <class F, class V>
  static bool solve_model(F& f, const V& x, double norm, double forcing, State<V>& state, bool& on_boundary) {
    V& p = state.p;
    V& r = state.r;
    V& d = state.d;
    V& Hd = state.product;
    const double unit = unit_of(norm);
    p.setZero(x.size());
    r = unit * state.gradient;
    d = -r;
    double rr = r.squaredNorm();
    for (Index k = 0; k < 2 * x.size(); ++k) {
      multiply(f, x, state, d, Hd);
      if (!Hd.allFinite()) return false;
      const double curvature = d.dot(Hd);
      const double a = rr / curvature;
      state.trial.point = p + (a / unit) * d;
      if (!(curvature > 0) || !(norm_of(state.trial.point) < state.radius)) {
        // The positive root of ||p + t d|| = radius.
        const double pd = p.dot(d);
        const double dd = d.squaredNorm();
        const double gap = std::max(0.0, state.radius * state.radius - p.squaredNorm());
        const double root = std::sqrt(pd * pd + dd * gap);
        const double t = pd > 0 ? gap / (pd + root) : (root - pd) / dd;
        p += t * d;
        r += (t * unit) * Hd;
        on_boundary = true;
        break;
      }
      p += (a / unit) * d;
      r += a * Hd;
      const double next = r.squaredNorm();
      if (std::sqrt(next) <= std::max(forcing, 1e-16) * norm * unit) break;  // below are rounding errors
      d = (next / rr) * d - r;
      rr = next;
    }
    r /= unit;
    return true;
  }
};

}  // namespace glissade
