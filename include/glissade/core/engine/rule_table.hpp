// A rule whose type is forgotten, for all that is done with rules but once in a step or more seldom.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "plan.hpp"

namespace glissade::detail {

struct StepSettings;
/// Is told the name of an argument, whether it must be there, and whether it is an array.
using ListArgument = FunctionRef<std::string_view, bool, bool>;

/// What is asked of a rule of any type for parameters of type P. The address of the table stands for both types.
template <StorageScalar P>
struct RuleTable {
  std::string (*describe)(const void* rule);
  void (*check)(const void* rule, std::int64_t time);
  void (*check_tensors)(const void* rule, std::span<const Tensor> tensors);
  void (*declare)(const void* rule, const Tensor& tensor, const DeclareField& declare);
  void (*step)(const void* rule, RuleState<P>& state, const StepSettings& settings);
  /// Of what is evaluated in place of parameters x; null where nothing in the rule averages.
  void (*evaluate)(const void* rule, const Tensor& tensor, const TensorState& state, const P* x, double* solution);
  /// Lists what a step reads besides gradients; null where that is nothing.
  void (*list_arguments)(const ListArgument& list);
  /// Throws std::invalid_argument for a number that a rule has no use for.
  void (*check_numbers)(const void* rule, const ToldNumbers& told);
  /// Takes a given array, which lies as the parameters, into the tensor's state. Without values it only throws
  /// std::invalid_argument where it could not. Null where no rule is given arrays.
  void (*give)(const void* rule, const Tensor& tensor, TensorState& state, const P* parameters, std::string_view name,
               const compute_t<P>* values, bool turned);
  std::span<const std::span<const NamedScalar>> shared;  // the numbers of every link for all tensors together
  bool gated;
};

/// A rule where it lies.
template <StorageScalar P>
struct RuleView {
  const RuleTable<P>* table;
  const void* rule;

