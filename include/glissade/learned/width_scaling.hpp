// Steps that do not depend on the width of a network: a multiplier for hidden matrices.
#pragma once

#include "../core/tensors/mask.hpp"
#include "../rule/chain.hpp"
#include "../rule/rule.hpp"
#include "../transforms/scale_by_learning_rate.hpp"

namespace glissade {

/// The last link after a rule whose steps have coefficients of order 1, learned or not (Adam, Lion), for networks whose
/// width changes: what a unit sees then changes by the same amount at every width, and what suits a narrow network
/// suits a wide one.
///
///     hidden matrix:  u <- multiplier / fan_in  u;    every other tensor: u as it is
///
///     const auto hidden = [](const Tensor& t) { return t.is_matrix() && t.name.starts_with("hidden"); };
///     Optimizer optimizer{chain(Adam{.learning_rate = 0.01}, ScaleByWidth{.hidden = hidden}), named("hidden", W), b};
///
/// The network has to do its part: weights start as N(0, 1 / fan_in), those of the output as 0, and the output is
/// multiplied by 1 / fan_in. Input and output matrices and biases keep their steps.
/// Options: multiplier >= 0 (1); inputs_are_columns (true: fan_in is the number of columns, as of Y = W X; false: of
/// rows); hidden, which tensors (all matrices).
/// State: none. Cost: one multiplication per coefficient, no pass over memory.
/// Source: "muLO: Compute-Efficient Meta-Generalization of Learned Optimizers", 2024, arXiv 2406.00153, section 3.
struct ScaleByWidth {
  static constexpr std::string_view name = "ScaleByWidth";
  using Alternatives = std::tuple<Scale, Chain<>>;
  double multiplier = 1;
  bool inputs_are_columns = true;
  TensorMask hidden = matrices_only;

  static void options(auto& self, auto&& visit) {
    visit("multiplier", self.multiplier, range::non_negative);
    visit("inputs_are_columns", self.inputs_are_columns);
    visit("hidden", self.hidden);
  }
  void select(const Tensor& tensor, auto&& run) const {
    const Index fan_in = inputs_are_columns ? tensor.cols : tensor.rows;
    if (tensor.is_matrix() && hidden(tensor) && fan_in > 0)
      run(Scale{multiplier / static_cast<double>(fan_in)});
    else
      run(Chain<>{});
  }
};

}  // namespace glissade
