// Objectives made from one formula: value, gradient, Hessian and Hessian-vector product.
#pragma once

#include <Eigen/Core>

#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "../core/checks.hpp"
#include "jet.hpp"

namespace glissade::problems {

using Index = Eigen::Index;

namespace detail {

/// Throws std::invalid_argument: "Beale: x has 3 coefficients, must be 2".
inline void require_size(std::string_view owner, std::string_view thing, Index size, Index expected) {
  if (size != expected)
    throw std::invalid_argument(std::string(owner) + ": " + std::string(thing) + " has " + std::to_string(size) +
                                " coefficients, must be " + std::to_string(expected));
}

/// Throws std::invalid_argument: "LogSumExp: a coefficient of A is not finite".
inline void require_finite(std::string_view owner, std::string_view thing, const auto& data) {
  if (!data.allFinite())
    throw std::invalid_argument(std::string(owner) + ": a coefficient of " + std::string(thing) + " is not finite");
}

/// Throws std::invalid_argument: "ExtendedRosenbrock: x has 3 coefficients, must be a multiple of 2".
inline void require_multiple(std::string_view owner, Index size, Index factor) {
  if (size <= 0 || size % factor != 0)
    throw std::invalid_argument(std::string(owner) + ": x has " + std::to_string(size) +
                                " coefficients, must be a multiple of " + std::to_string(factor));
}

/// Gives an output the shape it needs; a Map or block must have it already.
template <class Out>
void reshape(Out&& out, Index rows, Index cols = 1) {
  if constexpr (requires { out.resize(rows, cols); })
    out.resize(rows, cols);
  else if (out.rows() != rows || out.cols() != cols)
    throw std::invalid_argument("an output of " + std::to_string(out.rows()) + " x " + std::to_string(out.cols()) +
                                " coefficients, must be " + std::to_string(rows) + " x " + std::to_string(cols));
}

/// What a formula reads: coefficients of x as plain scalars.
template <class V>
struct Numbers {
  const V& x;
  [[nodiscard]] double operator[](Index i) const { return static_cast<double>(x[i]); }
  [[nodiscard]] Index size() const { return x.size(); }
};

/// Coefficients of x as jets: first + a moves in direction a, all others stand still.
template <class V, int N, int Order>
struct Window {
  const V& x;
  Index first;
  [[nodiscard]] Jet<N, Order> operator[](Index i) const {
    Jet<N, Order> jet(static_cast<double>(x[i]));
    if (i >= first && i < first + N) jet.d[static_cast<std::size_t>(i - first)] = 1;
    return jet;
  }
  [[nodiscard]] Index size() const { return x.size(); }
};

/// Coefficients of x as jets in two directions: e_i and v.
template <class V, class D>
struct Crossing {
  const V& x;
  Index i;
  const D& v;
  [[nodiscard]] Jet<2, 2> operator[](Index k) const {
    Jet<2, 2> jet(static_cast<double>(x[k]));
    jet.d = {k == i ? 1.0 : 0.0, static_cast<double>(v[k])};
    return jet;
  }
  [[nodiscard]] Index size() const { return x.size(); }
};

struct Unit {
  Index j;
  [[nodiscard]] double operator[](Index k) const { return k == j ? 1 : 0; }
};

}  // namespace detail

/// f(x) = sum over e of element(e, x), where an element reads `window` neighbouring variables.
///
/// Derived has `static constexpr int window`, `Index elements(Index n) const` (which also checks n),
/// `Index first(Index e) const`, where the variables of element e begin (it may be negative), and
/// `auto element(Index e, const auto& x) const`.
/// Cost: gradient of order elements * window, Hessian elements * window^2 times the element's formula. Nothing is
/// allocated except for outputs of the wrong size.
template <class Derived>
struct SumOfElements {
  [[nodiscard]] double value(const auto& x) const {
    const detail::Numbers<std::remove_cvref_t<decltype(x)>> numbers{x};
    double sum = 0;
    for (Index e = 0, end = self().elements(x.size()); e < end; ++e) sum += self().element(e, numbers);
    return sum;
  }

  double value_and_gradient(const auto& x, auto&& g) const {
    const Index end = self().elements(x.size());
    detail::reshape(g, x.size());
    g.setZero();
    double sum = 0;
    for (Index e = 0; e < end; ++e) {
      const auto jet = look<1>(e, x);
      sum += jet.value;
      for_each(e, x.size(), [&](int a, Index i) { g[i] += static_cast<scalar<decltype(g)>>(jet.d[as_size(a)]); });
    }
    return sum;
  }

  void hessian(const auto& x, auto&& H) const {
    const Index end = self().elements(x.size());
    detail::reshape(H, x.size(), x.size());
    H.setZero();
    for (Index e = 0; e < end; ++e) {
      const auto jet = look<2>(e, x);
      for_each(e, x.size(), [&](int a, Index i) {
        for_each(e, x.size(), [&](int b, Index j) { H(i, j) += static_cast<scalar<decltype(H)>>(jet.h(a, b)); });
      });
    }
  }

