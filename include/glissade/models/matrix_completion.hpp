// Matrix completion by alternating least squares that are solved roughly.
#pragma once

#include <Eigen/Core>
#include <Eigen/QR>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "../core/random.hpp"
#include "../drive/status.hpp"
#include "../linalg/orthonormal.hpp"
#include "../linalg/product.hpp"
#include "../linalg/thin_svd.hpp"
#include "../rule/options.hpp"
#include "observed_entries.hpp"

namespace glissade {

/// Options of MatrixCompleter.
///
///     rank              in [1, min(rows, cols)] (1): k
///     max_iterations    >= 0 (50): sweeps of one call of run
///     inner_iterations  >= 0 (2): c, steps of conjugate gradients for each row or column; 0: exact, by QR
///     tolerance         >= 0 (1e-10): run ends where the residual is at most this part of the known entries
///     incoherence       > 0 (2): mu; rows of the first U longer than 2 mu sqrt(k / rows) become zero
///     start_iterations  >= 0 (10): power iterations for the first U
///     seed              of the start of these (0)
struct MatrixCompletion {
  static constexpr std::string_view name = "MatrixCompletion";

  std::int64_t rank = 1;
  std::int64_t max_iterations = 50;
  std::int64_t inner_iterations = 2;
  double tolerance = 1e-10;
  double incoherence = 2;
  std::int64_t start_iterations = 10;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("rank", self.rank, range::at_least_one);
    visit("max_iterations", self.max_iterations, range::non_negative);
    visit("inner_iterations", self.inner_iterations, range::non_negative);
    visit("tolerance", self.tolerance, range::non_negative);
    visit("incoherence", self.incoherence, range::positive);
    visit("start_iterations", self.start_iterations, range::non_negative);
    visit("seed", self.seed);
  }
};

/// A matrix of low rank from some of its entries: ratings, distances, measurements that are missing.
///
///     start:  U = leading k left singular vectors of the matrix with 0 where nothing is known, long rows made zero
///     sweep:  Q R = qr(U);   v_j = argmin |Q v - M_j| over the known entries of column j, from row j of V R'
///             V S = qr(v);   u_i = argmin |V u - M_i| over those of row i, from row i of Q S'
///             U <- u;   the answer is U V'
///
/// Each argmin takes c steps of conjugate gradients on the normal equations, by products with the rows of Q or V that
/// are known: rough solves from the last solution are enough, for Q and V have orthonormal columns, of which a few rows
/// are nearly orthogonal too. A row or column with fewer than k known entries starts from 0, so that it comes to the
/// solution of least norm; one with none is 0. With fewer than two entries for each of the k (rows + cols - k) degrees
/// of freedom the matrix may be another one, however small the residual, with exact solves more often than with rough
/// ones; with three or more it is found.
///
///     MatrixCompleter completer({.rank = 10}, 2000, 2000, entries);
///     const Status status = completer.run();
///     double missing = completer(17, 4);
///
/// run and step return how they ended (drive/status.hpp):
///     running         of step: a sweep was made
///     tolerance       the residual on the known entries is at most tolerance times these
///     max_iterations  of run
///     non_finite      numbers too large; nothing has changed
///
/// State, in files (save and load of io/method_state.hpp; to be loaded into a completer for the same entries): U, in
/// units of 2^exponent, V, the relative residual, iterations, products. It goes on bit for bit.
/// Cost: a sweep (8 c + 4) |entries| k + 8 (rows + cols) k^2 flops; exact ones 4 |entries| k^2. `products` counts
/// products of k-vectors, of 2 k flops each. Memory: k (rows + cols), and the entries twice.
/// Errors: std::invalid_argument for options, rank > min(rows, cols), entries outside, twice or not finite.
/// Measured (bench/models/matrix_completion.cpp) on 2000 x 2000, rank 10, 200 000 entries: error 1e-9 after 19 sweeps
/// of 10 ms with c = 2, 21 sweeps of 23 ms with exact solves. Source: "Low Rank Matrix Completion via Robust
/// Alternating Minimization in Nearly Linear Time", 2023, arXiv 2302.11068, of which the abstract was at hand: rough
/// solves, here by conjugate gradients in place of its sketched preconditioner; "Low-rank Matrix Completion using
/// Alternating Minimization", 2012, arXiv 1212.0467. Deviations: all entries are used in every sweep; rows, not single
/// entries, are clipped, which no rotation of U changes.
template <class Matrix>
class BasicMatrixCompleter {
 public:
  static constexpr std::string_view name = MatrixCompletion::name;
  using Index = Eigen::Index;
  using Vector = Eigen::Matrix<typename Matrix::Scalar, Eigen::Dynamic, 1>;

