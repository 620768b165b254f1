// One edit spread over several layers.
#pragma once

#include <Eigen/Core>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "edit.hpp"

namespace glissade {

/// Spreads an edit over q layers, as MEMIT does, so that none of them changes much: each takes an equal part of what
/// the layers before it have left undone.
///
///     for i = 0 .. q - 1:   delta = residual(),   editors[i] moves the outputs of layer i at keys(i) by delta / (q -
///     i)
///
/// `residual` returns what the output of the last layer misses, one column for each key, and `keys` the keys of a
/// layer; both look at the weights as they are then. Where each layer's part reaches the last layer in full, nothing is
/// missing at the end. Takes memory for a copy of all weights and editors. Returns the first end that is not `written`.
/// Then, and where a function throws, all weights and editors are as before. Errors: std::invalid_argument where there
/// are not as many editors as weights, or none, and as WeightEditor::add. Source: "Mass-Editing Memory in a
/// Transformer", 2022, arXiv 2210.07229, Algorithm 1.
template <class Weights, class Keys, class Residual>
EditEnd spread_edit(std::span<WeightEditor> editors, std::span<Weights> weights, const Keys& keys,
                    const Residual& residual) {
  if (editors.empty() || editors.size() != weights.size())
    throw std::invalid_argument("spread_edit: " + std::to_string(editors.size()) + " editors and " +
                                std::to_string(weights.size()) + " weights, must be as many and at least one");
  const std::vector<WeightEditor> editors_before(editors.begin(), editors.end());
  const std::vector<Weights> weights_before(weights.begin(), weights.end());
  const auto restore = [&] {
    for (std::size_t i = 0; i < editors.size(); ++i) {
      editors[i] = editors_before[i];
      weights[i] = weights_before[i];
    }
  };
  try {
    for (std::size_t i = 0; i < editors.size(); ++i) {
      const Eigen::MatrixXd part = residual() / static_cast<double>(editors.size() - i);
      const Eigen::MatrixXd at = keys(i);
      if (const EditEnd end = editors[i].add(weights[i], at, part).end; end != EditEnd::written) {
        restore();
        return end;
      }
    }
  } catch (...) {
    restore();
    throw;
  }
  return EditEnd::written;
}

}  // namespace glissade
