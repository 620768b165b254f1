// The inverse of a positive semidefinite matrix, pseudo where it is singular.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>

#include <cmath>
#include <optional>

namespace glissade {

/// Cholesky factors where H is safely positive definite (n^3 / 3 flops), else eigenvectors (9 n^3), of which
/// those with eigenvalues of at most `cut` times the largest are left out.
template <class Matrix>
class ConvexInverse {
 public:
  using Vector = Eigen::Matrix<double, Matrix::RowsAtCompileTime, 1>;

  /// False if H is not finite or has an eigenvalue below -cut times the largest.
  bool compute(const Matrix& H, double cut) {
    if (!H.allFinite()) return false;
    if (H.rows() == 0) return true;
    if (!cholesky_) cholesky_.emplace();
    cholesky_->compute(H);
    definite_ = cholesky_->info() == Eigen::Success &&
                std::pow(cholesky_->matrixLLT().diagonal().minCoeff(), 2) > cut * H.diagonal().maxCoeff();
    if (definite_) return true;
    eigen_.compute(H);
    if (eigen_.info() != Eigen::Success) return false;
    const Vector& values = eigen_.eigenvalues();
    const double smallest = cut * values.cwiseAbs().maxCoeff();
    if (values[0] < -smallest) return false;
    inverse_ = (values.array() > smallest).select(values.array().inverse(), 0.0);
    return true;
  }

  /// v becomes H^+ v.
  void solve_in_place(Vector& v) const {
    if (v.size() == 0) return;
    if (definite_)
      cholesky_->solveInPlace(v);
    else
      v = (eigen_.eigenvectors() * inverse_.cwiseProduct(eigen_.eigenvectors().transpose() * v)).eval();
  }

 private:
  std::optional<Eigen::LLT<Matrix>> cholesky_;  // before compute it has no value that could be copied
  Eigen::SelfAdjointEigenSolver<Matrix> eigen_;
  Vector inverse_;
  bool definite_ = false;
};

}  // namespace glissade
