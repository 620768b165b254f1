// Whether a symmetric matrix is safely positive definite, whatever the units of its variables.
#pragma once

#include <Eigen/Cholesky>

#include <cmath>
#include <limits>
#include <optional>

namespace glissade {

/// The plain Cholesky factorization H = L L', where it may be used: no pivot l_jj^2 is below 10 eps h_jj, so that what
/// it says does not depend on a scaling of rows and columns. Only the lower triangle of H is read.
/// Cost: n^3 / 3 flops. With matrices of fixed size nothing is taken from the heap.
template <class Matrix>
class SafeCholesky {
 public:
  using Vector = Eigen::Matrix<double, Matrix::RowsAtCompileTime, 1>;

  /// False where H is not finite or not safely positive definite.
  bool compute(const Matrix& H) {
    if (!H.allFinite()) return false;
    if (!factor_) factor_.emplace();
    factor_->compute(H);
    constexpr double eps = std::numeric_limits<double>::epsilon();
    return factor_->info() == Eigen::Success &&
           (factor_->matrixLLT().diagonal().array() > std::sqrt(10 * eps) * H.diagonal().array().sqrt()).all();
  }
  /// v becomes H^{-1} v; after a compute that returned true.
  void solve_in_place(Vector& v) const { factor_->solveInPlace(v); }

 private:
  std::optional<Eigen::LLT<Matrix>> factor_;  // before compute it has no value that could be copied
};

}  // namespace glissade
