// Gradient centralization.
#pragma once

#include "../core/tensors/mask.hpp"
#include "../rule/choose.hpp"
#include "../rules/units.hpp"

namespace glissade {

namespace detail {

struct CentralizedMatrix {
  static constexpr std::string_view name = "CentralizedMatrix";
  static constexpr bool turns = false;
  static constexpr int passes = 2;
  bool by_columns;

  void fields(const Tensor&, auto&&) const {}

  template <class T, class P>
  void update(const Step&, const MatrixUpdate<T, P>& m) const {
    const Index units = unit_count(m.tensor, by_columns);
    m.workspace.reserve(static_cast<std::size_t>(units) * sizeof(double));
    auto* mean = reinterpret_cast<double*>(m.workspace.data());
    std::fill(mean, mean + units, 0.0);
    sum_units(m.tensor, by_columns, mean, [&](Index i) { return static_cast<double>(m.in[i]); });
    for (Index k = 0; k < units; ++k) mean[k] /= static_cast<double>(m.tensor.size() / units);
    for_each_stretch(m.tensor, by_columns, [&](Index begin, Index count, Index unit) {
      for (Index i = 0; i < count; ++i)
        m.out[begin + i] = static_cast<T>(static_cast<double>(m.in[begin + i]) - mean[unit < 0 ? i : unit]);
    });
  }
};

}  // namespace detail

/// Subtracts from the update of every unit of a matrix (the weights of one output) its mean; vectors and
/// scalars pass. A projection: doing it twice does nothing more. With it plain descent keeps the sum of
/// every unit's weights.
///
///     row i:  u_ij <- u_ij - mean_j u_ij
///
/// State: none. Cost: 2 flops per coefficient in double; two more passes for matrices.
/// Errors: none. A NaN spreads over its unit.
/// Source: "Gradient Centralization: A New Optimization Technique for Deep Neural Networks", 2020,
/// arXiv 2004.01461; optax.centralize. The authors' SGD puts it after the L2 decay, others before it.
struct Centralize {
  static constexpr std::string_view name = "Centralize";
  using Alternatives = std::tuple<detail::CentralizedMatrix, Chain<>>;
  bool by_columns = false;  // units are columns: of weights that are applied as x^T W
  TensorMask mask = {};     // which tensors; all matrices without it

  static void options(auto& self, auto&& visit) {
    visit("by_columns", self.by_columns);
    visit("mask", self.mask);
  }
  void select(const Tensor& tensor, auto&& run) const {
    if (tensor.is_matrix() && mask(tensor))
      run(detail::CentralizedMatrix{by_columns});
    else
      run(Chain<>{});
  }
};

}  // namespace glissade
