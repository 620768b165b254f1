// Repetition, plain and relaxed.
#pragma once

#include <cstdint>

#include "../rule/schedule.hpp"
#include "find_fixed_point.hpp"

namespace glissade {

/// Repeats T: the method of choice for contractions, where it converges linearly.
///
///     x <- T x
///
/// State: image (T x), residual (x - T x), measure. Cost: one T per iteration.
/// Errors: none of its own. Of an isometry (a rotation) it circles; KrasnoselskiiMann and Halpern do not.
/// Source: E. Picard 1890.
struct Picard {
  static constexpr std::string_view name = "Picard";
  static void options(auto&, auto&&) {}

  template <class V>
  struct State : FixedPointState<V> {
    static constexpr std::string_view name = Picard::name;
  };

  template <class F, class V>
  State<V> init(F&& problem, const V& x) const {
    auto&& f = oracle_of(problem, x);
    check_honours<Picard, std::remove_reference_t<F>, V>();
    State<V> state;
    detail::look_at_image(f, x, state);
    return state;
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    x = state.image;
    return detail::look_at_image(f, x, state);
  }
};

/// Averages the point and its image: converges for every nonexpansive T that has a fixed point.
///
///     x <- (1 - r_t) x + r_t T x
///
/// Options: relaxation r (a number or a schedule, in (0, 2), 0.5; up to 1 for nonexpansive T, below 2 for firmly
/// nonexpansive ones; 1 is Picard). With inverse_steps(1) or inverse_steps(2), r_t = 1 / (t + 1) or 2 / (t + 2), it is
/// the averaged iteration of "Iterate to Accelerate: A Unified Framework for Iterative Reasoning and Feedback
/// Convergence" (arXiv 2502.03787): for a contraction with factor c these make |x - x*|^2 fall like t^(-4 (1 - c))
/// only, where Picard is linear, and a rotation is not brought to rest: no acceleration. Use Halpern. State: image,
/// residual, measure, updates (t). Cost: one T per iteration. Source: M. A. Krasnoselskii 1955, W. R. Mann 1953.
struct KrasnoselskiiMann {
  static constexpr std::string_view name = "KrasnoselskiiMann";

  Schedule relaxation = 0.5;

  static void options(auto& self, auto&& visit) { visit("relaxation", self.relaxation, Range{0, 2, true, true}); }

  template <class V>
  struct State : FixedPointState<V> {
    static constexpr std::string_view name = KrasnoselskiiMann::name;
    std::int64_t updates = 0;

    static void visit(auto& self, auto&& field) {
      FixedPointState<V>::visit(self, field);
      field("updates", self.updates, 0, std::int64_t{1} << 53);
    }
  };

  template <class F, class V>
  State<V> init(F&& problem, const V& x) const {
    auto&& f = oracle_of(problem, x);
    check_honours<KrasnoselskiiMann, std::remove_reference_t<F>, V>();
    check_method(*this);
    State<V> state;
    detail::look_at_image(f, x, state);
    return state;
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    visit_options(*this, CheckOption{name, state.updates});
    x -= relaxation(state.updates) * state.residual;
    ++state.updates;
    return detail::look_at_image(f, x, state);
  }
};

/// a / (t + a)
struct InverseSteps {
  double a;

  [[nodiscard]] double operator()(std::int64_t t) const { return a / (static_cast<double>(t) + a); }
};

/// The schedule a / (t + a): 1 / (t + 1), 2 / (t + 2).
[[nodiscard]] inline InverseSteps inverse_steps(double a) {
  require("inverse_steps", "a", a, range::positive);
  return {a};
}

}  // namespace glissade
