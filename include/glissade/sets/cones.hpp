// The second-order cone and the cone of positive semidefinite matrices.
#pragma once

#include <Eigen/Eigenvalues>

#include "../linalg/orthonormal.hpp"
#include "values.hpp"

namespace glissade {

/// { (x, s) : |x| <= s }: s is the last coefficient, x all others.
///
///     (x, s) where |x| <= s;   0 where |x| <= -s;   else  (s + |x|) / 2 (x / |x|, 1)
///
/// Points of the cone up to rounding are left as they are. Where a coefficient is not finite, all become NaN.
struct SecondOrderCone {
  static constexpr std::string_view name = "SecondOrderCone";

  template <class V>
  void project(V&& x) const {
    change_values(x, [](Coefficients v, double epsilon) {
      if (v.empty()) return;
      if (!detail::all_finite(v)) return detail::fill_with_nan(v);
      const Coefficients head = v.first(v.size() - 1);
      double& s = v.back();
      const double length = detail::length_of(head);
      if (length <= s * (1 + detail::rounding_of(v.size(), epsilon))) return;
      if (length <= -s) return std::fill(v.begin(), v.end(), 0.0);
      const double height = s / 2 + length / 2;
      for (double& a : head) a *= height / length;
      s = height;
    });
  }
};

namespace detail {

/// A, by columns, becomes the nearest positive semidefinite matrix.
template <class T>
void project_semidefinite(Coefficients values, Index n, double epsilon) {
  if (n == 0) return;
  if (!all_finite(values)) return fill_with_nan(values);
  Eigen::Map<DenseMatrix<T>> A(values.data(), n, n);
  const DenseMatrix<T> S = A / 2 + A.transpose() / 2;
  const Eigen::SelfAdjointEigenSolver<DenseMatrix<T>> eigen(S);
  if (eigen.info() != Eigen::Success) return fill_with_nan(values);
  const auto& rates = eigen.eigenvalues();
  const T rounding = 4 * epsilon * static_cast<T>(n) * rates.cwiseAbs().maxCoeff();
  A = S;
  if (rates[0] >= -rounding) return;
  const Index negative = (rates.array() < 0).count(), positive = n - negative;
  // What there is less of is added or taken away.
  const auto part = [&](Index begin, Index count, T sign) {
    const DenseMatrix<T> U = eigen.eigenvectors().middleCols(begin, count);
    const DenseMatrix<T> scaled = U * (sign * rates.segment(begin, count)).asDiagonal();
    A.noalias() += scaled * U.transpose();
  };
  if (positive < negative) {
    A.setZero();
    part(negative, positive, 1);
  } else {
    part(0, negative, -1);
  }
  for (Index j = 0; j < n; ++j)
    for (Index i = 0; i < j; ++i) A(i, j) = A(j, i) = A(i, j) / 2 + A(j, i) / 2;
}

}  // namespace detail

/// Symmetric matrices without a negative eigenvalue. Of a matrix that is not symmetric the symmetric part is taken.
///
///     X <- (X + X') / 2 = U diag(lambda) U';   X <- U diag(max(lambda, 0)) U'
///
/// Cost: about 11 n^3 flops. Matrices of the cone up to rounding are left as they are. Where a coefficient is not
/// finite, all become NaN. Errors: a matrix that is not square.
struct PositiveSemidefinite {
  static constexpr std::string_view name = "PositiveSemidefinite";

  template <class M>
  void project(M&& X) const {
    require_shape(name, "X", X, X.rows(), X.rows());
    change_values(
        X, [n = X.rows()](Coefficients v, double epsilon) { detail::project_semidefinite<double>(v, n, epsilon); });
  }
};

}  // namespace glissade
