// What methods share whose nodes work alone for a while and are then gathered.
#pragma once

#include <string>
#include <utility>

#include "../optimizer/stepper.hpp"
#include "node_method.hpp"

namespace glissade::detail {

/// The mean of what all nodes have sent, this one among them, in the order of nodes: the same bits on every node. Empty
/// vectors are of nodes that take no part. `weights`, of each node, are scaled to the sum 1 over those that do; without
/// any all have the same. Returns how many took part; with none the mean is empty.
inline Eigen::Index gathered_mean(Eigen::Index i, const Eigen::VectorXd& sent, std::span<const Message> received,
                                  const Eigen::VectorXd& weights, Eigen::VectorXd& mean) {
  Eigen::Index count = 0;
  double total = 0;
  mean.resize(0);
  const auto add = [&](Eigen::Index from, const Eigen::VectorXd& values) {
    if (values.size() == 0) return;
    const double weight = weights.size() == 0 ? 1 : weights[from];
    total += weight;
    if (count++ == 0)
      mean = weight * values;
    else
      mean += weight * values;
  };
  std::size_t k = 0;
  for (; k < received.size() && received[k].from() < i; ++k) add(received[k].from(), received[k].values());
  add(i, sent);
  for (; k < received.size(); ++k) add(received[k].from(), received[k].values());
  if (count > 0) mean /= total;
  return count;
}

/// One step of a rule on `numbers` numbers at x; a rule that reads the loss is told the value.
template <Rule R>
void step_part(const R& rule, RuleState<double>& memory, double* x, const double* gradient, double value,
               std::uint64_t seed) {
  ToldNumbers told;
  const bool tells = reads_argument<double>(rule, LossValue::name);
  if (tells) told.add(LossValue::name, value);
  step_concatenated(rule, memory, x, gradient, {.seed = seed}, tells ? &told : nullptr);
}
template <Rule R>
[[nodiscard]] RuleState<double> memory_of_part(const R& rule, Eigen::Index numbers, const double* x) {
  return initial_state_of_concatenated(rule, {Tensor{"x", numbers}}, x);
}
/// Throws std::invalid_argument for options out of range and for a rule that reads the loss, where there is none.
template <Rule R>
void check_outer_rule(std::string_view owner, std::string_view which, const R& rule) {
  check_options(rule, 0);
  if (reads_argument<double>(rule, LossValue::name))
    throw std::invalid_argument(std::string(owner) + ": " + std::string(which) + " = " + describe(rule) +
                                ", must be a rule that does not read the loss");
}

/// A visitor of fields that puts a prefix before their names.
template <class F>
auto with_prefix(const std::string& prefix, F&& field) {
  return [prefix, &field](const auto& name, auto& value, auto... bounds) {
    field(prefix + std::string(name), value, bounds...);
  };
}

}  // namespace glissade::detail
