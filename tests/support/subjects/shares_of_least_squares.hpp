// A problem for networks whose solution is known.
#pragma once

#include <glissade/core/random.hpp>
#include <glissade/networks/node_method.hpp>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <limits>
#include <vector>

/// f_i(x) = |A_i x - b_i|^2 / (2 rows) + |x|^2 / 4, with A_i and b_i standard normal.
struct SharesOfLeastSquares {
  std::vector<Eigen::MatrixXd> H;
  std::vector<Eigen::VectorXd> c;
  Eigen::VectorXd solution;  // of the sum of all
  double mu = std::numeric_limits<double>::infinity(), L = 0;

  SharesOfLeastSquares(Eigen::Index nodes, Eigen::Index size, Eigen::Index rows, std::uint64_t seed) {
    const glissade::RandomKey key{seed};
    std::uint64_t n = 0;
    Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(size, size);
    Eigen::VectorXd right = Eigen::VectorXd::Zero(size);
    for (Eigen::Index i = 0; i < nodes; ++i) {
      const auto draw = [&](auto&&...) { return key.normal(n++); };
      const Eigen::MatrixXd A = Eigen::MatrixXd::NullaryExpr(rows, size, draw);
      const Eigen::VectorXd b = Eigen::VectorXd::NullaryExpr(rows, draw);
      const auto m = static_cast<double>(rows);
      H.emplace_back(A.transpose() * A / m + 0.5 * Eigen::MatrixXd::Identity(size, size));
      c.emplace_back(A.transpose() * b / m);
      sum += H.back();
      right += c.back();
      const Eigen::VectorXd values = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(H.back()).eigenvalues();
      mu = std::min(mu, values[0]);
      L = std::max(L, values[size - 1]);
    }
    solution = sum.ldlt().solve(right);
  }

  [[nodiscard]] glissade::NodeGradient gradient() const {
    return [this](Eigen::Index i, std::int64_t, const Eigen::VectorXd& x, Eigen::VectorXd& g) {
      const auto k = static_cast<std::size_t>(i);
      g = H[k] * x - c[k];
      return 0.5 * x.dot(H[k] * x) - c[k].dot(x);
    };
  }
  [[nodiscard]] double mean_square_error(const auto& network) const {
    double sum = 0;
    for (Eigen::Index i = 0; i < network.nodes(); ++i) sum += (network.x(i) - solution).squaredNorm();
    return sum / static_cast<double>(network.nodes());
  }
};
