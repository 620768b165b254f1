// What the tests of single rules have in common: trajectories and exact identities.
#pragma once

#include "support/catch.hpp"
#include "support/laws.hpp"
#include <glissade/glissade.hpp>
#include <glissade/testing/equivariance.hpp>

namespace rule_checks {

using glissade::Index;
using glissade::Optimizer;

/// Twenty steps on the problem of three coordinates, whose gradient never settles.
template <class R>
Eigen::VectorXd three_coordinates(const R& rule) {
  small_problems::ThreeCoordinates p;
  Optimizer optimizer{rule, p.x};
  for (int t = 1; t <= 20; ++t) optimizer.step(p.gradient(t));
  return p.x;
}

/// Golden numbers are printed with 12 decimals.
template <class R>
void check_three_coordinates(const R& rule, double a, double b, double c) {
  const Eigen::Vector3d expected{a, b, c};
  const Eigen::VectorXd x = three_coordinates(rule);
  INFO(x.transpose());
  CHECK((x - expected).cwiseAbs().maxCoeff() <= 1e-11);
}

/// Parameters after `steps` steps with given gradients, all multiplied by `scale`.
template <class R>
Eigen::VectorXd after(const R& rule, int steps, double scale = 1, Index size = 23) {
  auto x = laws::parameters<Eigen::VectorXd>(size);
  Optimizer optimizer{rule, x};
  for (int t = 1; t <= steps; ++t) optimizer.step(scale * laws::gradients<Eigen::VectorXd>(size, t));
  return x;
}

/// Permutations and turned signs of coefficients.
template <class R>
void check_equivariance(const R& rule) {
  CHECK(laws::is_equivariant(rule));
}

/// The largest relative distance of a float run from the double run in 100 steps of least squares. The
/// gradient is that of the float parameters, formed in double and rounded once.
template <class R>
double float_distance(const R& rule) {
  small_problems::LeastSquares p(4, 3);
  small_problems::LeastSquares q(4, 3);
  Eigen::MatrixXf W = p.W.cast<float>();
  Optimizer wide{rule, p.W};
  Optimizer narrow{rule, W};
  double worst = 0;
  for (int t = 1; t <= 100; ++t) {
    q.W = W.cast<double>();
    wide.step(p.gradient());
    narrow.step(Eigen::MatrixXf(q.gradient().cast<float>()));
    worst = std::max(worst, (W.cast<double>() - p.W).cwiseAbs().maxCoeff() / p.W.cwiseAbs().maxCoeff());
  }
  return worst;
}

/// A schedule alpha / sqrt(t), t = 1, 2, ...
inline glissade::Schedule inverse_root(double alpha) {
  return [alpha](std::int64_t completed) { return alpha / std::sqrt(static_cast<double>(completed + 1)); };
}

}  // namespace rule_checks