  void hessian_vector(const auto& x, const auto& v, auto&& Hv) const {
    const Index end = self().elements(x.size());
    detail::require_size(Derived::name, "v", v.size(), x.size());
    detail::reshape(Hv, x.size());
    Hv.setZero();
    for (Index e = 0; e < end; ++e) {
      const auto jet = look<2>(e, x);
      for_each(e, x.size(), [&](int a, Index i) {
        for_each(e, x.size(), [&](int b, Index j) { Hv[i] += static_cast<scalar<decltype(Hv)>>(jet.h(a, b)) * v[j]; });
      });
    }
  }

 private:
  template <class Out>
  using scalar = typename std::remove_cvref_t<Out>::Scalar;
  static std::size_t as_size(int a) { return static_cast<std::size_t>(a); }
  [[nodiscard]] const Derived& self() const { return static_cast<const Derived&>(*this); }

  template <int Order>
  auto look(Index e, const auto& x) const {
    using V = std::remove_cvref_t<decltype(x)>;
    return self().element(e, detail::Window<V, Derived::window, Order>{x, self().first(e)});
  }
  void for_each(Index e, Index n, auto&& visit) const {
    const Index first = self().first(e);
    for (int a = 0; a < Derived::window; ++a)
      if (first + a >= 0 && first + a < n) visit(a, first + a);
  }
};

/// f(x) = sum over e of residual(e, x)^2: Derived has `auto residual(Index e, const auto& x) const` in place of
/// element.
template <class Derived>
struct SumOfSquares : SumOfElements<Derived> {
  [[nodiscard]] auto element(Index e, const auto& x) const {
    const auto r = static_cast<const Derived&>(*this).residual(e, x);
    return r * r;
  }
  void residuals(const auto& x, auto&& add) const {
    const auto& self = static_cast<const Derived&>(*this);
    for (Index e = 0, end = self.elements(x.size()); e < end; ++e) add(self.residual(e, x));
  }
};

/// A formula of a few variables: Derived has `static constexpr int window`, their number, and
/// `auto formula(const auto& x) const`.
template <class Derived>
struct FixedFormula : SumOfElements<Derived> {
  static constexpr Index dimension() { return Derived::window; }
  [[nodiscard]] Index elements(Index n) const {
    detail::require_size(Derived::name, "x", n, Derived::window);
    return 1;
  }
  [[nodiscard]] Index first(Index) const { return 0; }
  [[nodiscard]] auto element(Index, const auto& x) const { return static_cast<const Derived&>(*this).formula(x); }
};

/// A formula of any number n of variables where everything depends on everything: Derived has
/// `auto formula(const auto& x) const` and `void check(Index n) const`.
/// Cost: gradient n / 4, Hessian-vector product n and Hessian n^2 / 2 times the formula.
template <class Derived>
struct DenseFormula {
  void check(Index n) const {
    if (n < 1) throw std::invalid_argument(std::string(Derived::name) + ": x is empty");
  }

  [[nodiscard]] double value(const auto& x) const {
    self().check(x.size());
    return self().formula(detail::Numbers<std::remove_cvref_t<decltype(x)>>{x});
  }

  double value_and_gradient(const auto& x, auto&& g) const {
    using V = std::remove_cvref_t<decltype(x)>;
    using T = typename std::remove_cvref_t<decltype(g)>::Scalar;
    constexpr int chunk = 4;
    self().check(x.size());
    detail::reshape(g, x.size());
    double value = 0;
    for (Index first = 0; first < x.size(); first += chunk) {
      const Jet<chunk, 1> jet = self().formula(detail::Window<V, chunk, 1>{x, first});
      value = jet.value;
      for (Index a = 0; a < chunk && first + a < x.size(); ++a)
        g[first + a] = static_cast<T>(jet.d[static_cast<std::size_t>(a)]);
    }
    return value;
  }

  void hessian(const auto& x, auto&& H) const {
    self().check(x.size());
    detail::reshape(H, x.size(), x.size());
    for (Index j = 0; j < x.size(); ++j)
      for (Index i = j; i < x.size(); ++i) H(i, j) = H(j, i) = crossing(x, i, detail::Unit{j});
  }

  void hessian_vector(const auto& x, const auto& v, auto&& Hv) const {
    self().check(x.size());
    detail::require_size(Derived::name, "v", v.size(), x.size());
    detail::reshape(Hv, x.size());
    for (Index i = 0; i < x.size(); ++i) Hv[i] = crossing(x, i, v);
  }

 private:
  [[nodiscard]] const Derived& self() const { return static_cast<const Derived&>(*this); }
  double crossing(const auto& x, Index i, const auto& v) const {
    using V = std::remove_cvref_t<decltype(x)>;
    using D = std::remove_cvref_t<decltype(v)>;
    const Jet<2, 2> jet = self().formula(detail::Crossing<V, D>{x, i, v});
    return jet.h(1, 0);
  }
};

/// The sum of squares of what Derived's `void residuals(const auto& x, auto&& add) const` adds.
template <class Derived, template <class> class Base>
struct LeastSquares : Base<Derived> {
  [[nodiscard]] auto formula(const auto& x) const {
    using T = std::remove_cvref_t<decltype(x[0])>;
    T sum = 0;
    static_cast<const Derived&>(*this).residuals(x, [&sum](const T& r) { sum += r * r; });
    return sum;
  }
};

}  // namespace glissade::problems
