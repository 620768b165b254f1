// The soft maximum of linear functions.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <concepts>
#include <utility>

#include "../core/random.hpp"
#include "formula.hpp"

namespace glissade::problems {

/// f(x) = smoothing log sum_i exp((<a_i, x> - b_i) / smoothing): smooth, convex and close to the largest of linear
/// functions; the standard test of lazy Newton methods.
///
///     p = softmax((A x - b) / smoothing),   m = A' p
///     gradient m,   Hessian sum of p_i (a_i - m)(a_i - m)' / smoothing
///
/// Cost: one pass over A for the value, two for the gradient, four for Hv; 2 (n + d) doubles of workspace are kept, so
/// one object must not be used by two threads at a time.
/// Errors: std::invalid_argument for b of another length than A has rows, data that are not finite, smoothing <= 0.
/// soft_maximum() makes one whose minimizer is 0.
class LogSumExp {
 public:
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  static constexpr std::string_view name = "LogSumExp";

  LogSumExp(Rows A, Eigen::VectorXd b, double smoothing = 1)
      : A_(std::move(A)), b_(std::move(b)), smoothing_(smoothing) {
    require(name, "smoothing", smoothing_, range::positive);
    if (A_.rows() < 1 || A_.cols() < 1) throw std::invalid_argument(std::string(name) + ": no data");
    detail::require_size(name, "b", b_.size(), A_.rows());
    detail::require_finite(name, "A", A_);
    detail::require_finite(name, "b", b_);
  }

  [[nodiscard]] Index dimension() const { return A_.cols(); }
  [[nodiscard]] Eigen::VectorXd start() const { return Eigen::VectorXd::Ones(dimension()); }
  [[nodiscard]] const Rows& matrix() const { return A_; }

  [[nodiscard]] double value(const auto& x) const { return weigh(x); }

  double value_and_gradient(const auto& x, auto&& g) const {
    const double f = weigh(x);
    detail::reshape(g, dimension());
    g.noalias() = A_.transpose() * p_;
    return f;
  }

  void hessian(const auto& x, auto&& H) const {
    weigh(x);
    detail::reshape(H, dimension(), dimension());
    H.setZero();
    mean_.noalias() = A_.transpose() * p_;
    for (Index i = 0; i < A_.rows(); ++i) {  // centered: the difference of the two sums would cancel
      row_ = A_.row(i).transpose() - mean_;
      H.template selfadjointView<Eigen::Lower>().rankUpdate(row_, p_[i] / smoothing_);
    }
    H.template triangularView<Eigen::StrictlyUpper>() = H.transpose();
  }

  void hessian_vector(const auto& x, const auto& v, auto&& Hv) const {
    weigh(x);
    detail::require_size(name, "v", v.size(), dimension());
    detail::reshape(Hv, dimension());
    along_.noalias() = A_ * v;
    const double mean = p_.dot(along_);
    along_ = p_.cwiseProduct((along_.array() - mean).matrix()) / smoothing_;
    mean_.noalias() = A_.transpose() * p_;
    Hv.noalias() = A_.transpose() * along_;
    Hv -= along_.sum() * mean_;  // zero except for rounding, which counts where one function dominates
  }

 private:
  /// Sets p_ to the softmax and returns the value, both shifted by the largest exponent.
  double weigh(const auto& x) const {
    detail::require_size(name, "x", x.size(), dimension());
    p_.noalias() = A_ * x;
    p_ = (p_ - b_) / smoothing_;
    const double largest = p_.maxCoeff();
    p_ = (p_.array() - largest).exp().matrix();
    const double sum = p_.sum();
    p_ /= sum;
    return smoothing_ * (largest + std::log(sum));
  }

  Rows A_;
  Eigen::VectorXd b_;
  double smoothing_;
  mutable Eigen::VectorXd p_, along_, mean_, row_;  // of lengths n, n, d and d
};

/// A random soft maximum with the minimizer 0: entries of A and b are uniform on [-1, 1], then the gradient at 0 is
/// subtracted from every row of A. The minimum is value(0).
/// A template, so that only those who call it wait for it to be compiled.
[[nodiscard]] LogSumExp soft_maximum(Index rows, Index dimension, std::floating_point auto smoothing,
                                     std::uint64_t seed = 0) {
  const RandomKey key{seed};
  LogSumExp::Rows A(rows, dimension);
  Eigen::VectorXd b(rows);
  std::uint64_t counter = 0;
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < dimension; ++j) A(i, j) = 2 * key.derive(0).uniform(counter++) - 1;
    b[i] = 2 * key.derive(1).uniform(static_cast<std::uint64_t>(i)) - 1;
  }
  Eigen::VectorXd g;
  LogSumExp(A, b, smoothing).value_and_gradient(Eigen::VectorXd::Zero(dimension), g);
  A.rowwise() -= g.transpose();
  return {std::move(A), std::move(b), smoothing};
}

}  // namespace glissade::problems
