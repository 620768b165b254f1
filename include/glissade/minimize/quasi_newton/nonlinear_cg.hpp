// Nonlinear conjugate gradients.
#pragma once

#include <algorithm>
#include <cmath>

#include "../line/strong_wolfe.hpp"

namespace glissade {

/// Conjugate directions for smooth functions of very many variables: memory of six vectors.
///
///     d <- -g_new + beta d,   x <- x + a d,   a by StrongWolfe with c2 = 0.1; with y = g_new - g:
///     fletcher_reeves     g_new'g_new / g'g
///     polak_ribiere       max(0, g_new'y / g'g)
///     hestenes_stiefel    g_new'y / d'y
///     dai_yuan            g_new'g_new / d'y
///     hager_zhang         (y - 2 d y'y / d'y)'g_new / d'y
///     d = -g_new every n steps, where g_new'd >= -1e-3 ||g_new||^2 and where |g_new'g| >= 0.2 ||g_new||^2
///
/// Options: beta (polak_ribiere), search. State: d and the last decrease. Cost: about two gradients per step.
/// Ends with search_failed when no step along -g is found either.
/// Source: Nocedal and Wright, Numerical Optimization, 2006, section 5.2; Hager and Zhang, SIAM J. Optim.
/// 16, 2005.
struct NonlinearCg {
  static constexpr std::string_view name = "NonlinearCg";
  enum class Beta { fletcher_reeves, polak_ribiere, hestenes_stiefel, dai_yuan, hager_zhang };

  Beta beta = Beta::polak_ribiere;
  StrongWolfe search{.curvature = 0.1};

  static void options(auto& self, auto&& visit) {
    visit("beta", self.beta, range::up_to(Beta::hager_zhang));
    visit("search", self.search);
  }
  void check() const { check_method(search); }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = NonlinearCg::name;
    V direction;
    double decrease = 0;     // a g'd of the last step, with
    double length = 0;       // its length a; 0 at the start
    std::int64_t since = 0;  // steps since the last restart
    V last_gradient, change;
    LineScratch<V> scratch;

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("direction", self.direction);
      field("decrease", self.decrease);
      field("length", self.length);
      field("since", self.since, 0, std::int64_t{1} << 53);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto state = state_at<State<V>>(*this, objective, x);
    state.direction = -state.gradient;
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    state.last_gradient = state.gradient;
    if (!move(f, x, state)) {
      if (state.since == 0) return report_of(state, why_failed(state.scratch));
      restart(state);
      if (!move(f, x, state)) return report_of(state, why_failed(state.scratch));
    }
    turn(state);
    return report_of(state);
  }

 private:
  template <class F, class V>
  bool move(F& f, V& x, State<V>& state) const {
    Line line(f, x, state, state.direction, state.scratch);
    // The same first decrease as in the step before.
    const double first = state.length > 0 ? std::min(state.decrease / line.slope() * line.unit(), 100 * state.length)
                                          : first_length(x, state.gradient);
    const double used = std::max(first > 0 ? first : state.length, line.shortest());
    const double length = search(line, used / line.unit());
    if (!(length > 0)) return false;
    state.decrease = length * line.slope();
    state.length = length * line.unit();
    return true;
  }

  template <class V>
  static void restart(State<V>& state) {
    state.direction = -state.gradient;
    state.since = 0;
  }

  /// In vectors scaled to about 1, by a power of two: no square overflows or vanishes.
  template <class V>
  void turn(State<V>& state) const {
    V& g = state.scratch.gradient;
    V& last = state.last_gradient;
    V& d = state.direction;
    V& y = state.change;
    const double unit = unit_of(std::max(norm_of(state.gradient), norm_of(last)));
    g = unit * state.gradient;
    last *= unit;
    d *= unit;
    y = g - last;
    const double gg = g.squaredNorm();
    const double b = coefficient(g, last, d, y, gg);
    if (++state.since >= g.size() || std::abs(g.dot(last)) >= 0.2 * gg || !std::isfinite(b)) return restart(state);
    d = b * d - g;
    if (g.dot(d) >= -1e-3 * gg) return restart(state);
    d /= unit;
  }

  template <class V>
  double coefficient(const V& g, const V& last, const V& d, const V& y, double gg) const {
    switch (beta) {
      case Beta::fletcher_reeves:
        return gg / last.squaredNorm();
      case Beta::polak_ribiere:
        return std::max(0.0, g.dot(y) / last.squaredNorm());
      case Beta::hestenes_stiefel:
        return g.dot(y) / d.dot(y);
      case Beta::dai_yuan:
        return gg / d.dot(y);
      case Beta::hager_zhang:
        return (g.dot(y) - 2 * g.dot(d) * y.squaredNorm() / d.dot(y)) / d.dot(y);
    }
    return 0;
  }
};

}  // namespace glissade
