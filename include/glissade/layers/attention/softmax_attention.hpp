// Attention of one head, exact.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>

#include "../../core/checks.hpp"
#include "../../linalg/product.hpp"

namespace glissade {

struct SoftmaxAttentionOptions {
  std::optional<double> beta = {};  // factor of the logits, > 0; empty: 1 / sqrt(h)
  int block_rows = 64;              // queries at a time, >= 1: any number gives the same up to rounding
};

namespace detail {

/// Of the arguments of an attention: Q and K L x h, V and O L x w. There may be no token, but h and w are >= 1.
inline void require_attention_shapes(const char* where, const auto& Q, const auto& K, const auto& V, const auto& O) {
  for (const auto& [name, rows, cols] : {std::tuple{"Q", Q.rows(), Q.cols()}, std::tuple{"V", V.rows(), V.cols()}})
    if (cols < 1)
      throw std::invalid_argument(std::string(where) + ": " + name + " is " + shape_text(rows, cols) +
                                  ", must have columns");
  require_shape(where, "K", K, Q.rows(), Q.cols());
  require_shape(where, "V", V, Q.rows(), V.cols());
  require_shape(where, "O", O, Q.rows(), V.cols());
}

}  // namespace detail

/// Softmax attention of one head and its gradient without an L x L matrix, for sequences of any length.
///
///     S = beta Q K',   P = softmax of every row of S,   O = P V
///     dV = P' dO,   dP = dO V',   rho = rowsum(dO o O),   dS = P o (dP - rho 1')
///     dQ = beta dS K,   dK = beta dS' Q
///
///     SoftmaxAttention<float> attention;
///     attention.forward(Q, K, V, O);   attention.backward(Q, K, V, dO, dQ, dK, dV);
///
/// Shapes: Q, K L x h, V and O L x w, tokens in rows; outputs are sized before the call and overlap nothing. No mask.
/// Each block of S is made where it is used, in tiles of block_rows x 128: forward keeps the largest logit and the sum
/// of a row as it meets the tiles, backward makes P again from their logarithm. So exp never overflows. Cost, for w =
/// h: 4 L^2 h flops and L^2 exponentials forward, 10 L^2 h and L^2 backward (8 without dK). Keeps L (w + 2) scalars and
/// two tiles. Nothing is taken from the heap after the first call with a length. A sequence may be empty. Non-finite
/// input propagates.
/// Errors: std::invalid_argument for shapes and options; std::logic_error for a backward without its forward.
/// Source: "Computational Limits of Low-Rank Adaptation (LoRA) for Transformer-Based Models", 2024, arXiv 2406.03136,
/// for the gradient; the tiles are those of "FlashAttention", 2022, arXiv 2205.14135, algorithms 1 and 4.
template <class T>
class SoftmaxAttention {
 public:
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;

  explicit SoftmaxAttention(const SoftmaxAttentionOptions& options = {}) : options_(options) {
    if (options.beta) require("SoftmaxAttention", "beta", *options.beta, range::positive);
    require("SoftmaxAttention", "block_rows", options.block_rows, range::at_least_one);
  }

  [[nodiscard]] const SoftmaxAttentionOptions& options() const { return options_; }
  /// The factor of the logits for heads of this width.
  [[nodiscard]] double beta(Index h) const {
    return options_.beta ? *options_.beta : 1 / std::sqrt(static_cast<double>(h));
  }

  void forward(const Input& Q, const Input& K, const Input& V, Output O) {
    detail::require_attention_shapes("SoftmaxAttention::forward", Q, K, V, O);
    const Index length = Q.rows();
    const T beta = static_cast<T>(this->beta(Q.cols()));
    resize(length, V.cols());
    for (Index i = 0; i < length; i += rows()) {
      const Index b = (std::min)(rows(), length - i);
      auto largest = largest_.head(b);
      auto sum = sum_.head(b);
      auto factor = factor_.head(b);
      auto out = O.middleRows(i, b);
      largest.setConstant(-std::numeric_limits<T>::infinity());
      sum.setZero();
      out.setZero();
      for (Index j = 0; j < length; j += columns) {
        const Index c = (std::min)(columns, length - j);
        auto P = P_.topLeftCorner(b, c);
        product_with_transposed(Q.middleRows(i, b), K.middleRows(j, c), P);
        factor = largest;
        for (Index k = 0; k < c; ++k) largest = largest.max(beta * P.col(k).array());
        // What was summed so far was relative to the old maximum.
        factor = (factor - largest).exp();
        sum *= factor;
        for (Index k = 0; k < out.cols(); ++k) out.col(k).array() *= factor;
        for (Index k = 0; k < c; ++k) {
          P.col(k).array() = (beta * P.col(k).array() - largest).exp();
          sum += P.col(k).array();
        }
        product(P, V.middleRows(j, c), out, 1, true);
      }
      for (Index k = 0; k < out.cols(); ++k) out.col(k).array() /= sum;
      log_sum_.segment(i, b) = largest + sum.log();
    }
    O_ = O;
  }

