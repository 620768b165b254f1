// The weights to evaluate, where these are not the parameters themselves.
#pragma once

#include <string>

#include "../core/engine/plan.hpp"

namespace glissade {

template <class R, StorageScalar P>
class Optimizer;

/// A rule whose solution is an average rather than the parameters: solution(x, slot) is a coefficient of it,
/// made of the parameter and the rule's first array.
template <class R>
concept AveragingRule = requires(const R& r, double x) {
  { r.solution(x, x) } -> std::same_as<double>;
};

/// The average of a rule's chain for one tensor, of its parameters x and its state.
template <class R, StorageScalar P>
Eigen::ArrayXXd average_of(const R& rule, const Tensor& tensor, const TensorState& state, const P* x) {
  Eigen::ArrayXXd result(tensor.rows, tensor.cols);
  bool found = false;
  const auto look = [&](const auto& leaf) {
    using Rule = typename std::remove_cvref_t<decltype(leaf)>::Rule;
    if constexpr (AveragingRule<Rule>)
      for (const Field& field : state.links[leaf.link])
        if (field.name() == Rule::slots[0]) {
          if (field.type() == ScalarType::bytes)
            throw std::invalid_argument("evaluation_parameters: the average of " + std::string(Rule::name) +
                                        " is kept in 8-bit codes, must be kept in numbers");
          found = true;
          for (Index i = 0; i < tensor.size(); ++i) {
            const Index row = tensor.row_major ? i / tensor.cols : i % tensor.rows;
            const Index col = tensor.row_major ? i % tensor.cols : i / tensor.rows;
            result(row, col) = leaf.rule->solution(convert<double>(x[i]), field[i]);
          }
        }
  };
  const auto links = detail::flatten<void>(rule);
  detail::choose_leaves(links, tensor, [&](const auto& leaves) { detail::for_each_item(leaves, look); });
  if (!found) throw std::invalid_argument("evaluation_parameters: no rule that averages in " + describe(rule));
  return result;
}

/// The solution so far that an averaging rule in the chain (Ema, Swa, Lookahead, ScheduleFreeSgd, ...) holds
/// for parameter k, in the parameter's shape. Nothing changes. Of several such rules, that of the last.
/// Throws std::invalid_argument if there is none or if it is kept in 8-bit codes, std::out_of_range for a
/// bad k.
template <class R, StorageScalar P>
[[nodiscard]] Eigen::ArrayXXd evaluation_parameters(const Optimizer<R, P>& optimizer, std::size_t k) {
  return average_of(optimizer.rule(), optimizer.tensor(k), optimizer.state(k),
                    static_cast<const P*>(optimizer.parameter(k)));
}

}  // namespace glissade
