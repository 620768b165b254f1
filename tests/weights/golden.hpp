// The matrices of generate_golden.py, and the rows of golden.csv.
#pragma once

#include "support/catch.hpp"

#include <Eigen/Core>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace weights_golden {

using Eigen::Index;

inline Eigen::MatrixXd matrix(Index m, Index n, Index seed) {
  return Eigen::MatrixXd::NullaryExpr(m, n, [&](Index i, Index j) {
    return std::cos(static_cast<double>(((i + 1) * (j + 3) * (j + 3) + seed * (i + 2) * (i + 2)) % 1000));
  });
}

/// The numbers of the row that begins with `name`, as a matrix whose rows were written one after another.
inline Eigen::MatrixXd read(const std::string& name, Index rows) {
  std::ifstream file(GLISSADE_TEST_DATA "/weights/golden.csv");
  std::vector<double> numbers;
  for (std::string line; std::getline(file, line);) {
    std::stringstream fields(line);
    std::string field;
    std::getline(fields, field, ',');
    if (field != name) continue;
    while (std::getline(fields, field, ',')) numbers.push_back(std::stod(field));
  }
  INFO(name);
  REQUIRE(!numbers.empty());
  const Index cols = static_cast<Index>(numbers.size()) / rows;
  return Eigen::Map<Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(numbers.data(), rows, cols);
}

/// |A - B| / |B|
inline double difference(const Eigen::MatrixXd& A, const Eigen::MatrixXd& B) {
  REQUIRE(A.rows() == B.rows());
  REQUIRE(A.cols() == B.cols());
  return (A - B).norm() / B.norm();
}

}  // namespace weights_golden
