// The delta rule: a linear attention that replaces what it had stored.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "../../core/checks.hpp"
#include "../../linalg/product.hpp"

namespace glissade {

struct DeltaRuleOptions {
  int chunk = 64;               // tokens at a time, >= 1: any number gives the same up to rounding; 16 to 32 are fast
  bool normalize_keys = true;   // k / max(|k|, 1e-6)
  bool scale_queries = true;    // q / sqrt(h)
  bool allow_negative = false;  // beta in [0, 2], which gives the transitions negative eigenvalues; else in [0, 1]
};

template <class T>
class DeltaRuleLayer;

/// A memory S for sequences of any length, in linear time: token t writes v_t under the key k_t, in place of what was
/// there, and reads with q_t. Writing is one gradient step of size beta_t on |S k_t - v_t|^2 / 2.
///
///     S_t = S_(t-1) + beta_t (v_t - S_(t-1) k_t) k_t',   o_t = S_t q_t
///
///     in chunks of c tokens, with S the state before the chunk:
///     A = I + tril(diag(beta) K K', -1),   W = A^-1 diag(beta) K,   U = A^-1 diag(beta) V - W S'
///     O = Q S' + tril(Q K') U,   S <- S + U' K
///
///     DeltaRule<float> rule;
///     rule.forward(Q, K, V, beta, O);   rule.backward(Q, K, V, beta, dO, dQ, dK, dV, dbeta);
///     rule.forward(Q, K, V, beta, rule.state(), O);     // goes on with the state that it had at the end
///
/// Shapes: Q, K L x h, V and O L x w, beta L, S w x h; tokens in rows. Outputs are sized before the call and overlap
/// nothing. A sequence may be empty.
/// State: state() of the last forward, zero or the one that was given before it. Cost for h = w: forward_recurrent 6 L
/// h^2 flops, one token after another; forward L (6 h^2 + 8 c h), most of them in products of matrices; backward about
/// 3 times that. In time, for h = 64 with AVX2, chunks of 32 in double are 1.4 times faster than token by token and
/// those of 64 no faster; in float chunks of 16 are 1.1 times faster and those of 64 take 1.2 times as long. Keeps L (2
/// h + w) scalars, a state for every chunk, and tiles of c x c. Nothing is taken from the heap after the first call
/// with a length. Errors: std::invalid_argument for shapes, options, and a beta that is NaN or out of range;
/// std::logic_error for a backward without a forward in chunks. Other non-finite input propagates. Pitfall: without
/// normalize_keys the state grows without bound where beta |k|^2 > 2. A key of zero writes nothing. Source:
/// "Parallelizing Linear Transformers with the Delta Rule over Sequence Length", 2024, arXiv 2406.06484; the backward
/// pass through a chunk was derived here.
template <class T>
class DeltaRule {
 public:
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  using Input = Eigen::Ref<const Matrix>;
  using InputVector = Eigen::Ref<const Vector>;
  using Output = Eigen::Ref<Matrix>;
  using OutputVector = Eigen::Ref<Vector>;

  explicit DeltaRule(const DeltaRuleOptions& options = {}) : options_(options) {
    require("DeltaRule", "chunk", options.chunk, range::at_least_one);
  }

  [[nodiscard]] const DeltaRuleOptions& options() const { return options_; }
  /// After the last token of the last forward.
  [[nodiscard]] const Matrix& state() const { return state_; }

  void forward(const Input& Q, const Input& K, const Input& V, const InputVector& beta, Output O) {
    check("DeltaRule::forward", Q, K, V, beta, O);
    check_beta("DeltaRule::forward", beta);
    state_.setZero(V.cols(), K.cols());
    run(Q, K, V, beta, O);
  }
  void forward(const Input& Q, const Input& K, const Input& V, const InputVector& beta, const Input& S, Output O) {
    check("DeltaRule::forward", Q, K, V, beta, O);
    require_shape("DeltaRule::forward", "S", S, V.cols(), K.cols());
    check_beta("DeltaRule::forward", beta);
    state_ = S;
    run(Q, K, V, beta, O);
  }

