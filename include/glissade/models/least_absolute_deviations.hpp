// Linear regression in the l1 norm, solved exactly, with a certificate.
#pragma once

#include <Eigen/Core>
#include <Eigen/LU>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "../core/checks.hpp"
#include "../core/random.hpp"
#include "../linalg/frobenius.hpp"

namespace glissade {

/// Options of least_absolute_deviations.
struct LeastAbsoluteDeviations {
  static constexpr std::string_view name = "LeastAbsoluteDeviations";
  double tolerance = 1e-9;       // in (0, 1): by how much a coefficient of the certificate may exceed 1
  std::int64_t max_pivots = -1;  // >= 0, or -1: 50 (rows + columns)
};

/// What least_absolute_deviations has found.
struct LeastAbsoluteDeviationsFit {
  Eigen::VectorXd x;
  Eigen::VectorXd dual;     // the certificate d: |d_i| <= 1 + tolerance, A'd = 0, hence |y - A z|_1 >= y'd for every z
  double value = 0;         // |y - A x|_1
  double gap = 0;           // value - y'd: rounding errors of it where the fit is optimal
  Eigen::Index used = 0;    // columns in use; the others depend on these, or cannot lower the norm: their x is 0
  std::int64_t pivots = 0;  // vertices visited
  bool optimal = false;     // false: max_pivots came first
};

namespace detail {

/// The simplex method on |y - A x|_1. A vertex is a basis of n rows whose residuals are 0; at the start these are the
/// n rows of the identity, of weight 0, which stand for x = 0. Where residuals of other rows are 0 too, which of them
/// leaves first is settled as if y were y + e u, for an infinitesimal e and a random u: every step is then a gain.
template <class Matrix>
class L1Simplex {
 public:
  L1Simplex(const Eigen::Ref<const Matrix>& A, const Eigen::Ref<const Eigen::VectorXd>& y,
            const LeastAbsoluteDeviations& options)
      : A_(A), targets_(A.rows(), 2), m_(A.rows()), n_(A.cols()), options_(options) {
    column_exponents_.resize(n_);
    for (Index j = 0; j < n_; ++j) {  // all of one size: rounds nothing
      column_exponents_[j] = exponent_of(A_.col(j));
      A_.col(j) = times_power_of_two(A.col(j), -column_exponents_[j]);
    }
    target_exponent_ = exponent_of(y);
    targets_.col(0) = times_power_of_two(y, -target_exponent_);
    const RandomKey key{0};
    for (Index i = 0; i < m_; ++i) targets_(i, 1) = 2 * key.uniform(static_cast<std::uint64_t>(i)) - 1;
    residuals_ = targets_;
    x_.setZero(n_, 2);
    inverse_.setIdentity(n_, n_);
    for (Index j = 0; j < n_; ++j) basis_.push_back(m_ + j);
    blocked_.assign(static_cast<std::size_t>(n_), false);
    signs_ = residuals_.col(0).cwiseSign();
    signs_ = (signs_.array() != 0).select(signs_, residuals_.col(1).cwiseSign());
  }

  void solve(LeastAbsoluteDeviationsFit& fit) {
    const std::int64_t most = options_.max_pivots < 0 ? 50 * (m_ + n_) : options_.max_pivots;
    std::int64_t since_refresh = 0;
    while (true) {
      const Index leaving = worst();
      if (leaving < 0) {
        if (since_refresh == 0) break;  // optimal, by fresh numbers
        refresh();
        since_refresh = 0;
        continue;
      }
      if (fit.pivots == most) {
        refresh();
        worst();
        fit.optimal = false;
        return write(fit);
      }
      if (!pivot(leaving)) {
        blocked_[static_cast<std::size_t>(leaving)] = true;
        continue;
      }
      ++fit.pivots;
      if (++since_refresh == 64) {
        refresh();
        since_refresh = 0;
      }
    }
    fit.optimal = true;
    write(fit);
  }

 private:
  using Index = Eigen::Index;

  [[nodiscard]] bool is_row(Index position) const { return basis_[static_cast<std::size_t>(position)] < m_; }
  [[nodiscard]] Index row(Index position) const { return basis_[static_cast<std::size_t>(position)]; }

