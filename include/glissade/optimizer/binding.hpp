// Parameters where they lie, and gradients in whatever form the caller has them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "../core/engine/engine.hpp"

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

/// The part of an optimizer that does not depend on its rule, so that it is compiled once for all
/// rules.
template <StorageScalar P>
class BoundParameters {
 public:
  using T = compute_t<P>;

  Engine<P> engine;

  [[nodiscard]] std::size_t size() const { return engine.tensors.size(); }
  [[nodiscard]] const Tensor& tensor(std::size_t k) const { return engine.tensors.at(k); }

  template <class X>
  void bind(X&& x, const std::string& name) {
    using Plain = std::remove_cvref_t<X>;
    if constexpr (is_named<Plain>) {
      bind(x.value, x.name);
    } else if constexpr (EigenDense<Plain>) {
      static_assert(EigenDirect<Plain>, "a parameter is a matrix, vector, block or Map, not an expression");
      static_assert(!std::is_const_v<std::remove_pointer_t<decltype(x.data())>>, "a parameter must be writable");
      if (!is_contiguous(x))
        throw std::invalid_argument("Optimizer: parameter \"" + own_name(name) + "\" of shape " +
                                    std::to_string(x.rows()) + " x " + std::to_string(x.cols()) + " has strides " +
                                    std::to_string(x.innerStride()) + " and " + std::to_string(x.outerStride()) +
                                    ", must be contiguous: strides 1 and " + std::to_string(x.innerSize()));
      add(name, x.data(), x.rows(), x.cols(), rank_of<Plain>(), Plain::IsRowMajor);
      if constexpr (std::is_base_of_v<Eigen::PlainObjectBase<Plain>, Plain>)
        bindings_.back() = {&x, [](void* object) {
                              auto& now = *static_cast<Plain*>(object);
                              return Place{now.data(), now.rows(), now.cols()};
                            }};
    } else if constexpr (Scalar<Plain>) {
      add(name, &x, 1, 1, 0, false);
    } else if constexpr (ScalarRange<Plain>) {
      const std::span values(x);
      add(name, values.data(), static_cast<Index>(values.size()), 1, 1, false);
      if constexpr (requires { x.shrink_to_fit(); })
        bindings_.back() = {&x, [](void* object) {
                              auto& now = *static_cast<Plain*>(object);
                              return Place{now.data(), static_cast<Index>(now.size()), 1};
                            }};
    } else {
      static_assert(TensorRange<Plain>,
                    "a parameter is an Eigen object, a span or vector of numbers, a number, or a "
                    "vector of such");
      std::size_t i = 0;
      for (auto& element : x) bind(element, name.empty() ? name : name + "." + std::to_string(i++));
    }
  }

  void check_names() const {
    for (std::size_t a = 0; a < size(); ++a)
      for (std::size_t b = a + 1; b < size(); ++b)
        if (tensor(a).name == tensor(b).name)
          throw std::invalid_argument("Optimizer: two parameters are named \"" + tensor(a).name + "\"");
  }

  void look_at_parameters() {
    for (std::size_t k = 0; k < size(); ++k) engine.parameters[k] = parameter(k);
  }

  /// Where parameter k lies now. Throws std::invalid_argument if its shape has changed.
  [[nodiscard]] P* parameter(std::size_t k) const {
    const Binding& binding = bindings_.at(k);
    if (binding.object == nullptr) return engine.parameters[k];
    const Place now = binding.look(binding.object);
    const Tensor& tensor = engine.tensors[k];
    if (now.rows != tensor.rows || now.cols != tensor.cols)
      throw std::invalid_argument("Optimizer::step: parameter \"" + tensor.name + "\" is now " +
                                  std::to_string(now.rows) + " x " + std::to_string(now.cols) + ", was bound as " +
                                  tensor.shape());
    return now.data;
  }

  /// Reads the gradients that an argument of step holds; `k` is the number of the next parameter.
  /// `maximize` turns their sign.
  template <class G>
  void read_gradient(const G& gradient, bool maximize, std::size_t& k) {
    if constexpr (is_named<G>) {
      read_gradient(gradient.value, maximize, k);
    } else if constexpr (TensorRange<const G>) {
      for (const auto& element : gradient) read_gradient(element, maximize, k);
    } else {
      if (k < size()) read_one(gradient, maximize, k);
      ++k;
    }
  }

