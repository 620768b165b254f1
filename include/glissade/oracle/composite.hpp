// An objective with a second term that has a prox, or a problem bound to a set.
#pragma once

#include <type_traits>
#include <utility>

#include "objective.hpp"

namespace glissade {

/// What subject_to and plus_term make: the problem with all that it had, and what was put to it. A problem has one prox
/// and one set: a second one does not compile.
template <class F, class H, bool is_set>
struct WithTerm : F {
  H term;

  // By which a method knows what was meant, where the term lacks it (drive/method.hpp).
  static constexpr bool added_set = is_set;
  static constexpr bool added_prox = !is_set;

  static constexpr bool has_box_of_set = is_set && HasBox<const H, Eigen::VectorXd>;
  static constexpr bool has_box_of_problem = HasBox<F, Eigen::VectorXd>;
  static_assert(!is_set || !has_box_of_problem,
                "the problem is bound to a box already; bind it to the intersection instead");

  static constexpr bool has_l1_of_term = !is_set && HasL1<const H, Eigen::VectorXd>;
  static constexpr bool has_l1_of_problem = HasL1<F, Eigen::VectorXd>;
  static_assert(is_set || !has_l1_of_problem,
                "the objective has an l1 term already; the prox of a sum of two terms is that of another function");

  /// The weights of the term, else of the problem.
  decltype(auto) l1_weights() const requires has_l1_of_term { return term.l1_weights(); }
  decltype(auto) l1_weights() const requires HasL1<const F, Eigen::VectorXd> {
    return static_cast<const F&>(*this).l1_weights();
  }
  decltype(auto) l1_weights() requires(has_l1_of_problem && !HasL1<const F, Eigen::VectorXd>) {
    return static_cast<F&>(*this).l1_weights();
  }
  /// The bounds of the set, else of the problem.
  decltype(auto) box() const requires has_box_of_set { return term.box(); }
  decltype(auto) box() const requires HasBox<const F, Eigen::VectorXd> { return static_cast<const F&>(*this).box(); }
  decltype(auto) box() requires(has_box_of_problem && !HasBox<const F, Eigen::VectorXd>) {
    return static_cast<F&>(*this).box();
  }

  template <class V>
  void prox(V& x, double step) const requires HasProxMember<const H, V> {
    static_assert(!HasProx<F, V>, "the objective has a prox already; that of a sum of two terms is another function");
    term.prox(x, step);
  }
  template <class V>
  void project(V& x) const requires HasProjectMember<const H, V> {
    static_assert(!HasSet<F, V>, "the problem is bound to a set already; bind it to their intersection instead");
    term.project(x);
  }
  template <class V>
  void project_tangent(const V& x, V& v) const requires HasTangentMember<const H, V> {
    term.project_tangent(x, v);
  }

  // What the problem had would be hidden; it may be const or not.
  template <class V>
  decltype(auto) prox(V& x, double step) const requires(!HasProxMember<const H, V> && HasProxMember<const F, V>) {
    return static_cast<const F&>(*this).prox(x, step);
  }
  template <class V>
  decltype(auto) prox(V& x, double step) requires(!HasProxMember<const H, V> && !HasProxMember<const F, V> &&
                                                  HasProxMember<F, V>) {
    return static_cast<F&>(*this).prox(x, step);
  }
  template <class V>
  void project(V& x) const requires(!HasProjectMember<const H, V> && HasProjectMember<const F, V>) {
    static_cast<const F&>(*this).project(x);
  }
  template <class V>
  void project(V& x) requires(!HasProjectMember<const H, V> && !HasProjectMember<const F, V> &&
                              HasProjectMember<F, V>) {
    static_cast<F&>(*this).project(x);
  }
  template <class V>
  void project_tangent(const V& x, V& v) const requires(!HasProjectMember<const H, V> && HasTangentMember<const F, V>) {
    static_cast<const F&>(*this).project_tangent(x, v);
  }
  template <class V>
  void project_tangent(const V& x, V& v) requires(!HasProjectMember<const H, V> && !HasTangentMember<const F, V> &&
                                                  HasTangentMember<F, V>) {
    static_cast<F&>(*this).project_tangent(x, v);
  }

  // Of several tensors, which no prox and no projection of one can take: bounds can be put to them.
  template <class A, class B, class... C>
  void prox(A& first, B&& second, C&&... rest) requires(sizeof...(C) > 0 && HasJointProx<F, A, B, C...>) {
    static_cast<F&>(*this).prox(first, second, rest...);
  }
  template <class A, class B, class... C>
  void project(A& first, B& second, C&... rest) requires HasJointProject<F, A, B, C...> {
    static_assert(!is_set, "the problem is bound to a set already; bind it to their intersection instead");
    static_cast<F&>(*this).project(first, second, rest...);
  }
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

/// The problem f, an objective or an operator, bound to a set (sets/): a copy of it with project, and with box where
/// the set is one, as a Box is. The bounds of a box may be those of several tensors, one number for all coefficients or
/// one for each, by columns and one tensor after another.
///
///     Result r = solve_game(subject_to(F, Box{.low = -1, .high = 1}), z, Extragradient{.step_size = 0.1});
template <class F, class Set>
[[nodiscard]] auto subject_to(F f, Set set) {
  auto object = detail::object_of(std::move(f));
  return WithTerm<decltype(object), Set, true>{std::move(object), std::move(set)};
}

/// The objective f + h: a copy of f with the prox of h (sets/).
///
///     Result r = minimize(plus_term(f, L1{.weight = 0.1}), x, ProximalGradient{});
template <class F, class H>
[[nodiscard]] auto plus_term(F f, H h) {
  auto object = detail::object_of(std::move(f));
  return WithTerm<decltype(object), H, false>{std::move(object), std::move(h)};
}

}  // namespace glissade