  /// The same by the definition, from zero or from S. There is no backward after it.
  void forward_recurrent(const Input& Q, const Input& K, const Input& V, const InputVector& beta, Output O) {
    forward_recurrent(Q, K, V, beta, Matrix::Zero(V.cols(), K.cols()), O);
  }
  void forward_recurrent(const Input& Q, const Input& K, const Input& V, const InputVector& beta, const Input& S,
                         Output O) {
    constexpr auto where = "DeltaRule::forward_recurrent";
    check(where, Q, K, V, beta, O);
    require_shape(where, "S", S, V.cols(), K.cols());
    check_beta(where, beta);
    state_ = S;
    length_ = none;
    take_keys(K);
    Vector key(K.cols()), error(V.cols());
    for (Index t = 0; t < K.rows(); ++t) {
      key = K_.col(t);
      error = V.row(t);
      for (Index j = 0; j < key.size(); ++j) error -= key(j) * state_.col(j);
      for (Index j = 0; j < key.size(); ++j) state_.col(j) += beta(t) * key(j) * error;
      error.setZero();
      for (Index j = 0; j < key.size(); ++j) error += Q(t, j) * state_.col(j);
      O.row(t) = scale(Q.cols()) * error;
    }
  }

  /// After forward with the same Q, K, V and beta: the gradients of the loss from that of O.
  void backward(const Input& Q, const Input& K, const Input& V, const InputVector& beta, const Input& dO, Output dQ,
                Output dK, Output dV, OutputVector dbeta) {
    check_gradients(Q, K, V, beta, dO, dQ, dK, dV, dbeta);
    dS_.setZero(V.cols(), K.cols());
    back(Q, K, V, beta, dO, dQ, dK, dV, dbeta);
  }
  /// The same where the loss depends on the last state too, and with the gradient of the first.
  void backward(const Input& Q, const Input& K, const Input& V, const InputVector& beta, const Input& dO,
                const Input& dS_last, Output dQ, Output dK, Output dV, OutputVector dbeta, Output dS_first) {
    check_gradients(Q, K, V, beta, dO, dQ, dK, dV, dbeta);
    require_shape("DeltaRule::backward", "dS_last", dS_last, V.cols(), K.cols());
    require_shape("DeltaRule::backward", "dS_first", dS_first, V.cols(), K.cols());
    dS_ = dS_last;
    back(Q, K, V, beta, dO, dQ, dK, dV, dbeta);
    dS_first = dS_;
  }

 private:
  friend class DeltaRuleLayer<T>;
  static constexpr Index none = -1;
  static constexpr double least_norm = 1e-6;

  [[nodiscard]] Index chunk() const { return options_.chunk; }
  [[nodiscard]] T scale(Index h) const {
    return options_.scale_queries ? static_cast<T>(1 / std::sqrt(static_cast<double>(h))) : T(1);
  }

  static void check(const char* where, const auto& Q, const auto& K, const auto& V, const auto& beta, const auto& O) {
    if (Q.cols() < 1 || V.cols() < 1)
      throw std::invalid_argument(std::string(where) + ": Q is " + shape_text(Q.rows(), Q.cols()) + " and V " +
                                  shape_text(V.rows(), V.cols()) + ", must have columns");
    require_shape(where, "K", K, Q.rows(), Q.cols());
    require_shape(where, "V", V, Q.rows(), V.cols());
    require_shape(where, "beta", beta, Q.rows(), 1);
    require_shape(where, "O", O, Q.rows(), V.cols());
  }
  void check_beta(const char* where, const InputVector& beta) const {
    const Range allowed{0, options_.allow_negative ? 2.0 : 1.0};
    for (Index t = 0; t < beta.size(); ++t)
      if (!allowed.contains(static_cast<double>(beta(t))))
        reject(where, "beta(" + std::to_string(t) + ")", static_cast<double>(beta(t)), allowed.text());
  }
  void check_gradients(const Input& Q, const Input& K, const Input& V, const InputVector& beta, const Input& dO,
                       const Output& dQ, const Output& dK, const Output& dV, const OutputVector& dbeta) const {
    constexpr auto where = "DeltaRule::backward";
    check(where, Q, K, V, beta, dO);
    require_shape(where, "dQ", dQ, Q.rows(), Q.cols());
    require_shape(where, "dK", dK, Q.rows(), Q.cols());
    require_shape(where, "dV", dV, Q.rows(), V.cols());
    require_shape(where, "dbeta", dbeta, Q.rows(), 1);
    if (length_ != Q.rows() || state_.rows() != V.cols() || state_.cols() != Q.cols())
      throw std::logic_error("DeltaRule::backward: no forward in chunks had " + shape_text(Q.rows(), Q.cols()) +
                             " keys before");
  }

