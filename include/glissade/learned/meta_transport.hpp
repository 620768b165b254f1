// First guesses for optimal transport from a network: problems of one kind, solved faster the more were seen.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "../core/random.hpp"
#include "sinkhorn.hpp"

namespace glissade {

/// A network that guesses the potential f of transport problems with the same points, and other masses each time.
///
///     f = W2 relu(W1 (n a; m b) + b1) + b2            a, b with the sum 1: n a and m b are 1 in the mean
///
///     MetaTransport guesser({.rows = from.size(), .columns = to.size(), .hidden = 64});
///     Eigen::VectorXd weights = guesser.weights(), dw;
///     RuleState<double> memory;
///     for (int k = 0; k < 1000; ++k) {  // with other masses each time
///       guesser.loss({costs, from, to}, 0.01, dw);
///       step(Adam{}, memory, weights, dw);
///       guesser.set_weights(weights);
///     }
///     const SinkhornSolution found = sinkhorn({costs, from, to}, {}, guesser.guess(from, to));
///
/// loss is transport_loss, -dual of the guess with the best g for it, which needs no solved problems; with `solved` it
/// is instead |f - solved|^2 / n, from both of which the means over points with mass were taken, for f is defined up to
/// a constant. Both leave the derivative by the weights in dw.
/// The weights are one vector, W1, b1, W2, b2, matrices column by column. They start as N(0, 2 / columns), biases as 0;
/// W2 starts as 0, so that the first guess is f = 0.
/// Cost: a guess 2 hidden (2 n + m) flops, its derivative twice that, transport_loss 2 n m exp.
/// Errors: std::invalid_argument for shapes, and for what TransportProblem::check says.
/// Source: "Meta Optimal Transport", 2022, arXiv 2206.05262; "Tutorial on amortized optimization", 2022, arXiv
/// 2202.00665. Deviation: one hidden layer in place of three.
class MetaTransport {
 public:
  static constexpr std::string_view name = "MetaTransport";
  using Index = Eigen::Index;
  using MatrixXd = Eigen::MatrixXd;
  using VectorXd = Eigen::VectorXd;

  struct Sizes {
    std::int64_t rows = 1;      // n, >= 1
    std::int64_t columns = 1;   // m, >= 1
    std::int64_t hidden = 128;  // >= 1
  };

  explicit MetaTransport(const Sizes& sizes, std::uint64_t seed = 0) : sizes_(sizes) {
    require(name, "rows", static_cast<double>(sizes.rows), range::at_least_one);
    require(name, "columns", static_cast<double>(sizes.columns), range::at_least_one);
    require(name, "hidden", static_cast<double>(sizes.hidden), range::at_least_one);
    weights_.setZero(sizes.hidden * (inputs() + 1) + sizes.rows * (sizes.hidden + 1));
    const RandomKey key{seed};
    for (Index i = 0; i < sizes.hidden * inputs(); ++i)
      weights_[i] = key.normal(static_cast<std::uint64_t>(i)) * std::sqrt(2.0 / static_cast<double>(inputs()));
  }

  [[nodiscard]] const VectorXd& weights() const { return weights_; }
  void set_weights(const Eigen::Ref<const VectorXd>& weights) {
    require_shape(name, "weights", weights, weights_.size(), 1);
    if (!weights.allFinite()) throw std::invalid_argument("MetaTransport: a weight is not finite");
    weights_ = weights;
  }

  [[nodiscard]] VectorXd guess(const VectorXd& a, const VectorXd& b) const {
    require_shape(name, "a", a, sizes_.rows, 1);
    require_shape(name, "b", b, sizes_.columns, 1);
    return output(hidden(input(a, b)));
  }

  /// -dual of the guess, and its derivative by the weights.
  double loss(const TransportProblem& problem, double epsilon, VectorXd& dw) const {
    problem.check();
    const VectorXd x = checked_input(problem), h = hidden(x);
    VectorXd g, df;
    const double value = transport_loss(problem, output(h), epsilon, g, df);
    backward(x, h, df, dw);
    return value;
  }
  /// The squared distance from a solution, per point, and its derivative by the weights.
  double loss(const TransportProblem& problem, const VectorXd& solved, VectorXd& dw) const {
    problem.check();
    detail::check_potential(problem, solved);
    const VectorXd x = checked_input(problem), h = hidden(x);
    const Eigen::ArrayXd mass = (problem.a.array() > 0).cast<double>();
    VectorXd apart = (mass > 0).select((output(h) - solved).array(), 0.0);
    apart = (mass > 0).select(apart.array() - apart.sum() / mass.sum(), 0.0);
    const auto n = static_cast<double>(sizes_.rows);
    backward(x, h, apart * (2 / n), dw);
    return apart.squaredNorm() / n;
  }

  static void visit(auto& self, auto&& field) { field("weights", self.weights_); }

 private:
  [[nodiscard]] Index inputs() const { return sizes_.rows + sizes_.columns; }
  [[nodiscard]] Index output_weights() const { return sizes_.hidden * (inputs() + 1); }

  [[nodiscard]] VectorXd checked_input(const TransportProblem& problem) const {
    require_shape(name, "costs", problem.costs, sizes_.rows, sizes_.columns);
    return input(problem.a, problem.b);
  }
  [[nodiscard]] VectorXd input(const VectorXd& a, const VectorXd& b) const {
    VectorXd x(inputs());
    x << static_cast<double>(sizes_.rows) * a, static_cast<double>(sizes_.columns) * b;
    return x;
  }
  [[nodiscard]] VectorXd hidden(const VectorXd& x) const {
    const Eigen::Map<const MatrixXd> W1(weights_.data(), sizes_.hidden, inputs());
    VectorXd h = weights_.segment(sizes_.hidden * inputs(), sizes_.hidden);
    h.noalias() += W1 * x;
    return h.cwiseMax(0);
  }
  [[nodiscard]] VectorXd output(const VectorXd& h) const {
    const Eigen::Map<const MatrixXd> W2(weights_.data() + output_weights(), sizes_.rows, sizes_.hidden);
    VectorXd f = weights_.tail(sizes_.rows);
    f.noalias() += W2 * h;
    return f;
  }
  void backward(const VectorXd& x, const VectorXd& h, const VectorXd& df, VectorXd& dw) const {
    dw.resize(weights_.size());
    const Eigen::Map<const MatrixXd> W2(weights_.data() + output_weights(), sizes_.rows, sizes_.hidden);
    VectorXd dh(sizes_.hidden);
    dh.noalias() = W2.transpose() * df;
    dh = (h.array() > 0).select(dh, 0.0);
    Eigen::Map<MatrixXd>(dw.data(), sizes_.hidden, inputs()).noalias() = dh * x.transpose();
    dw.segment(sizes_.hidden * inputs(), sizes_.hidden) = dh;
    Eigen::Map<MatrixXd>(dw.data() + output_weights(), sizes_.rows, sizes_.hidden).noalias() = df * h.transpose();
    dw.tail(sizes_.rows) = df;
  }

  Sizes sizes_;
  VectorXd weights_;
};

}  // namespace glissade
