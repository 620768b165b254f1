// The law that a rule, with the rate that it has, solves three small problems in 3000 steps.
#pragma once

#include <cmath>

#include "data.hpp"
#include "findings.hpp"
#include "least_squares.hpp"

namespace glissade::laws {

inline void converges(const Subject& s, Findings& found) {
  constexpr int steps = 3000;
  found.hold("converges on a least squares problem", [&] {
    LeastSquares p(4, 3);
    AnyOptimizer<double> optimizer{s.in_double, p.W};
    const double start = p.value();
    const double best = 0.3836042;  // the minimum
    for (int t = 0; t < steps; ++t) optimizer.step(p.gradient());
    const double bound = 0.02 * (start - best);
    found.expect(p.value() - best < bound, "the value above the minimum is " + too_much(p.value() - best, bound));
  });
  found.hold("converges on a badly scaled bowl", [&] {
    Eigen::VectorXd x = Eigen::VectorXd::Constant(8, 1.5);
    Eigen::VectorXd h(8);
    for (Index i = 0; i < 8; ++i) h[i] = std::pow(10.0, -static_cast<double>(i) / 7);
    AnyOptimizer<double> optimizer{s.in_double, x};
    for (int t = 0; t < steps; ++t) optimizer.step(h.cwiseProduct(x));
    const double value = h.dot(x.cwiseAbs2());
    const double bound = 0.02 * 1.5 * 1.5 * h.sum();
    found.expect(value < bound, "the value is " + too_much(value, bound));
  });
  found.hold("converges on a logistic regression", [&] {
    const Eigen::MatrixXd features = matrix(40, 3, 1);
    const Eigen::VectorXd truth{{1.0, -2.0, 0.5}};
    const auto sigmoid = [](double z) { return 1 / (1 + std::exp(-z)); };
    const Eigen::VectorXd labels = (features * truth).unaryExpr(sigmoid);
    Eigen::VectorXd x = Eigen::VectorXd::Constant(3, 0.1);
    AnyOptimizer<double> optimizer{s.in_double, x};
    const double start = (x - truth).norm();
    for (int t = 0; t < steps; ++t) {
      const Eigen::VectorXd p = (features * x).unaryExpr(sigmoid);
      optimizer.step(features.transpose() * (p - labels) / 10);
    }
    const double distance = (x - truth).norm();
    found.expect(distance < 0.2 * start, "the distance to the solution is " + too_much(distance, 0.2 * start));
  });
}

}  // namespace glissade::laws
