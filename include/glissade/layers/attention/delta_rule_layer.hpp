// A layer of the delta rule: projections of tokens around its memory.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "../../core/checks.hpp"
#include "../../core/random.hpp"
#include "../layer.hpp"
#include "delta_rule.hpp"

namespace glissade {

struct DeltaRuleLayerOptions {
  int key_width;  // h, >= 1
  DeltaRuleOptions rule = {};
  std::uint64_t seed = 0;
};

/// A head that reads and writes a memory as it goes over the tokens, for long sequences where attention, whose time
/// grows with the square of their number, is too slow.
///
///     Q = X W_query,   K = X W_key,   V = X W_value,   beta = sigmoid(X w_beta), twice that with rule.allow_negative
///     O = DeltaRule of (Q, K, V, beta), from a memory of zero
///     dW_i = X' dZ_i,   dw_beta = X' da,   da = dbeta beta (1 - sigmoid),   dX = sum_i dZ_i W_i' + da w_beta'
///
///     DeltaRuleLayer<float> head(inputs, outputs, {.key_width = 16});
///     auto gradients = gradients_of(head);
///     Optimizer optimizer{AdamW{}, head};
///     head.forward(X, O);   head.backward(X, dO, gradients);   optimizer.step(gradients);
///
/// Tokens are in rows: X L x n, O L x m; W_query and W_key n x h, W_value n x m, w_beta n; outputs are sized before the
/// call. A sequence may be empty. All start uniform in +-1/sqrt(n).
/// Cost: that of DeltaRule, and 2 L n (2 h + m) flops forward, twice that backward with dX. Keeps 2 L (2 h + m) scalars
/// besides. Nothing is taken from the heap after the first call with a length.
/// Errors: std::invalid_argument for shapes and options; std::logic_error for a backward without its forward.
/// Source: that of DeltaRule, without the paper's short convolutions and output norm.
template <class T>
class DeltaRuleLayer {
 public:
  static constexpr std::string_view name = "DeltaRuleLayer";
  static constexpr bool tokens_in_rows = true;
  using Scalar = T;
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;

  Matrix W_query, W_key, W_value;
  Vector w_beta;

  DeltaRuleLayer(Index inputs, Index outputs, const DeltaRuleLayerOptions& options) : rule_(options.rule) {
    if (inputs < 1 || outputs < 1)
      throw std::invalid_argument("DeltaRuleLayer: inputs and outputs are " + shape_text(inputs, outputs) +
                                  ", must be at least 1 x 1");
    require(name, "key_width", options.key_width, range::at_least_one);
    W_query.resize(inputs, options.key_width);
    W_key.resize(inputs, options.key_width);
    W_value.resize(inputs, outputs);
    w_beta.resize(inputs);
    const double bound = 1 / std::sqrt(static_cast<double>(inputs));
    std::uint64_t stream = 0;
    parameters([&](std::string_view, auto& parameter) {
      fill_uniform(parameter, bound, RandomKey{options.seed}.derive(stream++));
    });
  }

  [[nodiscard]] Index inputs() const { return W_query.rows(); }
  [[nodiscard]] Index outputs() const { return W_value.cols(); }
  [[nodiscard]] const DeltaRuleOptions& options() const { return rule_.options(); }
  /// The memory after the last token of the last forward.
  [[nodiscard]] const Matrix& state() const { return rule_.state(); }

  void forward(const Input& X, Output O) {
    check("DeltaRuleLayer::forward", X, O);
    const Index length = X.rows();
    project(X, W_query, Q_);
    project(X, W_key, K_);
    project(X, W_value, V_);
    project(X, w_beta, beta_);
    const T most = most_beta();
    for (Index t = 0; t < length; ++t) beta_(t) = most / (1 + std::exp(-beta_(t)));
    rule_.state_.setZero(outputs(), W_key.cols());
    rule_.run(Q_, K_, V_, beta_, O);  // not forward, which refuses a beta that is NaN
  }

  /// After forward(X, O): the gradients of the loss from that of O.
  void backward(const Input& X, const Input& dO, LayerGradients<T>& gradients, Output dX) {
    require_shape("DeltaRuleLayer::backward", "dX", dX, X.rows(), X.cols());
    backward(X, dO, gradients);
    product_with_transposed(dQ_, W_query, dX);
    product_with_transposed(dK_, W_key, dX, 1, true);
    product_with_transposed(dV_, W_value, dX, 1, true);
    product_with_transposed(dbeta_, w_beta, dX, 1, true);
  }
  /// The same without the gradient of the input.
  void backward(const Input& X, const Input& dO, LayerGradients<T>& gradients) {
    constexpr auto where = "DeltaRuleLayer::backward";
    check(where, X, dO);
    require_gradients(where, *this, gradients);
    if (Q_.rows() != X.rows() || Q_.cols() != W_query.cols())
      throw std::logic_error("DeltaRuleLayer::backward: forward was called with " + std::to_string(Q_.rows()) +
                             " tokens, backward with " + std::to_string(X.rows()));
    dQ_.resize(X.rows(), W_query.cols());
    dK_.resize(X.rows(), W_key.cols());
    dV_.resize(X.rows(), W_value.cols());
    dbeta_.resize(X.rows());
    rule_.backward(Q_, K_, V_, beta_, dO, dQ_, dK_, dV_, dbeta_);
    dbeta_.array() *= beta_.array() * (1 - beta_.array() / most_beta());
    product_of_transposed(X, dQ_, gradients["W_query"]);
    product_of_transposed(X, dK_, gradients["W_key"]);
    product_of_transposed(X, dV_, gradients["W_value"]);
    product_of_transposed(X, dbeta_, gradients["w_beta"]);
  }

  void parameters(auto&& visit) { list(*this, visit); }
  void parameters(auto&& visit) const { list(*this, visit); }
  static void visit(auto& self, auto&& field) { list(self, field); }

 private:
  static void list(auto& self, auto&& visit) {
    visit("W_query", self.W_query);
    visit("W_key", self.W_key);
    visit("W_value", self.W_value);
    visit("w_beta", self.w_beta);
  }
  static void project(const Input& X, const auto& W, auto& Z) {
    Z.resize(X.rows(), W.cols());
    product(X, W, Z);
  }
  [[nodiscard]] T most_beta() const { return T(rule_.options().allow_negative ? 2 : 1); }

  void check(const char* where, const Input& X, const Input& O) const {
    require_shape(where, "X", X, X.rows(), inputs());
    require_shape(where, "O", O, X.rows(), outputs());
    require_shape(where, "W_key", W_key, inputs(), W_query.cols());
    require_shape(where, "W_value", W_value, inputs(), outputs());
    require_shape(where, "w_beta", w_beta, inputs(), 1);
  }

  DeltaRule<T> rule_;
  Matrix Q_, K_, V_, dQ_, dK_, dV_;
  Vector beta_, dbeta_;
};

}  // namespace glissade
