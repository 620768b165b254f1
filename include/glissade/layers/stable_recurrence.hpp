// Recurrences with long memory that training does not make unstable.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "../core/checks.hpp"
#include "../core/random.hpp"
#include "layer.hpp"

namespace glissade {

/// How a decay rate is made from a parameter.
enum class RateMap {
  direct,         // lambda = theta: may become negative
  exponential,    // lambda = exp(theta)
  softplus,       // lambda = log(1 + exp(theta))
  inverse_square  // lambda = 1 / (a theta^2 + b), in (0, 1 / b]
};

/// The decay rate lambda = f(theta) > 0 of a memory exp(-lambda t), for those who train theta instead: a step of theta
/// then changes lambda little where lambda is small, and never its sign.
///
///     lambda = f(theta),   dtheta = f'(theta) dlambda
///
///     StableRate rate{.map = RateMap::inverse_square};
///     const double lambda = rate(x(0)), slope = rate.derivative(x(0)), theta = rate.inverse(lambda);
///
/// Options: a > 0 and b > 0 of inverse_square; check() looks at them. inverse is that of the positive branch there;
/// it throws std::invalid_argument for a lambda that no theta gives.
/// Guarantee: where theta moves by delta, the kernel's relative change in the norm L1 is
/// |lambda(theta) / lambda(theta - delta) - 1|: for delta = 1e-3 and lambda = 0.0011 10 for direct, but 1e-3 for
/// exponential and softplus, and 7e-5 for inverse_square with a = 1, b = 1/2.
/// Source: "StableSSM: Alleviating the Curse of Memory in State-space Models through Stable Reparameterization", 2023,
/// arXiv 2311.14495, which could not be read here: the maps are those of its authors' code, inverse_square from memory.
struct StableRate {
  RateMap map = RateMap::inverse_square;
  double a = 1;
  double b = 0.5;

  void check() const {
    require("StableRate", "map", map, RateMap::inverse_square);
    require("StableRate", "a", a, range::positive);
    require("StableRate", "b", b, range::positive);
  }
  [[nodiscard]] double operator()(double theta) const {
    switch (map) {
      case RateMap::direct:
        break;
      case RateMap::exponential:
        return std::exp(theta);
      case RateMap::softplus:  // exp does not overflow
        return std::max(theta, 0.0) + std::log1p(std::exp(-std::abs(theta)));
      case RateMap::inverse_square:
        return 1 / (a * theta * theta + b);
    }
    return theta;
  }
  [[nodiscard]] double derivative(double theta) const {
    switch (map) {
      case RateMap::direct:
        break;
      case RateMap::exponential:
        return std::exp(theta);
      case RateMap::softplus:
        return 1 / (1 + std::exp(-theta));
      case RateMap::inverse_square: {
        const double rate = (*this)(theta);
        return -2 * a * theta * rate * rate;
      }
    }
    return 1;
  }
  [[nodiscard]] double inverse(double rate) const {
    const Range allowed = map == RateMap::direct           ? range::finite
                          : map == RateMap::inverse_square ? Range{0, 1 / b, true, false}
                                                           : range::positive;
    require("StableRate::inverse", "lambda", rate, allowed);
    switch (map) {
      case RateMap::direct:
        break;
      case RateMap::exponential:
        return std::log(rate);
      case RateMap::softplus:
        return rate + std::log(-std::expm1(-rate));
      case RateMap::inverse_square:
        return std::sqrt(std::max(0.0, (1 / rate - b) / a));
    }
    return rate;
  }
};

struct StableRecurrenceOptions {
  StableRate rate = {};
  double time_step = 0.1;  // > 0
  double slowest = 0.01;   // rates start between the two, evenly in their logarithms; 0 < slowest <= fastest
  double fastest = 1;      // and no larger than what the map gives
  std::uint64_t seed = 0;
};

/// A recurrence whose states forget at rates of their own, which are trained and stay positive, for sequences with long
/// memory.
///
///     u_t = W x_t + bias,   h_(t+1) = h_t + time_step tanh(u_t - lambda o h_t),   lambda = f(theta),   y_t = h_(t+1)
///     back in time:  dh <- dh + dy_t,   da = time_step dh (1 - tanh^2),   du_t = da,
///     dlambda -= da o h_t,   dh <- dh - lambda o da;   dtheta = f'(theta) dlambda,   dW = sum du x',   dx = W' du
///
///     StableRecurrence<float> layer(inputs, outputs);
///     auto gradients = gradients_of(layer);               // "W", "bias", "theta"
///     Optimizer optimizer{AdamW{}, layer};
///     layer.forward(X, O);   layer.backward(X, dO, gradients);   optimizer.step(gradients);
///
/// Tokens are in rows: X L x n, Y L x m; W m x n, bias and theta m; outputs are sized before the call. The state starts
/// at zero; a sequence may be empty. W starts uniform in +-1/sqrt(n), bias at 0.
/// Cost: 2 L n m flops and L m tanh forward, twice the flops backward with dX. Keeps 3 L m scalars. Nothing is taken
/// from the heap after the first call with a length.
/// Errors: std::invalid_argument for shapes and options; std::logic_error for a backward without its forward. Pitfall:
/// the step is stable for time_step lambda <= 2 alone.
/// Source: that of StableRate; the recurrence is that of its authors' code with a diagonal matrix.
template <class T>
class StableRecurrence {
 public:
  static constexpr std::string_view name = "StableRecurrence";
  static constexpr bool tokens_in_rows = true;
  using Scalar = T;
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;

