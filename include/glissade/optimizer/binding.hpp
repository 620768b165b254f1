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
#include "../core/tensors/rule_state.hpp"
#include "overlap.hpp"

namespace glissade::detail {

/// An object that owns its memory, handed over as an rvalue.
template <class X>
constexpr bool is_temporary() {
  using Plain = std::remove_cvref_t<X>;
  if constexpr (std::is_lvalue_reference_v<X>)
    return false;
  else if constexpr (is_named<Plain>)
    return is_temporary<decltype(Plain::value)>();
  else if constexpr (EigenDense<Plain>)
    return std::is_base_of_v<Eigen::PlainObjectBase<Plain>, Plain>;
  else
    return Scalar<Plain> || requires(Plain & x) { x.shrink_to_fit(); };
}

/// One tensor of the caller's: where it lies and its shape. P is const where it is only read.
template <class P>
struct View {
  P* data;
  Index rows;
  Index cols;
  int rank;
  bool row_major;
};
template <class P>
View(P*, Index, Index, int, bool) -> View<P>;

/// Calls use(k, name, view, object) for every tensor that an object of the caller's holds, numbered from k on; the name
/// is empty where the caller has given none, `object` the matrix or vector itself where it can get other memory, else a
/// null pointer. Throws std::invalid_argument for a block with strides.
template <class X, class Use>
void for_each_parameter(X& x, std::size_t& k, const std::string& name, const Use& use) {
  using Plain = std::remove_cvref_t<X>;
  if constexpr (is_named<Plain>) {
    for_each_parameter(x.value, k, x.name, use);
  } else if constexpr (EigenDense<Plain>) {
    static_assert(EigenDirect<Plain>, "a parameter is a matrix, vector, block or Map, not an expression");
    if (!is_contiguous(x))
      throw std::invalid_argument("Optimizer: parameter \"" + (name.empty() ? std::to_string(k) : name) +
                                  "\" of shape " + shape_text(x.rows(), x.cols()) + " has strides " +
                                  std::to_string(x.innerStride()) + " and " + std::to_string(x.outerStride()) +
                                  ", must be contiguous: strides 1 and " + std::to_string(x.innerSize()));
    const View view{x.data(), x.rows(), x.cols(), rank_of<Plain>(), static_cast<bool>(Plain::IsRowMajor)};
    if constexpr (std::is_base_of_v<Eigen::PlainObjectBase<Plain>, Plain>)
      use(k++, name, view, &x);
    else
      use(k++, name, view, nullptr);
  } else if constexpr (Scalar<Plain>) {
    use(k++, name, View{&x, Index{1}, Index{1}, 0, false}, nullptr);
  } else if constexpr (ScalarRange<X>) {
    const std::span values(x);
    const View view{values.data(), static_cast<Index>(values.size()), Index{1}, 1, false};
    if constexpr (requires { x.shrink_to_fit(); })
      use(k++, name, view, &x);
    else
      use(k++, name, view, nullptr);
  } else if constexpr (TensorRange<X>) {
    std::size_t i = 0;
    for (auto& element : x) for_each_parameter(element, k, name.empty() ? name : name + "." + std::to_string(i++), use);
  } else {
    static_assert(
        requires { std::tuple_size<Plain>::value; },
        "a parameter is an Eigen object, a span or vector of numbers, a number, or a vector or tuple of such");
    std::apply([&](auto&... element) { (for_each_parameter(element, k, name, use), ...); }, x);
  }
}

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

/// Throws std::invalid_argument unless a gradient has its parameter's shape.
inline void check_gradient_shape(const Tensor& tensor, Index rows, Index cols) {
  if (rows != tensor.rows || cols != tensor.cols)
    throw std::invalid_argument("Optimizer::step: gradient of \"" + tensor.name + "\" is " + shape_text(rows, cols) +
                                ", its parameter " + tensor.shape());
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

  template <class G>
  void read(const G& gradient) {
    if constexpr (is_named<G>) {
      read(gradient.value);
    } else if constexpr (TensorRange<const G>) {
      for (const auto& element : gradient) read(element);
    } else if constexpr (!EigenDense<G> && !ScalarRange<const G> && requires { std::tuple_size<G>::value; }) {
      std::apply([&](const auto&... element) { (read(element), ...); }, gradient);
    } else {
      if (count_ < tensors_.size()) read_one(gradient);
      ++count_;
    }
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
        [&]<class S, class Object>(std::size_t k, const std::string& name, const View<S>& view, Object object) {
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
    state.workspace.parameters.resize(size());
    for (std::size_t k = 0; k < size(); ++k) state.workspace.parameters[k] = parameter(k);
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
