// Closed-form edits of a linear layer: ROME, MEMIT and EMMET.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/QR>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

#include "../core/checks.hpp"
#include "../core/random.hpp"
#include "../linalg/product.hpp"
#include "merge.hpp"

namespace glissade {

/// Which edit WeightEditor makes: memit asks for the new outputs softly, emmet and rome exactly, rome one at a time.
enum class EditKind { memit, emmet, rome };

/// Options of WeightEditor.
struct EditOptions {
  static constexpr std::string_view name = "WeightEditor";
  EditKind kind = EditKind::memit;
  double lambda = 15000;        // > 0, of memit: what the outputs of other keys count
  double relaxation = 0.1;      // >= 0, of emmet: 0 is exact, more is memit with this lambda
  double ridge = 0;             // >= 0, is added to the diagonal of the second moments
  double rank_cut = 1e-8;       // in [0, 1): a key with no more than this part of its own is a dependent one
  bool equilibrate = true;      // brings the diagonal of the second moments to 1 first
  bool accumulate_keys = true;  // later edits preserve earlier ones, too
};

/// How an edit ended.
enum class EditEnd { written, dependent_keys, non_finite };

/// A sentence about how an edit ended.
constexpr std::string_view to_string(EditEnd end) {
  switch (end) {
    case EditEnd::written:
      return "The edit is in the weights.";
    case EditEnd::dependent_keys:
      return "A key is zero or depends on others, or on those of earlier edits, so that not all outputs can be exact: "
             "nothing was changed; EMMET with a relaxation > 0 or MEMIT finds a compromise.";
    case EditEnd::non_finite:
      return "The change would not be finite: nothing was changed.";
  }
  return "Unknown end.";
}

/// What WeightEditor has done.
struct EditReport {
  EditEnd end = EditEnd::written;
  double residual = 0;  // |(W + D) K - V| / |V - W K|, with the weights as they are stored
};

/// C = K K' / samples of keys in columns: what WeightEditor preserves.
/// Throws std::invalid_argument where there is no key and for numbers that are not finite.
template <class Matrix = Eigen::MatrixXd>
[[nodiscard]] Matrix second_moments(const Eigen::Ref<const Eigen::MatrixXd>& K) {
  if (K.size() == 0) throw std::invalid_argument("second_moments: there are no keys");
  if (!K.allFinite()) throw std::invalid_argument("second_moments: keys that are infinite or NaN");
  Matrix C(K.rows(), K.rows());
  product_with_transposed(K, K, C, 1 / static_cast<double>(K.cols()));
  return C;
}

/// Edits of what a linear layer W, outputs x inputs, answers to given keys, that change as little as possible for all
/// other keys: for models that should know something new, or no longer say something wrong, without training.
///
///     R = V - W K: what the outputs V wanted at the keys K (samples in columns) miss;   C = E[k k'] + ridge I
///     memit         min lambda tr(D C D') + |(W + D) K - V|^2:    D = R K' (lambda C + K K')^-1
///     emmet, rome   min tr(D C D')  with  (W + D) K = V:          D = R (K' C^-1 K)^-1 K' C^-1
///     emmet with a relaxation:                                    D = R (K' C^-1 K + relaxation I)^-1 K' C^-1
///     W <- W + D
///
///     WeightEditor editor({.kind = EditKind::emmet, .relaxation = 0}, second_moments(other_keys));
///     const EditReport report = editor.edit(W, keys, values);
///
/// rome is emmet for one key. A relaxed emmet is memit with lambda = relaxation. A large lambda preserves, a small one
/// memorizes. D does not depend on the scale of C for exact edits. With accumulate_keys, edits one after another are
/// the one edit of them all: memit and relaxed emmet add K K' to what they preserve, so that batches may be cut anyhow
/// and later wishes for a key are averaged with earlier ones; exact edits keep D K = 0 at all earlier keys, so that a
/// key can be written once, and no more keys than there are inputs. Without it each edit forgets the keys of those
/// before it and damages them, as ROME in its original form does.
///
/// State, in files (save and load of io/method_state.hpp, into an editor of the same options and size): scales and
/// factor, inputs x inputs, the Cholesky factor of what is preserved; for exact edits with accumulate_keys also basis,
/// inputs x inputs, and written, the number of its columns.
/// Everything is solved in double, by triangles: C is never inverted. In float weights an exact edit is one to 1e-7.
/// Cost, n inputs, m outputs, u keys: n^3 / 3 flops at the start, then about 4 n^2 u + 2 n u^2 + 4 m n u for an edit;
/// for soft edits with u > n, 2 n^2 (n + u).
/// Errors: std::invalid_argument, before anything is changed, for options out of range, second moments that are not
/// square, symmetric and positive definite beyond rounding (fewer samples than inputs: give a ridge), no keys, shapes
/// that do not fit, numbers that are not finite, more than one key for rome. EditEnd says what else was refused.
/// Sources: "Locating and Editing Factual Associations in GPT" (ROME), 2022, arXiv 2202.05262; "Mass-Editing Memory in
/// a Transformer" (MEMIT), 2022, arXiv 2210.07229; "A Unified Framework for Model Editing" (EMMET), 2024, arXiv
/// 2403.14236; and the authors' code. Deviations: one key throughout, where ROME's code divides by another than it
/// multiplies with; accumulation for exact edits; keys are made orthogonal, where EMMET's code inverts their products.
template <class Matrix>
class BasicWeightEditor {
 public:
  static constexpr std::string_view name = EditOptions::name;
  using Index = Eigen::Index;
  using Vector = Eigen::Matrix<typename Matrix::Scalar, Eigen::Dynamic, 1>;

