// Linear least squares with a damping, by a QR factorization that serves any damping.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace glissade {

/// Minimizes |A p - b|^2 + |d p|^2 for an m x n matrix A, tall or wide, of any rank, and as many numbers d as are
/// asked.
///
///     A P = Q R                   Householder reflections; the column with the largest rest comes next
///     [R; d I] -> S               Givens rotations, one diagonal element after another
///     S P' p = what both made of b
///
/// The condition number is that of A with d below it, not its square as in the normal equations. Without damping, the
/// columns whose rest is within rounding errors of the largest get 0: then p is a solution with at least n - rank
/// zeros.
///
/// Cost: 2 m n^2 flops for A, about n^3 for each d. Memory is taken where the size changes.
/// Source: More, The Levenberg-Marquardt algorithm: implementation and theory, 1978, section 3.
class DampedQr {
 public:
  using Index = Eigen::Index;
  using VectorXd = Eigen::VectorXd;
  using MatrixXd = Eigen::MatrixXd;

  /// Holds A, which the caller fills before factor().
  MatrixXd& matrix(Index rows, Index cols) {
    a_.resize(rows, cols);
    return a_;
  }

  void factor() {
    const Index n = a_.cols();
    const Index most = std::min(a_.rows(), n);
    order_.resize(n);
    for (Index j = 0; j < n; ++j) order_[j] = j;
    rest_.resize(n);
    known_.resize(n);
    weight_.setZero(most);
    for (Index j = 0; j < n; ++j) known_[j] = rest_[j] = a_.col(j).stableNorm();
    for (Index k = 0; k < most; ++k) {
      Index next = k;
      for (Index j = k + 1; j < n; ++j)
        if (rest_[j] > rest_[next]) next = j;
      if (next != k) {
        a_.col(k).swap(a_.col(next));
        std::swap(rest_[k], rest_[next]);
        std::swap(known_[k], known_[next]);
        std::swap(order_[k], order_[next]);
      }
      reflect(k);
    }
    rank_ = 0;
    const double least = most == 0 ? 0 : static_cast<double>(std::max(a_.rows(), n)) * epsilon * std::abs(a_(0, 0));
    while (rank_ < most && std::abs(a_(rank_, rank_)) > least) ++rank_;
    s_.resize(n, n);
    row_.resize(n);
    z_.resize(n);
    rotated_.resize(n);
  }

  [[nodiscard]] Index rank() const { return rank_; }

  /// Gives the right side b; it is overwritten with Q'b.
  void set_right(VectorXd& b) const {
    for (Index k = 0; k < weight_.size(); ++k) {
      if (weight_[k] == 0) continue;
      const auto v = a_.col(k).tail(a_.rows() - k - 1);
      auto rest = b.tail(a_.rows() - k - 1);
      const double pull = weight_[k] * (b[k] + v.dot(rest));
      b[k] -= pull;
      rest -= pull * v;
    }
  }

  /// Without damping.
  void solve(const VectorXd& right, VectorXd& p) {
    const Index n = a_.cols();
    z_.setZero();
    for (Index k = rank_ - 1; k >= 0; --k) {
      double sum = right[k];
      for (Index j = k + 1; j < rank_; ++j) sum -= a_(k, j) * z_[j];
      z_[k] = sum / a_(k, k);
    }
    p.resize(n);
    for (Index k = 0; k < n; ++k) p[order_[k]] = z_[k];
  }

  /// With damping d > 0.
  void solve(const VectorXd& right, double d, VectorXd& p) {
    const Index n = a_.cols();
    const Index most = weight_.size();
    s_.setZero();
    for (Index j = 0; j < n; ++j)
      for (Index i = 0; i <= std::min(j, most - 1); ++i) s_(i, j) = a_(i, j);
    rotated_.setZero();
    rotated_.head(most) = right.head(most);
    for (Index j = 0; j < n; ++j) {
      row_.setZero();
      row_[j] = d;
      double carried = 0;
      for (Index k = j; k < n; ++k) {
        if (row_[k] == 0) continue;
        const double length = std::hypot(s_(k, k), row_[k]);
        const double c = s_(k, k) / length;
        const double s = row_[k] / length;
        s_(k, k) = length;
        for (Index l = k + 1; l < n; ++l) {
          const double upper = s_(k, l);
          s_(k, l) = c * upper + s * row_[l];
          row_[l] = c * row_[l] - s * upper;
        }
        const double upper = rotated_[k];
        rotated_[k] = c * upper + s * carried;
        carried = c * carried - s * upper;
      }
    }
    for (Index k = n - 1; k >= 0; --k) {
      double sum = rotated_[k];
      for (Index j = k + 1; j < n; ++j) sum -= s_(k, j) * z_[j];
      z_[k] = s_(k, k) == 0 ? 0 : sum / s_(k, k);
    }
    p.resize(n);
    for (Index k = 0; k < n; ++k) p[order_[k]] = z_[k];
  }

  /// q'(A'A + d^2 I)^-1 q of the last damping d, or q'(A'A)^-1 q without one, where A has full rank.
  double inverse_square(const VectorXd& q, bool damped) {
    solve_transposed(q, damped ? s_ : a_, z_);
    return z_.squaredNorm();
  }
  /// z = R^-T P' q, where A has full rank: the product of two of these is that of two q with (A'A)^-1 between them.
  void solve_transposed(const VectorXd& q, VectorXd& z) const {
    z.resize(q.size());
    solve_transposed(q, a_, z);
  }

 private:
  static constexpr double epsilon = std::numeric_limits<double>::epsilon();

  void solve_transposed(const VectorXd& q, const MatrixXd& r, VectorXd& z) const {
    for (Index k = 0; k < q.size(); ++k) {
      double sum = q[order_[k]];
      for (Index i = 0; i < k; ++i) sum -= r(i, k) * z[i];
      z[k] = r(k, k) == 0 ? 0 : sum / r(k, k);
    }
  }

  /// Column k becomes a multiple of the k-th unit vector; below the diagonal lies v of I - weight (1; v)(1; v)'.
  void reflect(Index k) {
    const Index n = a_.cols();
    const Index below = a_.rows() - k - 1;
    auto v = a_.col(k).tail(below);
    const double tail = v.stableNorm();
    const double head = a_(k, k);
    if (tail > 0) {
      const double length = head > 0 ? -std::hypot(head, tail) : std::hypot(head, tail);
      weight_[k] = (length - head) / length;
      v /= head - length;
      a_(k, k) = length;
    }
    for (Index j = k + 1; j < n; ++j) {
      if (weight_[k] != 0) {
        auto column = a_.col(j).tail(below);
        const double pull = weight_[k] * (a_(k, j) + v.dot(column));
        a_(k, j) -= pull;
        column -= pull * v;
      }
      if (rest_[j] == 0) continue;
      const double ratio = std::abs(a_(k, j)) / rest_[j];
      rest_[j] *= std::sqrt(std::max(0.0, (1 + ratio) * (1 - ratio)));
      // The difference has lost half of its digits.
      if (!(rest_[j] > 1e-8 * known_[j])) known_[j] = rest_[j] = a_.col(j).tail(below).stableNorm();
    }
  }

  MatrixXd a_;
  MatrixXd s_;
  VectorXd weight_, rest_, known_, row_, z_, rotated_;
  Eigen::Matrix<Index, Eigen::Dynamic, 1> order_;
  Index rank_ = 0;
};

}  // namespace glissade
