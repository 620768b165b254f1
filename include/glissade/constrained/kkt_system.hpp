// The linear system of a Newton step with equality constraints, and how it is solved: exactly or by random sketches.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "../core/random.hpp"
#include "../linalg/pivoted_solver.hpp"
#include "../linalg/product.hpp"

namespace glissade {

/// How a KktSystem is solved: by elimination, or by projections onto random combinations of its rows, one normal
/// combination at a time, one row at a time, or a block of normal combinations.
enum class Sketch { exact, gaussian, kaczmarz, block };

namespace detail {
/// Whether a symmetric matrix has a Cholesky factor, which overwrites its lower triangle.
inline bool cholesky_succeeds(Eigen::MatrixXd& A) {
  for (Eigen::Index j = 0; j < A.rows(); ++j) {
    if (!(A(j, j) > 0)) return false;
    const Eigen::Index rest = A.rows() - j - 1;
    A.col(j).tail(rest) /= std::sqrt(A(j, j));
    for (Eigen::Index k = j + 1; k < A.rows(); ++k)
      A.col(k).tail(A.rows() - k) -= A(k, j) * A.col(j).tail(A.rows() - k);
  }
  return true;
}
}  // namespace detail

/// The system K z = b of a step of Newton's method for f(x) with c(x) = 0:
///
///     K = [B J'; J 0]    B = H + t I    t: 0 where H is at least `least_curvature` along all that J leaves free,
///                                          else shift + ||H||_F
///
/// A sketch S moves z to the nearest solution of S'K z = S'b, z += K S (S'K^2 S)^+ S'(b - K z), so that no sketch moves
/// it away from the solution; with as many columns as K it arrives there.
///
/// Cost, of N = n + m rows: exact 2 N^3 / 3 flops; a normal combination 4 N^2; a row 4 N, and 2 N^2 once in N rows for
/// the residual; a block of s 2 N^2 s + 2 N s^2; build n^3 / 3 + 6 n^2 m.
class KktSystem {
 public:
  /// H is the Hessian of the Lagrangian, n x n; J m x n of rank m, and the columns of `rows` an orthonormal basis of
  /// its rows, n x m. Begins at z = 0.
  void build(const Eigen::MatrixXd& H, const Eigen::MatrixXd& J, const Eigen::MatrixXd& rows, const Eigen::VectorXd& b,
             double shift, double least_curvature) {
    const Eigen::Index n = H.rows(), m = J.rows();
    t_ = m == n || is_convex(H, rows, least_curvature) ? 0 : shift + H.norm();
    K_.setZero(n + m, n + m);
    K_.topLeftCorner(n, n) = H;
    K_.diagonal().head(n).array() += t_;
    norm_B_ = K_.topLeftCorner(n, n).norm();
    K_.bottomLeftCorner(m, n) = J;
    K_.topRightCorner(n, m) = J.transpose();
    norm_ = K_.norm();
    b_ = b;
    z_.setZero(n + m);
    residual_ = -b;
  }

  [[nodiscard]] const Eigen::MatrixXd& matrix() const { return K_; }
  [[nodiscard]] const Eigen::VectorXd& solution() const { return z_; }
  [[nodiscard]] double residual() const { return residual_.norm(); }
  [[nodiscard]] double norm() const { return norm_; }      // ||K||_F
  [[nodiscard]] double norm_B() const { return norm_B_; }  // ||B||_F
  [[nodiscard]] double shift() const { return t_; }        // t
  /// What rounding alone makes of a residual.
  [[nodiscard]] double rounding() const {
    return 4 * std::numeric_limits<double>::epsilon() * (norm_ * z_.norm() + b_.norm());
  }

  /// False where K is singular or not finite.
  bool solve() {
    if (!solver_.compute(K_)) return false;
    z_ = b_;
    solver_.solve_in_place(z_);
    update_residual();
    return z_.allFinite();
  }

  /// Sketches until the residual is at most `tolerance` or what rounding makes of one, at most `most` of them; how many
  /// there were. Their numbers are functions of the key and of `first`, the number of sketches before. Of rows the
  /// residual is looked at once in N.
  std::int64_t sketch_until(double tolerance, Sketch kind, Eigen::Index block_size, RandomKey key, std::int64_t first,
                            std::int64_t most) {
    const std::int64_t each = kind == Sketch::kaczmarz ? K_.rows() : 1;
    std::int64_t done = 0;
    while (done < most && residual() > std::max(tolerance, rounding())) {
      for (const std::int64_t end = std::min(most, done + each); done < end; ++done) {
        const RandomKey own = key.derive(static_cast<std::uint64_t>(first + done));
        if (kind == Sketch::kaczmarz)
          project_on_row(own);
        else
          project_on_block(own, kind == Sketch::block ? block_size : 1);
      }
      update_residual();
    }
    return done;
  }

 private:
  /// Whether Z'H Z is at least `least` for a basis Z of what is orthogonal to the columns of U: with P = 1 - U U' the
  /// matrix P H P + w U U' has its eigenvalues, and w, which is large, in place of those along U.
  static bool is_convex(const Eigen::MatrixXd& H, const Eigen::MatrixXd& U, double least) {
    const double w = H.norm() + least + 1;
    Eigen::MatrixXd Y(H.rows(), U.cols()), M(U.cols(), U.cols());
    product(H, U, Y);
    product_of_transposed(U, Y, M);
    M.diagonal().array() += w;
    product(U, M, Y, -0.5, true);
    Eigen::MatrixXd A = H;
    product_with_transposed(U, Y, A, -1, true);
    product_with_transposed(Y, U, A, -1, true);
    A.diagonal().array() -= least;
    return detail::cholesky_succeeds(A);
  }

  void update_residual() { residual_.noalias() = K_ * z_ - b_; }

  void project_on_row(RandomKey key) {
    const Eigen::Index i =
        std::min(static_cast<Eigen::Index>(key.uniform(0) * static_cast<double>(K_.rows())), K_.rows() - 1);
    const auto row = K_.col(i);  // K is symmetric
    const double square = row.squaredNorm();
    if (square > 0) z_ -= ((row.dot(z_) - b_[i]) / square) * row;
  }

  /// The columns of K S are made orthogonal one after the other, and with them the products of each with z - z*, which
  /// are those of S with the residual.
  void project_on_block(RandomKey key, Eigen::Index size) {
    S_.resize(K_.rows(), size);
    for (Eigen::Index k = 0; k < S_.size(); ++k) S_.data()[k] = key.normal(static_cast<std::uint64_t>(k));
    columns_.resize(K_.rows(), size);
    product(K_, S_, columns_);
    products_.noalias() = S_.transpose() * residual_;
    for (Eigen::Index j = 0; j < size; ++j) {
      auto column = columns_.col(j);
      const double before = column.norm();
      for (Eigen::Index i = 0; i < j; ++i) {
        const double share = columns_.col(i).dot(column);
        column -= share * columns_.col(i);
        products_[j] -= share * products_[i];
      }
      const double length = column.norm();
      const double inverse = length > 1e-12 * before ? 1 / length : 0;
      column *= inverse;
      products_[j] *= inverse;
      z_ -= products_[j] * column;
    }
  }

  Eigen::MatrixXd K_, S_, columns_;
  Eigen::VectorXd b_, z_, residual_, products_;
  PivotedSolver solver_;
  double t_ = 0;
  double norm_ = 0;
  double norm_B_ = 0;
};

}  // namespace glissade