  BasicWeightEditor(const EditOptions& options, const Eigen::Ref<const Matrix>& C) : options_(options) {
    require(name, "kind", options.kind, EditKind::rome);
    require(name, "lambda", options.lambda, range::positive);
    require(name, "relaxation", options.relaxation, range::non_negative);
    require(name, "ridge", options.ridge, range::non_negative);
    require(name, "rank_cut", options.rank_cut, range::decay);
    if (C.size() == 0 || C.rows() != C.cols())
      throw std::invalid_argument("WeightEditor: the second moments are " + shape_text(C.rows(), C.cols()) +
                                  ", must be square and not empty");
    if (!C.allFinite()) throw std::invalid_argument("WeightEditor: second moments that are infinite or NaN");
    if ((C - C.transpose()).cwiseAbs().maxCoeff() > 1e-8 * C.cwiseAbs().maxCoeff())
      throw std::invalid_argument("WeightEditor: the second moments are not symmetric");
    factorize(C);
    if (exact() && options_.accumulate_keys) basis_ = Matrix::Zero(C.rows(), C.rows());
  }

  [[nodiscard]] const EditOptions& options() const { return options_; }
  [[nodiscard]] Index inputs() const { return factor_.rows(); }

  /// Makes the outputs at the columns of K those of V, or nearly so.
  template <class Weights>
  EditReport edit(Eigen::DenseBase<Weights>& W, const Eigen::Ref<const Matrix>& K, const Eigen::Ref<const Matrix>& V) {
    check(W, K, V, "V");
    const Matrix before = in_double(W);
    Matrix R = V;
    product(before, K, R, -1, true);
    return write(W, before, K, R);
  }
  /// The same, where R says by how much the outputs should move.
  template <class Weights>
  EditReport add(Eigen::DenseBase<Weights>& W, const Eigen::Ref<const Matrix>& K, const Eigen::Ref<const Matrix>& R) {
    check(W, K, R, "R");
    return write(W, in_double(W), K, R);
  }

  static void visit(auto& self, auto&& field) {
    field("scales", self.t_);
    field("factor", self.factor_);
    if (self.basis_.size() == 0) return;
    field("basis", self.basis_);
    field("written", self.written_, 0, std::int64_t{self.basis_.cols()});
  }

 private:
  /// A change of the weights, and of the state.
  struct Change {
    EditEnd end = EditEnd::written;
    Matrix D;
    Matrix factor;  // what is preserved from now on; none: as before
    Matrix basis;   // of the new keys alone
  };

  [[nodiscard]] bool exact() const { return shift() == 0; }
  /// What the identity counts beside Z'Z.
  [[nodiscard]] double shift() const {
    if (options_.kind == EditKind::memit) return 1;
    return options_.kind == EditKind::emmet ? options_.relaxation : 0;
  }

  template <class Weights>
  static Matrix in_double(const Eigen::DenseBase<Weights>& W) {
    return W.derived().matrix().template cast<double>();
  }

