// The curvature that Sophia divides by, estimated by the user's own loop.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string>

#include "../core/engine/plan.hpp"

namespace glissade {

template <class R, StorageScalar P>
class Optimizer;

namespace detail {

/// The array of that name, or null.
template <class State>
auto find_field(State& state, std::string_view name) -> decltype(&state.links.front().front()) {
  for (auto& fields : state.links)
    for (auto& field : fields)
      if (field.name() == name) return &field;
  return nullptr;
}

/// Throws unless the tensor has a curvature of the estimate's shape that can be computed with.
template <class E>
void check_curvature(const TensorState& state, const std::string& tensor, const E& estimate) {
  const Field* field = find_field(state, "curvature");
  if (field == nullptr) throw std::invalid_argument("update_curvature: \"" + tensor + "\" has no curvature");
  if (field->type() == ScalarType::bytes)
    throw std::invalid_argument("update_curvature: the curvature of \"" + tensor + "\" is stored in codes");
  if (estimate.rows() != field->rows() || estimate.cols() != field->cols())
    throw std::invalid_argument("update_curvature: estimate of \"" + tensor + "\" is " +
                                std::to_string(estimate.rows()) + " x " + std::to_string(estimate.cols()) +
                                ", its parameter " + std::to_string(field->rows()) + " x " +
                                std::to_string(field->cols()));
}

}  // namespace detail

/// h <- beta2 h + (1 - beta2) estimate.
template <class E>
void fold_curvature(TensorState& state, double beta2, const E& estimate) {
  Field& field = *detail::find_field(state, "curvature");
  with_numbers(field, [&](auto* h) {
    using S = std::remove_pointer_t<decltype(h)>;
    for (Index i = 0; i < field.rows(); ++i)
      for (Index j = 0; j < field.cols(); ++j) {
        S& value = h[field.row_major() ? i * field.cols() + j : j * field.rows() + i];
        value = convert<S>(beta2 * convert<double>(value) + (1 - beta2) * static_cast<double>(estimate(i, j)));
      }
  });
}

/// How many coordinates of a tensor the last step did not clip, and how many there are.
inline std::array<Index, 2> count_unclipped(const TensorState& state, double gamma, double epsilon) {
  const Field* m = detail::find_field(state, "first_moment");
  const Field* h = detail::find_field(state, "curvature");
  if (m == nullptr || h == nullptr) return {0, 0};
  Index unclipped = 0;
  for (Index i = 0; i < m->size(); ++i)
    if (std::abs((*m)[i]) < (std::max)(gamma * (*h)[i], epsilon)) ++unclipped;
  return {unclipped, m->size()};
}

/// Folds estimates of the Hessian's diagonal into the curvature of an optimizer with Sophia in it, one for each
/// parameter, of its shape: h <- beta2 h + (1 - beta2) estimate. Customary before the first step and every 10th.
/// Throws std::invalid_argument for beta2 outside [0, 1), another shape or number of estimates, a rule without
/// curvature, and state in 8-bit codes, before anything is touched.
template <class R, class P, class... E>
void update_curvature(Optimizer<R, P>& optimizer, double beta2, const Eigen::DenseBase<E>&... estimates) {
  require("update_curvature", "beta2", beta2, range::decay);
  if (sizeof...(E) != optimizer.size())
    throw std::invalid_argument("update_curvature: " + std::to_string(sizeof...(E)) + " estimates for " +
                                std::to_string(optimizer.size()) + " parameters");
  RuleState<P>& memory = optimizer.memory();
  std::size_t k = 0;
  ((detail::check_curvature(memory.states[k], memory.tensors[k].name, estimates.derived()), ++k), ...);
  k = 0;
  ((fold_curvature(memory.states[k++], beta2, estimates.derived())), ...);
}

/// The fraction of coordinates that the last step of an optimizer with Sophia did not clip, by each tensor's own gamma
/// and epsilon.
template <class R, class P>
double unclipped_fraction(const Optimizer<R, P>& optimizer) {
  Index unclipped = 0;
  Index all = 0;
  const auto links = detail::flatten<void>(optimizer.rule());
  for (std::size_t k = 0; k < optimizer.size(); ++k) {
    const auto look = [&](const auto& leaf) {
      if constexpr (requires { leaf.rule->curvature_bound(); }) {
        const auto [gamma, epsilon] = leaf.rule->curvature_bound();
        const auto counts = count_unclipped(optimizer.state(k), gamma, epsilon);
        unclipped += counts[0];
        all += counts[1];
      }
    };
    detail::choose_leaves(links, optimizer.tensor(k), [&](const auto& leaves) { detail::for_each_item(leaves, look); });
  }
  return all == 0 ? 0 : static_cast<double>(unclipped) / static_cast<double>(all);
}

}  // namespace glissade