  /// Normalizes, and keeps the norms for the gradient.
  void take_keys(const Input& K) {
    K_ = K.transpose();
    norms_.setOnes(K.rows());
    if (!options_.normalize_keys) return;
    for (Index t = 0; t < K.rows(); ++t) {
      norms_(t) = K_.col(t).norm();
      if (norms_(t) < static_cast<T>(least_norm)) norms_(t) = static_cast<T>(least_norm);
      K_.col(t) /= norms_(t);
    }
  }

  /// tril(A' B) with zeros above, without the diagonal or with it.
  static void lower_product(const auto& A, const auto& B, double factor, bool diagonal, auto&& result) {
    product_of_transposed(A, B, result, factor);
    clear_above(diagonal, result);
  }
  static void clear_above(bool diagonal, auto& matrix) {
    for (Index j = 0; j < matrix.cols(); ++j) matrix.col(j).head(diagonal ? j : j + 1).setZero();
  }
  /// X' <- A^-1 X' and X' <- A^-T X' for A = I + L, L strictly lower.
  static void solve(const auto& L, auto&& X) {
    for (Index t = 1; t < X.cols(); ++t)
      for (Index j = 0; j < t; ++j) X.col(t) -= L(t, j) * X.col(j);
  }
  static void solve_transposed(const auto& L, auto&& X) {
    for (Index t = X.cols() - 1; t > 0; --t)
      for (Index j = 0; j < t; ++j) X.col(j) -= L(t, j) * X.col(t);
  }

  void run(const Input& Q, const Input& K, const Input& V, const InputVector& beta, Output& O) {
    const Index length = K.rows(), h = K.cols(), w = V.cols();
    const double s = static_cast<double>(scale(h));
    const Index c = (std::min)(chunk(), length);
    length_ = length;
    take_keys(K);
    W_.resize(h, length);
    U_.resize(w, length);
    L_.resize(c, c);
    M_.resize(c, c);
    Q_.resize(h, c);
    O_.resize(w, c);
    entries_.resize(w, c == 0 ? 0 : h * ((length + c - 1) / c));
    for (Index i = 0, k = 0; i < length; i += c, ++k) {
      const Index b = (std::min)(c, length - i);
      const auto steps = beta.segment(i, b).array();
      const auto keys = K_.middleCols(i, b);
      auto queries = Q_.leftCols(b);
      auto out = O_.leftCols(b);
      auto L = L_.topLeftCorner(b, b);
      auto M = M_.topLeftCorner(b, b);
      auto W = W_.middleCols(i, b);
      auto U = U_.middleCols(i, b);
      queries = Q.middleRows(i, b).transpose();
      entries_.middleCols(k * h, h) = state_;
      lower_product(keys, keys, 1, false, L);
      L.array().colwise() *= steps;
      W = keys.array().rowwise() * steps.transpose();
      U = V.middleRows(i, b).transpose().array().rowwise() * steps.transpose();
      solve(L, W);
      solve(L, U);
      product(state_, W, U, -1, true);
      lower_product(queries, keys, s, true, M);
      product(state_, queries, out, s);
      product_with_transposed(U, M, out, 1, true);
      O.middleRows(i, b) = out.transpose();
      product_with_transposed(U, keys, state_, 1, true);
    }
  }

