// Classification into several classes by a linear model.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <utility>

#include "formula.hpp"

namespace glissade::problems {

/// The mean cross entropy of a linear softmax classifier, plus (regularization / 2) |x|^2: a finite sum.
///
///     f_i(x) = log sum_k exp(<w_k, a_i>) - <w_y, a_i> + (regularization / 2) |x|^2
///
/// x holds the classes' weights w_0, w_1, ... one after the other. value, value_and_gradient, hessian,
/// hessian_vector; of terms: size, batch_value, batch_gradient, batch_hessian_vector, and sampled_gradient, with labels
/// drawn from the model itself, for SophiaG.
/// Cost: one pass over the rows that are asked for; `classes` doubles of workspace are kept, so one object must not be
/// used by two threads at a time.
/// Errors: std::invalid_argument for fewer than two classes, labels outside 0 ... classes - 1 or of another length,
/// features that are not finite, a negative regularization.
class SoftmaxRegression {
 public:
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  static constexpr std::string_view name = "SoftmaxRegression";

  SoftmaxRegression(Rows features, Eigen::VectorXi labels, Index classes, double regularization = 0)
      : features_(std::move(features)), labels_(std::move(labels)), classes_(classes), regularization_(regularization) {
    require(name, "regularization", regularization_, range::non_negative);
    require(name, "classes", static_cast<double>(classes_), Range{2});
    if (features_.rows() < 1 || features_.cols() < 1) throw std::invalid_argument(std::string(name) + ": no data");
    detail::require_size(name, "labels", labels_.size(), features_.rows());
    for (const int y : labels_) require(name, "label", y, Range{0, static_cast<double>(classes_ - 1)});
    detail::require_finite(name, "features", features_);
    p_.resize(classes_);
    q_.resize(classes_);
  }

  [[nodiscard]] Index dimension() const { return features_.cols() * classes_; }
  [[nodiscard]] Index size() const { return features_.rows(); }
  [[nodiscard]] Eigen::VectorXd start() const { return Eigen::VectorXd::Zero(dimension()); }

  /// A bound of f(x) - minimum from the gradient there; infinite without regularization.
  [[nodiscard]] double gap_bound(const auto& gradient) const { return gradient.squaredNorm() / (2 * regularization_); }

  [[nodiscard]] double value(const auto& x) const { return mean_value(x, size(), all); }
  [[nodiscard]] double batch_value(const auto& x, const auto& indices) const {
    return mean_value(x, count(indices), listed(indices));
  }

  double value_and_gradient(const auto& x, auto&& g) const { return gradient(x, size(), all, truth(), g); }
  double batch_gradient(const auto& x, const auto& indices, auto&& g) const {
    return gradient(x, count(indices), listed(indices), truth(), g);
  }

  /// The gradient over the batch with labels drawn from the model: term k takes the class where the running sum of
  /// probabilities passes uniform(k).
  double sampled_gradient(const auto& x, const auto& indices, auto&& uniform, auto&& g) const {
    const auto draw = [this, &uniform](Index, Index k) {
      double left = uniform(k);
      Index drawn = 0;
      while (drawn + 1 < classes_ && left >= p_[drawn]) left -= p_[drawn++];
      return drawn;
    };
    return gradient(x, count(indices), listed(indices), draw, g);
  }

  void hessian_vector(const auto& x, const auto& v, auto&& Hv) const { product(x, size(), all, v, Hv); }
  void batch_hessian_vector(const auto& x, const auto& indices, const auto& v, auto&& Hv) const {
    product(x, count(indices), listed(indices), v, Hv);
  }

  /// Blocks of (diag(p) - p p')_kl a a'.
  void hessian(const auto& x, auto&& H) const {
    const Index d = features_.cols();
    detail::reshape(H, dimension(), dimension());
    H.setZero();
    const double n = static_cast<double>(size());
    for (Index i = 0; i < size(); ++i) {
      probabilities(x, i);
      const auto a = features_.row(i).transpose();
      for (Index k = 0; k < classes_; ++k)
        for (Index l = 0; l <= k; ++l)
          H.block(k * d, l * d, d, d).noalias() += (p_[k] * ((k == l ? 1 : 0) - p_[l]) / n * a) * a.transpose();
    }
    H.template triangularView<Eigen::StrictlyUpper>() = H.transpose();
    H.diagonal().array() += regularization_;
  }

 private:
  static constexpr auto all = [](Index k) { return k; };
  static auto listed(const auto& indices) {
    return [&indices](Index k) { return static_cast<Index>(indices[static_cast<std::size_t>(k)]); };
  }
  static Index count(const auto& indices) {
    if (indices.size() == 0) throw std::invalid_argument(std::string(name) + ": an empty batch");
    return static_cast<Index>(indices.size());
  }
  /// The data's own label, of a term and its place in the batch.
  struct Truth {
    const Eigen::VectorXi& labels;
    Index operator()(Index i, Index) const { return static_cast<Index>(labels[i]); }
  };
  [[nodiscard]] Truth truth() const { return {labels_}; }
  auto weights(auto&& x, Index k) const { return x.segment(k * features_.cols(), features_.cols()); }

  /// Sets p_ to the softmax of the scores of row i; returns the logarithm of the sum of exponentials and leaves the
  /// scores in q_.
  double probabilities(const auto& x, Index i) const {
    detail::require_size(name, "x", x.size(), dimension());
    for (Index k = 0; k < classes_; ++k) q_[k] = features_.row(i).dot(weights(x, k));
    const double largest = q_.maxCoeff();
    p_ = (q_.array() - largest).exp().matrix();
    const double sum = p_.sum();
    p_ /= sum;
    return largest + std::log(sum);
  }

  double mean_value(const auto& x, Index batch, auto index) const {
    double sum = 0;
    for (Index k = 0; k < batch; ++k) {
      const Index i = index(k);
      sum += probabilities(x, i) - q_[labels_[i]];
    }
    return sum / static_cast<double>(batch) + 0.5 * regularization_ * x.squaredNorm();
  }

  double gradient(const auto& x, Index batch, auto index, auto label, auto&& g) const {
    detail::reshape(g, dimension());
    g.setZero();
    double sum = 0;
    for (Index k = 0; k < batch; ++k) {
      const Index i = index(k);
      const double log_sum = probabilities(x, i);
      const Index y = label(i, k);
      sum += log_sum - q_[y];
      p_[y] -= 1;
      for (Index c = 0; c < classes_; ++c) weights(g, c) += p_[c] * features_.row(i).transpose();
    }
    g /= static_cast<double>(batch);
    g += regularization_ * x;
    return sum / static_cast<double>(batch) + 0.5 * regularization_ * x.squaredNorm();
  }

  void product(const auto& x, Index batch, auto index, const auto& v, auto&& Hv) const {
    detail::require_size(name, "v", v.size(), dimension());
    detail::reshape(Hv, dimension());
    Hv.setZero();
    for (Index k = 0; k < batch; ++k) {
      const Index i = index(k);
      probabilities(x, i);
      for (Index c = 0; c < classes_; ++c) q_[c] = features_.row(i).dot(weights(v, c));
      const double mean = p_.dot(q_);
      for (Index c = 0; c < classes_; ++c) weights(Hv, c) += (p_[c] * (q_[c] - mean)) * features_.row(i).transpose();
    }
    Hv /= static_cast<double>(batch);
    Hv += regularization_ * v;
  }

  Rows features_;
  Eigen::VectorXi labels_;
  Index classes_;
  double regularization_;
  mutable Eigen::VectorXd p_, q_;
};

}  // namespace glissade::problems