  [[nodiscard]] std::string description() const { return table->describe(rule); }
  void check(std::int64_t time) const { table->check(rule, time); }
  /// declare(link, spec) for every array that the rule wants for the tensor.
  void declare(const Tensor& tensor, const DeclareField& declare) const { table->declare(rule, tensor, declare); }
  void step(RuleState<P>& state, const StepSettings& settings) const { table->step(rule, state, settings); }
};

/// The numbers of every link for all tensors together, each with its first value.
template <StorageScalar P>
void prepare_shared(const RuleTable<P>& table, std::vector<Fields>& shared) {
  shared.resize(table.shared.size());
  for (std::size_t link = 0; link < shared.size(); ++link) {
    const std::span<const NamedScalar> numbers = table.shared[link];
    if (numbers.empty() || !shared[link].empty()) continue;
    Field& field =
        shared[link].emplace_back("shared", ScalarType::float64, static_cast<Index>(numbers.size()), 1, false);
    for (std::size_t s = 0; s < numbers.size(); ++s) field.template as<double>()[s] = numbers[s].initial;
  }
}

/// The number of that name which a link of the chain keeps for all tensors together, or null.
template <StorageScalar P>
const double* shared_number(const RuleTable<P>& table, const RuleState<P>& state, std::string_view name) {
  for (std::size_t link = 0; link < state.shared.size(); ++link)
    for (std::size_t s = 0; s < table.shared[link].size(); ++s)
      if (table.shared[link][s].name == name) return state.shared[link].front().template as<double>() + s;
  return nullptr;
}

/// Whether the arrays of a tensor are those that the rule wants.
template <StorageScalar P>
bool fields_fit(const RuleView<P>& rule, const Tensor& tensor, const TensorState& state) {
  if (state.links.size() != rule.table->shared.size()) return false;
  std::size_t link = 0, next = 0, unclaimed = 0;
  for (const Fields& fields : state.links) unclaimed += fields.size();
  bool fits = true;
  rule.declare(tensor, [&](std::size_t of, const FieldSpec& wanted) {
    if (of != link) next = 0;
    link = of;
    fits = fits && next < state.links[link].size() && wanted.describes(state.links[link][next]);
    ++next;
    --unclaimed;
  });
  return fits && unclaimed == 0;
}

/// Its address stands for the types of leaves and parameter. Not constant, since linkers may fold equal constants.
template <StorageScalar P, class... Leaves>
inline char made_for = 0;

/// Makes the arrays of a tensor what the rule wants; those of the same link, name and shape are kept.
template <StorageScalar P>
void make_fields(const RuleView<P>& rule, const Tensor& tensor, const P* parameters, TensorState& state) {
  if (fields_fit(rule, tensor, state)) return;
  state.made.by = nullptr;
  std::vector<Fields> old(rule.table->shared.size());
  old.swap(state.links);
  old.resize(state.links.size());
  rule.declare(tensor, [&](std::size_t link, const FieldSpec& wanted) {
    Fields& before = old[link];
    const auto same =
        std::find_if(before.begin(), before.end(), [&](const Field& field) { return wanted.describes(field); });
    Fields& now = state.links[link];
    if (same != before.end()) {
      now.push_back(std::move(*same));
      before.erase(same);
    } else {
      now.emplace_back(wanted.name, wanted.type, wanted.rows, wanted.cols, tensor.row_major);
      fill(now.back(), wanted, parameters);
    }
  });
}

/// Makes the state that the rule wants for the tensors of `state`, of which parameters[k] is where tensor k lies; what
/// is there already and still fits is kept. Throws std::invalid_argument where a rule refuses the tensors.
template <StorageScalar P, class Place>
void prepare(const RuleView<P>& rule, RuleState<P>& state, const std::vector<Place>& parameters) {
  rule.table->check_tensors(rule.rule, state.tensors);
  state.name = rule.description();
  prepare_shared(*rule.table, state.shared);
  for (std::size_t k = 0; k < state.tensors.size(); ++k)
    if (!state.states[k].at_rest())
      make_fields(rule, state.tensors[k], static_cast<const P*>(parameters[k]), state.states[k]);
}

/// Throws std::invalid_argument if a step lacks what the rule reads, or is told what it does not read.
template <StorageScalar P>
void check_told(const RuleView<P>& rule, const ToldNumbers* told) {
  if (rule.table->list_arguments == nullptr && told == nullptr) return;
  const ToldNumbers nothing;
  const ToldNumbers& given = told == nullptr ? nothing : *told;
  ToldNumbers known;
  if (rule.table->list_arguments != nullptr)
    rule.table->list_arguments([&](std::string_view name, bool required, bool array) {
      if (!known.contains(name)) known.add(name, 0);
      if (required && !given.contains(name))
        throw std::invalid_argument("step: " + rule.description() + " reads \"" + std::string(name) +
                                    "\", which this step is not told: step(with(" +
                                    (array ? "NamedArrays(\"" + std::string(name) + "\", ...)" : std::string(name)) +
                                    "), gradients...)");
    });
  if (rule.table->list_arguments != nullptr) rule.table->check_numbers(rule.rule, given);
  given.for_each([&](std::string_view name) {
    if (known.contains(name)) return;
    std::string names;
    known.for_each([&](std::string_view other) { names += (names.empty() ? "only " : ", ") + std::string(other); });
    throw std::invalid_argument("step: " + rule.description() + " reads no \"" + std::string(name) + "\", " +
                                (names.empty() ? "and no other argument" : names));
  });
}

/// Throws std::invalid_argument if the state was made by another rule.
template <StorageScalar P>
void check_rule(const RuleView<P>& rule, RuleState<P>& state) {
  if (state.workspace.rule_type == rule.table) return;
  if (const std::string name = rule.description(); state.name != name)
    throw std::invalid_argument("step: the state was made by " + state.name + ", not by " + name);
  state.workspace.rule_type = rule.table;
}

}  // namespace glissade::detail