 private:
  /// Where a parameter lies now; a matrix that was assigned to may have got other memory.
  struct Place {
    P* data;
    Index rows;
    Index cols;
  };
  struct Binding {
    void* object = nullptr;  // null: a view, which cannot change
    Place (*look)(void*) = nullptr;
  };

  [[nodiscard]] std::string own_name(const std::string& name) const {
    return name.empty() ? std::to_string(size()) : name;
  }

  template <class S>
  void add(const std::string& name, S* data, Index rows, Index cols, int rank, bool row_major) {
    static_assert(!std::is_const_v<S>, "a parameter must be writable");
    static_assert(std::is_same_v<std::remove_const_t<S>, P>,
                  "all parameters of one optimizer have the same scalar type");
    engine.add(Tensor{own_name(name), rows, cols, rank, row_major}, data);
    copies_.emplace_back();
    bindings_.emplace_back();
  }

  template <class G>
  void read_one(const G& gradient, bool maximize, std::size_t k) {
    const Tensor& tensor = engine.tensors[k];
    Source& source = engine.sources[k];
    if constexpr (std::is_same_v<G, NoGradient>) {
      source = {};
      return;
    } else if constexpr (Scalar<G>) {
      check_shape(tensor, 1, 1);
      source = own_copy(k, &gradient, 1);
    } else if constexpr (EigenDense<G>) {
      check_shape(tensor, gradient.rows(), gradient.cols());
      source = from_eigen(gradient, k);
    } else {
      static_assert(ScalarRange<const G>, "a gradient has the shape of its parameter");
      const std::span values(gradient);
      check_shape(tensor, static_cast<Index>(values.size()), 1);
      source = from_memory(values.data(), static_cast<Index>(values.size()), k);
    }
    source.present = true;
    source.negate = maximize;
  }

  static void check_shape(const Tensor& tensor, Index rows, Index cols) {
    if (rows != tensor.rows || cols != tensor.cols)
      throw std::invalid_argument("Optimizer::step: gradient of \"" + tensor.name + "\" is " + std::to_string(rows) +
                                  " x " + std::to_string(cols) + ", its parameter " + tensor.shape());
  }

  template <class G>
  Source from_eigen(const G& gradient, std::size_t k) {
    const Tensor& tensor = engine.tensors[k];
    if constexpr (EigenDirect<G>) {
      const bool same_order =
          static_cast<bool>(G::IsRowMajor) == tensor.row_major || tensor.rows == 1 || tensor.cols == 1;
      if (same_order && is_contiguous(gradient)) return from_memory(gradient.data(), gradient.size(), k);
    }
    T* copy = copy_of(k);
    using ColMajor = Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
    using RowMajor = Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    if (tensor.row_major)
      Eigen::Map<RowMajor>(copy, tensor.rows, tensor.cols) = gradient.array().template cast<T>();
    else
      Eigen::Map<ColMajor>(copy, tensor.rows, tensor.cols) = gradient.array().template cast<T>();
    return {copy, true};
  }

  /// The gradient where it lies if the sweep can read its scalar type, else a copy.
  template <class S>
  Source from_memory(const S* values, Index size, std::size_t k) {
    if constexpr (std::is_same_v<S, T>)
      return {values, true};
    else if constexpr (std::is_same_v<S, P>)
      return {values, false};
    else
      return own_copy(k, values, size);
  }

  template <class S>
  Source own_copy(std::size_t k, const S* values, Index size) {
    T* copy = copy_of(k);
    for (Index i = 0; i < size; ++i) copy[i] = convert<T>(values[i]);
    return {copy, true};
  }

  T* copy_of(std::size_t k) {
    copies_[k].reserve(static_cast<std::size_t>(engine.tensors[k].size()) * sizeof(T));
    return reinterpret_cast<T*>(copies_[k].data());
  }

  std::vector<Binding> bindings_;
  std::vector<Buffer> copies_;  // gradients that had to be evaluated or converted
};

}  // namespace glissade::detail
