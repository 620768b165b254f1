// Small systems of equations that need be neither symmetric nor definite, in memory that is kept.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <utility>

namespace glissade {

/// Solves A v = b for a small square matrix by elimination with partial pivoting, without memory from the heap once it
/// has been as large. Cost: 2 n^3 / 3 flops for a matrix, 2 n^2 for a right-hand side.
class PivotedSolver {
 public:
  /// Takes memory for matrices of up to `most` rows.
  void reserve(Eigen::Index most) {
    factor_.resize(most, most);
    pivots_.resize(most);
  }
  /// False where A is singular or not finite.
  bool compute(const Eigen::Ref<const Eigen::MatrixXd>& A) {
    size_ = A.rows();
    if (factor_.rows() < size_) reserve(size_);
    auto a = factor_.topLeftCorner(size_, size_);
    a = A;
    for (Eigen::Index k = 0; k < size_; ++k) {
      const Eigen::Index rest = size_ - k - 1;
      Eigen::Index pivot = 0;
      const double largest = a.col(k).tail(rest + 1).cwiseAbs().maxCoeff(&pivot);
      pivots_[k] = pivot += k;
      if (!(largest > 0) || !std::isfinite(largest)) return false;
      if (pivot != k) a.row(k).swap(a.row(pivot));
      a.col(k).tail(rest) /= a(k, k);
      for (Eigen::Index j = k + 1; j < size_; ++j) a.col(j).tail(rest) -= a(k, j) * a.col(k).tail(rest);
    }
    return a.allFinite();
  }
  /// v becomes A^-1 v.
  void solve_in_place(Eigen::Ref<Eigen::VectorXd> v) const {
    for (Eigen::Index k = 0; k < size_; ++k) std::swap(v[k], v[pivots_[k]]);
    for (Eigen::Index k = 0; k < size_; ++k)
      v.segment(k + 1, size_ - k - 1) -= v[k] * factor_.col(k).segment(k + 1, size_ - k - 1);
    for (Eigen::Index k = size_ - 1; k >= 0; --k) {
      v[k] /= factor_(k, k);
      v.head(k) -= v[k] * factor_.col(k).head(k);
    }
  }

 private:
  Eigen::Index size_ = 0;
  Eigen::MatrixXd factor_;
  Eigen::Matrix<Eigen::Index, Eigen::Dynamic, 1> pivots_;
};

}  // namespace glissade
