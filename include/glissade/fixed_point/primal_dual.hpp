// Linear programs as a fixed point, with proofs where there is none.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "../core/checks.hpp"
#include "../oracle/norm.hpp"

namespace glissade {

/// How far y is from a proof that no x >= 0 has A x = b, a Farkas ray, A'y <= 0 and b'y > 0: max(A'y, 0) / b'y;
/// infinity where b'y <= 0.
template <class Matrix>
[[nodiscard]] double check_farkas(const Matrix& A, const Eigen::VectorXd& b, const Eigen::VectorXd& y) {
  const double gain = b.dot(y);
  if (!(gain > 0)) return std::numeric_limits<double>::infinity();
  const Eigen::VectorXd image = A.transpose() * y;
  double violation = 0;
  for (const double a : image) violation = a <= violation ? violation : a;  // NaN stays
  return violation / gain;
}

/// How far x is from a direction along which the objective falls for ever, A x = 0, x >= 0 and c'x < 0:
/// max(|A x|, -x, 0) / -c'x; infinity where c'x >= 0.
template <class Matrix>
[[nodiscard]] double check_unbounded(const Matrix& A, const Eigen::VectorXd& c, const Eigen::VectorXd& x) {
  const double gain = -c.dot(x);
  if (!(gain > 0)) return std::numeric_limits<double>::infinity();
  const Eigen::VectorXd image = A * x;
  double violation = 0;
  for (const double a : image) violation = std::abs(a) <= violation ? violation : std::abs(a);
  for (const double a : x) violation = -a <= violation ? violation : -a;
  return violation / gain;
}

/// The primal-dual hybrid gradient method (PDHG) as an operator of z = (x, y): its fixed points are the solutions of
///
///     min c'x  subject to  A x = b, x >= 0      and of its dual   max b'y  subject to  A'y <= c
///
///     x+ = max(x - tau (c - A'y), 0),   y+ = y + sigma (b - A (2 x+ - x))
///     nonexpansive in  norm(z)^2 = |x|^2 / tau + 2 y'A x + |y|^2 / sigma     for tau sigma |A|^2 < 1
///
///     Eigen::VectorXd c(40), b(20);
///     Eigen::MatrixXd A(20, 40);
///     PrimalDual T(c, A, b);
///     Eigen::VectorXd at = T.start();
///     Result r = find_fixed_point(T, at, DetectInfeasibility<Picard>{}, {.max_iterations = 100'000});
///     T.primal(at);  T.dual(at);
///
/// Where one of both is infeasible z - T z settles at v, and certifies(v) tests whether -v proves it: its y as a Farkas
/// ray, its x as a direction of descent without end, to within `tolerance` (check_farkas, check_unbounded).
/// Picard and KrasnoselskiiMann converge linearly in the end, Halpern like 1 / k.
/// No aggregate, for it looks at A: sizes and numbers are checked once. A is dense or an Eigen::SparseMatrix.
/// Options: primal_step tau and dual_step sigma (> 0; 0 both: 0.9 / |A|, by power iterations); tolerance (1e-6).
/// Cost: two products with A per call, two per norm.
/// Errors: std::invalid_argument for sizes that do not fit, numbers that are not finite, tau sigma |A|^2 >= 1.
/// Source: "A First-Order Primal-Dual Algorithm for Convex Problems with Applications to Imaging", 2011; certificates:
/// derived, and checked in tests.
template <class Matrix = Eigen::MatrixXd>
class PrimalDual {
 public:
  static constexpr std::string_view name = "PrimalDual";
  double tolerance = 1e-6;

  PrimalDual(Eigen::VectorXd c, Matrix A, Eigen::VectorXd b, double primal_step = 0, double dual_step = 0)
      : c_(std::move(c)), A_(std::move(A)), b_(std::move(b)), tau_(primal_step), sigma_(dual_step) {
    require_shape(name, "c", c_, A_.cols(), 1);
    require_shape(name, "b", b_, A_.rows(), 1);
    require(name, "primal_step", tau_, range::non_negative);
    require(name, "dual_step", sigma_, range::non_negative);
    const double norm = spectral_norm();
    if (!std::isfinite(norm) || !c_.allFinite() || !b_.allFinite())
      throw std::invalid_argument("PrimalDual: c, A or b is not finite");
    const double step = norm > 0 ? 0.9 / norm : 1;
    if (tau_ == 0 && sigma_ == 0) tau_ = sigma_ = step;
    if (tau_ == 0) tau_ = 0.81 / (norm > 0 ? norm * norm * sigma_ : sigma_);
    if (sigma_ == 0) sigma_ = 0.81 / (norm > 0 ? norm * norm * tau_ : tau_);
    const double product = tau_ * norm * (sigma_ * norm);
    if (!(product < 1)) reject(name, "primal_step dual_step |A|^2", product, "< 1");
  }

