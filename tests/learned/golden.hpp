// The cosines of generate_learned.py, and the rows of learned.csv.
#pragma once

#include "support/golden_rows.hpp"

#include <Eigen/Core>

#include <cmath>
#include <string>
#include <vector>

namespace learned_golden {

using Eigen::Index;

inline Eigen::VectorXd cosines(Index start, Index count) {
  return Eigen::VectorXd::NullaryExpr(
      count, [start](Index i) { return std::cos(static_cast<double>(((i + start) * (i + start)) % 1000)); });
}

/// The rows that begin with `name`.
inline std::vector<std::vector<double>> rows(const std::string& name) {
  return golden_rows("learned/learned.csv", name);
}

inline Index whole(double number) { return static_cast<Index>(number); }

/// Numbers of a row from `first` on.
inline Eigen::VectorXd numbers(const std::vector<double>& row, std::size_t first, Index count) {
  return Eigen::Map<const Eigen::VectorXd>(row.data() + first, count);
}

}  // namespace learned_golden
