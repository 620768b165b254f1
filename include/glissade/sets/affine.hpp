// Solutions of linear equations and of one linear inequality.
#pragma once

#include "../linalg/orthonormal.hpp"
#include "values.hpp"

namespace glissade {

/// { x : A x = b }, A of full row rank, factored once.
///
///     A' = Q R,  d = R'^{-1} b;   x <- x - Q (Q'x - d);   tangent: v <- v - Q Q'v
///
/// No aggregate, for it keeps factors: Q (n x m, orthonormal columns) and d (m) of an m x n matrix.
/// Cost: 4 n m^2 flops at first, 4 m n per projection.
/// Where a coefficient is not finite, all become NaN.
/// Errors: std::invalid_argument for numbers that are not finite, more rows than columns, rows that depend on each
/// other to within 1e-12, and an x of another size.
class Affine {
 public:
  static constexpr std::string_view name = "Affine";

  template <class M, class B>
  Affine(const Eigen::MatrixBase<M>& A, const Eigen::MatrixBase<B>& b) : A_(A), b_(b) {
    const Index m = A_.rows();
    if (b_.size() != m || b_.cols() != 1) require_shape(name, "b", b_, m, 1);
    if (m > A_.cols()) reject(name, "rows of A", static_cast<double>(m), "<= " + std::to_string(A_.cols()));
    if (!A_.allFinite() || !b_.allFinite()) throw std::invalid_argument("Affine: A or b is not finite");
    const DenseMatrix<double> turned = A_.transpose();
    Q_ = orthonormalized(turned);
    offset_ = b_;
    for (Index i = 0; i < m; ++i) {  // forward substitution with R'
      const int exponent = exponent_of(turned.col(i));
      const auto row = times_power_of_two(turned.col(i), -exponent).eval();
      double rest = std::ldexp(offset_[i], -exponent);
      for (Index j = 0; j < i; ++j) rest -= row.dot(Q_.col(j)) * offset_[j];
      const double pivot = row.dot(Q_.col(i));
      if (!(std::abs(pivot) > 1e-12 * row.norm()))
        throw std::invalid_argument("Affine: row " + std::to_string(i) + " of A depends on the rows before it");
      offset_[i] = rest / pivot;
    }
  }

  [[nodiscard]] const Eigen::MatrixXd& A() const { return A_; }
  [[nodiscard]] const Eigen::VectorXd& b() const { return b_; }

  template <class V>
  void project(V&& x) const {
    change_values(x, [&](Coefficients v, double) { subtract(v, true); });
  }
  template <class X, class V>
  void project_tangent(const X& x, V&& v) const {
    change_values_at(name, x, v, [&](ConstCoefficients at, Coefficients d, double) {
      subtract(d, false);
      if (!detail::all_finite(at)) detail::fill_with_nan(d);
    });
  }

 private:
  void subtract(Coefficients v, bool offset) const {
    const auto n = static_cast<std::size_t>(Q_.rows());
    if (v.size() != n)
      throw std::invalid_argument("Affine: x has " + std::to_string(v.size()) + " coefficients, must have " +
                                  std::to_string(n));
    if (!detail::all_finite(v)) return detail::fill_with_nan(v);
    for (Index j = 0; j < Q_.cols(); ++j) {
      const double* q = Q_.data() + j * Q_.rows();
      double excess = offset ? -offset_[j] : 0.0;
      for (std::size_t i = 0; i < n; ++i) excess += q[i] * v[i];
      for (std::size_t i = 0; i < n; ++i) v[i] -= excess * q[i];
    }
  }

  Eigen::MatrixXd A_;
  Eigen::VectorXd b_;
  Eigen::MatrixXd Q_;
  Eigen::VectorXd offset_;
};

/// { x : normal'x <= offset }.
///
///     x <- x - max(0, normal'x - offset) normal / |normal|^2
///     tangent on the boundary: v <- v - max(0, normal'v) normal / |normal|^2
///
/// Options: normal, not 0; offset (0).
/// Points of the set up to rounding are left as they are. NaN in x, or an infinity that leads out, leaves nothing
/// finite that it touches.
struct Halfspace {
  static constexpr std::string_view name = "Halfspace";

  PerCoefficient normal = 1;
  double offset = 0;

  static void options(auto& self, auto&& visit) {
    visit("normal", self.normal);
    visit("offset", self.offset, range::finite);
  }
  void check() const {
    normal.require_in(name, "normal", range::finite);
    require(name, "offset", offset, range::finite);
    if (!normal.numbers().empty() && detail::greatest_magnitude(normal.numbers()) == 0)
      throw std::invalid_argument("Halfspace: normal is 0");
  }

  template <class V>
  void project(V&& x) const {
    check();
    change_values(x, [&](Coefficients v, double epsilon) {
      if (v.empty()) return;
      const double length = length_for(v.size());
      const Excess excess = excess_of(v, length, offset);
      if (excess.value <= excess.scale * detail::rounding_of(v.size(), epsilon)) return;
      for (std::size_t i = 0; i < v.size(); ++i) v[i] -= excess.value * (normal[i] / length);
    });
  }
  template <class X, class V>
  void project_tangent(const X& x, V&& v) const {
    check();
    change_values_at(name, x, v, [&](ConstCoefficients at, Coefficients d, double epsilon) {
      if (d.empty()) return;
      const double length = length_for(d.size());
      const Excess where = excess_of(at, length, offset);
      if (where.value < -where.scale * detail::rounding_of(d.size(), epsilon)) return;
      const Excess outward = excess_of(d, length, 0);
      if (outward.value <= 0 && where.value == where.value) return;
      for (std::size_t i = 0; i < d.size(); ++i) d[i] -= (where.value * 0 + outward.value) * (normal[i] / length);
    });
  }

 private:
  struct Excess {
    double value, scale;  // scale: the sum of the magnitudes of its terms
  };
  [[nodiscard]] double length_for(std::size_t n) const {
    normal.require_size(name, "normal", n);
    return normal.many() ? detail::length_of(normal.numbers())
                         : std::abs(normal[0]) * std::sqrt(static_cast<double>(n));
  }
  [[nodiscard]] Excess excess_of(ConstCoefficients v, double length, double bound) const {
    Excess excess{-bound / length, std::abs(bound) / length};
    for (std::size_t i = 0; i < v.size(); ++i) {
      const double term = normal[i] / length * v[i];
      excess.value += term;
      excess.scale += std::abs(term);
    }
    return excess;
  }
};

}  // namespace glissade
