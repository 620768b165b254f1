// Adaptive gradient clipping.
#pragma once

#include "../core/tensors/mask.hpp"
#include "../rule/choose.hpp"
#include "../rule/norms.hpp"
#include "../rules/units.hpp"

namespace glissade {

namespace detail {

/// What a unit's update is multiplied by, from its norm and that of its weights.
inline double adaptive_factor(double norm, double weight, double clipping, double epsilon) {
  const double bound = clipping * (std::max)(weight, epsilon);
  return norm <= bound ? 1.0 : bound / (std::max)(norm, 1e-6) + 0 * norm;  // NaN where the norm is infinite
}

struct AdaptivelyClippedMatrix {
  static constexpr std::string_view name = "AdaptivelyClippedMatrix";
  static constexpr bool turns = false;
  static constexpr int passes = 2;
  double clipping;
  double epsilon;
  bool by_columns;

  void fields(const Tensor&, auto&&) const {}

  template <class T, class P>
  void update(const Step&, const MatrixUpdate<T, P>& m) const {
    const Index units = unit_count(m.tensor, by_columns);
    m.workspace.reserve(3 * static_cast<std::size_t>(units) * sizeof(double));
    auto* factor = reinterpret_cast<double*>(m.workspace.data());
    double* weight = factor + units;
    unit_norms(m.tensor, by_columns, factor, weight + units, [&](Index i) { return static_cast<double>(m.in[i]); });
    unit_norms(m.tensor, by_columns, weight, weight + units, [&](Index i) { return convert<double>(m.parameters[i]); });
    for (Index k = 0; k < units; ++k) factor[k] = adaptive_factor(factor[k], weight[k], clipping, epsilon);
    for_each_stretch(m.tensor, by_columns, [&](Index begin, Index count, Index unit) {
      for (Index i = 0; i < count; ++i)
        m.out[begin + i] = m.in[begin + i] * static_cast<T>(factor[unit < 0 ? i : unit]);
    });
  }
};

/// A vector, or a matrix with a side of 1, is one unit.
struct AdaptivelyClippedVector {
  static constexpr std::string_view name = "AdaptivelyClippedVector";
  static constexpr bool turns = false;
  double clipping;
  double epsilon;

  static constexpr Reduction reduction = Reduction::over_tensor;
  static constexpr int sums = sums_for_norms(2);
  [[nodiscard]] auto measure(const Step&) const {
    return [](const auto& u, const auto& x) { return norm_terms(u, x); };
  }
  [[nodiscard]] auto kernel(const Step&, const double* squares) const {
    return [factor = adaptive_factor(norm_from(squares, 2, 0), norm_from(squares, 2, 1), clipping, epsilon)](auto& u) {
      u *= factor;
    };
  }
};

}  // namespace detail

/// Shortens the update of every unit (the weights of one output) in proportion to the unit's own size;
/// for training without normalization and with large batches.
///
///     row i:  u_i <- u_i clipping max(|x_i|, epsilon) / max(|u_i|, 1e-6)  where |u_i| > clipping max(|x_i|, epsilon)
///
/// State: none. Cost: 5 flops per coefficient in double; two more passes.
/// Errors: std::invalid_argument for options out of range. A norm that is not finite makes its unit's
/// update NaN.
/// Source: "High-Performance Large-Scale Image Recognition Without Normalization", 2021, arXiv
/// 2102.06171, equation 3; optax.adaptive_grad_clip, whose units of a matrix are columns by default. The
/// last layer and biases are customarily left out: use the mask.
struct AdaptiveClip {
  static constexpr std::string_view name = "AdaptiveClip";
  using Alternatives = std::tuple<detail::AdaptivelyClippedMatrix, detail::AdaptivelyClippedVector, Chain<>>;
  double clipping = 0.01;   // > 0
  double epsilon = 1e-3;    // > 0: what a unit's size is taken for at least
  bool by_columns = false;  // units are columns: of weights that are applied as x^T W
  TensorMask mask = {};     // which tensors; all without it

  static void options(auto& self, auto&& visit) {
    visit("clipping", self.clipping, range::positive);
    visit("epsilon", self.epsilon, range::positive);
    visit("by_columns", self.by_columns);
    visit("mask", self.mask);
  }
  void select(const Tensor& tensor, auto&& run) const {
    if (!mask(tensor))
      run(Chain<>{});
    else if (tensor.is_matrix() && tensor.rows > 1 && tensor.cols > 1)
      run(detail::AdaptivelyClippedMatrix{clipping, epsilon, by_columns});
    else
      run(detail::AdaptivelyClippedVector{clipping, epsilon});
  }
};

}  // namespace glissade