  void back(const Input& Q, const Input& K, const Input& V, const InputVector& beta, const Input& dO, Output& dQ,
            Output& dK, Output& dV, OutputVector& dbeta) {
    const Index length = K.rows(), h = K.cols(), w = V.cols();
    const double s = static_cast<double>(scale(h));
    const Index c = (std::min)(chunk(), length);
    for (Matrix* tile : {&dM_, &G_}) tile->resize(c, c);
    for (Matrix* tile : {&Y_W_, &dZ_}) tile->resize(h, c);
    for (Matrix* tile : {&Y_U_, &solved_}) tile->resize(w, c);
    for (Index k = c == 0 ? 0 : (length + c - 1) / c; k-- > 0;) {
      const Index i = k * c;
      const Index b = (std::min)(c, length - i);
      const auto steps = beta.segment(i, b).array();
      const auto keys = K_.middleCols(i, b);
      const auto W = W_.middleCols(i, b);
      const auto U = U_.middleCols(i, b);
      const auto S = entries_.middleCols(k * h, h);
      auto queries = Q_.leftCols(b);
      auto out = O_.leftCols(b);
      auto G = G_.topLeftCorner(b, b);
      auto L = L_.topLeftCorner(b, b);
      auto M = M_.topLeftCorner(b, b);
      auto dM = dM_.topLeftCorner(b, b);
      auto Y_W = Y_W_.leftCols(b);
      auto Y_U = Y_U_.leftCols(b);
      auto dZ = dZ_.leftCols(b);
      auto solved = solved_.leftCols(b);
      queries = Q.middleRows(i, b).transpose();
      out = dO.middleRows(i, b).transpose();
      lower_product(keys, keys, 1, false, G);
      L = G.array().colwise() * steps;
      lower_product(queries, keys, s, true, M);
      lower_product(out, U, 1, true, dM);
      product_of_transposed(S, out, dZ, s);
      product_with_transposed(keys, dM, dZ, s, true);
      dQ.middleRows(i, b) = dZ.transpose();
      product_of_transposed(dS_, U, dZ);
      product(queries, dM, dZ, s, true);
      product(dS_, keys, Y_U);
      product(out, M, Y_U, 1, true);           // the gradient of U
      product_of_transposed(S, Y_U, Y_W, -1);  // and of W
      product_with_transposed(out, queries, dS_, s, true);
      product_with_transposed(Y_U, W, dS_, -1, true);
      solve_transposed(L, Y_W);
      solve_transposed(L, Y_U);
      // Through A, with A^-1 diag(beta) V = U + W S'.
      solved = U;
      product(S, W, solved, 1, true);
      auto& dA = dM;
      product_of_transposed(Y_W, W, dA, -1);
      product_of_transposed(Y_U, solved, dA, -1, true);
      clear_above(false, dA);
      dbeta.segment(i, b) = Y_W.cwiseProduct(keys).colwise().sum().transpose();
      dbeta.segment(i, b) += dA.cwiseProduct(G).rowwise().sum();
      out = V.middleRows(i, b).transpose();
      dbeta.segment(i, b) += Y_U.cwiseProduct(out).colwise().sum().transpose();
      dV.middleRows(i, b) = (Y_U.array().rowwise() * steps.transpose()).matrix().transpose();
      dZ.array() += Y_W.array().rowwise() * steps.transpose();
      dA.array().colwise() *= steps;
      product_with_transposed(keys, dA, dZ, 1, true);
      product(keys, dA, dZ, 1, true);
      if (options_.normalize_keys) through_norms(i, dZ);
      dK.middleRows(i, b) = dZ.transpose();
    }
  }
  void through_norms(Index first, auto& gradient) const {
    for (Index t = 0; t < gradient.cols(); ++t) {
      const auto key = K_.col(first + t);
      if (norms_(first + t) > static_cast<T>(least_norm)) gradient.col(t) -= gradient.col(t).dot(key) * key;
      gradient.col(t) /= norms_(first + t);
    }
  }

  DeltaRuleOptions options_;
  Index length_ = none;  // of the last forward in chunks
  Matrix state_;
  // Tokens are columns here, next to one another in memory.
  Matrix K_;               // normalized
  Vector norms_;           // what the keys were divided by
  Matrix W_, U_;           // of all chunks
  Matrix entries_;         // the states before the chunks, side by side
  Matrix Q_, O_;           // of a chunk
  Matrix L_, M_, dM_, G_;  // A - I, tril(Q K'), its gradient and later that of A, tril(K K', -1)
  Matrix Y_W_, Y_U_, dZ_;  // gradients: through A, and of queries or keys
  Matrix solved_;          // A^-1 diag(beta) V
  Matrix dS_;
};

}  // namespace glissade
