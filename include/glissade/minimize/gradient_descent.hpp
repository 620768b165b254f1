// Gradient descent with a line search.
#pragma once

#include <algorithm>
#include <cmath>

#include "line/search.hpp"

namespace glissade {

/// Follows the negative gradient: the baseline for any smooth function.
///
///     x <- x - a g     a by the search, which begins with
///     a_0 = first_length(x, g)  in the first step, then  2 (f_k - f_{k-1}) / phi'(0),  at most ten times the last a
///
/// Options: search (Armijo, StrongWolfe or Polyak; Armijo). Cost: one gradient and the search's trials.
/// State: the last step length and its decrease. Ends with search_failed where no step lowers the value, with
/// lowest_reached where Polyak's least value is not below it.
/// Source: Cauchy 1847; first trial: Nocedal and Wright, Numerical Optimization, 2006, equation 3.60.
struct GradientDescent {
  static constexpr std::string_view name = "GradientDescent";

  Search search = Armijo{};

  static void options(auto& self, auto&& visit) { visit("search", self.search); }
  void check() const { check_search(search); }

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = GradientDescent::name;
    double decrease = 0;  // f_{k-1} - f_k
    double length = 0;    // the last a; 0 at the start
    V direction;
    LineScratch<V> scratch;

    static void visit(auto& self, auto&& field) {
      ValueAndGradient<V>::visit(self, field);
      field("decrease", self.decrease);
      field("length", self.length);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    return state_at<State<V>>(*this, objective, x);
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    state.direction = -state.gradient;
    const double last = state.value;
    Line line(f, x, state, state.direction, state.scratch);
    double first = first_length(x, state.gradient);
    if (state.length > 0) {
      const double wanted = 2 * state.decrease / std::abs(line.slope()) * line.unit();
      first = std::max(wanted > 0 ? std::min(wanted, 10 * state.length) : state.length, line.shortest());
    }
    const double length = search_along(line, search, first);
    if (!(length > 0)) return report_of(state, why_failed(search, state.value, state.scratch));
    state.length = length;
    state.decrease = last - state.value;
    return report_of(state);
  }
};

}  // namespace glissade
