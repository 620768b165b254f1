// LoRA of an attention head.
#pragma once

#include <Eigen/Core>

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "../../core/checks.hpp"
#include "../../core/random.hpp"
#include "../merging.hpp"
#include "polynomial_attention.hpp"
#include "softmax_attention.hpp"

namespace glissade {

enum class AttentionForm {
  exact,       // SoftmaxAttention
  polynomial,  // PolynomialAttention, which may decline
  automatic    // PolynomialAttention where it does not decline and is the faster one, else SoftmaxAttention
};

struct LoraAttentionOptions {
  int rank;                         // in [1, min(d, h)]
  double alpha = 1;                 // > 0
  bool rank_stabilized = false;     // rsLoRA: the scale is alpha / sqrt(r), else alpha / r
  bool adapt_keys = true;           // false: partial adaptation, of queries and values alone
  std::optional<double> beta = {};  // factor of the logits, > 0; empty: 1 / sqrt(h)
  AttentionForm form = AttentionForm::exact;
  double tolerance = 1e-3;         // of the polynomial form: relative error of every exp(S_ij), in (0, 1)
  std::optional<int> degree = {};  // of the polynomial, in [0, 1000]; empty: the smallest even one for the tolerance
  bool center_keys = true;         // subtract the mean key where that lowers the bound of the logits
  double max_bytes = 1 << 30;      // of its workspace, > 0
  std::uint64_t seed = 0;
};

/// The trainable matrices of one projection, and their gradients. Empty where the projection is not adapted.
template <class T>
struct LoraFactors {
  Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> A, B;    // r x h, d x r
  Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> dA, dB;  // of the last backward
};

/// An attention head with frozen projections and trainable corrections of low rank, for those who adapt a transformer
/// with r (d + h) parameters per projection instead of d h.
///
///     W_i = W*_i + s B_i A_i,   i = query, key, value          s = alpha / r, or alpha / sqrt(r)
///     Q = X W_query, K = X W_key, V = X W_value,   O = softmax(beta Q K') V
///     dB_i = s X' (dZ_i A_i'),   dA_i = s (X B_i)' dZ_i,   dX = sum_i dZ_i W_i',   dZ = (dQ, dK, dV)
///
///     LoraAttention<float> head(W_query, W_key, W_value, {.rank = 4, .alpha = 8});
///     Optimizer optimizer{AdamW{}, named("query.A", head.query.A), ..., named("value.B", head.value.B)};
///     head.forward(X, O);   head.backward(X, dO);   optimizer.step(head.query.dA, ..., head.value.dB);
///
/// Tokens are in rows: X L x d, W*_i d x h, B_i d x r, A_i r x h, O L x h; outputs are sized before the call. That is
/// LoraLayer transposed: its B is A' here, its A is B'. B starts at 0, A uniform in +-1/sqrt(h), so the head starts as
/// it was. One sequence per call: backward overwrites the gradients. dX is the whole gradient of the input, also
/// through frozen weights and through keys that are not adapted. With form = polynomial, forward may decline: it
/// returns false, O is not to be used, and plan().text() says why. Then set_form(AttentionForm::exact) and forward
/// again, or let `automatic` do so. Its gradients are the exact formula with approximate weights: see
/// PolynomialAttention.
/// Cost: that of the attention, and 6 L (d h + r (d + h)) flops forward, 6 L r (d + 2 h) backward, 6 L d (h + r) for
/// dX. Never an L x L or d x h array; keeps 6 L h + 4 L r scalars. Takes memory from the heap when the length changes,
/// and for Eigen's packing buffers in large products with X.
/// Errors: std::invalid_argument for shapes and options; std::logic_error for a backward without its forward.
/// Source: "Computational Limits of Low-Rank Adaptation (LoRA) for Transformer-Based Models", 2024, arXiv 2406.03136.
template <class T>
class LoraAttention {
 public:
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;

  LoraFactors<T> query, key, value;

  LoraAttention(Matrix query_weight, Matrix key_weight, Matrix value_weight, const LoraAttentionOptions& options)
      : options_(options),
        weights_{std::move(query_weight), std::move(key_weight), std::move(value_weight)},
        softmax_({.beta = options.beta}),
        polynomial_({.beta = options.beta,
                     .tolerance = options.tolerance,
                     .degree = options.degree,
                     .center_keys = options.center_keys,
                     .max_bytes = options.max_bytes}) {
    const Index d = inputs();
    const Index h = width();
    if (d < 1 || h < 1) throw std::invalid_argument("LoraAttention: the weight of the query is empty");
    require_shape("LoraAttention", "the weight of the key", weights_[1], d, h);
    require_shape("LoraAttention", "the weight of the value", weights_[2], d, h);
    const double most = static_cast<double>((std::min)(d, h));
    if (!(options.rank >= 1 && options.rank <= most))
      throw std::invalid_argument("LoraAttention: rank = " + std::to_string(options.rank) + " for weights of " +
                                  shape_text(d, h) + ", must be in [1, " + to_text(most) + "]");
    detail::require_positive<T>("LoraAttention", "alpha", options.alpha);
    const double bound = 1 / std::sqrt(static_cast<double>(h));
    for (std::uint64_t i = 0; i < 3; ++i) {
      if (!adapted(i)) continue;
      LoraFactors<T>& factors = of(i);
      const RandomKey random = RandomKey{options.seed}.derive(i);
      factors.A.resize(options.rank, h);
      for (Index k = 0; k < factors.A.size(); ++k)
        factors.A.data()[k] = static_cast<T>(bound * (2 * random.uniform(static_cast<std::uint64_t>(k)) - 1));
      factors.B.setZero(d, options.rank);
      factors.dA.setZero(options.rank, h);
      factors.dB.setZero(d, options.rank);
    }
  }

