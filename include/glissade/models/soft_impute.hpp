// Matrix completion with a penalty on the nuclear norm.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "../drive/status.hpp"
#include "../linalg/product.hpp"
#include "../linalg/thin_svd.hpp"
#include "../rule/options.hpp"
#include "observed_entries.hpp"

namespace glissade {

/// Options of soft_impute.
struct SoftImpute {
  static constexpr std::string_view name = "SoftImpute";
  double lambda = 0;                  // >= 0, in the units of the entries
  std::int64_t max_iterations = 500;  // >= 0
  double tolerance = 1e-8;            // >= 0: of a change of Z, relative to Z

  static void options(auto& self, auto&& visit) {
    visit("lambda", self.lambda, range::non_negative);
    visit("max_iterations", self.max_iterations, range::non_negative);
    visit("tolerance", self.tolerance, range::non_negative);
  }
};

/// What soft_impute has found.
struct SoftImputeFit {
  Eigen::MatrixXd Z;
  Eigen::Index rank = 0;     // singular values that are not 0
  double nuclear_norm = 0;   // their sum
  double residual_norm = 0;  // on the known entries
  std::int64_t iterations = 0;
  Status status = Status::max_iterations;
};

/// Completes a matrix whose rank is not known, by a convex problem: a comparator of MatrixCompleter
/// (matrix_completion.hpp), for small matrices, since it needs a singular value decomposition in every iteration.
///
///     minimize  1/2 sum over known entries (M_ij - Z_ij)^2 + lambda nuclear norm of Z
///     Z <- soft threshold of the singular values of (Z with known entries put in) by lambda
///
///     const SoftImputeFit fit = soft_impute(200, 150, entries, {.lambda = 0.1});
///
/// It ends with Status::tolerance where Z changes by at most tolerance |Z|, else max_iterations. A large lambda gives a
/// low rank and shrinks what is found; a small one takes many iterations. A fit for another lambda is a good start.
/// Arguments: rows, cols, entries; start (rows x cols; none: zero).
/// Cost: 9 n^3 + 6 m n^2 flops an iteration for m x n, m >= n. Memory: a few m x n.
/// Errors: std::invalid_argument for options, shapes, entries outside, twice or not finite.
/// Source: "Spectral Regularization Algorithms for Learning Large Incomplete Matrices", Mazumder, Hastie and
/// Tibshirani, 2010, Algorithm 1 for one lambda.
template <class Matrix = Eigen::MatrixXd>
[[nodiscard]] SoftImputeFit soft_impute(Eigen::Index rows, Eigen::Index cols, std::span<const MatrixEntry> entries,
                                        const SoftImpute& options = {},
                                        const std::type_identity_t<Matrix>& start = {}) {
  visit_options(options, CheckOption{SoftImpute::name, 0});
  const ObservedMatrix observed = observed_matrix(SoftImpute::name, rows, cols, entries);
  SoftImputeFit fit;
  fit.Z.setZero(rows, cols);
  if (start.size() != 0) {
    require_shape(SoftImpute::name, "start", start, rows, cols);
    if (!start.allFinite()) throw std::invalid_argument("SoftImpute: start has a coefficient that is not finite");
    fit.Z = times_power_of_two(start, -observed.exponent);
  }
  const double lambda = std::ldexp(options.lambda, -observed.exponent);
  const ObservedLines& known = observed.by_column;
  const auto for_each_known = [&](auto&& action) {
    for (Eigen::Index j = 0; j < cols; ++j)
      for (Eigen::Index e = known.first(j); e < known.first(j + 1); ++e) action(known.across(e), j, known.values[e]);
  };
  while (fit.status == Status::max_iterations && fit.iterations < options.max_iterations) {
    Matrix filled = fit.Z;
    for_each_known([&](Eigen::Index i, Eigen::Index j, double value) { filled(i, j) = value; });
    ThinSvd<double> svd = thin_svd(filled);
    svd.sigma = (svd.sigma.array() - lambda).cwiseMax(0).matrix();
    fit.rank = (svd.sigma.array() > 0).count();
    fit.nuclear_norm = svd.sigma.sum();
    Matrix next(rows, cols);
    product_with_transposed(Matrix(svd.U * svd.sigma.asDiagonal()), svd.V, next);
    const double change = (next - fit.Z).norm();
    fit.Z = next;
    ++fit.iterations;
    if (change <= options.tolerance * next.norm()) fit.status = Status::tolerance;
  }
  double squares = 0;
  for_each_known([&](Eigen::Index i, Eigen::Index j, double value) { squares += std::pow(value - fit.Z(i, j), 2); });
  fit.residual_norm = std::ldexp(std::sqrt(squares), observed.exponent);
  fit.nuclear_norm = std::ldexp(fit.nuclear_norm, observed.exponent);
  fit.Z = times_power_of_two(fit.Z, observed.exponent).eval();
  return fit;
}

}  // namespace glissade
