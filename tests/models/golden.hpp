// The matrices of generate_golden.py, and the rows of golden.csv.
#pragma once

#include "support/golden_rows.hpp"

#include <Eigen/Core>

#include <cmath>
#include <string>
#include <vector>

namespace models_golden {

using Eigen::Index;

inline Eigen::MatrixXd matrix(Index m, Index n, Index seed) {
  return Eigen::MatrixXd::NullaryExpr(m, n, [&](Index i, Index j) {
    return std::cos(static_cast<double>(((i + 1) * (j + 3) * (j + 3) + seed * (i + 2) * (i + 2)) % 1000));
  });
}

inline Eigen::VectorXd vector(Index m, Index seed) {
  return Eigen::VectorXd::NullaryExpr(
      m, [&](Index i) { return std::cos(static_cast<double>(((i + 5) * (i + 5) * (i + 5) + seed * i) % 1000)); });
}

/// The rows that begin with `name`.
inline std::vector<std::vector<double>> rows(const std::string& name) { return golden_rows("models/golden.csv", name); }

inline Index whole(double number) { return static_cast<Index>(number); }

}  // namespace models_golden