  [[nodiscard]] double primal_step() const { return tau_; }
  [[nodiscard]] double dual_step() const { return sigma_; }
  [[nodiscard]] Eigen::VectorXd start() const { return Eigen::VectorXd::Zero(c_.size() + b_.size()); }
  [[nodiscard]] Eigen::VectorXd primal(const Eigen::VectorXd& z) const { return z.head(c_.size()); }
  [[nodiscard]] Eigen::VectorXd dual(const Eigen::VectorXd& z) const { return z.tail(b_.size()); }

  void operator()(const Eigen::VectorXd& z, Eigen::VectorXd& image) {
    require_shape(name, "z", z, c_.size() + b_.size(), 1);
    const auto x = z.head(c_.size());
    const auto y = z.tail(b_.size());
    slope_.noalias() = A_.transpose() * y;
    image.resize(z.size());
    auto next = image.head(c_.size());
    for (Eigen::Index i = 0; i < c_.size(); ++i) {
      const double moved = x[i] - tau_ * (c_[i] - slope_[i]);
      next[i] = moved < 0 ? 0 : moved;  // NaN stays
    }
    slope_ = 2 * next - x;
    product_.noalias() = A_ * slope_;
    image.tail(b_.size()) = y + sigma_ * (b_ - product_);
  }

  [[nodiscard]] double norm(const Eigen::VectorXd& z) {
    const double unit = unit_of(norm_of(z));
    scaled_ = unit * z;
    const auto x = scaled_.head(c_.size());
    const auto y = scaled_.tail(b_.size());
    product_.noalias() = A_ * x;
    const double square = x.squaredNorm() / tau_ + 2 * y.dot(product_) + y.squaredNorm() / sigma_;
    return std::sqrt(square < 0 ? 0 : square) / unit;
  }

  [[nodiscard]] double farkas_violation(const Eigen::VectorXd& v) const { return check_farkas(A_, b_, -dual(v)); }
  [[nodiscard]] double unbounded_violation(const Eigen::VectorXd& v) const {
    return check_unbounded(A_, c_, -primal(v));
  }
  [[nodiscard]] bool certifies(const Eigen::VectorXd& v) const {
    return farkas_violation(v) <= tolerance || unbounded_violation(v) <= tolerance;
  }

 private:
  /// |A|, from below, but for some 1e-3: products of steps need not come that near to 1.
  [[nodiscard]] double spectral_norm() const {
    Eigen::VectorXd v(A_.cols());
    for (Eigen::Index i = 0; i < v.size(); ++i) v[i] = 1 + 0.1 * std::sin(static_cast<double>(i + 1));
    double norm = 0;
    for (int k = 0; k < 100; ++k) {
      const double length = norm_of(v);
      if (!(length > 0)) return length;
      v /= length;
      const Eigen::VectorXd image = A_ * v;
      norm = norm_of(image);
      v = A_.transpose() * image;
    }
    return norm;
  }

  Eigen::VectorXd c_;
  Matrix A_;
  Eigen::VectorXd b_;
  double tau_, sigma_;
  Eigen::VectorXd slope_, product_, scaled_;
};
template <class Matrix>
PrimalDual(Eigen::VectorXd, Matrix, Eigen::VectorXd) -> PrimalDual<typename Matrix::PlainObject>;
template <class Matrix>
PrimalDual(Eigen::VectorXd, Matrix, Eigen::VectorXd, double) -> PrimalDual<typename Matrix::PlainObject>;
template <class Matrix>
PrimalDual(Eigen::VectorXd, Matrix, Eigen::VectorXd, double, double) -> PrimalDual<typename Matrix::PlainObject>;

}  // namespace glissade