  Matrix W;
  Vector bias, theta;

  StableRecurrence(Index inputs, Index outputs, const StableRecurrenceOptions& options = {}) : options_(options) {
    if (inputs < 1 || outputs < 1)
      throw std::invalid_argument("StableRecurrence: inputs and outputs are " + shape_text(inputs, outputs) +
                                  ", must be at least 1 x 1");
    options.rate.check();
    require(name, "time_step", options.time_step, range::positive);
    require(name, "slowest", options.slowest, range::positive);
    require(name, "fastest", options.fastest, Range{options.slowest, range::positive.high, false, true});
    W.resize(outputs, inputs);
    bias.setZero(outputs);
    theta.resize(outputs);
    const double bound = 1 / std::sqrt(static_cast<double>(inputs));
    fill_uniform(W, bound, RandomKey{options.seed});
    const double steps = static_cast<double>(outputs > 1 ? outputs - 1 : 1);
    for (Index i = 0; i < outputs; ++i)
      theta(i) = static_cast<T>(options.rate.inverse(
          options.slowest * std::pow(options.fastest / options.slowest, static_cast<double>(i) / steps)));
  }

  [[nodiscard]] Index inputs() const { return W.cols(); }
  [[nodiscard]] Index outputs() const { return W.rows(); }
  [[nodiscard]] const StableRecurrenceOptions& options() const { return options_; }
  /// lambda
  [[nodiscard]] Vector rates() const {
    return theta.unaryExpr([&](T value) { return static_cast<T>(options_.rate(static_cast<double>(value))); });
  }

  void forward(const Input& X, Output Y) {
    check("StableRecurrence::forward", X, Y);
    const Index m = outputs(), length = X.rows();
    const T step = static_cast<T>(options_.time_step);
    rates_ = theta;
    for (Index i = 0; i < m; ++i) rates_(i) = static_cast<T>(options_.rate(static_cast<double>(theta(i))));
    activations_.resize(m, length);
    states_.setZero(m, length + 1);
    product_with_transposed(W, X, activations_);
    for (Index t = 0; t < length; ++t) {
      auto active = activations_.col(t).array();
      active = (active + bias.array() - rates_.array() * states_.col(t).array()).tanh();
      states_.col(t + 1) = states_.col(t) + step * active.matrix();
    }
    Y = states_.rightCols(length).transpose();
  }

  /// After forward(X, Y): the gradients of the loss from that of Y.
  void backward(const Input& X, const Input& dY, LayerGradients<T>& gradients, Output dX) {
    require_shape("StableRecurrence::backward", "dX", dX, X.rows(), X.cols());
    backward(X, dY, gradients);
    product_of_transposed(back_, W, dX);
  }
  /// The same without the gradient of the input.
  void backward(const Input& X, const Input& dY, LayerGradients<T>& gradients) {
    constexpr auto where = "StableRecurrence::backward";
    check(where, X, dY);
    require_gradients(where, *this, gradients);
    const Index m = outputs(), length = X.rows();
    if (states_.cols() != length + 1)
      throw std::logic_error("StableRecurrence::backward: no forward was called with " + std::to_string(length) +
                             " tokens before");
    const T step = static_cast<T>(options_.time_step);
    auto d_rates = gradients["theta"].col(0).array();
    d_rates.setZero();
    dh_.setZero(m);
    back_.resize(m, length);
    for (Index t = length; t-- > 0;) {
      const auto active = activations_.col(t).array();
      auto da = back_.col(t).array();
      dh_ += dY.row(t).transpose();
      da = step * dh_.array() * (1 - active.square());
      d_rates -= da * states_.col(t).array();
      dh_.array() -= rates_.array() * da;
    }
    for (Index i = 0; i < m; ++i) d_rates(i) *= static_cast<T>(options_.rate.derivative(static_cast<double>(theta(i))));
    product(back_, X, gradients["W"]);
    gradients["bias"] = back_.rowwise().sum();
  }

  void parameters(auto&& visit) { list(*this, visit); }
  void parameters(auto&& visit) const { list(*this, visit); }
  static void visit(auto& self, auto&& field) { list(self, field); }

 private:
  static void list(auto& self, auto&& visit) {
    visit("W", self.W);
    visit("bias", self.bias);
    visit("theta", self.theta);
  }
  void check(const char* where, const Input& X, const Input& Y) const {
    require_shape(where, "X", X, X.rows(), inputs());
    require_shape(where, "Y", Y, X.rows(), outputs());
    require_shape(where, "bias", bias, outputs(), 1);
    require_shape(where, "theta", theta, outputs(), 1);
  }

  StableRecurrenceOptions options_;
  Matrix states_;       // before every token and after the last, in columns
  Matrix activations_;  // tanh
  Matrix back_;         // du of the last backward
  Vector rates_, dh_;
};

}  // namespace glissade
