// A network with one hidden layer that learns from another one.
#pragma once

#include <Eigen/Core>

#include <cmath>

#include "../core/random.hpp"
#include "formula.hpp"

namespace glissade::problems {

/// Student and teacher: f = (1/2n) sum of |W2 tanh(W1 a_i + b1) + b2 - y_i|^2, where the y_i come from a network of the
/// same shape, so that the minimum is 0: a non-convex finite sum.
///
/// x holds W1, b1, W2, b2, matrices column by column. value, value_and_gradient, hessian_vector; of terms: size,
/// batch_value, batch_gradient, batch_hessian_vector. teacher() is one global minimizer.
/// Cost: 6 * inputs * hidden flops and as much for the second layer for each sample; one sample's activations are kept
/// as workspace, so one object must not be used by two threads at a time.
/// Errors: std::invalid_argument for a size below 1.
class SmallNetwork {
 public:
  static constexpr std::string_view name = "SmallNetwork";
  struct Shape {
    Index inputs = 4;
    Index hidden = 5;
    Index outputs = 2;
    Index samples = 50;
  };

  SmallNetwork() : SmallNetwork(Shape{}) {}
  explicit SmallNetwork(Shape shape, std::uint64_t seed = 0) : shape_(shape) {
    for (const Index s : {shape.inputs, shape.hidden, shape.outputs, shape.samples})
      require(name, "size", static_cast<double>(s), range::at_least_one);
    teacher_ = random(seed, 0, dimension());
    inputs_ = random(seed, 1, shape.inputs * shape.samples).reshaped(shape.inputs, shape.samples);
    hidden_.setZero(shape.hidden);
    back_.setZero(shape.hidden);
    tangent_.setZero(shape.hidden);
    error_.setZero(shape.outputs);
    moved_.setZero(shape.outputs);
    targets_.setZero(shape.outputs, shape.samples);
    for (Index i = 0; i < shape.samples; ++i) {
      forward(parts(teacher_), i);
      targets_.col(i) = error_;
    }
  }

  [[nodiscard]] Index dimension() const {
    return shape_.hidden * (shape_.inputs + 1) + shape_.outputs * (shape_.hidden + 1);
  }
  [[nodiscard]] Index size() const { return shape_.samples; }
  [[nodiscard]] const Eigen::VectorXd& teacher() const { return teacher_; }
  [[nodiscard]] Eigen::VectorXd start(std::uint64_t seed = 0) const { return 0.5 * random(seed, 2, dimension()); }
  static double minimum() { return 0; }

  [[nodiscard]] double value(const auto& x) const { return mean_value(x, size(), all); }
  [[nodiscard]] double batch_value(const auto& x, const auto& indices) const {
    return mean_value(x, count(indices), listed(indices));
  }
  double value_and_gradient(const auto& x, auto&& g) const { return gradient(x, size(), all, g); }
  double batch_gradient(const auto& x, const auto& indices, auto&& g) const {
    return gradient(x, count(indices), listed(indices), g);
  }
  void hessian_vector(const auto& x, const auto& v, auto&& Hv) const { product(x, size(), all, v, Hv); }
  void batch_hessian_vector(const auto& x, const auto& indices, const auto& v, auto&& Hv) const {
    product(x, count(indices), listed(indices), v, Hv);
  }

 private:
  template <class Scalar>
  struct Parts {
    template <int Columns>
    using Plain = Eigen::Matrix<double, Eigen::Dynamic, Columns>;
    template <int Columns>
    using Map = Eigen::Map<std::conditional_t<std::is_const_v<Scalar>, const Plain<Columns>, Plain<Columns>>>;
    Map<Eigen::Dynamic> W1;
    Map<1> b1;
    Map<Eigen::Dynamic> W2;
    Map<1> b2;
  };
  template <class Scalar>
  [[nodiscard]] Parts<Scalar> split(Scalar* p) const {
    const Index h = shape_.hidden;
    const Index first = h * shape_.inputs;
    const Index second = first + h;
    const Index third = second + shape_.outputs * h;
    return {{p, h, shape_.inputs}, {p + first, h}, {p + second, shape_.outputs, h}, {p + third, shape_.outputs}};
  }
  [[nodiscard]] Parts<const double> parts(const auto& x) const {
    detail::require_size(name, "x", x.size(), dimension());
    return split<const double>(x.data());
  }