  template <class Weights>
  void check(const Eigen::DenseBase<Weights>& W, const Matrix& K, const Matrix& V, const char* what) const {
    require_shape(name, "W", W, W.rows(), inputs());
    if (K.cols() == 0 || W.rows() == 0) throw std::invalid_argument("WeightEditor: there are no keys or no outputs");
    require_shape(name, "K", K, inputs(), K.cols());
    require_shape(name, what, V, W.rows(), K.cols());
    if (options_.kind == EditKind::rome && K.cols() != 1)
      throw std::invalid_argument("WeightEditor: rome with " + std::to_string(K.cols()) +
                                  " keys, must be one; emmet writes batches");
    if (!W.derived().array().isFinite().all() || !K.allFinite() || !V.allFinite())
      throw std::invalid_argument("WeightEditor: weights, keys or values that are infinite or NaN");
  }

  /// scale C = t^-1 L L' t^-1, with t_j = (scale C_jj)^(-1/2) or 1.
  void factorize(const Matrix& given) {
    const double scale = options_.kind == EditKind::memit ? options_.lambda : 1;
    Matrix C = scale * given;
    C.diagonal().array() += scale * options_.ridge;
    const auto refuse = [] {
      throw std::invalid_argument(
          "WeightEditor: the second moments are not positive definite, or singular up to rounding; they need as many "
          "independent samples as there are inputs, or a ridge > 0");
    };
    if (!(C.diagonal().minCoeff() > 0)) refuse();
    if (!C.allFinite()) throw std::invalid_argument("WeightEditor: lambda times the second moments is infinite");
    t_ = options_.equilibrate ? Vector(C.diagonal().array().rsqrt()) : Vector::Ones(C.rows());
    C = t_.asDiagonal() * C * t_.asDiagonal();
    const Eigen::LLT<Matrix> cholesky(C);
    factor_ = cholesky.matrixL();
    if (cholesky.info() != Eigen::Success || !factor_.allFinite()) refuse();
    Matrix x(C.rows(), 1);  // three steps of inverse iteration find an eigenvalue that is rounding
    for (Index i = 0; i < C.rows(); ++i) x(i, 0) = RandomKey{1}.normal(static_cast<std::uint64_t>(i));
    double least = 0;
    for (int step = 0; step < 3; ++step) {
      x /= x.stableNorm();
      factor_.template triangularView<Eigen::Lower>().solveInPlace(x);
      factor_.template triangularView<Eigen::Lower>().transpose().solveInPlace(x);
      least = 1 / x.stableNorm();
    }
    const double rounding = 4 * static_cast<double>(C.rows()) * std::numeric_limits<double>::epsilon();
    if (!(least > rounding * C.diagonal().maxCoeff())) refuse();
  }

  template <class Weights>
  EditReport write(Eigen::DenseBase<Weights>& W, const Matrix& before, const Matrix& K, const Matrix& R) {
    using T = typename Weights::Scalar;
    Change change = solve(K, R);
    if (change.end != EditEnd::written) return {change.end, 1};
    const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> after = (before + change.D).template cast<T>();
    if (!after.allFinite()) return {EditEnd::non_finite, 1};
    Matrix missing = R;
    product(Matrix(after.template cast<double>() - before), K, missing, -1, true);
    if (change.factor.size() > 0) factor_.swap(change.factor);
    if (change.basis.size() > 0) {
      basis_.middleCols(written_, K.cols()) = change.basis;
      written_ += K.cols();
    }
    W.derived().matrix() = after;
    const double norm = R.stableNorm();
    return {EditEnd::written, norm > 0 ? missing.stableNorm() / norm : 0};
  }

