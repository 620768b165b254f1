// A network with one layer of sigmoid units, whose outputs are a linear regression on the inputs and on the units.
#pragma once

#include <Eigen/Core>
#include <Eigen/QR>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

#include "../core/checks.hpp"
#include "../core/random.hpp"
#include "../linalg/product.hpp"
#include "../linalg/thin_svd.hpp"

namespace glissade {

/// A network with one hidden layer and weights past it, for patterns x in the rows of X and targets in those of T:
///
///     net = W [x; 1],   O = 1 / (1 + exp(-net)),   y = W_oi [x; 1] + W_oh O
///     error = mean over patterns of |t - y|^2
///
/// A struct of three matrices; `hidden`, `predict` and `error` ask it, `fit_outputs` finds its last two.
///
///     OneHiddenLayer network = random_one_hidden_layer(patterns, answers.cols(), 10);
///     network.fit_outputs(patterns, answers);
///     Eigen::MatrixXd predicted = network.predict(patterns);
///
/// Errors: std::invalid_argument for shapes that do not fit, no patterns, and numbers that are not finite in what
/// fit_outputs is given. Nets beyond the largest double make weights that are not numbers.
template <class Matrix>
struct BasicOneHiddenLayer {
  static constexpr std::string_view name = "OneHiddenLayer";
  using Index = Eigen::Index;
  using Patterns = Eigen::Ref<const Matrix>;

  Matrix input_weights;   // W, hidden x (inputs + 1): the last column is for the 1, of thresholds
  Matrix bypass_weights;  // W_oi, outputs x (inputs + 1)
  Matrix output_weights;  // W_oh, outputs x hidden

  [[nodiscard]] Index inputs() const { return input_weights.cols() - 1; }
  [[nodiscard]] Index units() const { return input_weights.rows(); }
  [[nodiscard]] Index outputs() const { return output_weights.rows(); }

  /// O, patterns x hidden.
  [[nodiscard]] Matrix hidden(const Patterns& X) const {
    require_inputs("hidden", X);
    Matrix O = affine(X, input_weights);
    O = (1 + (-O.array()).exp()).inverse();
    return O;
  }

  /// y, patterns x outputs.
  [[nodiscard]] Matrix predict(const Patterns& X) const { return predict(X, hidden(X)); }
  /// The same where `hidden` has been asked already.
  [[nodiscard]] Matrix predict(const Patterns& X, const Patterns& O) const {
    require_inputs("predict", X);
    Matrix y = affine(X, bypass_weights);
    product_with_transposed(O, output_weights, y, 1, true);
    return y;
  }

  /// The mean over patterns of the squared distance from T.
  [[nodiscard]] double error(const Patterns& X, const Patterns& T) const {
    require_shape("OneHiddenLayer::error", "T", T, X.rows(), outputs());
    return (T - predict(X)).squaredNorm() / static_cast<double>(X.rows());
  }

  /// Output weight optimization: the last two matrices become those of least error for this W.
  ///
  ///     min |T - [X 1 O] [W_oi W_oh]'|,   the columns of [X 1 O] brought to length 1
  ///     [X 1 O] = Q R,  R = U S V'        singular values of at most rank_cut times the largest are left out
  ///
  /// Of several solutions it is that of least norm: units that are saturated for all patterns, constant inputs and
  /// inputs that depend on others share a weight with what they depend on. Condition numbers are not squared, as in the
  /// normal equations, and units of measurement do not matter.
  /// Cost: about 2 patterns n^2 + 30 n^3 flops with n = inputs + 1 + hidden.
  void fit_outputs(const Patterns& X, const Patterns& T, double rank_cut = 1e-10) {
    require_inputs("fit_outputs", X);
    require_shape("OneHiddenLayer::fit_outputs", "T", T, X.rows(), T.cols());
    require_finite("fit_outputs", "X", X);
    require_finite("fit_outputs", "T", T);
    require(name, "rank_cut", rank_cut, range::decay);
    const Index straight = inputs() + 1;
    const Index columns = straight + units();
    Matrix Z(X.rows(), columns + T.cols());  // [X 1 O T]
    Z.leftCols(inputs()) = X;
    Z.col(inputs()).setOnes();
    Z.middleCols(straight, units()) = hidden(X);
    Z.rightCols(T.cols()) = T;
    if (!Z.allFinite()) {  // the nets are too large: infinity less infinity
      bypass_weights.setConstant(T.cols(), straight, std::numeric_limits<double>::quiet_NaN());
      output_weights.setConstant(T.cols(), units(), std::numeric_limits<double>::quiet_NaN());
      return;
    }
    Eigen::VectorXd length(columns);
    for (Index j = 0; j < columns; ++j) {
      length[j] = Z.col(j).stableNorm();
      if (!(length[j] > 0)) length[j] = 1;
      Z.col(j) /= length[j];
    }
    const Eigen::HouseholderQR<Matrix> qr(Z);
    const Index rows = std::min(Z.rows(), columns);
    const Matrix triangle = qr.matrixQR().topLeftCorner(rows, columns).template triangularView<Eigen::Upper>();
    const ThinSvd<double> svd = thin_svd(triangle);
    Index rank = 0;
    while (rank < rows && svd.sigma[rank] > rank_cut * svd.sigma[0]) ++rank;
    Matrix parts(rank, T.cols()), weights(columns, T.cols());
    product_of_transposed(svd.U.leftCols(rank), qr.matrixQR().block(0, columns, rows, T.cols()), parts);
    parts.array().colwise() /= svd.sigma.head(rank).array();
    product(svd.V.leftCols(rank), parts, weights);
    weights.array().colwise() /= length.array();
    bypass_weights = weights.topRows(straight).transpose();
    output_weights = weights.bottomRows(units()).transpose();
  }

