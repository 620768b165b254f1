// What the optimizer sees of a parameter or a gradient: a pointer, a shape and a storage order.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../scalar.hpp"

namespace glissade {

/// Shape and name of one parameter tensor. A vector (rank 1) is rows x 1; a scalar has rank 0.
struct Tensor {
  std::string name;
  Index rows = 0;
  Index cols = 1;
  int rank = 1;
  bool row_major = false;
  std::size_t index = 0;  // position in the optimizer

  [[nodiscard]] Index size() const { return rows * cols; }
  [[nodiscard]] bool is_matrix() const { return rank == 2; }
  [[nodiscard]] std::string shape() const { return std::to_string(rows) + " x " + std::to_string(cols); }
  friend bool operator==(const Tensor&, const Tensor&) = default;
};

/// A parameter with the name by which groups, masks and files know it: named("layer1.weight", W).
template <class P>
struct Named {
  std::string name;
  P value;  // a reference for lvalues
};
template <class P>
Named<P> named(std::string name, P&& parameter) {
  return {std::move(name), std::forward<P>(parameter)};
}

/// In place of a gradient: this tensor is left alone in this step.
struct NoGradient {};
inline constexpr NoGradient no_gradient{};

namespace detail {

template <class X>
inline constexpr bool is_named = false;
template <class P>
inline constexpr bool is_named<Named<P>> = true;

/// By conversion, not by Eigen::DenseBase<X>: segments of vectors derive from the base of a block.
template <class Derived>
void take_dense(const Eigen::DenseBase<Derived>&);
}  // namespace detail

/// A dense Eigen object, expressions included.
template <class X>
concept EigenDense = requires(const std::remove_cvref_t<X>& x) {
  detail::take_dense(x);
};

namespace detail {

template <class X>
concept EigenDirect = EigenDense<X> &&((Eigen::DirectAccessBit & std::remove_cvref_t<X>::Flags) != 0);

template <class X>
concept Scalar = StorageScalar<std::remove_cvref_t<X>>;

template <class X>
concept ScalarRange = !EigenDense<X> && requires(X & x) {
  {std::span(x)};
  requires StorageScalar<std::remove_cv_t<typename decltype(std::span(x))::element_type>>;
};

}  // namespace detail

namespace detail {
struct AnyParameter {
  void operator()(std::string_view, auto&) const {}
};
}  // namespace detail

/// A layer, a model or its gradients: parameters(visit) calls visit("A", A) for every parameter, or part that has such.
/// It says its scalar type: using Scalar = float.
template <class X>
concept ListsParameters = requires(X& x) {
  typename std::remove_cvref_t<X>::Scalar;
  x.parameters(detail::AnyParameter{});
};

/// A vector, array or span of parameters (or gradients): its elements are taken one by one.
template <class X>
concept TensorRange =
    !EigenDense<X> && !detail::Scalar<X> && !detail::ScalarRange<X> && !ListsParameters<X> && requires(X & x) {
  x.begin();
  x.end();
};

namespace detail {

template <class X>
struct scalar_of;
template <class X>
requires EigenDense<X>
struct scalar_of<X> : std::type_identity<typename X::Scalar> {
};
template <class X>
requires Scalar<X>
struct scalar_of<X> : std::type_identity<X> {
};
template <class X>
requires ScalarRange<X>
struct scalar_of<X>
    : std::type_identity<std::remove_cv_t<typename decltype(std::span(std::declval<X&>()))::element_type>> {
};
template <class X>
requires ListsParameters<X> &&(!EigenDense<X>)struct scalar_of<X> : std::type_identity<typename X::Scalar> {
};
template <class P>
struct scalar_of<Named<P>> : scalar_of<std::remove_cvref_t<P>> {};
template <class First, class... More>
struct scalar_of<std::tuple<First, More...>> : scalar_of<std::remove_cvref_t<First>> {};
template <class X>
requires TensorRange<X>
struct scalar_of<X> : scalar_of<std::remove_cvref_t<decltype(*std::declval<X&>().begin())>> {
};

template <class X>
using scalar_of_t = typename scalar_of<std::remove_cvref_t<X>>::type;

/// True where the coefficients of an Eigen object lie side by side in its storage order.
template <EigenDirect X>
bool is_contiguous(const X& x) {
  if (x.size() <= 1) return true;
  const Index inner = x.innerSize();
  const Index outer = x.outerSize();
  return (inner == 1 || x.innerStride() == 1) && (outer == 1 || x.outerStride() == inner);
}

template <EigenDense X>
constexpr int rank_of() {
  return X::IsVectorAtCompileTime ? 1 : 2;
}

}  // namespace detail
}  // namespace glissade