  /// With Z = L^-1 t K:  D = R B' L^-1 t,  where B' Z is the identity for exact edits and B = Z (shift I + Z'Z)^-1 for
  /// others.
  [[nodiscard]] Change solve(const Matrix& K, const Matrix& R) const {
    Change change;
    Matrix Z = t_.asDiagonal() * K;
    if (exact()) {
      factor_.template triangularView<Eigen::Lower>().solveInPlace(Z);
      if (!orthogonalize(Z, change)) return change;
    } else if (K.cols() > K.rows()) {
      change.factor = extended_by_rows(Z / std::sqrt(shift()));
      Z /= shift();
      change.factor.template triangularView<Eigen::Lower>().solveInPlace(Z);
    } else {
      if (options_.accumulate_keys) change.factor = extended(Z / std::sqrt(shift()));
      factor_.template triangularView<Eigen::Lower>().solveInPlace(Z);
      Matrix S = shift() * Matrix::Identity(K.cols(), K.cols());
      product_of_transposed(Z, Z, S, 1, true);
      Matrix Zt = Z.transpose();
      Eigen::LLT<Matrix>(S).solveInPlace(Zt);
      Z = Zt.transpose();
    }
    const Matrix& L = K.cols() > K.rows() && !exact() ? change.factor : factor_;
    L.template triangularView<Eigen::Lower>().transpose().solveInPlace(Z);
    Z = (t_.asDiagonal() * Z).eval();
    change.D.resize(R.rows(), K.rows());
    product_with_transposed(R, Z, change.D);
    if (!change.D.allFinite() || !change.factor.allFinite() || !change.basis.allFinite())
      change.end = EditEnd::non_finite;
    if (!options_.accumulate_keys) change.factor.resize(0, 0);
    return change;
  }

  /// Z = earlier keys + Q T with Q orthonormal, orthogonal to the basis of earlier keys, and T triangular;
  /// Z <- Q T^-'. False where a column depends on others.
  bool orthogonalize(Matrix& Z, Change& change) const {
    const Index u = Z.cols();
    Matrix Q = Matrix::Zero(Z.rows(), u);
    Matrix T = Matrix::Zero(u, u);
    for (Index j = 0; j < u; ++j) {
      const double length = Z.col(j).stableNorm();
      if (!std::isfinite(length)) {
        change.end = EditEnd::non_finite;
        return false;
      }
      Vector rest = Z.col(j), along(written_), before(j);
      for (int pass = 0; pass < 2 && length > 0; ++pass) {
        product_of_transposed(basis_.leftCols(written_), rest, along);
        product(basis_.leftCols(written_), along, rest, -1, true);
        product_of_transposed(Q.leftCols(j), rest, before);
        product(Q.leftCols(j), before, rest, -1, true);
        T.col(j).head(j) += before;
      }
      T(j, j) = rest.stableNorm();
      if (!(T(j, j) > options_.rank_cut * length)) {
        change.end = EditEnd::dependent_keys;
        return false;
      }
      Q.col(j) = rest / T(j, j);
    }
    for (Index j = u - 1; j >= 0; --j) {
      Z.col(j) = Q.col(j);
      for (Index i = j + 1; i < u; ++i) Z.col(j) -= T(j, i) * Z.col(i);
      Z.col(j) /= T(j, j);
    }
    if (options_.accumulate_keys) change.basis.swap(Q);
    return true;
  }

  /// The factor of L L' + W W': one rotation for each row and column of W.
  [[nodiscard]] Matrix extended(const Matrix& W) const {
    Matrix L = factor_;
    Vector w(W.rows());
    for (Index j = 0; j < W.cols(); ++j) {
      w = W.col(j);
      for (Index k = 0; k < L.rows(); ++k) {
        const Index rest = L.rows() - k - 1;
        const double pivot = std::hypot(L(k, k), w[k]);
        const double c = L(k, k) / pivot, s = w[k] / pivot;
        L(k, k) = pivot;
        for (Index i = L.rows() - rest; i < L.rows(); ++i) {
          const double below = L(i, k);
          L(i, k) = c * below + s * w[i];
          w[i] = c * w[i] - s * below;
        }
      }
    }
    return L;
  }
  /// The same for many columns: [L'; W'] = Q U gives U'.
  [[nodiscard]] Matrix extended_by_rows(const Matrix& W) const {
    Matrix rows(W.rows() + W.cols(), W.rows());
    rows.topRows(W.rows()) = factor_.transpose();
    rows.bottomRows(W.cols()) = W.transpose();
    const Eigen::HouseholderQR<Matrix> qr(rows);
    Matrix L = Matrix::Zero(W.rows(), W.rows());
    for (Index k = 0; k < W.rows(); ++k)
      L.col(k).tail(W.rows() - k) = qr.matrixQR().row(k).tail(W.rows() - k).transpose();
    return L;
  }

  EditOptions options_;
  Vector t_;
  Matrix factor_;  // L
  Matrix basis_;   // of earlier keys, as L^-1 t k, in its first columns
  std::int64_t written_ = 0;
};

/// The one there is: a template, so that it is compiled only where it is used.
using WeightEditor = BasicWeightEditor<Eigen::MatrixXd>;

}  // namespace glissade
