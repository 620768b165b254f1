// Parameters where they lie, and gradients in whatever form the caller has them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "../core/checks.hpp"
#include "../core/tensors/parameters.hpp"
#include "../core/tensors/rule_state.hpp"
#include "overlap.hpp"

namespace glissade::detail {

/// Throws std::invalid_argument if two of some tensors have the same name.
inline void check_names(const std::vector<Tensor>& tensors) {
  std::vector<std::string_view> names;
  for (const Tensor& tensor : tensors) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    throw std::invalid_argument("Optimizer: two parameters are named \"" + std::string(*twice) + "\"");
}

/// The scalar type that all tensors of one rule must have.
template <StorageScalar P, class S>
void check_scalar() {
  static_assert(std::is_same_v<std::remove_const_t<S>, P>, "all parameters of one optimizer have the same scalar type");
}

[[noreturn]] inline void reject_gradient(const Tensor& tensor, Index rows, Index cols) {
  throw std::invalid_argument("Optimizer::step: gradient of \"" + tensor.name + "\" is " + shape_text(rows, cols) +
                              ", its parameter " + tensor.shape());
}
/// Throws std::invalid_argument unless a gradient has its parameter's shape.
inline void check_gradient_shape(const Tensor& tensor, Index rows, Index cols) {
  if (rows != tensor.rows || cols != tensor.cols) reject_gradient(tensor, rows, cols);
}

/// use(x) for every array that a gradient or another argument of a step consists of, no_gradient among them.
template <class G, class Use>
void for_each_array(const G& given, const Use& use) {
  if constexpr (is_named<G>)
    for_each_array(given.value, use);
  else if constexpr (ListsParameters<const G> && !EigenDense<G>)
    given.parameters([&](std::string_view, const auto& part) { for_each_array(part, use); });
  else if constexpr (TensorRange<const G>)
    for (const auto& element : given) for_each_array(element, use);
  else if constexpr (!EigenDense<G> && !ScalarRange<const G> && requires { std::tuple_size<G>::value; })
    std::apply([&](const auto&... element) { (for_each_array(element, use), ...); }, given);
  else
    use(given);
}

/// Reads the gradients of a step, one after another, into the workspace of the state: where they lie if the sweep can
/// read them there and no other parameter moves over them, else a copy.
template <StorageScalar P>
class GradientReader {
 public:
  using T = compute_t<P>;

  /// `maximize` turns the sign of all gradients.
  GradientReader(RuleState<P>& state, bool maximize)
      : tensors_(state.tensors), work_(state.workspace), maximize_(maximize), moving_(state, sizeof(P)) {
    work_.sources.resize(tensors_.size());
    work_.copies.resize(tensors_.size());
  }
  /// Throws std::invalid_argument unless there was one gradient for every parameter.
  void check_count() const {
    if (count_ != tensors_.size())
      throw std::invalid_argument("Optimizer::step: " + std::to_string(count_) + " gradients for " +
                                  std::to_string(tensors_.size()) + " parameters");
  }

  /// The gradient of the next tensor, which lies as its parameters do.
  void read_as_it_lies(const P* values) {
    Source& source = work_.sources[count_];
    source = from_memory(values, tensors_[count_].size());
    source.present = true;
    source.negate = maximize_;
    ++count_;
  }
  template <class G>
  void read(const G& gradient) {
    for_each_array(gradient, [&](const auto& one) {
      if (count_ < work_.sources.size()) read_one(one);
      ++count_;
    });
  }

 private:
  template <class G>
  void read_one(const G& gradient) {
    Source& source = work_.sources[count_];
    const Tensor& tensor = tensors_[count_];
    if constexpr (std::is_same_v<G, NoGradient>) {
      source = {};
      return;
    } else if constexpr (Scalar<G>) {
      check_gradient_shape(tensor, 1, 1);
      source = own_copy(&gradient, 1);
    } else if constexpr (EigenDense<G>) {
      check_gradient_shape(tensor, gradient.rows(), gradient.cols());
      source = from_eigen(gradient, tensor);
    } else {
      static_assert(ScalarRange<const G>, "a gradient has the shape of its parameter");
      const std::span values(gradient);
      check_gradient_shape(tensor, static_cast<Index>(values.size()), 1);
      source = from_memory(values.data(), static_cast<Index>(values.size()));
    }
    source.present = true;
    source.negate = maximize_;
  }

