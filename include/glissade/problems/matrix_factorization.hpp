// A matrix as a product of two thin ones.
#pragma once

#include <Eigen/Core>

#include <utility>

#include "../core/random.hpp"
#include "../linalg/thin_svd.hpp"
#include "formula.hpp"

namespace glissade::problems {

/// f = 1/2 |Y - W2 W1|^2 in the Frobenius norm, with W2 of rows x rank and W1 of rank x columns: non-convex, but every
/// minimum is global and every other stationary point is a saddle.
///
/// x holds W2 and then W1, column by column. As a finite sum its terms are the columns of Y:
/// f_j = columns/2 |y_j - W2 w_j|^2, so that f is their mean. value, value_and_gradient, hessian, hessian_vector; size,
/// batch_value, batch_gradient. The minimum is half the sum of the squared singular values of Y beyond `rank`.
/// Cost: rows * columns * rank * 6 flops per gradient; the residual is kept as workspace, so one object must not be
/// used by two threads at a time.
/// Errors: std::invalid_argument for a rank outside [1, min(rows, columns)] and a Y that is not finite.
class MatrixFactorization {
 public:
  static constexpr std::string_view name = "MatrixFactorization";

  MatrixFactorization(Eigen::MatrixXd Y, Index rank) : Y_(std::move(Y)), rank_(rank) {
    require(name, "rank", static_cast<double>(rank),
            Range{1, static_cast<double>(Y_.rows() < Y_.cols() ? Y_.rows() : Y_.cols())});
    detail::require_finite(name, "Y", Y_);
    residual_.resize(Y_.rows(), Y_.cols());
    residual_.setZero();
  }

  [[nodiscard]] Index dimension() const { return rank_ * (Y_.rows() + Y_.cols()); }
  [[nodiscard]] Index size() const { return Y_.cols(); }
  [[nodiscard]] Eigen::VectorXd start(std::uint64_t seed = 0) const {
    Eigen::VectorXd x(dimension());
    for (Index i = 0; i < x.size(); ++i) x[i] = 0.5 * RandomKey{seed}.normal(static_cast<std::uint64_t>(i));
    return x;
  }
  /// A template, so that only those who call it wait for the decomposition to be compiled.
  template <class Matrix = Eigen::MatrixXd>
  [[nodiscard]] double minimum() const {
    const Eigen::VectorXd sigma = thin_svd<typename Matrix::Scalar>(Y_).sigma;
    return 0.5 * sigma.tail(sigma.size() - rank_).squaredNorm();
  }

  [[nodiscard]] double value(const auto& x) const {
    look(x);
    return 0.5 * residual_.squaredNorm();
  }

  double value_and_gradient(const auto& x, auto&& g) const {
    look(x);
    detail::reshape(g, dimension());
    left(g).noalias() = residual_ * right(x).transpose();
    right(g).noalias() = left(x).transpose() * residual_;
    return 0.5 * residual_.squaredNorm();
  }

  /// Blocks W1 W1' and W2'W2 on the diagonal, and W2(i, l) W1(k, c) + [k = l] R(i, c) for W2(i, k) and W1(l, c).
  void hessian(const auto& x, auto&& H) const {
    look(x);
    detail::reshape(H, dimension(), dimension());
    H.setZero();
    const auto W2 = left(x);
    const auto W1 = right(x);
    const Index rows = Y_.rows();
    const Index first = rows * rank_;  // of W1 in x
    for (Index k = 0; k < rank_; ++k)
      for (Index l = 0; l < rank_; ++l) {
        const double of_left = W1.row(k).dot(W1.row(l));
        const double of_right = W2.col(k).dot(W2.col(l));
        for (Index i = 0; i < rows; ++i) H(i + rows * k, i + rows * l) = of_left;
        for (Index c = 0; c < Y_.cols(); ++c) {
          H(first + k + rank_ * c, first + l + rank_ * c) = of_right;
          for (Index i = 0; i < rows; ++i) {
            const double mixed = W2(i, l) * W1(k, c) + (k == l ? residual_(i, c) : 0);
            H(i + rows * k, first + l + rank_ * c) = H(first + l + rank_ * c, i + rows * k) = mixed;
          }
        }
      }
  }

  /// With V2, V1 the parts of v: S = V2 W1 + W2 V1, Hv = (S W1' + R V1', W2' S + V2' R), R = W2 W1 - Y.
  void hessian_vector(const auto& x, const auto& v, auto&& Hv) const {
    look(x);
    detail::require_size(name, "v", v.size(), dimension());
    detail::reshape(Hv, dimension());
    left(Hv).noalias() = residual_ * right(v).transpose();
    right(Hv).noalias() = left(v).transpose() * residual_;
    residual_.noalias() = left(v) * right(x);
    residual_.noalias() += left(x) * right(v);
    left(Hv).noalias() += residual_ * right(x).transpose();
    right(Hv).noalias() += left(x).transpose() * residual_;
  }

  [[nodiscard]] double batch_value(const auto& x, const auto& indices) const {
    check(x);
    double sum = 0;
    for (const auto i : indices) sum += column(x, static_cast<Index>(i)).squaredNorm();
    return 0.5 * sum * scale(indices);
  }
  double batch_gradient(const auto& x, const auto& indices, auto&& g) const {
    check(x);
    detail::reshape(g, dimension());
    g.setZero();
    double sum = 0;
    for (const auto i : indices) {
      const Index j = static_cast<Index>(i);
      residual_.col(j) = column(x, j);
      const auto r = residual_.col(j);
      left(g).noalias() += r * right(x).col(j).transpose();
      right(g).col(j).noalias() += left(x).transpose() * r;
      sum += r.squaredNorm();
    }
    g *= scale(indices);
    return 0.5 * sum * scale(indices);
  }

 private:
  [[nodiscard]] auto left(const auto& x) const { return Eigen::Map<const Eigen::MatrixXd>(x.data(), Y_.rows(), rank_); }
  [[nodiscard]] auto right(const auto& x) const {
    return Eigen::Map<const Eigen::MatrixXd>(x.data() + Y_.rows() * rank_, rank_, Y_.cols());
  }
  [[nodiscard]] auto left(auto& g) const { return Eigen::Map<Eigen::MatrixXd>(g.data(), Y_.rows(), rank_); }
  [[nodiscard]] auto right(auto& g) const {
    return Eigen::Map<Eigen::MatrixXd>(g.data() + Y_.rows() * rank_, rank_, Y_.cols());
  }
  [[nodiscard]] auto column(const auto& x, Index j) const { return left(x) * right(x).col(j) - Y_.col(j); }
  [[nodiscard]] double scale(const auto& indices) const {
    if (indices.size() == 0) throw std::invalid_argument(std::string(name) + ": an empty batch");
    return static_cast<double>(Y_.cols()) / static_cast<double>(indices.size());
  }
  void check(const auto& x) const { detail::require_size(name, "x", x.size(), dimension()); }
  void look(const auto& x) const {
    check(x);
    residual_.noalias() = left(x) * right(x);
    residual_ -= Y_;
  }

  Eigen::MatrixXd Y_;
  Index rank_;
  mutable Eigen::MatrixXd residual_;
};

}  // namespace glissade::problems