  /// After forward with the same Q, K and V: the gradients of the loss from that of O.
  void backward(const Input& Q, const Input& K, const Input& V, const Input& dO, Output dQ, Output dK, Output dV) {
    require_shape("SoftmaxAttention::backward", "dK", dK, Q.rows(), Q.cols());
    back(Q, K, V, dO, dQ, &dK, dV);
  }
  /// The same without the gradient of the keys.
  void backward(const Input& Q, const Input& K, const Input& V, const Input& dO, Output dQ, Output dV) {
    back(Q, K, V, dO, dQ, nullptr, dV);
  }

 private:
  using Column = Eigen::Array<T, Eigen::Dynamic, 1>;
  static constexpr Index columns = 128;  // keys at a time

  [[nodiscard]] Index rows() const { return options_.block_rows; }

  void resize(Index length, Index width) {
    const Index b = (std::min)(rows(), length);
    const Index c = (std::min)(columns, length);
    O_.resize(length, width);
    log_sum_.resize(length);
    rho_.resize(length);
    P_.resize(b, c);
    dS_.resize(b, c);
    largest_.resize(b);
    sum_.resize(b);
    factor_.resize(b);
  }

  void back(const Input& Q, const Input& K, const Input& V, const Input& dO, Output& dQ, Output* dK, Output& dV) {
    constexpr auto where = "SoftmaxAttention::backward";
    detail::require_attention_shapes(where, Q, K, V, dO);
    require_shape(where, "dQ", dQ, Q.rows(), Q.cols());
    require_shape(where, "dV", dV, V.rows(), V.cols());
    if (O_.rows() != V.rows() || O_.cols() != V.cols())
      throw std::logic_error("SoftmaxAttention::backward: the last forward made an output of " +
                             shape_text(O_.rows(), O_.cols()) + ", not of " + shape_text(V.rows(), V.cols()));
    const Index length = Q.rows();
    const T beta = static_cast<T>(this->beta(Q.cols()));
    rho_ = dO.cwiseProduct(O_).rowwise().sum();
    dQ.setZero();
    dV.setZero();
    if (dK != nullptr) dK->setZero();
    for (Index i = 0; i < length; i += rows()) {
      const Index b = (std::min)(rows(), length - i);
      const auto log_sum = log_sum_.segment(i, b);
      const auto rho = rho_.segment(i, b);
      for (Index j = 0; j < length; j += columns) {
        const Index c = (std::min)(columns, length - j);
        auto P = P_.topLeftCorner(b, c);
        auto dS = dS_.topLeftCorner(b, c);
        product_with_transposed(Q.middleRows(i, b), K.middleRows(j, c), P);
        product_with_transposed(dO.middleRows(i, b), V.middleRows(j, c), dS);
        for (Index k = 0; k < c; ++k) {
          P.col(k).array() = (beta * P.col(k).array() - log_sum).exp();
          dS.col(k).array() = P.col(k).array() * (dS.col(k).array() - rho);
        }
        product_of_transposed(P, dO.middleRows(i, b), dV.middleRows(j, c), 1, true);
        product(dS, K.middleRows(j, c), dQ.middleRows(i, b), 1, true);
        if (dK != nullptr) product_of_transposed(dS, Q.middleRows(i, b), dK->middleRows(j, c), 1, true);
      }
    }
    dQ *= beta;
    if (dK != nullptr) *dK *= beta;
  }

  SoftmaxAttentionOptions options_;
  Matrix O_;        // of the last forward
  Column log_sum_;  // of its rows: log sum_j exp(S_ij)
  Column rho_;
  Matrix P_, dS_;                  // tiles
  Column largest_, sum_, factor_;  // of a block of rows
};

}  // namespace glissade
