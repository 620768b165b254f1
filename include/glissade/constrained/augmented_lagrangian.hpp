// A merit for points and multipliers together.
#pragma once

#include <Eigen/Core>

namespace glissade {

/// The exact augmented Lagrangian of f with c(x) = 0, by which a step of x and lambda is judged: for a large
/// constraint_penalty and a small gradient_penalty its minima are those of f subject to c(x) = 0.
///
///     L(x, lambda) = f + <c, lambda> + eta1 ||c||^2 / 2 + eta2 ||g||^2 / 2    g = grad f + J'lambda
///     grad L = (g + eta2 H g + eta1 J'c,  c + eta2 J g)                       H: Hessian of f + <c, lambda> in x
///
/// Cost: a value O(n + m), a gradient one product with H and three with J.
struct AugmentedLagrangian {
  double constraint_penalty = 1;  // eta1
  double gradient_penalty = 0.1;  // eta2

  [[nodiscard]] double value(double f, const Eigen::VectorXd& c, const Eigen::VectorXd& multipliers,
                             const Eigen::VectorXd& g) const {
    return f + c.dot(multipliers) + 0.5 * constraint_penalty * c.squaredNorm() +
           0.5 * gradient_penalty * g.squaredNorm();
  }
  [[nodiscard]] Eigen::VectorXd gradient(const Eigen::MatrixXd& H, const Eigen::MatrixXd& J, const Eigen::VectorXd& c,
                                         const Eigen::VectorXd& g) const {
    Eigen::VectorXd out(g.size() + c.size());
    out.head(g.size()) = g + gradient_penalty * (H * g) + constraint_penalty * (J.transpose() * c);
    out.tail(c.size()) = c + gradient_penalty * (J * g);
    return out;
  }
};

}  // namespace glissade
