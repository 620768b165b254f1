// Random matrices, and those of generate_golden.py with the rows of golden.csv; algebra that compiles in no time.
#pragma once

#include "support/catch.hpp"
#include <glissade/core/random.hpp>
#include <glissade/linalg/product.hpp>

#include <Eigen/Core>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace weights_tests {

using Eigen::Index;
using Eigen::MatrixXd;

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

inline MatrixXd normals(Index rows, Index cols, std::uint64_t seed) {
  const glissade::RandomKey key{seed};
  MatrixXd M(rows, cols);
  for (Index i = 0; i < M.size(); ++i) M.data()[i] = key.normal(static_cast<std::uint64_t>(i));
  return M;
}
inline MatrixXd times(const MatrixXd& A, const MatrixXd& B) {
  MatrixXd out(A.rows(), B.cols());
  glissade::product(A, B, out);
  return out;
}
inline MatrixXd transposed(const MatrixXd& A) { return A.transpose(); }
/// A^-1 B by elimination with pivoting, in long double.
inline MatrixXd solved(const MatrixXd& A, const MatrixXd& B) {
  const Index n = A.rows(), cols = n + B.cols();
  std::vector<long double> a(static_cast<std::size_t>(n * cols));
  const auto at = [&](Index i, Index j) -> long double& { return a[static_cast<std::size_t>(i * cols + j)]; };
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < cols; ++j) at(i, j) = static_cast<long double>(j < n ? A(i, j) : B(i, j - n));
  for (Index k = 0; k < n; ++k) {
    Index pivot = k;
    for (Index i = k; i < n; ++i)
      if (std::abs(at(i, k)) > std::abs(at(pivot, k))) pivot = i;
    for (Index j = 0; j < cols; ++j) std::swap(at(k, j), at(pivot, j));
    for (Index i = 0; i < n; ++i) {
      const long double factor = i == k ? 0 : at(i, k) / at(k, k);
      for (Index j = k; j < cols && i != k; ++j) at(i, j) -= factor * at(k, j);
    }
  }
  MatrixXd X(n, B.cols());
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < X.cols(); ++j) X(i, j) = static_cast<double>(at(i, n + j) / at(i, i));
  return X;
}
}  // namespace weights_tests
