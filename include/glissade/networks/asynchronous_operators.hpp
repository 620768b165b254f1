// Operators for asynchronous updates that need no parameter for the delays. Those of matrices are templates, so that
// products and factorizations are compiled only where they are used.
#pragma once

#include <Eigen/LU>

#include <type_traits>

#include "asynchronous_fixed_point.hpp"

namespace glissade {

/// T x = M x + b. Errors: std::invalid_argument where M is not square or b has another size.
template <class Matrix = Eigen::MatrixXd>
BlockOperator affine_operator(std::type_identity_t<Matrix> M, Eigen::VectorXd b,
                              const std::vector<Eigen::Index>& sizes = {}) {
  if (M.rows() != M.cols() || M.rows() != b.size())
    throw std::invalid_argument("affine_operator: M is " + std::to_string(M.rows()) + " x " + std::to_string(M.cols()) +
                                ", b has " + std::to_string(b.size()) + " coefficients");
  const BlockLayout layout("affine_operator", sizes, b.size());
  return [M = std::move(M), b = std::move(b), layout](Eigen::Index i, const Eigen::VectorXd& x, Eigen::VectorXd& out) {
    out.noalias() = M.middleRows(layout.start(i), layout.size(i)) * x;
    out += b.segment(layout.start(i), layout.size(i));
  };
}

/// Weights w > 0 with |M| w < w, |M| entry by entry: the weights of a maximum norm in which x -> M x + b is a
/// contraction, by 1 - 1 / max(w). Empty where there are none; and then the iteration by single coefficients diverges
/// for some delays (Chazan and
/// Miranker 1969). They are the solution of (I - |M|) w = 1, positive if and only if the
/// spectral radius of |M| is below 1. Cost: 2 / 3 n^3 flops.
template <class Matrix = Eigen::MatrixXd>
std::vector<double> weights_for_all_delays(const std::type_identity_t<Matrix>& M) {
  if (M.rows() != M.cols()) throw std::invalid_argument("weights_for_all_delays: M is not square");
  const Matrix A = Matrix::Identity(M.rows(), M.cols()) - M.cwiseAbs();
  const Eigen::VectorXd w = A.partialPivLu().solve(Eigen::VectorXd::Ones(M.rows()));
  if (!w.allFinite() || !(w.minCoeff() > 0)) return {};
  return {w.data(), w.data() + w.size()};
}

/// Gradient descent on one block at a time, with a prox of the block's own if there is one:
///
///     T_i x = prox_i(x_i - step_i grad_i f(x), step_i)
///
/// For f with a Hessian A and blocks of one coefficient a contraction in the maximum norm by
/// c = max_i (1 - step_i (A_ii - sum over j != i of |A_ij|)) for steps up to 1 / A_ii: where the Hessian is diagonally
/// dominant. Where it is not, it may diverge for long delays at steps that are good without them.
/// gradient(i, x, g): the gradient with respect to block i; prox(i, v, step) in place.
struct BlockGradientStep {
  std::vector<Eigen::Index> sizes = {};  // as those of the method
  std::vector<double> steps = {};        // one for all, or one for each block
  std::function<void(Eigen::Index, const Eigen::VectorXd&, Eigen::VectorXd&)> gradient = {};
  std::function<void(Eigen::Index, Eigen::VectorXd&, double)> prox = {};

  /// For an x of this size.
  [[nodiscard]] BlockOperator operator_for(Eigen::Index size) const {
    const BlockLayout layout("BlockGradientStep", sizes, size);
    for (const double step : steps) require("BlockGradientStep", "steps", step, range::positive);
    if (steps.size() != 1 && static_cast<Eigen::Index>(steps.size()) != layout.count())
      throw std::invalid_argument("BlockGradientStep: steps has " + std::to_string(steps.size()) +
                                  " numbers, must have 1 or " + std::to_string(layout.count()));
    if (!gradient) throw std::invalid_argument("BlockGradientStep: gradient is empty");
    return [self = *this, layout](Eigen::Index i, const Eigen::VectorXd& x, Eigen::VectorXd& out) {
      const double step = self.steps[self.steps.size() == 1 ? 0 : static_cast<std::size_t>(i)];
      self.gradient(i, x, out);
      out = x.segment(layout.start(i), layout.size(i)) - step * out;
      if (self.prox) self.prox(i, out, step);
    };
  }
};

/// Workers around a master that keeps a mean: minimizes mean_i f_i(x) + g(x). The blocks are n vectors, of worker i
/// z_i.
///
///     master                    x = prox_g(mean of z, step)
///     proximal_gradient         z_i <- x - step grad f_i(x)
///     admm                      u_i <- u_i + 2 damping (prox_{f_i}(2 x - u_i, step) - x)         z = u
///
/// Proximal gradient: for f_i that are mu-strongly convex and L-smooth and 0 < step <= 2 / (L + mu) a contraction by
/// 1 - step mu in max_i |z_i|, so that it converges for all delays at the step that is best without any. ADMM is not
/// covered: 2 x - u_i is no contraction in that norm; it has converged for every delay that was tried, and no more is
/// claimed. damping 1/2 is the usual one.
struct StarConsensus {
  using Vector = Eigen::VectorXd;
  Eigen::Index workers = 0;
  Eigen::Index size = 0;  // of x
  double step = 0;
  std::function<void(Vector&, double)> prox = {};  // of g, in place; none: g = 0

  [[nodiscard]] std::vector<Eigen::Index> sizes() const {
    return std::vector<Eigen::Index>(static_cast<std::size_t>(workers), size);
  }
  /// The master's x.
  [[nodiscard]] Vector solution(const Vector& z) const {
    Vector x = z.reshaped(size, workers).rowwise().sum() / static_cast<double>(workers);
    if (prox) prox(x, step);
    return x;
  }
  [[nodiscard]] BlockOperator proximal_gradient(
      std::function<void(Eigen::Index, const Vector& x, Vector& gradient)> gradient) const {
    check();
    return [self = *this, gradient = std::move(gradient)](Eigen::Index i, const Vector& z, Vector& out) {
      const Vector x = self.solution(z);
      gradient(i, x, out);
      out = x - self.step * out;
    };
  }
  /// prox_of(i, v, step): v becomes argmin f_i(y) + |y - v|^2 / (2 step).
  [[nodiscard]] BlockOperator admm(std::function<void(Eigen::Index, Vector&, double)> prox_of,
                                   double damping = 0.5) const {
    check();
    require("StarConsensus", "damping", damping, Range{0, 1, true, true});
    return [self = *this, prox_of = std::move(prox_of), damping](Eigen::Index i, const Vector& u, Vector& out) {
      const Vector x = self.solution(u);
      const Eigen::Ref<const Vector> own = u.segment(i * self.size, self.size);
      out = 2 * x - own;
      prox_of(i, out, self.step);
      out = own + 2 * damping * (out - x);
    };
  }

  void check() const {
    require("StarConsensus", "workers", static_cast<double>(workers), range::at_least_one);
    require("StarConsensus", "size", static_cast<double>(size), range::at_least_one);
    require("StarConsensus", "step", step, range::positive);
  }
};

}  // namespace glissade
