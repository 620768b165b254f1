// A rule for some of the tensors only.
#pragma once

#include <tuple>

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
  static constexpr std::string_view name = "Masked";
  using Alternatives = std::tuple<R, Chain<>>;
  R inner;
  TensorMask mask;

  Masked(R rule, TensorMask m) : inner(std::move(rule)), mask(std::move(m)) {}

  void select(const Tensor& tensor, auto&& run) const {
    if (mask(tensor))
      run(inner);
    else
      run(Chain<>{});
  }
};

}  // namespace glissade