  BasicMatrixCompleter(const MatrixCompletion& options, Index rows, Index cols, std::span<const MatrixEntry> entries)
      : BasicMatrixCompleter(options, observed_matrix(name, rows, cols, entries)) {
    left_ = start();
  }
  /// Starts from a U of the caller's, rows x rank, of which only the span matters.
  BasicMatrixCompleter(const MatrixCompletion& options, Index rows, Index cols, std::span<const MatrixEntry> entries,
                       const Eigen::Ref<const Matrix>& U)
      : BasicMatrixCompleter(options, observed_matrix(name, rows, cols, entries)) {
    require_shape(name, "U", U, rows, options.rank);
    if (!U.allFinite()) throw std::invalid_argument("MatrixCompletion: U has a coefficient that is not finite");
    left_ = orthonormalized(Matrix(U));
  }

  [[nodiscard]] const MatrixCompletion& options() const { return options_; }
  /// U and V, whose columns are orthonormal after the first sweep. Before it V is zero.
  [[nodiscard]] Matrix left() const { return times_power_of_two(left_, observed_.exponent); }
  [[nodiscard]] const Matrix& right() const { return right_; }
  /// The entry in row i and column j.
  [[nodiscard]] double operator()(Index i, Index j) const {
    return std::ldexp(left_.row(i).dot(right_.row(j)), observed_.exponent);
  }
  /// Of the known entries, in the Frobenius norm, as a part of theirs.
  [[nodiscard]] double relative_residual() const { return residual_; }
  [[nodiscard]] std::int64_t iterations() const { return iterations_; }
  [[nodiscard]] std::int64_t products() const { return products_; }
  /// How many rows, and columns, have fewer known entries than the rank: nothing determines them.
  [[nodiscard]] Index short_rows() const { return short_lines(observed_.by_row); }
  [[nodiscard]] Index short_columns() const { return short_lines(observed_.by_column); }

  Status run() {
    for (std::int64_t k = 0; k < options_.max_iterations; ++k)
      if (const Status status = step(); status != Status::running) return status;
    return Status::max_iterations;
  }

  /// One sweep.
  Status step() {
    const Index k = left_.cols();
    Matrix Q = orthonormalized(left_), factor(k, k), V(k, observed_.cols), U(k, observed_.rows);
    product_of_transposed(left_, Q, factor);  // R'
    product_of_transposed(factor, Matrix(right_.transpose()), V);
    solve(observed_.by_column, Q.transpose(), V);
    if (!V.allFinite()) return Status::non_finite;

    const Matrix found = V.transpose(), orthonormal = orthonormalized(found);
    product_of_transposed(found, orthonormal, factor);
    product_of_transposed(factor, Matrix(Q.transpose()), U);
    const double squares = solve(observed_.by_row, orthonormal.transpose(), U);
    if (!U.allFinite() || !std::isfinite(squares)) return Status::non_finite;

    left_ = U.transpose();
    right_ = orthonormal;
    const double all = observed_.by_row.values.norm();
    residual_ = all > 0 ? std::sqrt(squares) / all : 0;
    ++iterations_;
    return residual_ <= options_.tolerance ? Status::tolerance : Status::running;
  }

  static void visit(auto& self, auto&& field) {
    field("left", self.left_);
    field("right", self.right_);
    field("relative_residual", self.residual_);
    field("iterations", self.iterations_, 0, std::int64_t{1} << 53);
    field("products", self.products_, 0, std::int64_t{1} << 62);
  }

 private:
  BasicMatrixCompleter(const MatrixCompletion& options, ObservedMatrix observed)
      : options_(options), observed_(std::move(observed)) {
    visit_options(options_, CheckOption{name, 0});
    const auto most = static_cast<double>(std::min(observed_.rows, observed_.cols));
    require(name, "rank", static_cast<double>(options_.rank), Range{1, most});
    right_ = Matrix::Zero(observed_.cols, options_.rank);
    Index longest = 0;
    for (const ObservedLines* lines : {&observed_.by_column, &observed_.by_row})
      for (Index j = 0; j < lines->lines(); ++j) longest = std::max(longest, lines->size(j));
    residual_of_line_.resize(longest);
    image_.resize(longest);
    descent_.resize(options_.rank);
    direction_.resize(options_.rank);
  }

  [[nodiscard]] Index short_lines(const ObservedLines& lines) const {
    Index count = 0;
    for (Index j = 0; j < lines.lines(); ++j) count += lines.size(j) < options_.rank ? 1 : 0;
    return count;
  }

  /// B X, or B'X, for the matrix B with 0 where nothing is known.
  static Matrix times_known(const ObservedLines& lines, const Matrix& X) {
    const Matrix columns = X.transpose();
    Matrix out = Matrix::Zero(X.cols(), lines.lines());
    for (Index j = 0; j < lines.lines(); ++j)
      for (Index e = lines.first(j); e < lines.first(j + 1); ++e)
        out.col(j) += lines.values[e] * columns.col(lines.across(e));
    return out.transpose();
  }

