// The tensors that an object of the caller's holds: a matrix, vector, Map, block, span, number, or several of them in a
// layer, range or tuple, named or not.
#pragma once

#include <Eigen/Core>

#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../checks.hpp"
#include "tensor.hpp"

namespace glissade {

/// An object that owns its memory, handed over as an rvalue.
template <class X>
constexpr bool is_temporary() {
  using Plain = std::remove_cvref_t<X>;
  if constexpr (std::is_lvalue_reference_v<X>)
    return false;
  else if constexpr (detail::is_named<Plain>)
    return is_temporary<decltype(Plain::value)>();
  else if constexpr (EigenDense<Plain>)
    return std::is_base_of_v<Eigen::PlainObjectBase<Plain>, Plain>;
  else
    return ListsParameters<Plain> || detail::Scalar<Plain> || requires(Plain & x) { x.shrink_to_fit(); };
}

/// One tensor of the caller's: where it lies and its shape. P is const where it is only read.
template <class P>
struct TensorView {
  P* data;
  Index rows;
  Index cols;
  int rank;
  bool row_major;
};
template <class P>
TensorView(P*, Index, Index, int, bool) -> TensorView<P>;

/// Calls use(k, name, view, object) for every tensor that an object of the caller's holds, numbered from k on; the name
/// is empty where the caller has given none, `object` the matrix or vector itself where it can get other memory, else a
/// null pointer. Throws std::invalid_argument for a block with strides.
template <class X, class Use>
void for_each_parameter(X& x, std::size_t& k, const std::string& name, const Use& use) {
  using Plain = std::remove_cvref_t<X>;
  if constexpr (detail::is_named<Plain>) {
    for_each_parameter(x.value, k, x.name, use);
  } else if constexpr (EigenDense<Plain>) {
    static_assert(detail::EigenDirect<Plain>, "a parameter is a matrix, vector, block or Map, not an expression");
    if (!detail::is_contiguous(x))
      throw std::invalid_argument("Optimizer: parameter \"" + (name.empty() ? std::to_string(k) : name) +
                                  "\" of shape " + shape_text(x.rows(), x.cols()) + " has strides " +
                                  std::to_string(x.innerStride()) + " and " + std::to_string(x.outerStride()) +
                                  ", must be contiguous: strides 1 and " + std::to_string(x.innerSize()));
    const TensorView view{x.data(), x.rows(), x.cols(), detail::rank_of<Plain>(), static_cast<bool>(Plain::IsRowMajor)};
    if constexpr (std::is_base_of_v<Eigen::PlainObjectBase<Plain>, Plain>)
      use(k++, name, view, &x);
    else
      use(k++, name, view, nullptr);
  } else if constexpr (detail::Scalar<Plain>) {
    use(k++, name, TensorView{&x, Index{1}, Index{1}, 0, false}, nullptr);
  } else if constexpr (detail::ScalarRange<X>) {
    const std::span values(x);
    const TensorView view{values.data(), static_cast<Index>(values.size()), Index{1}, 1, false};
    if constexpr (requires { x.shrink_to_fit(); })
      use(k++, name, view, &x);
    else
      use(k++, name, view, nullptr);
  } else if constexpr (ListsParameters<X>) {
    x.parameters([&](std::string_view part, auto& value) {
      for_each_parameter(value, k, name.empty() ? std::string(part) : name + "." + std::string(part), use);
    });
  } else if constexpr (TensorRange<X>) {
    std::size_t i = 0;
    for (auto& element : x) for_each_parameter(element, k, name.empty() ? name : name + "." + std::to_string(i++), use);
  } else {
    static_assert(
        requires { std::tuple_size<Plain>::value; },
        "a parameter is an Eigen object, a span or vector of numbers, a number, a layer, or a vector or tuple of such");
    std::apply([&](auto&... element) { (for_each_parameter(element, k, name, use), ...); }, x);
  }
}

/// The scalar type of the parameters that X holds, and what X may be beside an Eigen object.
template <class X>
using ScalarOf = detail::scalar_of_t<X>;
template <class X>
concept NamedParameter = detail::is_named<X>;
template <class X>
concept NumberRange = detail::ScalarRange<X>;

/// The coefficients of all tensors one after another, as they lie, to or from a vector of another scalar type.
template <class V, class X>
void flatten_parameters(X& parts, V& flat) {
  std::size_t number = 0;
  Index begin = 0;
  for_each_parameter(parts, number, {}, [&]<class S>(std::size_t, const std::string&, const TensorView<S>& view, auto) {
    using Array = Eigen::Array<std::remove_const_t<S>, Eigen::Dynamic, 1>;
    const Index size = view.rows * view.cols;
    flat.array().segment(begin, size) = Eigen::Map<const Array>(view.data, size).template cast<typename V::Scalar>();
    begin += size;
  });
}
template <class V, class X>
void unflatten_parameters(const V& flat, X& parts) {
  std::size_t number = 0;
  Index begin = 0;
  for_each_parameter(parts, number, {}, [&]<class S>(std::size_t, const std::string&, const TensorView<S>& view, auto) {
    static_assert(!std::is_const_v<S>, "x is moved to the solution, so it must be writable");
    const Index size = view.rows * view.cols;
    Eigen::Map<Eigen::Array<S, Eigen::Dynamic, 1>>(view.data, size) =
        flat.array().segment(begin, size).template cast<S>();
    begin += size;
  });
}

/// Throws std::invalid_argument unless some tensors have the shapes of a list.
template <class X>
void check_parameter_shapes(const char* what, X& parts, const std::vector<Tensor>& tensors) {
  std::size_t number = 0;
  for_each_parameter(parts, number, {}, [&](std::size_t k, const std::string&, const auto& view, auto) {
    if (k < tensors.size() && (view.rows != tensors[k].rows || view.cols != tensors[k].cols))
      throw std::invalid_argument("objective: its " + std::string(what) + " for \"" + tensors[k].name + "\" is " +
                                  shape_text(view.rows, view.cols) + ", must be " + tensors[k].shape());
  });
  if (number != tensors.size())
    throw std::invalid_argument("objective: its " + std::string(what) + " has " + std::to_string(number) +
                                " tensors, must have " + std::to_string(tensors.size()));
}

}  // namespace glissade