  [[nodiscard]] const LoraAttentionOptions& options() const { return options_; }
  [[nodiscard]] Index inputs() const { return weights_[0].rows(); }
  [[nodiscard]] Index width() const { return weights_[0].cols(); }
  [[nodiscard]] double beta() const { return softmax_.beta(width()); }
  [[nodiscard]] double scale() const {
    const double r = options_.rank;
    return options_.alpha / (options_.rank_stabilized ? std::sqrt(r) : r);
  }
  void set_form(AttentionForm form) {
    options_.form = form;
    done_ = Done::nothing;
  }
  /// Whether the last forward was the polynomial one.
  [[nodiscard]] bool is_polynomial() const { return done_ == Done::polynomial; }
  /// Of the polynomial form in the last forward that considered it.
  [[nodiscard]] const PolynomialPlan& plan() const { return plan_; }

  /// False if the polynomial form was asked for and declined.
  bool forward(const Input& X, Output O) {
    constexpr auto where = "LoraAttention::forward";
    if (X.rows() < 1) throw std::invalid_argument("LoraAttention::forward: the sequence is empty");
    check(where, X, O);
    done_ = Done::nothing;
    const T s = static_cast<T>(scale());
    for (std::size_t i = 0; i < 3; ++i) {
      Z_[i].noalias() = X * weights_[i];
      if (!adapted(i)) continue;
      XB_[i].noalias() = X * of(i).B;
      Z_[i].noalias() += s * XB_[i] * of(i).A;
    }
    if (options_.form != AttentionForm::exact && try_polynomial(O)) {
      done_ = Done::polynomial;
      return true;
    }
    if (options_.form == AttentionForm::polynomial) return false;
    softmax_.forward(Z_[0], Z_[1], Z_[2], O);
    done_ = Done::exact;
    return true;
  }

  /// After forward with the same X: the gradients of the factors from that of O.
  void backward(const Input& X, const Input& dO) { back(X, dO, nullptr); }
  /// The same, and the gradient of the input.
  void backward(const Input& X, const Input& dO, Output dX) {
    require_shape("LoraAttention::backward", "dX", dX, X.rows(), X.cols());
    back(X, dO, &dX);
  }

 private:
  enum class Done { nothing, exact, polynomial };

  [[nodiscard]] LoraFactors<T>& of(std::size_t i) { return i == 0 ? query : i == 1 ? key : value; }
  [[nodiscard]] bool adapted(std::size_t i) const { return i != 1 || options_.adapt_keys; }

  void check(const char* where, const Input& X, const Input& O) {
    require_shape(where, "X", X, X.rows(), inputs());
    require_shape(where, "O", O, X.rows(), width());
    for (std::size_t i = 0; i < 3; ++i) {
      if (!adapted(i)) continue;
      require_shape(where, "A", of(i).A, options_.rank, width());
      require_shape(where, "B", of(i).B, inputs(), options_.rank);
    }
  }

  bool try_polynomial(Output& O) {
    if (options_.form == AttentionForm::automatic) {
      plan_ = polynomial_.plan(Z_[0], Z_[1], width());
      if (!plan_.accepted() || !plan_.is_faster) return false;
    }
    plan_ = polynomial_.forward(Z_[0], Z_[1], Z_[2], O);
    return plan_.accepted();
  }

  void back(const Input& X, const Input& dO, Output* dX) {
    check("LoraAttention::backward", X, dO);
    if (done_ == Done::nothing) throw std::logic_error("LoraAttention::backward: no forward was done before");
    if (Z_[0].rows() != X.rows())
      throw std::logic_error("LoraAttention::backward: forward was called with " + std::to_string(Z_[0].rows()) +
                             " tokens, backward with " + std::to_string(X.rows()));
    for (Matrix& dZ : dZ_) dZ.resize(X.rows(), width());
    const bool keys = options_.adapt_keys || dX != nullptr;
    const auto attention = [&](auto& form) {
      if (keys)
        form.backward(Z_[0], Z_[1], Z_[2], dO, dZ_[0], dZ_[1], dZ_[2]);
      else
        form.backward(Z_[0], Z_[1], Z_[2], dO, dZ_[0], dZ_[2]);
    };
    if (done_ == Done::exact)
      attention(softmax_);
    else
      attention(polynomial_);
    const T s = static_cast<T>(scale());
    if (dX != nullptr) dX->setZero();
    for (std::size_t i = 0; i < 3; ++i) {
      if (dX != nullptr) dX->noalias() += dZ_[i] * weights_[i].transpose();
      if (!adapted(i)) continue;
      LoraFactors<T>& f = of(i);
      dZA_.noalias() = dZ_[i] * f.A.transpose();
      f.dB.noalias() = s * X.transpose() * dZA_;
      f.dA.noalias() = s * XB_[i].transpose() * dZ_[i];
      if (dX != nullptr) dX->noalias() += s * dZA_ * f.B.transpose();
    }
  }

  LoraAttentionOptions options_;
  std::array<Matrix, 3> weights_;  // of query, key and value
  SoftmaxAttention<T> softmax_;
  PolynomialAttention<T> polynomial_;
  PolynomialPlan plan_;
  Done done_ = Done::nothing;
  std::array<Matrix, 3> Z_, dZ_;  // queries, keys and values; their gradients
  std::array<Matrix, 3> XB_;
  Matrix dZA_;
};

}  // namespace glissade
