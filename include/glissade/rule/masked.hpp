// A rule for some of the tensors only.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <tuple>

#include "../core/tensors/mask.hpp"
#include "chain.hpp"

namespace glissade {

/// Applies a rule to the tensors of a mask; the update of the others passes through.
///
///     chain(Masked{ScaleByAdam{}, matrices_only}, ScaleByLearningRate{1e-3})   // plain SGD for vectors
///
/// The mask is any predicate on a Tensor (name, rows, cols, rank); tensors outside have no state. Barriers
/// over all tensors and gates stand in front of it, in the chain. A mask that holds of no tensor is refused with
/// std::invalid_argument when the rule meets the parameters.
/// Source: optax.masked.
template <class R>
struct Masked {
  static constexpr std::string_view name = "Masked";
  using Alternatives = std::tuple<R, Chain<>>;
  R inner;
  TensorMask mask;

  Masked(R rule, TensorMask m) : inner(std::move(rule)), mask(std::move(m)) {}

  /// Throws std::invalid_argument for a mask that holds of no tensor.
  void check_tensors(std::span<const Tensor> tensors) const {
    std::string names;
    for (const Tensor& tensor : tensors) {
      if (mask(tensor)) return;
      names += (names.empty() ? "\"" : ", \"") + tensor.name + "\"";
    }
    throw std::invalid_argument("Masked: the mask holds of none of the parameters " + names);
  }
  void select(const Tensor& tensor, auto&& run) const {
    if (mask(tensor))
      run(inner);
    else
      run(Chain<>{});
  }
};

}  // namespace glissade
