// A factorization that makes any symmetric matrix positive definite, changing it no more than it must.
#pragma once

#include <Eigen/Cholesky>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace glissade {

/// P (H + E) P' = L D L' with E diagonal, E = 0 where H is safely positive definite, whatever the units of its
/// variables: no pivot l_jj^2 is below 10 eps h_jj. Then it is the plain Cholesky factorization. Otherwise, column by
/// column, with the largest |c_jj| as pivot,
///
///     d_j = max(|c_jj|, (max_{i>j} |c_ij| / beta)^2, delta)
///     beta^2 = max(max |h_ii|, max_{i!=j} |h_ij| / sqrt(n^2 - 1), eps),   delta = eps max(max |h_ij|, tiny)
///
/// E, unlike the question whether it is needed, depends on the units of the variables, but not of compute_scaled, which
/// takes S H S for H, with
///
///     s_i = 1 / max(sqrt|h_ii|, max_{j<i} s_j |h_ij|), rounded to a power of 2;  1 where that is 0
///
/// Only the lower triangle of H is read. Cost: n^3 / 3 flops, twice that where E is not 0.
/// Source: Gill, Murray and Wright, Practical Optimization, 1981, section 4.4.2.2; the scaling: Bunch, Equilibration of
/// Symmetric Matrices in the Max-Norm, J. ACM 18, 1971.
template <class Matrix>
class ModifiedCholesky {
 public:
  using Vector = Eigen::Matrix<double, Matrix::RowsAtCompileTime, 1>;

  /// False if H is not finite.
  bool compute(const Matrix& H) { return compute_any(H, false); }
  bool compute_scaled(const Matrix& H) { return compute_any(H, true); }
  /// Whether H was not safely positive definite.
  [[nodiscard]] bool modified() const { return modified_; }

  /// v becomes (H + E)^{-1} v.
  void solve_in_place(Vector& v) const {
    if (!modified_) {
      plain_->solveInPlace(v);
      return;
    }
    const Eigen::Index n = v.size();
    v.array() *= scale_.array();
    for (Eigen::Index j = 0; j < n; ++j) std::swap(v[j], v[swaps_[j]]);
    c_.template triangularView<Eigen::UnitLower>().solveInPlace(v);
    v.array() /= d_.array();
    c_.transpose().template triangularView<Eigen::UnitUpper>().solveInPlace(v);
    for (Eigen::Index j = n - 1; j >= 0; --j) std::swap(v[j], v[swaps_[j]]);
    v.array() *= scale_.array();
  }

 private:
  bool compute_any(const Matrix& H, bool scaled) {
    if (!H.allFinite()) return false;
    if (!plain_) plain_.emplace();
    plain_->compute(H);
    const auto pivots = plain_->matrixLLT().diagonal().array();
    constexpr double eps = std::numeric_limits<double>::epsilon();
    modified_ = plain_->info() != Eigen::Success || !(pivots > std::sqrt(10 * eps) * H.diagonal().array().sqrt()).all();
    if (modified_) factorize(H, scaled);
    return true;
  }

  void factorize(const Matrix& H, bool scaled) {
    constexpr double eps = std::numeric_limits<double>::epsilon();
    const Eigen::Index n = H.rows();
    c_ = H.template selfadjointView<Eigen::Lower>();
    scale_.setOnes(n);
    if (scaled) equilibrate();
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

  /// C becomes S C S, none of whose coefficients is above 4.
  void equilibrate() {
    for (Eigen::Index i = 0; i < c_.rows(); ++i) {
      const double before =
          i == 0 ? 0.0 : c_.row(i).head(i).transpose().cwiseAbs().cwiseProduct(scale_.head(i)).maxCoeff();
      const double largest = std::max(std::sqrt(std::abs(c_(i, i))), before);
      if (largest > 0) scale_[i] = std::ldexp(1.0, std::min(-std::ilogb(largest), 1000));
    }
    c_.array().colwise() *= scale_.array();
    c_.array().rowwise() *= scale_.array().transpose();
  }

  std::optional<Eigen::LLT<Matrix>> plain_;  // before compute it has no value that could be copied
  Matrix c_;                                 // L below the diagonal
  Vector d_, scale_;
  Eigen::Matrix<Eigen::Index, Matrix::RowsAtCompileTime, 1> swaps_;
  bool modified_ = false;
};

}  // namespace glissade
