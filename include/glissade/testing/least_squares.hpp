// A small problem with a closed gradient, for trajectories and convergence.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <vector>

namespace glissade::laws {

/// 0.5 |A W - B|^2 with W of rows x cols.
struct LeastSquares {
  Eigen::MatrixXd A, B, W;

  LeastSquares(Eigen::Index rows, Eigen::Index cols) : A(rows + 1, rows), B(rows + 1, cols), W(rows, cols) {
    const auto number = [](Eigen::Index i) { return static_cast<double>(i); };
    for (Eigen::Index i = 0; i <= rows; ++i) {
      for (Eigen::Index j = 0; j < rows; ++j) A(i, j) = std::cos(0.7 * number(i) + 1.3 * number(j) + 0.2);
      for (Eigen::Index j = 0; j < cols; ++j) B(i, j) = std::sin(0.9 * number(i) - 0.5 * number(j) + 0.4);
    }
    for (Eigen::Index i = 0; i < rows; ++i)
      for (Eigen::Index j = 0; j < cols; ++j) W(i, j) = 0.1 * (number(i) - 1.5) + 0.05 * (number(j) - 1);
  }
  [[nodiscard]] double value() const { return 0.5 * (A * W - B).squaredNorm(); }
  [[nodiscard]] Eigen::MatrixXd gradient() const { return A.transpose() * (A * W - B); }
  [[nodiscard]] std::vector<double> flat() const {
    std::vector<double> all;
    for (Eigen::Index i = 0; i < W.rows(); ++i)
      for (Eigen::Index j = 0; j < W.cols(); ++j) all.push_back(W(i, j));
    return all;
  }
};

}  // namespace glissade::laws
