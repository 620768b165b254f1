// An objective with a second term that has a prox, or a problem bound to a set.
#pragma once

#include <type_traits>
#include <utility>

#include "objective.hpp"

namespace glissade {

/// What subject_to and plus_term make: the problem with all that it had, and what was put to it.
template <class F, class H>
struct WithTerm : F {
  H term;

  template <class V>
  void prox(V& x, double step) const requires requires(const H& h, V& at) {
    h.prox(at, step);
  }
  { term.prox(x, step); }
  template <class V>
  void project(V& x) const requires requires(const H& h, V& at) {
    h.project(at);
  }
  { term.project(x); }
  template <class V>
  void project_tangent(const V& x, V& v) const requires requires(const H& h, const V& at, V& w) {
    h.project_tangent(at, w);
  }
  { term.project_tangent(x, v); }
};

namespace detail {
/// A function as an object that a class can derive from.
template <class R, class... A>
struct FunctionPointer {
  R (*function)(A...);
  R operator()(A... arguments) const { return function(std::forward<A>(arguments)...); }
};
template <class F>
F object_of(F problem) {
  return problem;
}
template <class R, class... A>
FunctionPointer<R, A...> object_of(R (*function)(A...)) {
  return {function};
}
}  // namespace detail

/// The problem f, an objective or an operator, bound to a set (sets/): a copy of it with project.
///
///     Result r = solve_game(subject_to(F, Box{.low = -1, .high = 1}), z, Extragradient{.step_size = 0.1});
template <class F, class Set>
[[nodiscard]] auto subject_to(F f, Set set) {
  auto object = detail::object_of(std::move(f));
  return WithTerm<decltype(object), Set>{std::move(object), std::move(set)};
}

/// The objective f + h: a copy of f with the prox of h (sets/).
///
///     Result r = minimize(plus_term(f, L1{.weight = 0.1}), x, ProximalGradient{});
template <class F, class H>
[[nodiscard]] auto plus_term(F f, H h) {
  auto object = detail::object_of(std::move(f));
  return WithTerm<decltype(object), H>{std::move(object), std::move(h)};
}

}  // namespace glissade
