// What a run moves: a vector, matrix, Map, span or number of any scalar type, or several of them in a std::tuple or
// std::vector. Methods work on one plain vector; what is not one is copied, and written back however the run ends.
#pragma once

#include <Eigen/Core>

#include <array>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/tensors/parameters.hpp"
#include "../oracle/shaped.hpp"

namespace glissade {

namespace detail {

template <class X>
inline constexpr bool is_column = false;
template <EigenDense X>
inline constexpr bool is_column<X> = X::ColsAtCompileTime == 1;

template <class X>
inline constexpr int size_at_compile_time = Eigen::Dynamic;
template <class X>
requires is_column<X>
inline constexpr int size_at_compile_time<X> = X::SizeAtCompileTime;

template <class M>
concept AnyScalar = requires {
  requires M::any_scalar;
};

/// An object that owns what x shows.
template <class X>
auto owned(const X& x) {
  if constexpr (NamedParameter<X>) {
    return owned<std::remove_cvref_t<decltype(x.value)>>(x.value);
  } else if constexpr (is_column<X>) {
    return Eigen::Matrix<typename X::Scalar, X::SizeAtCompileTime, 1>(x.matrix());
  } else if constexpr (EigenDense<X>) {
    return typename X::PlainObject(x);
  } else if constexpr (StorageScalar<X>) {
    return x;
  } else if constexpr (NumberRange<const X>) {
    const std::span values(x);
    using S = std::remove_const_t<typename decltype(values)::element_type>;
    return std::vector<S>(values.begin(), values.end());
  } else {
    static_assert(TensorRange<const X>,
                  "x is an Eigen object, a span or vector of numbers, a number, or a vector or "
                  "tuple of such");
    std::vector<decltype(owned<std::remove_cvref_t<decltype(*x.begin())>>(*x.begin()))> copies;
    for (const auto& element : x) copies.push_back(owned<std::remove_cvref_t<decltype(element)>>(element));
    return copies;
  }
}
/// Names and shapes of the tensors that x shows.
template <class X>
std::vector<Tensor> tensors_of(X& x) {
  std::vector<Tensor> tensors;
  if constexpr (is_column<X>) {
    tensors.push_back({"x", x.rows()});
  } else {
    std::size_t number = 0;
    for_each_parameter(x, number, {}, [&](std::size_t k, const std::string& name, const auto& view, auto) {
      tensors.push_back({name.empty() ? std::to_string(k) : name, view.rows, view.cols, view.rank, view.row_major, k});
    });
    if (tensors.size() == 1 && tensors[0].name == "0") tensors[0].name = "x";
  }
  return tensors;
}

template <class X>
constexpr bool is_writable() {
  if constexpr (NamedParameter<X>)
    return is_writable<std::remove_reference_t<decltype(X::value)>>();
  else if constexpr (EigenDense<X>)
    return (std::remove_cv_t<X>::Flags & Eigen::LvalueBit) != 0 && !std::is_const_v<X>;
  else
    return true;
}

}  // namespace detail

/// Objects that own what the parts of x show.
template <class... P>
auto owned_tuple(const std::tuple<P...>& x) {
  return std::apply(
      [](const auto&... part) { return std::tuple(detail::owned<std::remove_cvref_t<decltype(part)>>(part)...); }, x);
}
template <class X>
auto owned_tuple(const X& x) {
  return std::tuple(detail::owned<X>(x));
}

/// The plain vector on which method M works in place of x: of doubles, or of the scalars of x where it says
/// `static constexpr bool any_scalar = true`; of fixed size where x is a vector of fixed size.
template <class M, class X>
using PlainVector = Eigen::Matrix<std::conditional_t<detail::AnyScalar<M>, ScalarOf<X>, double>,
                                  detail::size_at_compile_time<std::remove_cvref_t<X>>, 1>;

template <class X>
constexpr void check_variable() {
  static_assert(detail::is_writable<std::remove_reference_t<X>>(),
                "x is moved to the solution, so it must be writable");
  static_assert(!is_temporary<X>(), "x is moved to the solution, which would be lost with a temporary vector");
}

/// The number of coefficients of x.
template <class X>
Index size_of(const X& x) {
  Index total = 0;
  if constexpr (detail::is_column<X>) {
    total = x.size();
  } else {
    std::size_t number = 0;
    for_each_parameter(x, number, {}, [&](std::size_t, const std::string&, const auto& view, auto) {
      total += view.rows * view.cols;
    });
  }
  return total;
}

/// Throws std::invalid_argument where a state is of another number of variables than x.
inline void check_size_of_state(Index of_state, Index of_x) {
  if (of_state != of_x)
    throw std::invalid_argument("resume: the state is of " + std::to_string(of_state) + " variables, x has " +
                                std::to_string(of_x));
}

/// The coefficients of x in a vector V, and back.
template <class V, class X>
V to_plain(const X& x) {
  if constexpr (detail::is_column<X>) {
    return x.matrix().template cast<typename V::Scalar>();
  } else {
    V plain(size_of(x));
    flatten_parameters(x, plain);
    return plain;
  }
}
template <class V, class X>
void from_plain(const V& plain, X& x) {
  if constexpr (detail::is_column<X>)
    x.matrix() = plain.template cast<typename X::Scalar>();
  else
    unflatten_parameters(plain, x);
}

/// Calls run(objective, plain) with a plain vector for method M and the objective of that vector.
template <class M, class F, class X, class Run>
auto with_plain(F& objective, X& x, const Run& run) {
  using V = PlainVector<M, X>;
  if constexpr (std::is_same_v<X, V>) {
    return run(objective, x);
  } else {
    struct Guard {
      X& to;
      V copy = to_plain<V>(to);
      ~Guard() { from_plain(copy, to); }
    } guard{x};
    if constexpr (detail::is_column<X> && std::is_same_v<typename V::Scalar, ScalarOf<X>>) {
      return run(objective, guard.copy);
    } else {
      auto parts = owned_tuple(std::as_const(x));
      Shaped<F, V, decltype(parts)> shaped(objective, std::move(parts), detail::tensors_of(x));
      return run(shaped, guard.copy);
    }
  }
}

}  // namespace glissade
