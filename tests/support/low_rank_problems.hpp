// The two problems that the low-rank rules are compared on, and random matrices for them.
#pragma once

#include <glissade/linalg/orthonormal.hpp>

namespace low_rank_problems {

using Eigen::Index;
using Matrix = Eigen::MatrixXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

inline Matrix normal(Index rows, Index cols, std::uint64_t seed) {
  return glissade::random_normal<double>(rows, cols, glissade::RandomKey{seed});
}
inline Matrix orthonormal(Index rows, Index cols, std::uint64_t seed) {
  return glissade::random_orthonormal<double>(rows, cols, glissade::RandomKey{seed});
}

/// 32 x 32, singular values 1, 1/2, 1/3, ...
inline Matrix harmonic_target() {
  Eigen::VectorXd sigma(32);
  for (Index i = 0; i < 32; ++i) sigma[i] = 1.0 / static_cast<double>(i + 1);
  return orthonormal(32, 32, 1) * sigma.asDiagonal() * orthonormal(32, 32, 2).transpose();
}
/// Half the energy behind the first `first` of its singular values.
inline double harmonic_tail(Index first) {
  double sum = 0;
  for (Index i = first + 1; i <= 32; ++i) sum += 0.5 / static_cast<double>(i * i);
  return sum;
}

/// Least squares with fresh samples every step: half of |W - target|^2 from 2.23, 64 x 48.
struct NoisyRegression {
  Matrix target, W = Matrix::Zero(64, 48);
  std::uint64_t seed;

  explicit NoisyRegression(std::uint64_t s) : seed(s) {
    Eigen::VectorXd sigma(48);
    for (Index i = 0; i < 48; ++i) sigma[i] = 1 / std::sqrt(static_cast<double>(i + 1));
    target = orthonormal(64, 48, 100 * s + 1) * sigma.asDiagonal() * orthonormal(48, 48, 100 * s + 2).transpose();
  }
  [[nodiscard]] Matrix gradient(int t) const {
    const Matrix X = normal(32, 48, (seed << 32) + 1000 + static_cast<std::uint64_t>(t));
    return ((W - target) * X.transpose()) * X / 32;
  }
  [[nodiscard]] double value() const { return 0.5 * (W - target).squaredNorm(); }
};

}  // namespace low_rank_problems
