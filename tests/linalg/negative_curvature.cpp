// As many products as the matrix has different eigenvalues show whether it is indefinite.
#include "support/catch.hpp"
#include <glissade/linalg/negative_curvature.hpp>

#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// The eigenvalues, each as often as there is room for, in a basis that is turned by a reflection.
MatrixXd with_eigenvalues(Eigen::Index n, const std::vector<double>& values) {
  VectorXd diagonal(n), v(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    diagonal[i] = values[static_cast<std::size_t>(i) % values.size()];
    v[i] = RandomKey{6}.normal(static_cast<std::uint64_t>(i));
  }
  const MatrixXd Q = MatrixXd::Identity(n, n) - 2 / v.squaredNorm() * v * v.transpose();
  return Q * diagonal.asDiagonal() * Q;
}

struct Found {
  double curvature;
  VectorXd direction;
  int products;
};
Found look(const MatrixXd& H, Eigen::Index most) {
  Found found{0, {}, 0};
  VectorXd residual, image;
  found.curvature = negative_curvature(
      [&](const VectorXd& v, VectorXd& Hv) {
        Hv = H * v;
        ++found.products;
      },
      H.rows(), most, found.direction, residual, image);
  return found;
}

}  // namespace

TEST_CASE("negative curvature: conjugate directions find it as soon as Lanczos' method would") {
  using Values = std::vector<double>;
  for (const Values& values : {Values{-1}, Values{10, -0.1}, Values{1, 10, -0.01}, Values{1e-2, 1, 1e2, -1e-2},
                               Values{1, 2, 3, 4, 5, -1e-2}, Values{-1, -2, 3, 40}}) {
    const MatrixXd H = with_eigenvalues(42, values);
    const auto count = static_cast<Eigen::Index>(values.size());
    const Found found = look(H, count);
    INFO(values.size() << " eigenvalues, the last " << values.back());
    CHECK(found.curvature < 0);
    CHECK(found.curvature >= *std::min_element(values.begin(), values.end()) * (1 + 1e-9));
    CHECK(found.products <= count);
    CHECK(found.direction.norm() == Approx(1));
    CHECK(found.direction.dot(H * found.direction) == Approx(found.curvature));
  }
}

TEST_CASE("negative curvature: none where there is none, after as many products") {
  for (const std::vector<double>& values :
       {std::vector<double>{1}, std::vector<double>{1e-3, 1}, std::vector<double>{1e-2, 1, 1e2}}) {
    const Found found = look(with_eigenvalues(42, values), 42);
    CHECK(found.curvature == 0);
    CHECK(found.products <= static_cast<int>(values.size()) + 1);
  }
  CHECK(look(MatrixXd::Zero(5, 5), 5).curvature == 0);
  CHECK(look(MatrixXd::Zero(5, 5), 5).products == 1);
}