  /// Multipliers of the basis, and the position that violates its bound most; -1 if none does.
  Index worst() {
    slope_.noalias() = A_.transpose() * signs_;
    multipliers_.noalias() = -(inverse_.transpose() * slope_);
    Index worst = -1;
    double most = options_.tolerance;
    for (Index i = 0; i < n_; ++i) {
      const double excess = std::abs(multipliers_[i]) - (is_row(i) ? 1 : 0);
      if (excess <= most || blocked_[static_cast<std::size_t>(i)]) continue;
      most = excess;
      worst = i;
    }
    return worst;
  }

  struct Kink {
    double at;
    double then;  // the infinitesimal part
    double weight;
    Index row;
    bool operator<(const Kink& other) const { return at < other.at || (at == other.at && then < other.then); }
  };

  /// Along the edge on which the residual in this position leaves 0, to the minimum of the norm. False: rounding errors
  /// are all that there is along it, as where a column depends on those in use.
  bool pivot(Index leaving) {
    const double sign = multipliers_[leaving] > 0 ? 1 : -1;
    direction_ = -sign * inverse_.col(leaving);
    change_.noalias() = A_ * direction_;
    const double noise = 1e-12 * direction_.template lpNorm<1>();
    const double zero = residual_noise();
    kinks_.clear();
    for (Index i = 0; i < m_; ++i) {
      const double q = change_[i];
      if (!(signs_[i] * q > noise)) continue;  // in the basis, or its residual grows
      const double at = std::abs(residuals_(i, 0)) <= zero ? 0 : std::max(0.0, residuals_(i, 0) / q);
      kinks_.push_back({at, residuals_(i, 1) / q, std::abs(q), i});
    }
    if (kinks_.empty()) return false;
    std::sort(kinks_.begin(), kinks_.end());
    double slope = (is_row(leaving) ? 1 : 0) - std::abs(multipliers_[leaving]);
    std::size_t stop = 0;
    while (stop + 1 < kinks_.size() && slope + 2 * kinks_[stop].weight < 0) slope += 2 * kinks_[stop++].weight;
    for (std::size_t k = 0; k < stop; ++k) signs_[kinks_[k].row] *= -1;

    const Kink& kink = kinks_[stop];
    const Eigen::RowVector2d step(kink.at, kink.then);
    x_ += direction_ * step;
    residuals_ -= change_ * step;
    if (is_row(leaving)) signs_[row(leaving)] = sign;
    const Index entering = kink.row;
    signs_[entering] = 0;
    residuals_.row(entering).setZero();
    // inverse <- inverse - inverse e (a' inverse - e') / (a' inverse e), for the entering row a
    entering_.noalias() = inverse_.transpose() * A_.row(entering).transpose();
    const double divisor = entering_[leaving];
    entering_[leaving] -= 1;
    direction_ = inverse_.col(leaving) / divisor;
    inverse_.noalias() -= direction_ * entering_.transpose();
    basis_[static_cast<std::size_t>(leaving)] = entering;
    std::fill(blocked_.begin(), blocked_.end(), false);
    return true;
  }

  /// What counts as a residual of 0: coefficients of A and y are at most 1.
  [[nodiscard]] double residual_noise() const { return 1e-13 * (1 + x_.col(0).template lpNorm<1>()); }

  /// All that was updated, computed again from the basis.
  void refresh() {
    Matrix rows = Matrix::Zero(n_, n_);
    Matrix values = Matrix::Zero(n_, 2);
    for (Index i = 0; i < n_; ++i) {
      if (is_row(i)) {
        rows.row(i) = A_.row(row(i));
        values.row(i) = targets_.row(row(i));
      } else {
        rows(i, row(i) - m_) = 1;
      }
    }
    inverse_ = rows.partialPivLu().inverse();
    x_.noalias() = inverse_ * values;
    residuals_ = targets_;
    residuals_.noalias() -= A_ * x_;
    const double zero = residual_noise();
    for (Index i = 0; i < m_; ++i)
      if (signs_[i] != 0 && std::abs(residuals_(i, 0)) > zero) signs_[i] = residuals_(i, 0) > 0 ? 1 : -1;
    for (Index i = 0; i < n_; ++i)
      if (is_row(i)) residuals_.row(row(i)).setZero();
    std::fill(blocked_.begin(), blocked_.end(), false);
  }

