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
#include "../layer.hpp"
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
///     auto gradients = gradients_of(head);               // "query.A", "query.B", ..., "value.B"
///     Optimizer optimizer{AdamW{}, head};
///     head.forward(X, O);   head.backward(X, dO, gradients);   optimizer.step(gradients);
///
/// Tokens are in rows: X L x d, W*_i d x h, B_i d x r, A_i r x h, O L x h; outputs are sized before the call. That is
/// LoraLayer transposed: its B is A' here, its A is B'. B starts at 0, A uniform in +-1/sqrt(h), so the head starts as
/// it was. One sequence per call, which may be empty: backward writes the gradients, and where it is given none those
/// beside the factors, query.dA and so on. dX is the whole gradient of the input, also
/// through frozen weights and through keys that are not adapted. With form = polynomial, forward may decline: it
/// returns false, O is not to be used, and plan().text() says why. Then set_form(AttentionForm::exact) and forward
/// again, or let `automatic` do so. Its gradients are the exact formula with approximate weights: see
/// PolynomialAttention.
/// Cost: that of the attention, and 6 L (d h + r (d + h)) flops forward, 6 L r (d + 2 h) backward, 6 L d (h + r) for
/// dX. Never an L x L or d x h array; keeps 6 L h + 4 L r scalars. Takes memory from the heap when the length changes.
/// Errors: std::invalid_argument for shapes and options; std::logic_error for a backward without its forward.
/// Source: "Computational Limits of Low-Rank Adaptation (LoRA) for Transformer-Based Models", 2024, arXiv 2406.03136.
template <class T>
class LoraAttention {
 public:
  static constexpr std::string_view name = "LoraAttention";
  static constexpr bool tokens_in_rows = true;
  using Scalar = T;
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
    require("LoraAttention", "form", options.form, AttentionForm::automatic);
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
  [[nodiscard]] Index outputs() const { return weights_[0].cols(); }
  [[nodiscard]] Index width() const { return weights_[0].cols(); }
  [[nodiscard]] double beta() const { return softmax_.beta(width()); }
  [[nodiscard]] double scale() const {
    const double r = options_.rank;
    return options_.alpha / (options_.rank_stabilized ? std::sqrt(r) : r);
  }
  void set_form(AttentionForm form) {
    require("LoraAttention", "form", form, AttentionForm::automatic);
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
    check(where, X, O);
    done_ = Done::nothing;
    for (std::size_t i = 0; i < 3; ++i) {
      Z_[i].resize(X.rows(), outputs());
      product(X, weights_[i], Z_[i]);
      if (!adapted(i)) continue;
      XB_[i].resize(X.rows(), options_.rank);
      product(X, of(i).B, XB_[i]);
      product(XB_[i], of(i).A, Z_[i], scale(), true);
    }
    if (X.rows() > 0 && options_.form != AttentionForm::exact) {
      if (try_polynomial(O)) {
        done_ = Done::polynomial;
        return true;
      }
      if (options_.form == AttentionForm::polynomial) return false;
    }
    softmax_.forward(Z_[0], Z_[1], Z_[2], O);
    done_ = Done::exact;
    return true;
  }

  /// After forward with the same X: the gradients of the factors from that of O.
  void backward(const Input& X, const Input& dO) { back(X, dO, beside_factors(), nullptr); }
  /// The same, and the gradient of the input.
  void backward(const Input& X, const Input& dO, Output dX) { back(X, dO, beside_factors(), &dX); }
  void backward(const Input& X, const Input& dO, LayerGradients<T>& gradients) {
    back(X, dO, targets_in(gradients), nullptr);
  }
  void backward(const Input& X, const Input& dO, LayerGradients<T>& gradients, Output dX) {
    back(X, dO, targets_in(gradients), &dX);
  }

  void parameters(auto&& visit) { list(*this, visit); }
  void parameters(auto&& visit) const { list(*this, visit); }
  static void visit(auto& self, auto&& field) {
    list(self, field);
    field("query.weight", self.weights_[0]);
    field("key.weight", self.weights_[1]);
    field("value.weight", self.weights_[2]);
  }

 private:
  enum class Done { nothing, exact, polynomial };

  /// Where the gradients of A and B of the three projections go.
  using Targets = std::array<std::array<Matrix*, 2>, 3>;

  static void list(auto& self, auto&& visit) {
    visit("query.A", self.query.A);
    visit("query.B", self.query.B);
    if (self.options_.adapt_keys) {
      visit("key.A", self.key.A);
      visit("key.B", self.key.B);
    }
    visit("value.A", self.value.A);
    visit("value.B", self.value.B);
  }
  [[nodiscard]] Targets beside_factors() {
    for (std::size_t i = 0; i < 3; ++i) {
      of(i).dA.resize(of(i).A.rows(), of(i).A.cols());
      of(i).dB.resize(of(i).B.rows(), of(i).B.cols());
    }
    return {{{&query.dA, &query.dB}, {&key.dA, &key.dB}, {&value.dA, &value.dB}}};
  }
  [[nodiscard]] Targets targets_in(LayerGradients<T>& gradients) {
    constexpr std::array names{std::array{"query.A", "query.B"}, std::array{"key.A", "key.B"},
                               std::array{"value.A", "value.B"}};
    Targets targets{};
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t k = 0; k < 2 && adapted(i); ++k) targets[i][k] = &gradients[names[i][k]];
    return targets;
  }

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

  void back(const Input& X, const Input& dO, const Targets& targets, Output* dX) {
    constexpr auto where = "LoraAttention::backward";
    check(where, X, dO);
    if (dX != nullptr) require_shape(where, "dX", *dX, X.rows(), X.cols());
    for (std::size_t i = 0; i < 3; ++i) {
      if (!adapted(i)) continue;
      require_shape(where, "dA", *targets[i][0], options_.rank, width());
      require_shape(where, "dB", *targets[i][1], inputs(), options_.rank);
    }
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
    const double s = scale();
    dZA_.resize(X.rows(), options_.rank);
    for (std::size_t i = 0; i < 3; ++i) {
      if (dX != nullptr) product_with_transposed(dZ_[i], weights_[i], *dX, 1, i > 0);
      if (!adapted(i)) continue;
      const LoraFactors<T>& f = of(i);
      product_with_transposed(dZ_[i], f.A, dZA_);
      product_of_transposed(XB_[i], dZ_[i], *targets[i][0], s);
      product_of_transposed(X, dZA_, *targets[i][1], s);
      if (dX != nullptr) product_with_transposed(dZA_, f.B, *dX, s, true);
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