  static constexpr auto all = [](Index k) { return k; };
  static auto listed(const auto& indices) {
    return [&indices](Index k) { return static_cast<Index>(indices[static_cast<std::size_t>(k)]); };
  }
  static Index count(const auto& indices) {
    if (indices.size() == 0) throw std::invalid_argument(std::string(name) + ": an empty batch");
    return static_cast<Index>(indices.size());
  }
  static Eigen::VectorXd random(std::uint64_t seed, std::uint64_t stream, Index n) {
    Eigen::VectorXd out(n);
    for (Index i = 0; i < n; ++i) out[i] = RandomKey{seed}.derive(stream).normal(static_cast<std::uint64_t>(i));
    return out;
  }

  /// hidden_ and, in error_, the output.
  void forward(const auto& w, Index i) const {
    hidden_.noalias() = w.W1 * inputs_.col(i);
    hidden_ = (hidden_ + w.b1).array().tanh().matrix();
    error_.noalias() = w.W2 * hidden_;
    error_ += w.b2;
  }

  double mean_value(const auto& x, Index batch, auto index) const {
    const auto w = parts(x);
    double sum = 0;
    for (Index k = 0; k < batch; ++k) {
      forward(w, index(k));
      sum += (error_ - targets_.col(index(k))).squaredNorm();
    }
    return 0.5 * sum / static_cast<double>(batch);
  }

  double gradient(const auto& x, Index batch, auto index, auto&& g) const {
    const auto w = parts(x);
    detail::reshape(g, dimension());
    g.setZero();
    auto out = split<double>(g.data());
    double sum = 0;
    for (Index k = 0; k < batch; ++k) {
      const Index i = index(k);
      forward(w, i);
      error_ -= targets_.col(i);
      sum += error_.squaredNorm();
      back_.noalias() = w.W2.transpose() * error_;
      back_.array() *= 1 - hidden_.array().square();
      out.W1.noalias() += back_ * inputs_.col(i).transpose();
      out.b1 += back_;
      out.W2.noalias() += error_ * hidden_.transpose();
      out.b2 += error_;
    }
    g /= static_cast<double>(batch);
    return 0.5 * sum / static_cast<double>(batch);
  }

  /// The derivative of the gradient along v, by differentiating both passes.
  void product(const auto& x, Index batch, auto index, const auto& v, auto&& Hv) const {
    const auto w = parts(x);
    const auto d = parts(v);
    detail::reshape(Hv, dimension());
    Hv.setZero();
    auto out = split<double>(Hv.data());
    for (Index k = 0; k < batch; ++k) {
      const Index i = index(k);
      forward(w, i);
      error_ -= targets_.col(i);
      tangent_.noalias() = d.W1 * inputs_.col(i);  // of the hidden layer's input, then of its output
      tangent_ += d.b1;
      tangent_.array() *= 1 - hidden_.array().square();
      moved_.noalias() = w.W2 * tangent_;  // of the output
      moved_.noalias() += d.W2 * hidden_;
      moved_ += d.b2;
      out.W2.noalias() += moved_ * hidden_.transpose();
      out.W2.noalias() += error_ * tangent_.transpose();
      out.b2 += moved_;
      back_.noalias() = w.W2.transpose() * moved_;
      back_.noalias() += d.W2.transpose() * error_;
      back_.array() *= 1 - hidden_.array().square();
      tangent_.array() *= -2 * hidden_.array();
      for (Index h = 0; h < shape_.hidden; ++h) back_[h] += tangent_[h] * w.W2.col(h).dot(error_);
      out.W1.noalias() += back_ * inputs_.col(i).transpose();
      out.b1 += back_;
    }
    Hv /= static_cast<double>(batch);
  }

  Shape shape_;
  Eigen::VectorXd teacher_;
  Eigen::MatrixXd inputs_, targets_;
  mutable Eigen::VectorXd hidden_, back_, tangent_, error_, moved_;
};

}  // namespace glissade::problems