  void write(LeastAbsoluteDeviationsFit& fit) const {
    fit.dual = signs_;
    fit.x.setZero(n_);
    for (Index i = 0; i < n_; ++i) {
      if (is_row(i)) {
        fit.dual[row(i)] = multipliers_[i];
        ++fit.used;
      }
      fit.x[i] = x_(i, 0);
    }
    for (Index i = 0; i < n_; ++i)
      if (!is_row(i)) fit.x[row(i) - m_] = 0;  // what is left there are rounding errors
    const double value = (targets_.col(0) - A_ * fit.x).template lpNorm<1>();
    fit.value = std::ldexp(value, target_exponent_);
    fit.gap = std::ldexp(value - targets_.col(0).dot(fit.dual), target_exponent_);
    for (Index i = 0; i < n_; ++i) fit.x[i] = std::ldexp(fit.x[i], target_exponent_ - column_exponents_[i]);
  }

  Matrix A_;                   // m x n, the largest coefficient of each column in [1/2, 1)
  Matrix targets_;             // m x 2: y, of the same size, and its infinitesimal part
  Matrix residuals_;           // m x 2
  Matrix x_;                   // n x 2
  Matrix inverse_;             // of the rows of the basis
  std::vector<Index> basis_;   // below m: a row of A, else of the identity
  std::vector<bool> blocked_;  // positions along whose edge nothing but rounding errors was found
  Eigen::VectorXd signs_;      // of the residuals, 0 in the basis
  Eigen::VectorXd slope_, multipliers_, direction_, change_, entering_;
  std::vector<Kink> kinks_;
  Eigen::VectorXi column_exponents_;
  int target_exponent_ = 0;
  Index m_;
  Index n_;
  const LeastAbsoluteDeviations& options_;
};

}  // namespace detail

/// Least absolute deviations, exactly: regression that a few outliers of any size do not move.
///
///     minimize |y - A x|_1 over x
///
///     const LeastAbsoluteDeviationsFit fit = least_absolute_deviations(features, targets);
///
/// The simplex method of Barrodale and Roberts: from x = 0 along the edge of steepest descent, through as many kinks as
/// the norm falls behind, to a vertex where as many residuals are 0 as A has independent columns. It ends where the
/// multipliers of these residuals are within [-1, 1]; with the signs of all others they are the certificate `dual`.
/// The value is unique, x need not be. Ties among residuals of 0 are broken by infinitesimal random numbers, the same
/// in every call, so that it ends also where many rows meet in one point.
///
/// Arguments: A (m x n, of any shape and rank), y (m).
/// Options: tolerance in (0, 1), max_pivots >= 0, or -1 for 50 (m + n).
/// Cost: per vertex 4 m n + 3 n^2 flops and the sorting of up to m numbers; every 64th 2 n^3 for a fresh inverse. 3 n
/// to 10 n vertices on random data. Memory: a copy of A, n^2.
/// Errors: std::invalid_argument for options, sizes and coefficients that are not finite.
/// Source: Barrodale and Roberts, "An Improved Algorithm for Discrete l1 Linear Approximation", 1973. Deviations: an
/// inverse of n rows that is updated takes the place of the tableau; the tie-breaking.
template <class Matrix = Eigen::MatrixXd>
[[nodiscard]] LeastAbsoluteDeviationsFit least_absolute_deviations(const Eigen::Ref<const Eigen::MatrixXd>& A,
                                                                   const Eigen::Ref<const Eigen::VectorXd>& y,
                                                                   const LeastAbsoluteDeviations& options = {}) {
  constexpr std::string_view name = LeastAbsoluteDeviations::name;
  require(name, "tolerance", options.tolerance, range::open_fraction);
  require(name, "max_pivots", static_cast<double>(options.max_pivots), Range{.low = -1});
  require_shape(name, "y", y, A.rows(), 1);
  if (!A.allFinite()) throw std::invalid_argument("LeastAbsoluteDeviations: A has a coefficient that is not finite");
  if (!y.allFinite()) throw std::invalid_argument("LeastAbsoluteDeviations: y has a coefficient that is not finite");
  LeastAbsoluteDeviationsFit fit;
  detail::L1Simplex<Matrix>(A, y, options).solve(fit);
  return fit;
}

}  // namespace glissade
