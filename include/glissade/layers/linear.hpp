// A linear layer.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "../core/checks.hpp"
#include "../core/random.hpp"
#include "layer.hpp"

namespace glissade {

struct LinearOptions {
  bool bias = true;
  std::uint64_t seed = 0;
};

/// A linear layer of which all is trained: what adapters are compared with.
///
///     Y = W X + bias 1'
///     dW = dY X',   dbias = dY 1,   dX = W' dY
///
///     LinearLayer<float> layer(outputs, inputs);
///     auto gradients = gradients_of(layer);
///     Optimizer optimizer{AdamW{}, layer};
///     layer.forward(X, Y);   layer.backward(X, dY, gradients, dX);   optimizer.step(gradients);
///
/// Shapes: W m x n, bias m, or 0 without, X n x b with samples in columns, Y m x b. Outputs are sized before the call.
/// W and bias start uniform in +-1/sqrt(n), or as given.
/// Cost: 2 m n b flops forward, 4 m n b backward with dX.
/// Errors: std::invalid_argument for shapes, std::logic_error for a backward without its forward.
template <class T>
class LinearLayer {
 public:
  static constexpr std::string_view name = "LinearLayer";
  using Scalar = T;
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;

  Matrix W;
  Vector bias;

  LinearLayer(Index outputs, Index inputs, const LinearOptions& options = {}) {
    if (outputs < 1 || inputs < 1)
      throw std::invalid_argument("LinearLayer: a layer of " + shape_text(outputs, inputs) +
                                  ", must be at least 1 x 1");
    W.resize(outputs, inputs);
    bias.resize(options.bias ? outputs : 0);
    const double bound = 1 / std::sqrt(static_cast<double>(inputs));
    fill_uniform(W, bound, RandomKey{options.seed}.derive(0));
    fill_uniform(bias, bound, RandomKey{options.seed}.derive(1));
  }
  /// Without a bias where it has no entries.
  explicit LinearLayer(Matrix weight, Vector bias_of_outputs = {})
      : W(std::move(weight)), bias(std::move(bias_of_outputs)) {
    if (W.size() < 1) throw std::invalid_argument("LinearLayer: the weight is empty");
    if (bias.size() > 0) require_shape("LinearLayer", "the bias", bias, W.rows(), 1);
  }

  [[nodiscard]] Index inputs() const { return W.cols(); }
  [[nodiscard]] Index outputs() const { return W.rows(); }

  void forward(const Input& X, Output Y) {
    check("LinearLayer::forward", X, Y);
    product(W, X, Y);
    if (bias.size() > 0) Y.colwise() += bias;
    samples_ = X.cols();
  }

  /// After forward(X, Y): the gradients of the loss from that of Y.
  void backward(const Input& X, const Input& dY, LayerGradients<T>& gradients, Output dX) {
    require_shape("LinearLayer::backward", "dX", dX, W.cols(), X.cols());
    backward(X, dY, gradients);
    product_of_transposed(W, dY, dX);
  }
  /// The same without the gradient of the input: the first layer needs none.
  void backward(const Input& X, const Input& dY, LayerGradients<T>& gradients) {
    constexpr auto where = "LinearLayer::backward";
    check(where, X, dY);
    require_gradients(where, *this, gradients);
    if (samples_ != X.cols())
      throw std::logic_error("LinearLayer::backward: no forward was called with " + std::to_string(X.cols()) +
                             " samples before");
    product_with_transposed(dY, X, gradients["W"]);
    if (bias.size() > 0) gradients["bias"] = dY.rowwise().sum();
  }

  void parameters(auto&& visit) { list(*this, visit); }
  void parameters(auto&& visit) const { list(*this, visit); }
  static void visit(auto& self, auto&& field) { list(self, field); }

 private:
  static void list(auto& self, auto&& visit) {
    visit("W", self.W);
    if (self.bias.size() > 0) visit("bias", self.bias);
  }
  void check(const char* where, const Input& X, const Input& Y) const {
    require_shape(where, "X", X, W.cols(), X.cols());
    require_shape(where, "Y", Y, W.rows(), X.cols());
    if (bias.size() > 0) require_shape(where, "bias", bias, W.rows(), 1);
  }

  Index samples_ = -1;  // of the last forward
};

}  // namespace glissade
