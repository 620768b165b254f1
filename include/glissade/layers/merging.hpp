// What layers share that add a correction of low rank to a frozen weight.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

#include "../core/checks.hpp"
#include "../linalg/product.hpp"

namespace glissade::detail {

/// Throws std::invalid_argument: "LoraLayer::merge: A is infinite or NaN".
inline void require_finite(std::string_view where, std::string_view what, const auto& matrix) {
  if (!matrix.allFinite())
    throw std::invalid_argument(std::string(where) + ": " + std::string(what) + " is infinite or NaN");
}

/// The same unless a factor is one that T holds, and for an option that must be > 0 as well.
template <class T>
void require_factor(std::string_view owner, std::string_view field, double value) {
  constexpr auto most = static_cast<double>(std::numeric_limits<T>::max());
  require(owner, field, value, Range{-most, most});
}
template <class T>
void require_positive(std::string_view owner, std::string_view field, double value) {
  require(owner, field, value, range::positive);
  require(
      owner, field, value,
      Range{static_cast<double>(std::numeric_limits<T>::min()), static_cast<double>(std::numeric_limits<T>::max())});
}

/// Equal in every bit, so that not even the sign of a zero differs and NaN is itself.
template <class M>
bool equal_bits(const M& a, const M& b) {
  using T = typename M::Scalar;
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0);
}

/// W <- W + scale B A. Throws std::invalid_argument, and leaves W as it is, unless all of that is finite, before and
/// after. Takes memory for another W only where the sizes of the entries do not rule out an overflow.
template <class Matrix>
void merge_product(const char* where, Matrix& W, typename Matrix::Scalar scale, const Matrix& B, const Matrix& A) {
  require_finite(where, "W", W);
  require_finite(where, "A", A);
  require_finite(where, "B", B);
  const auto largest = [](const Matrix& M) { return static_cast<double>(M.cwiseAbs().maxCoeff()); };
  const double factor = static_cast<double>(A.rows()) * (1 + static_cast<double>(std::abs(scale)));
  const double bound = largest(W) + factor * largest(B) * largest(A);
  if (bound < static_cast<double>(std::numeric_limits<typename Matrix::Scalar>::max()) / 2) {
    product(B, A, W, static_cast<double>(scale), true);
    return;
  }
  Matrix sum = W;
  product(B, A, sum, static_cast<double>(scale), true);
  require_finite(where, "W with the correction", sum);
  W.swap(sum);
}

}  // namespace glissade::detail
