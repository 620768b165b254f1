// Symmetric systems that are solved again and again with different shifts.
#pragma once

#include <Eigen/Eigenvalues>

#include <array>

#include "frobenius.hpp"

namespace glissade {

enum class SpectralForm { tridiagonal, eigen };

/// H = Q T Q' with Q orthogonal: after one factorization (H + s I)^{-1} g costs O(n^2) for any shift s, and
/// O(n) within the coordinates of Q.
///
/// T is tridiagonal, Q a product of reflections (4/3 n^3 flops), if H is positive definite and this form is
/// asked for; otherwise T is diagonal and Q the eigenvectors (about 9 n^3 flops), which Eigen computes in memory
/// of its own. The tridiagonal form allocates the first time only.
template <class V>
class ShiftedSolver {
 public:
  using Matrix = Eigen::Matrix<double, V::RowsAtCompileTime, V::RowsAtCompileTime>;

  /// False if H is not finite or its eigenvalues cannot be found.
  bool compute(const Matrix& H, SpectralForm form = SpectralForm::tridiagonal) {
    const Eigen::Index n = H.rows();
    if (!H.allFinite()) return false;
    reflections_.setZero(n);
    below_.setZero(n);
    dense_ = form == SpectralForm::eigen || n < 3;
    if (!dense_) {
      const int exponent = exponent_of(H);  // its squares neither overflow nor vanish
      tridiagonal_.compute(times_power_of_two(H, -exponent));
      q_ = tridiagonal_.packedMatrix();
      // Eigen hands out a copy of the factors of its reflections; they follow from the vectors (1, v).
      for (Eigen::Index k = 0; k + 2 < n; ++k) {
        const double squared = q_.col(k).tail(n - k - 2).squaredNorm();
        reflections_[k] = squared > 0 ? 2 / (1 + squared) : 0;
      }
      diagonal_ = times_power_of_two(tridiagonal_.diagonal(), exponent);
      below_.head(n - 1) = times_power_of_two(tridiagonal_.subDiagonal(), exponent);
      dense_ = !positive(0);
    }
    if (dense_) {
      const Eigen::SelfAdjointEigenSolver<Matrix> eigen(H);
      if (eigen.info() != Eigen::Success) return false;
      q_ = eigen.eigenvectors();
      diagonal_ = eigen.eigenvalues();
      below_.setZero();
    }
    return true;
  }

  /// Whether T is diagonal: the eigenvalues of H, ascending.
  [[nodiscard]] bool is_diagonal() const { return dense_; }
  [[nodiscard]] const V& diagonal() const { return diagonal_; }
  /// A lower bound that is exact where T is diagonal; only its sign is known otherwise.
  [[nodiscard]] double least() const { return dense_ && diagonal_.size() > 0 ? diagonal_[0] : 0.0; }

  /// v becomes Q'v.
  void into(V& v) {
    if (dense_) {
      pivots_.noalias() = q_.transpose() * v;
      v = pivots_;
    } else {
      for (Eigen::Index k = 0; k < q_.rows() - 1; ++k) reflect(k, v);
    }
  }
  /// v becomes Q v.
  void out_of(V& v) {
    if (dense_) {
      pivots_.noalias() = q_ * v;
      v = pivots_;
    } else {
      for (Eigen::Index k = q_.rows() - 2; k >= 0; --k) reflect(k, v);
    }
  }

  /// Whether T + shift I is positive definite.
  [[nodiscard]] bool positive(double shift) const {
    double pivot = 1;
    for (Eigen::Index i = 0; i < diagonal_.size(); ++i) {
      const double b = i == 0 ? 0.0 : below_[i - 1];
      pivot = diagonal_[i] + shift - b / pivot * b;
      if (!(pivot > 0)) return false;
    }
    return true;
  }

  /// v becomes (T + shift I)^{-1} v, in the coordinates of Q, where that matrix is positive definite.
  void solve(double shift, V& v) {
    const Eigen::Index n = v.size();
    pivots_.resize(n);
    for (Eigen::Index i = 0; i < n; ++i) {
      pivots_[i] = diagonal_[i] + shift;
      if (i == 0) continue;
      const double factor = below_[i - 1] / pivots_[i - 1];
      pivots_[i] -= factor * below_[i - 1];
      v[i] -= factor * v[i - 1];
    }
    for (Eigen::Index i = n - 1; i >= 0; --i) {
      if (i + 1 < n) v[i] -= below_[i] * v[i + 1];
      v[i] /= pivots_[i];
    }
  }

  /// Memory for whoever solves with it.
  [[nodiscard]] std::array<V, 2>& work() { return work_; }

  static void visit(auto& self, auto&& field) {
    field("factor", self.q_);
    field("reflections", self.reflections_);
    field("diagonal", self.diagonal_);
    field("below", self.below_);
    field("dense", self.dense_);
  }
  /// Room for n variables, so that what visit names has its size.
  void resize(Eigen::Index n) {
    q_.setZero(n, n);
    reflections_.setZero(n);
    diagonal_.setZero(n);
    below_.setZero(n);
  }

 private:
  /// Reflection k acts on the coefficients after k with the vector (1, q_(k+2.., k)).
  void reflect(Eigen::Index k, V& v) const {
    const Eigen::Index rest = q_.rows() - k - 2;
    const auto tail = q_.col(k).tail(rest);
    const double t = reflections_[k] * (v[k + 1] + tail.dot(v.tail(rest)));
    v[k + 1] -= t;
    v.tail(rest) -= t * tail;
  }

  Eigen::Tridiagonalization<Matrix> tridiagonal_;  // scratch
  Matrix q_;
  V reflections_;
  V diagonal_;
  V below_;
  bool dense_ = false;
  V pivots_;  // scratch
  std::array<V, 2> work_;
};

}  // namespace glissade
