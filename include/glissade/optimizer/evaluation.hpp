// The weights to evaluate, where these are not the parameters themselves.
#pragma once

#include <string>
#include <string_view>

#include "optimizer.hpp"

namespace glissade {

namespace detail {

/// Those of parameters x by a rule of any type, in the shape of the tensor.
template <StorageScalar P>
Eigen::ArrayXXd evaluate(const RuleView<P>& rule, const Tensor& tensor, const TensorState& state, const P* x) {
  using RowMajor = Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  if (rule.table->evaluate == nullptr)
    throw std::invalid_argument("evaluation_parameters: no rule that averages in " + rule.description());
  Eigen::ArrayXXd solution(tensor.rows, tensor.cols);
  if (!tensor.row_major) {
    rule.table->evaluate(rule.rule, tensor, state, x, solution.data());
    return solution;
  }
  RowMajor by_rows(tensor.rows, tensor.cols);
  rule.table->evaluate(rule.rule, tensor, state, x, by_rows.data());
  return by_rows;
}

}  // namespace detail

/// The solution so far that an averaging rule in the chain (Ema, Swa, Lookahead, ScheduleFreeSgd, ...) holds
/// for parameter k, in the parameter's shape. Nothing changes. Of several such rules, that of the last; the parameter
/// itself where none has run: before the first update of the tensor or the first collection of Swa, and for a tensor
/// that is frozen or that no such rule is chosen for.
/// Throws std::invalid_argument if the rule has nothing that averages or keeps it in 8-bit codes, std::out_of_range for
/// a bad k.
template <StorageScalar P>
[[nodiscard]] Eigen::ArrayXXd evaluation_parameters(const BoundRule<P>& optimizer, std::size_t k) {
  return detail::evaluate(optimizer.rule_view_, optimizer.tensor(k), optimizer.state(k),
                          static_cast<const P*>(optimizer.parameter(k)));
}

/// The same of a rule without an optimizer, for one tensor with parameters x.
template <Rule R, StorageScalar P>
[[nodiscard]] Eigen::ArrayXXd evaluation_parameters(const R& rule, const Tensor& tensor, const TensorState& state,
                                                    const P* x) {
  return detail::evaluate(detail::view_of<P>(rule), tensor, state, x);
}

/// The same in the scalar type of the parameters, rounded to nearest, by number or by name:
///
///     Eigen::VectorXf b = evaluation(optimizer, "b");
///
/// Throws std::invalid_argument for an unknown name too.
template <StorageScalar P>
[[nodiscard]] Eigen::Matrix<P, Eigen::Dynamic, Eigen::Dynamic> evaluation(const BoundRule<P>& optimizer,
                                                                          std::size_t k) {
  return evaluation_parameters(optimizer, k).unaryExpr([](double value) { return convert<P>(value); }).matrix();
}
template <StorageScalar P>
[[nodiscard]] Eigen::Matrix<P, Eigen::Dynamic, Eigen::Dynamic> evaluation(const BoundRule<P>& optimizer,
                                                                          std::string_view name) {
  std::string names;
  for (std::size_t k = 0; k < optimizer.size(); ++k) {
    if (optimizer.tensor(k).name == name) return evaluation(optimizer, k);
    names += (k == 0 ? "\"" : ", \"") + optimizer.tensor(k).name + "\"";
  }
  throw std::invalid_argument("evaluation: no parameter \"" + std::string(name) + "\"; there are " + names);
}

/// Copies all of them into objects such as the parameters, in the same order:
///
///     Eigen::MatrixXd averaged_W(W.rows(), W.cols());
///     Eigen::VectorXd averaged_b(b.size());
///     copy_evaluation(optimizer, averaged_W, averaged_b);
///
/// Throws std::invalid_argument if number or shapes are others; then nothing is written.
template <StorageScalar P, class... X>
void copy_evaluation(const BoundRule<P>& optimizer, X&&... into) {
  const auto for_each = [&](const auto& use) {
    std::size_t number = 0;
    (for_each_parameter(into, number, {}, use), ...);
    return number;
  };
  const std::size_t number = for_each([&](std::size_t k, const std::string&, const auto& view, auto) {
    if (k >= optimizer.size()) return;
    const Tensor& tensor = optimizer.tensor(k);
    if (view.rows != tensor.rows || view.cols != tensor.cols)
      throw std::invalid_argument("copy_evaluation: \"" + tensor.name + "\" is " + tensor.shape() +
                                  ", to be copied to " + shape_text(view.rows, view.cols));
  });
  if (number != optimizer.size())
    throw std::invalid_argument("copy_evaluation: " + std::to_string(number) + " objects for " +
                                std::to_string(optimizer.size()) + " parameters");
  for_each([&]<class S>(std::size_t k, const std::string&, const TensorView<S>& view, auto) {
    const Eigen::ArrayXXd solution = evaluation_parameters(optimizer, k);
    for (Index row = 0; row < view.rows; ++row)
      for (Index col = 0; col < view.cols; ++col)
        view.data[view.row_major ? row * view.cols + col : col * view.rows + row] = convert<S>(solution(row, col));
  });
}

}  // namespace glissade
