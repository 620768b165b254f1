// A factorization that makes any symmetric matrix positive definite, changing it no more than it must.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <limits>

#include "safe_cholesky.hpp"

namespace glissade {

/// P (H + E) P' = L D L' with E diagonal, E = 0 where H is safely positive definite (safe_cholesky.hpp). Then it is the
/// plain Cholesky factorization. Otherwise, column by column, with the largest |c_jj| as pivot,
///
///     d_j = max(|c_jj|, (max_{i>j} |c_ij| / beta)^2, delta)
///     beta^2 = max(max |h_ii|, max_{i!=j} |h_ij| / sqrt(n^2 - 1), eps),   delta = eps max(max |h_ij|, tiny)
///
/// E, unlike the question whether it is needed, depends on the units of the variables: absolute_solver.hpp does not.
/// Only the lower triangle of H is read. Cost: n^3 / 3 flops, twice that where E is not 0.
/// Source: Gill, Murray and Wright, Practical Optimization, 1981, section 4.4.2.2.
template <class Matrix>
class ModifiedCholesky {
 public:
  using Vector = typename SafeCholesky<Matrix>::Vector;

  /// False if H is not finite.
  bool compute(const Matrix& H) {
    if (!H.allFinite()) return false;
    modified_ = !plain_.compute(H);
    if (modified_) factorize(H);
    return true;
  }
  /// Whether H was not safely positive definite.
  [[nodiscard]] bool modified() const { return modified_; }

  /// v becomes (H + E)^{-1} v.
  void solve_in_place(Vector& v) const {
    if (!modified_) {
      plain_.solve_in_place(v);
      return;
    }
    const Eigen::Index n = v.size();
    for (Eigen::Index j = 0; j < n; ++j) std::swap(v[j], v[swaps_[j]]);
    c_.template triangularView<Eigen::UnitLower>().solveInPlace(v);
    v.array() /= d_.array();
    c_.transpose().template triangularView<Eigen::UnitUpper>().solveInPlace(v);
    for (Eigen::Index j = n - 1; j >= 0; --j) std::swap(v[j], v[swaps_[j]]);
  }

 private:
  void factorize(const Matrix& H) {
    constexpr double eps = std::numeric_limits<double>::epsilon();
    const Eigen::Index n = H.rows();
    c_ = H.template selfadjointView<Eigen::Lower>();
    d_.resize(n);
    swaps_.resize(n);
    const double on = n == 0 ? 0.0 : c_.diagonal().cwiseAbs().maxCoeff();
    double off = 0;
    for (Eigen::Index j = 0; j + 1 < n; ++j) off = std::max(off, c_.col(j).tail(n - j - 1).cwiseAbs().maxCoeff());
    const double size = static_cast<double>(n);
    const double largest = std::max({on, off, std::numeric_limits<double>::min() / eps});
    const double beta2 = std::max({on, n > 1 ? off / std::sqrt(size * size - 1) : 0.0, eps * largest});
    const double delta = eps * largest;
    for (Eigen::Index j = 0; j < n; ++j) {
      Eigen::Index pivot = 0;
      c_.diagonal().tail(n - j).cwiseAbs().maxCoeff(&pivot);
      pivot += j;
      swaps_[j] = pivot;
      if (pivot != j) {
        c_.row(j).swap(c_.row(pivot));
        c_.col(j).swap(c_.col(pivot));
      }
      const Eigen::Index rest = n - j - 1;
      auto column = c_.col(j).tail(rest);
      const double theta = rest == 0 ? 0.0 : column.cwiseAbs().maxCoeff();
      d_[j] = std::max({std::abs(c_(j, j)), theta / beta2 * theta, delta});
      for (Eigen::Index k = 0; k < rest; ++k) c_.col(j + 1 + k).tail(rest) -= (column[k] / d_[j]) * column;
      column /= d_[j];
    }
  }

  SafeCholesky<Matrix> plain_;
  Matrix c_;  // L below the diagonal
  Vector d_;
  Eigen::Matrix<Eigen::Index, Matrix::RowsAtCompileTime, 1> swaps_;
  bool modified_ = false;
};

}  // namespace glissade
