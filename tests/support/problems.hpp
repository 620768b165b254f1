// Small problems with closed gradients, in double, for trajectories and convergence.
#pragma once

#include <glissade/testing/data.hpp>
#include <glissade/testing/least_squares.hpp>

#include <Eigen/Core>

#include <cmath>
#include <vector>

namespace small_problems {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

/// The network of the golden trajectories: 2-3-1 sigmoid, loss = sum of outputs over three inputs.
struct Mlp13 {
  Matrix W1{3, 2};
  Vector b1{3};
  Matrix W2{1, 3};
  Vector b2{1};

  Mlp13() {
    W1 << -0.2109, -0.4976, -0.1413, -0.3420, -0.2524, 0.6976;
    b1 << -0.1085, -0.2979, 0.6892;
    W2 << -0.0508, -0.3941, -0.2843;
    b2 << -0.0711;
  }

  struct Gradient {
    Matrix W1, W2;
    Vector b1, b2;
  };

  [[nodiscard]] Gradient gradient() const {
    Matrix x(3, 2);
    x << 0.1, 0.2, 0.3, 0.4, 0.5, 0.6;
    const auto sigmoid = [](const Matrix& z) -> Matrix { return (1 + (-z.array()).exp()).inverse(); };
    const Matrix h = sigmoid((x * W1.transpose()).rowwise() + b1.transpose());
    const Matrix y = sigmoid((h * W2.transpose()).rowwise() + b2.transpose());
    const Matrix dz2 = y.array() * (1 - y.array());
    const Matrix dz1 = (dz2 * W2).array() * h.array() * (1 - h.array());
    return {dz1.transpose() * x, dz2.transpose() * h, dz1.colwise().sum().transpose(), dz2.colwise().sum().transpose()};
  }

  /// All parameters, each tensor flattened row by row.
  [[nodiscard]] std::vector<double> flat() const {
    std::vector<double> all;
    for (Eigen::Index i = 0; i < 3; ++i)
      for (Eigen::Index j = 0; j < 2; ++j) all.push_back(W1(i, j));
    for (double v : b1) all.push_back(v);
    for (Eigen::Index j = 0; j < 3; ++j) all.push_back(W2(0, j));
    all.push_back(b2[0]);
    return all;
  }
};

/// g_t = h x + sin(i + t) on three coordinates: a gradient that never settles.
struct ThreeCoordinates {
  Vector x{{1.0, -2.0, 0.5}};
  [[nodiscard]] Vector gradient(int t) const {
    const Vector h{{1.0, 0.1, 3.0}};
    Vector g = h.cwiseProduct(x);
    for (int i = 0; i < 3; ++i) g[i] += std::sin(i + 1 + t);
    return g;
  }
};

using glissade::laws::LeastSquares;
using glissade::laws::test_gradient;
using glissade::laws::test_parameter;

}  // namespace small_problems
