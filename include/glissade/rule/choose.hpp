// Rules that an option switches on or exchanges, where that changes the state.
#pragma once

#include <tuple>

#include "chain.hpp"

namespace glissade {

/// The rule of a composite that an option switches on: costs nothing, not even state, when off. Both cases are
/// compiled, so an option that changes no state is better a number of the rule.
template <class R>
struct When {
  using Alternatives = std::tuple<R, Chain<>>;
  bool on;
  R rule;
  void select(const Tensor&, auto&& run) const {
    if (on)
      run(rule);
    else
      run(Chain<>{});
  }
};
template <class R>
When(bool, R) -> When<R>;

/// One of two rules, by an option.
template <class A, class B>
struct Either {
  using Alternatives = std::tuple<A, B>;
  bool first;
  A a;
  B b;
  void select(const Tensor&, auto&& run) const {
    if (first)
      run(a);
    else
      run(b);
  }
};
template <class A, class B>
Either(bool, A, B) -> Either<A, B>;

}  // namespace glissade