 private:
  /// [X 1] weights'
  static Matrix affine(const Patterns& X, const Matrix& weights) {
    Matrix out(X.rows(), weights.rows());
    product_with_transposed(X, weights.leftCols(X.cols()), out);
    out.rowwise() += weights.col(X.cols()).transpose();
    return out;
  }
  void require_inputs(const char* where, const Patterns& X) const {
    const std::string place = std::string(name) + "::" + where;
    if (X.rows() == 0) throw std::invalid_argument(place + ": X has no rows, must have a pattern in each");
    require_shape(place, "X", X, X.rows(), inputs());
  }
  static void require_finite(const char* where, const char* what, const Patterns& M) {
    if (M.allFinite()) return;
    for (Index j = 0; j < M.cols(); ++j)
      for (Index i = 0; i < M.rows(); ++i)
        require(std::string(name) + "::" + where,
                std::string(what) + "(" + std::to_string(i) + ", " + std::to_string(j) + ")", M(i, j), range::finite);
  }
};

/// The one there is: a template, so that it is compiled only where it is used.
using OneHiddenLayer = BasicOneHiddenLayer<Eigen::MatrixXd>;

/// Random input weights: standard normal, then each unit brought to mean 1/2 and standard deviation 1 of its net over
/// the patterns, where it is not steep and not flat. A function of the seed. The other weights are 0.
/// Errors: std::invalid_argument for no patterns, no inputs, no outputs, no hidden units, numbers that are not finite.
template <class Matrix = Eigen::MatrixXd>
[[nodiscard]] OneHiddenLayer random_one_hidden_layer(const Eigen::Ref<const Eigen::MatrixXd>& X, Eigen::Index outputs,
                                                     Eigen::Index hidden = 10, std::uint64_t seed = 0) {
  using Eigen::Index;
  constexpr std::string_view where = "random_one_hidden_layer";
  require(where, "patterns", static_cast<double>(X.rows()), range::at_least_one);
  require(where, "inputs", static_cast<double>(X.cols()), range::at_least_one);
  require(where, "outputs", static_cast<double>(outputs), range::at_least_one);
  require(where, "hidden", static_cast<double>(hidden), range::at_least_one);
  for (Index j = 0; j < X.cols(); ++j)
    for (Index i = 0; i < X.rows(); ++i)
      if (!std::isfinite(X(i, j)))
        reject(where, "X(" + std::to_string(i) + ", " + std::to_string(j) + ")", X(i, j), range::finite.text());
  OneHiddenLayer network{Matrix(hidden, X.cols() + 1), Matrix::Zero(outputs, X.cols() + 1),
                         Matrix::Zero(outputs, hidden)};
  Matrix& W = network.input_weights;
  const RandomKey key = RandomKey{seed}.derive(0);
  Eigen::VectorXd net(X.rows());
  for (Index k = 0; k < hidden; ++k) {
    for (Index j = 0; j < W.cols(); ++j) W(k, j) = key.normal(static_cast<std::uint64_t>(k * W.cols() + j));
    net.noalias() = X * W.row(k).head(X.cols()).transpose();
    const double mean = net.mean();
    net.array() -= mean;
    const double deviation = net.stableNorm() / std::sqrt(static_cast<double>(X.rows()));
    // Of constant inputs nothing but rounding is left.
    const double scale = deviation > 1e-12 * std::abs(mean) ? 1 / deviation : 1;
    W.row(k) *= scale;
    W(k, X.cols()) = 0.5 - scale * mean;
  }
  return network;
}

}  // namespace glissade