  template <class G>
  Source from_eigen(const G& gradient, const Tensor& tensor) {
    if constexpr (EigenDirect<G>) {
      const bool same_order =
          static_cast<bool>(G::IsRowMajor) == tensor.row_major || tensor.rows == 1 || tensor.cols == 1;
      if (same_order && is_contiguous(gradient)) return from_memory(gradient.data(), gradient.size());
    }
    T* copy = room(tensor.size());
    using ColMajor = Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
    using RowMajor = Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    if (tensor.row_major)
      Eigen::Map<RowMajor>(copy, tensor.rows, tensor.cols) = gradient.array().template cast<T>();
    else
      Eigen::Map<ColMajor>(copy, tensor.rows, tensor.cols) = gradient.array().template cast<T>();
    return {copy, true};
  }

  template <class S>
  Source from_memory(const S* values, Index size) {
    if constexpr (std::is_same_v<S, T> || std::is_same_v<S, P>)
      if (!moving_.reach(values, static_cast<std::size_t>(size) * sizeof(S), count_))
        return {values, std::is_same_v<S, T>};
    return own_copy(values, size);
  }

  template <class S>
  Source own_copy(const S* values, Index size) {
    T* copy = room(size);
    for (Index i = 0; i < size; ++i) copy[i] = convert<T>(values[i]);
    return {copy, true};
  }

  T* room(Index size) {
    work_.copies[count_].reserve(static_cast<std::size_t>(size) * sizeof(T));
    return reinterpret_cast<T*>(work_.copies[count_].data());
  }

  const std::vector<Tensor>& tensors_;
  Workspace& work_;
  bool maximize_;
  MovingMemory moving_;
  std::size_t count_ = 0;  // of gradients read
};

/// The part of an optimizer that does not depend on its rule, so that it is compiled once for all
/// rules.
template <StorageScalar P>
class BoundParameters {
 public:
  RuleState<P> state;

  [[nodiscard]] std::size_t size() const { return state.tensors.size(); }

  template <class X>
  void bind(X& x) {
    std::size_t next = size();
    for_each_parameter(
        x, next, {},
        [&]<class S, class Object>(std::size_t k, const std::string& name, const TensorView<S>& view, Object object) {
          static_assert(!std::is_const_v<S>, "a parameter must be writable");
          check_scalar<P, S>();
          Tensor tensor{name.empty() ? std::to_string(k) : name, view.rows, view.cols, view.rank, view.row_major};
          tensor.index = k;
          state.tensors.push_back(std::move(tensor));
          state.states.emplace_back();
          Binding binding{view.data, nullptr, nullptr};
          if constexpr (!std::is_null_pointer_v<Object> && !std::is_const_v<S>) {
            binding.object = object;
            binding.look = [](void* untyped) {
              auto& now = *static_cast<std::remove_pointer_t<Object>*>(untyped);
              if constexpr (EigenDense<decltype(now)>)
                return Place{now.data(), now.rows(), now.cols()};
              else
                return Place{now.data(), static_cast<Index>(now.size()), 1};
            };
          }
          bindings_.push_back(binding);
        });
  }

  /// Throws std::invalid_argument if two parameters have the same name or share memory.
  void check() const {
    check_names(state.tensors);
    check_overlap(state.tensors, sizeof(P), [&](std::size_t k) { return parameter(k); });
  }

  /// Where parameter k lies now. Throws std::invalid_argument if its shape has changed.
  [[nodiscard]] P* parameter(std::size_t k) const {
    const Binding& binding = bindings_.at(k);
    if (binding.object == nullptr) return binding.data;
    const Place now = binding.look(binding.object);
    const Tensor& tensor = state.tensors[k];
    if (now.rows != tensor.rows || now.cols != tensor.cols)
      throw std::invalid_argument("Optimizer::step: parameter \"" + tensor.name + "\" is now " +
                                  shape_text(now.rows, now.cols) + ", was bound as " + tensor.shape());
    return now.data;
  }

  /// Tells the coming step where all parameters lie.
  void look_at_parameters() {
    const std::size_t count = size();
    state.workspace.parameters.resize(count);
    for (std::size_t k = 0; k < count; ++k) state.workspace.parameters[k] = parameter(k);
  }

 private:
  /// Where a parameter lies now; a matrix that was assigned to may have got other memory.
  struct Place {
    P* data;
    Index rows;
    Index cols;
  };
  struct Binding {
    P* data;
    void* object;  // null: a view, which cannot change
    Place (*look)(void*);
  };

  std::vector<Binding> bindings_;
};

}  // namespace glissade::detail
