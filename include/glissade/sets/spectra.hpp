// Norms of the singular values of a matrix.
#pragma once

#include "../linalg/thin_svd.hpp"
#include "largest.hpp"

namespace glissade {

namespace detail {

/// The singular values of a matrix by columns; NaN where it is not finite.
template <class T>
[[nodiscard]] Eigen::Matrix<T, Eigen::Dynamic, 1> singular_values(ConstCoefficients values, Index rows) {
  const Index cols = rows == 0 ? 0 : static_cast<Index>(values.size()) / rows;
  if (!all_finite(values)) return Eigen::Matrix<T, Eigen::Dynamic, 1>::Constant(1, std::nan(""));
  return thin_svd<T>(Eigen::Map<const DenseMatrix<T>>(values.data(), rows, cols)).sigma;
}

/// X = U diag(sigma) V' becomes U diag(change(sigma)) V'.
template <class T, class F>
void change_singular_values(Coefficients values, Index rows, F&& change) {
  if (values.empty()) return;
  if (!all_finite(values)) return fill_with_nan(values);
  Eigen::Map<DenseMatrix<T>> X(values.data(), rows, static_cast<Index>(values.size()) / rows);
  ThinSvd<T> svd = thin_svd<T>(X);
  change(Coefficients(svd.sigma.data(), static_cast<std::size_t>(svd.sigma.size())));
  const DenseMatrix<T> scaled = svd.U * svd.sigma.asDiagonal();
  X.noalias() = scaled * svd.V.transpose();
}

}  // namespace detail

/// h(X) = weight times the sum of the singular values: matrices of low rank.
///
///     X = U diag(sigma) V';   X <- U diag(max(sigma - step weight, 0)) V'
///
/// Options: weight >= 0 (1). Cost: as thin_svd. Where a coefficient is not finite, all become NaN.
struct NuclearNorm {
  static constexpr std::string_view name = "NuclearNorm";

  double weight = 1;

  static void options(auto& self, auto&& visit) { visit("weight", self.weight, range::non_negative); }

  template <class M>
  [[nodiscard]] double value(const M& X) const {
    check_set(*this);
    return read_values(
        X, [&](ConstCoefficients v) { return weight * detail::singular_values<double>(v, X.rows()).sum(); });
  }
  template <class M>
  void prox(M&& X, double step) const {
    check_set(*this);
    require(name, "step", step, range::positive);
    change_values(X, [&](Coefficients v, double) {
      detail::change_singular_values<double>(v, X.rows(), [&](Coefficients sigma) {
        for (double& s : sigma) s = std::max(s - step * weight, 0.0);
      });
    });
  }
};

/// h(X) = weight times the largest singular value.
///
///     X = U diag(sigma) V';   X <- U diag(prox of the largest magnitude of sigma) V'
///
/// Options: weight >= 0 (1). Cost: as thin_svd. Where a coefficient is not finite, all become NaN.
struct SpectralNorm {
  static constexpr std::string_view name = "SpectralNorm";

  double weight = 1;

  static void options(auto& self, auto&& visit) { visit("weight", self.weight, range::non_negative); }

  template <class M>
  [[nodiscard]] double value(const M& X) const {
    check_set(*this);
    return read_values(X, [&](ConstCoefficients v) {
      return v.empty() ? 0.0 : weight * detail::singular_values<double>(v, X.rows())[0];
    });
  }
  template <class M>
  void prox(M&& X, double step) const {
    check_set(*this);
    require(name, "step", step, range::positive);
    change_values(X, [&](Coefficients v, double) {
      detail::change_singular_values<double>(v, X.rows(),
                                             [&](Coefficients sigma) { LInfinity::clip(sigma, step * weight); });
    });
  }
};

}  // namespace glissade
