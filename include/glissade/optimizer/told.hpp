// The arguments of a step on their way to the rule: numbers as they are, arrays into the slots that wait for them.
#pragma once

#include <string>
#include <tuple>

#include "../core/engine/engine.hpp"
#include "binding.hpp"

namespace glissade::detail {

template <class... G>
void take_arrays(const NamedArrays<G...>&);
template <class A>
concept ArrayArgument = requires(const A& argument) {
  take_arrays(argument);
};

/// The coefficients of an array as the compute scalar, as the tensor's lie: its own, or a copy in the buffer.
template <StorageScalar P, class G>
const compute_t<P>* coefficients_of(const G& array, const Tensor& tensor, Buffer& buffer) {
  using T = compute_t<P>;
  const auto room = [&] {
    buffer.reserve(static_cast<std::size_t>(tensor.size()) * sizeof(T));
    return reinterpret_cast<T*>(buffer.data());
  };
  if constexpr (EigenDense<G>) {
    if constexpr (EigenDirect<G> && std::is_same_v<typename G::Scalar, T>)
      if ((static_cast<bool>(G::IsRowMajor) == tensor.row_major || tensor.rows == 1 || tensor.cols == 1) &&
          is_contiguous(array))
        return array.data();
    T* const copy = room();
    if (tensor.row_major)
      Eigen::Map<Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(copy, tensor.rows, tensor.cols) =
          array.array().template cast<T>();
    else
      Eigen::Map<Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic>>(copy, tensor.rows, tensor.cols) =
          array.array().template cast<T>();
    return copy;
  } else {
    T* const copy = room();
    if constexpr (Scalar<G>) {
      *copy = convert<T>(array);
    } else {
      Index i = 0;
      for (const auto& value : std::span(array)) copy[i++] = convert<T>(value);
    }
    return copy;
  }
}

/// The arguments of one step of a rule.
template <StorageScalar P, class... A>
class Told {
 public:
  /// Throws std::invalid_argument where an argument is missing, not read or of another shape.
  Told(const RuleView<P>& rule, RuleState<P>& state, const StepArguments<A...>& arguments, bool maximize)
      : rule_(rule), state_(state), arguments_(arguments), maximize_(maximize) {
    std::apply([&](const auto&... argument) { (add(argument), ...); }, arguments.each);
    check_told(rule, numbers());
    each_array<true>();
  }
  /// Null where there is no argument at all.
  [[nodiscard]] const ToldNumbers* numbers() const { return sizeof...(A) == 0 ? nullptr : &numbers_; }

  /// Takes the arrays into the state.
  void give() { each_array<false>(); }

 private:
  template <class Argument>
  void add(const Argument& argument) {
    const std::string_view name = name_of_argument(argument);
    const double value = number_of(argument);
    numbers_.add(name, maximize_ && name == LossValue::name ? -value : value);
  }

  template <bool Check>
  void each_array() {
    std::apply([&](const auto&... argument) { (take<Check>(argument), ...); }, arguments_.each);
  }
  template <bool Check, class Argument>
  void take(const Argument& argument) {
    if constexpr (ArrayArgument<Argument>) {
      std::size_t k = 0;
      for_each_array(argument.arrays, [&](const auto& array) {
        if (k < state_.tensors.size()) one<Check>(argument.name, array, k);
        ++k;
      });
      if (Check && k != state_.tensors.size())
        throw std::invalid_argument("step: " + std::to_string(k) + " arrays \"" + std::string(argument.name) +
                                    "\" for " + std::to_string(state_.tensors.size()) + " parameters");
    }
  }
  template <bool Check, class G>
  void one(std::string_view name, const G& array, std::size_t k) {
    TensorState& memory = state_.states[k];
    if constexpr (!std::is_same_v<G, NoGradient>) {
      const Tensor& tensor = state_.tensors[k];
      if constexpr (Check) {
        Index rows = 1, cols = 1;
        if constexpr (EigenDense<G>) {
          rows = array.rows();
          cols = array.cols();
        } else if constexpr (!Scalar<G>) {
          static_assert(ScalarRange<const G>, "an array of a step has the shape of its parameter");
          rows = static_cast<Index>(std::span(array).size());
        }
        if (rows != tensor.rows || cols != tensor.cols)
          throw std::invalid_argument("step: \"" + std::string(name) + "\" of \"" + tensor.name + "\" is " +
                                      shape_text(rows, cols) + ", its parameter " + tensor.shape());
      }
      if (memory.at_rest()) return;
      const P* const parameters = static_cast<const P*>(state_.workspace.parameters[k]);
      make_fields(rule_, tensor, parameters, memory);
      const compute_t<P>* values = nullptr;
      if constexpr (!Check) values = coefficients_of<P>(array, tensor, state_.workspace.argument);
      rule_.table->give(rule_.rule, tensor, memory, parameters, name, values, maximize_);
    }
  }

  RuleView<P> rule_;
  RuleState<P>& state_;
  const StepArguments<A...>& arguments_;
  bool maximize_;
  ToldNumbers numbers_;
};

}  // namespace glissade::detail
