// Solves with the absolute value of a symmetric matrix.
#pragma once

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "safe_cholesky.hpp"

namespace glissade {

/// |H| in place of H, in units that H itself gives its variables:
///
///     S H S = V diag(l) V',   |H|^{-1} = S V diag(1 / max(|l|, 1e-8 max |l|)) V' S
///     s_i = 1 / max(sqrt|h_ii|, max_{j<i} s_j |h_ij|), rounded to a power of 2;  1 where that is 0
///
/// so that a descent direction -|H|^{-1} g changes with the units of the variables as the variables do. Where H is
/// safely positive definite (safe_cholesky.hpp) |H| = H, by Cholesky.
///
/// Only the lower triangle of H is read. Cost: n^3 / 3 flops where H is positive definite, else 9 n^3, with memory from
/// the heap where n is not fixed.
/// Source: Greenstadt, On the Relative Efficiencies of Gradient Methods, Math. Comp. 21, 1967; the scaling: Bunch,
/// Equilibration of Symmetric Matrices in the Max-Norm, J. ACM 18, 1971.
template <class Matrix>
class AbsoluteSolver {
 public:
  using Vector = typename SafeCholesky<Matrix>::Vector;

  /// False if H is not finite.
  bool compute(const Matrix& H) {
    if (!H.allFinite()) return false;
    modified_ = !plain_.compute(H);
    if (modified_) decompose(H);
    return true;
  }
  /// Whether H was not safely positive definite.
  [[nodiscard]] bool modified() const { return modified_; }

  /// v becomes |H|^{-1} v.
  void solve_in_place(Vector& v) const {
    if (!modified_) {
      plain_.solve_in_place(v);
      return;
    }
    const auto& V = eigen_->eigenvectors();
    v.array() *= scale_.array();
    parts_.noalias() = V.transpose() * v;
    parts_.array() /= sizes_.array();
    v.noalias() = V * parts_;
    v.array() *= scale_.array();
  }

  /// The curvature d'Hd < 0 along a unit vector d, that of the least eigenvalue of S H S; 0 where no eigenvalue is
  /// below -1e-8 max |l|, which counts as rounding errors, also those of Hessians by differences. For an H that was
  /// modified.
  double negative_curvature(Vector& d) const {
    const auto& values = eigen_->eigenvalues();
    if (values.size() == 0 || !(values[0] < -1e-8 * values.cwiseAbs().maxCoeff())) return 0;
    d = eigen_->eigenvectors().col(0).cwiseProduct(scale_);
    const double length = d.stableNorm();
    d /= length;
    return values[0] / length / length;
  }

 private:
  void decompose(const Matrix& H) {
    scaled_ = H.template selfadjointView<Eigen::Lower>();
    scale_.setOnes(H.rows());
    for (Eigen::Index i = 0; i < H.rows(); ++i) {
      const double before =
          i == 0 ? 0.0 : scaled_.row(i).head(i).transpose().cwiseAbs().cwiseProduct(scale_.head(i)).maxCoeff();
      const double largest = std::max(std::sqrt(std::abs(scaled_(i, i))), before);
      if (largest > 0) scale_[i] = std::ldexp(1.0, std::min(-std::ilogb(largest), 1000));
    }
    scaled_.array().colwise() *= scale_.array();
    scaled_.array().rowwise() *= scale_.array().transpose();
    if (!eigen_) eigen_.emplace();
    if (H.rows() == 0) return;
    eigen_->compute(scaled_);
    sizes_ = eigen_->eigenvalues().cwiseAbs();
    sizes_ = sizes_.cwiseMax(std::max(1e-8 * sizes_.maxCoeff(), std::numeric_limits<double>::min()));
  }

  SafeCholesky<Matrix> plain_;
  std::optional<Eigen::SelfAdjointEigenSolver<Matrix>> eigen_;  // before compute it has no value that could be copied
  Matrix scaled_;                                               // none of whose coefficients is above 4
  Vector scale_, sizes_;
  mutable Vector parts_;
  bool modified_ = false;
};

}  // namespace glissade
