// A rule for some of the tensors only.
#pragma once

#include "../core/tensors/mask.hpp"
#include "chain.hpp"

namespace glissade {

/// Applies a rule to the tensors of a mask; the update of the others passes through.
///
///     chain(Masked{ScaleByAdam{}, matrices_only}, ScaleByLearningRate{1e-3})   // plain SGD for vectors
///
/// The mask is any predicate on a Tensor (name, rows, cols, rank); tensors outside have no state. Barriers
/// over all tensors and gates stand in front of it, in the chain.
/// Source: optax.masked.
template <class R>
struct Masked {
  using Alternatives = std::tuple<R, Chain<>>;
  R rule;
  TensorMask mask;

  Masked(R r, TensorMask m) : rule(std::move(r)), mask(std::move(m)) {}

  void select(const Tensor& tensor, auto&& run) const {
    if (mask(tensor))
      run(rule);
    else
      run(Chain<>{});
  }
  template <class F>
  void for_each_rule(const F& visit) {
    detail::for_each_rule(rule, visit);
  }
  template <class F>
  void for_each_rule(const F& visit) const {
    detail::for_each_rule(rule, visit);
  }
  [[nodiscard]] std::string description() const { return "masked(" + detail::describe(rule) + ")"; }
};

}  // namespace glissade
