// Residuals as an objective with a value and a gradient, with a robust loss.
#pragma once

#include <type_traits>
#include <utility>

#include "objective.hpp"
#include "robust_losses.hpp"

namespace glissade {

/// 1/2 sum rho(r_i^2) of what gives robust_loss(s), or 1/2 r'r.
template <bool robust, class F>
double half_sum_of_losses(const F& f, const Eigen::VectorXd& r) {
  if constexpr (robust) {
    double sum = 0;
    for (Index i = 0; i < r.size(); ++i) sum += f.robust_loss(r[i] * r[i]).value;
    return 0.5 * sum;
  } else {
    return 0.5 * r.squaredNorm();
  }
}

/// gradient = J' pull,   pull = rho'(r^2) r
template <bool robust, class F, class V>
void gradient_of_losses(const F& f, const Eigen::VectorXd& r, const Eigen::MatrixXd& J, Eigen::VectorXd& pull,
                        V& gradient) {
  pull = r;
  if constexpr (robust)
    for (Index i = 0; i < r.size(); ++i) pull[i] *= f.robust_loss(r[i] * r[i]).slope;
  gradient.resize(J.cols());
  for (Index j = 0; j < J.cols(); ++j) gradient[j] = J.col(j).dot(pull);
}

/// Half the sum of squares, or of a robust loss of them, of an objective that gives residuals(x, r) and
/// jacobian(x, J): every method for smooth functions runs on it, and LevenbergMarquardt and GaussNewton on the same.
///
///     f(x) = 1/2 sum rho(r_i(x)^2),   gradient = J'(rho'(r^2) r)
///
///     LeastSquares robust_fit{fit, CauchyLoss{.scale = 0.1}};
///     minimize(robust_fit, x, LevenbergMarquardt{});
///     minimize(robust_fit, x, Lbfgs{});
///
/// The loss is one of robust_losses.hpp or a callable RobustValue(double s); without one the squares are summed. What
/// else the objective of the residuals has, such as bounds, it keeps.
///
/// Cost: the residuals and the Jacobian for a gradient, 2 m n flops; memory for one Jacobian.
/// Errors: std::invalid_argument for a scale of the loss out of its range.
template <class F, class Loss = PlainLoss>
struct LeastSquares : F {
  static_assert(!HasRobustLoss<F>, "the objective of the residuals has a robust loss already");
  static constexpr bool robust = !std::is_same_v<Loss, PlainLoss>;
  Loss loss;

  explicit LeastSquares(F residuals, Loss of_squares = {}) : F(std::move(residuals)), loss(std::move(of_squares)) {
    if constexpr (requires { loss.check(); }) loss.check();
  }

  [[nodiscard]] RobustValue robust_loss(double s) const requires(robust) { return loss(s); }

  template <class V>
  requires HasResiduals<const F, V>
  [[nodiscard]] double value(const V& x) const {
    this->residuals(x, residuals_);
    return half_sum_of_losses<robust>(*this, residuals_);
  }

  template <class V>
  requires(HasResiduals<const F, V>&& HasJacobian<const F, V>) double value_and_gradient(const V& x,
                                                                                         V& gradient) const {
    const double value = this->value(x);
    jacobian_.resize(residuals_.size(), x.size());
    this->jacobian(x, jacobian_);
    gradient_of_losses<robust>(*this, residuals_, jacobian_, pull_, gradient);
    return value;
  }

 private:
  mutable Eigen::VectorXd residuals_, pull_;
  mutable Eigen::MatrixXd jacobian_;
};

}  // namespace glissade