  [[nodiscard]] Matrix start() const {
    Matrix V = random_normal<double>(observed_.cols, options_.rank, RandomKey{options_.seed});
    Matrix U = orthonormalized(times_known(observed_.by_row, V));
    for (std::int64_t k = 0; k < options_.start_iterations; ++k) {
      V = orthonormalized(times_known(observed_.by_column, U));
      U = orthonormalized(times_known(observed_.by_row, V));
    }
    const double longest =
        2 * options_.incoherence * std::sqrt(static_cast<double>(options_.rank) / static_cast<double>(observed_.rows));
    for (Index i = 0; i < U.rows(); ++i)
      if (U.row(i).norm() > longest) U.row(i).setZero();
    return orthonormalized(U);
  }

  /// Every line: min over x of |F x - values|, F being columns of `fixed`, from column j of X, which x becomes. The sum
  /// of squares that are left.
  double solve(const ObservedLines& lines, const Matrix& fixed, Matrix& X) {
    double squares = 0;
    for (Index j = 0; j < lines.lines(); ++j) {
      if (lines.size(j) < options_.rank) X.col(j).setZero();
      squares += options_.inner_iterations == 0 ? solve_exactly(lines, j, fixed, X) : solve_roughly(lines, j, fixed, X);
    }
    return squares;
  }

  double solve_roughly(const ObservedLines& lines, Index j, const Matrix& fixed, Matrix& X) {
    const Index first = lines.first(j), n = lines.size(j);
    auto r = residual_of_line_.head(n);
    auto x = X.col(j);
    for (Index e = 0; e < n; ++e) r[e] = lines.values[first + e] - fixed.col(lines.across(first + e)).dot(x);
    const auto descend = [&] {
      descent_.setZero();
      for (Index e = 0; e < n; ++e) descent_ += r[e] * fixed.col(lines.across(first + e));
    };
    descend();
    products_ += 2 * n;
    direction_ = descent_;
    double square = descent_.squaredNorm();
    // Where nothing but rounding errors is left, a step along them would be arbitrary for dependent rows.
    const double least = 1e-28 * square;
    for (std::int64_t c = 0; c < options_.inner_iterations && square > least; ++c) {
      auto q = image_.head(n);
      for (Index e = 0; e < n; ++e) q[e] = fixed.col(lines.across(first + e)).dot(direction_);
      products_ += n;
      const double curvature = q.squaredNorm();
      if (!(curvature > 0)) break;
      const double length = square / curvature;
      x += length * direction_;
      r -= length * q;
      if (c + 1 == options_.inner_iterations) break;
      descend();
      products_ += n;
      const double next = descent_.squaredNorm();
      direction_ = descent_ + (next / square) * direction_;
      square = next;
    }
    return r.squaredNorm();
  }

  double solve_exactly(const ObservedLines& lines, Index j, const Matrix& fixed, Matrix& X) {
    const Index first = lines.first(j), n = lines.size(j), k = fixed.rows();
    if (n == 0) return 0;
    Matrix F(n, k);
    for (Index e = 0; e < n; ++e) F.row(e) = fixed.col(lines.across(first + e)).transpose();
    const Vector b = lines.values.segment(first, n);
    bool full = n >= k;
    if (full) {
      const Eigen::HouseholderQR<Matrix> qr(F);
      const Vector pivots = qr.matrixQR().diagonal().cwiseAbs();
      full = pivots.minCoeff() > 1e-10 * pivots.maxCoeff();
      if (full) X.col(j) = qr.solve(b);
    }
    if (!full) {  // the solution of least norm
      const ThinSvd<double> svd = thin_svd(F);
      Vector parts(svd.sigma.size()), x(k);
      product_of_transposed(svd.U, b, parts);
      for (Index i = 0; i < parts.size(); ++i)
        parts[i] = svd.sigma[i] > 1e-10 * svd.sigma[0] ? parts[i] / svd.sigma[i] : 0;
      product(svd.V, parts, x);
      X.col(j) = x;
    }
    double squares = 0;
    for (Index e = 0; e < n; ++e) squares += std::pow(b[e] - F.row(e).dot(X.col(j)), 2);
    return squares;
  }

  MatrixCompletion options_;
  ObservedMatrix observed_;
  Matrix left_;   // U, of the scaled entries
  Matrix right_;  // V
  double residual_ = 1;
  std::int64_t iterations_ = 0;
  std::int64_t products_ = 0;
  Vector residual_of_line_, image_, descent_, direction_;  // of one line
};

/// The one there is: a template, so that it is compiled only where it is used.
using MatrixCompleter = BasicMatrixCompleter<Eigen::MatrixXd>;

}  // namespace glissade
