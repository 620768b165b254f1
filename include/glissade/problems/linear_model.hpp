// Sums of losses of linear models: logistic and ridge regression.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <cmath>
#include <span>
#include <utility>

#include "formula.hpp"

namespace glissade::problems {

/// log(1 + exp(-y z)) for labels y of +1 and -1.
struct LogisticLoss {
  static constexpr std::string_view name = "LogisticRegression";
  static void check(std::string_view owner, double y) {
    if (y != 1 && y != -1) reject(owner, "label", y, "+1 or -1");
  }
  static double value(double z, double y) { return std::log1p(std::exp(-std::abs(z))) + (y * z < 0 ? std::abs(z) : 0); }
  static double slope(double z, double y) { return -y * sigmoid(-y * z); }
  static double curvature(double z, double) { return sigmoid(z) * sigmoid(-z); }
  static double third(double z, double) { return sigmoid(z) * sigmoid(-z) * (sigmoid(-z) - sigmoid(z)); }

 private:
  /// 1 / (1 + exp(-t)) without overflow and with full relative accuracy in both tails.
  static double sigmoid(double t) {
    const double e = std::exp(-std::abs(t));
    return (t >= 0 ? 1 : e) / (1 + e);
  }
};

/// (z - y)^2 / 2.
struct SquaredLoss {
  static constexpr std::string_view name = "RidgeRegression";
  static void check(std::string_view owner, double y) { require(owner, "target", y, range::finite); }
  static double value(double z, double y) { return 0.5 * (z - y) * (z - y); }
  static double slope(double z, double y) { return z - y; }
  static double curvature(double, double) { return 1; }
  static double third(double, double) { return 0; }
};

/// The mean over the rows a_i of a matrix of loss(<a_i, x>, y_i), plus (regularization / 2) |x|^2: a finite sum.
///
///     f_i(x) = loss(<a_i, x>, y_i) + (regularization / 2) |x|^2,   f = (1/n) sum of f_i
///
/// value, value_and_gradient, hessian, hessian_vector; of terms: size, batch_value, batch_gradient (means over
/// `indices`), batch_hessian_vector and batch_third, the third derivative applied to v twice.
/// Cost: one pass over the rows that are asked for and no temporary arrays.
/// Errors: std::invalid_argument for targets of another length, labels out of range, non-finite features and a
/// negative regularization.
template <class Loss>
class LinearModel {
 public:
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  static constexpr std::string_view name = Loss::name;

  LinearModel(Rows features, Eigen::VectorXd targets, double regularization = 0)
      : features_(std::move(features)), targets_(std::move(targets)), regularization_(regularization) {
    require(name, "regularization", regularization_, range::non_negative);
    if (features_.rows() < 1 || features_.cols() < 1) throw std::invalid_argument(std::string(name) + ": no data");
    detail::require_size(name, "targets", targets_.size(), features_.rows());
    for (const double y : targets_) Loss::check(name, y);
    if (!features_.allFinite()) throw std::invalid_argument(std::string(name) + ": a feature is not finite");
  }

  [[nodiscard]] Index dimension() const { return features_.cols(); }
  [[nodiscard]] Index size() const { return features_.rows(); }
  [[nodiscard]] const Rows& features() const { return features_; }
  [[nodiscard]] const Eigen::VectorXd& targets() const { return targets_; }
  [[nodiscard]] double regularization() const { return regularization_; }
  [[nodiscard]] Eigen::VectorXd start() const { return Eigen::VectorXd::Zero(dimension()); }

  [[nodiscard]] double value(const auto& x) const { return mean_value(x, all()); }
  [[nodiscard]] double batch_value(const auto& x, const auto& indices) const { return mean_value(x, listed(indices)); }

  double value_and_gradient(const auto& x, auto&& g) const { return gradient(x, all(), g); }
  double batch_gradient(const auto& x, const auto& indices, auto&& g) const { return gradient(x, listed(indices), g); }

  void hessian_vector(const auto& x, const auto& v, auto&& Hv) const { product(x, all(), v, Hv); }
  void batch_hessian_vector(const auto& x, const auto& indices, const auto& v, auto&& Hv) const {
    product(x, listed(indices), v, Hv);
  }

  /// out = mean over the batch of D^3 f_i(x)[v, v].
  void batch_third(const auto& x, const auto& indices, const auto& v, auto&& out) const {
    check(x);
    detail::require_size(name, "v", v.size(), dimension());
    detail::reshape(out, dimension());
    out.setZero();
    const auto batch = listed(indices);
    for (Index k = 0; k < batch.size; ++k) {
      const Index i = batch(k);
      const double along = row(i).dot(v);
      out += (Loss::third(row(i).dot(x), targets_[i]) * along * along) * row(i);
    }
    out /= static_cast<double>(batch.size);
  }

  void hessian(const auto& x, auto&& H) const {
    check(x);
    detail::reshape(H, dimension(), dimension());
    H.setZero();
    for (Index i = 0; i < size(); ++i)
      H.template selfadjointView<Eigen::Lower>().rankUpdate(row(i), Loss::curvature(row(i).dot(x), targets_[i]));
    H.template triangularView<Eigen::Lower>() = H / static_cast<double>(size());
    H.template triangularView<Eigen::StrictlyUpper>() = H.transpose();
    H.diagonal().array() += regularization_;
  }

 private:
  struct All {
    Index size;
    Index operator()(Index k) const { return k; }
  };
  template <class I>
  struct Listed {
    const I& indices;
    Index size;
    Index operator()(Index k) const { return static_cast<Index>(indices[static_cast<std::size_t>(k)]); }
  };

  [[nodiscard]] All all() const { return {size()}; }
  template <class I>
  [[nodiscard]] Listed<I> listed(const I& indices) const {
    if (indices.size() == 0) throw std::invalid_argument(std::string(name) + ": an empty batch");
    return {indices, static_cast<Index>(indices.size())};
  }
  [[nodiscard]] auto row(Index i) const { return features_.row(i).transpose(); }
  void check(const auto& x) const { detail::require_size(name, "x", x.size(), dimension()); }

  double mean_value(const auto& x, const auto& batch) const {
    check(x);
    double sum = 0;
    for (Index k = 0; k < batch.size; ++k) sum += Loss::value(row(batch(k)).dot(x), targets_[batch(k)]);
    return sum / static_cast<double>(batch.size) + 0.5 * regularization_ * x.squaredNorm();
  }

  double gradient(const auto& x, const auto& batch, auto&& g) const {
    check(x);
    detail::reshape(g, dimension());
    g.setZero();
    double sum = 0;
    for (Index k = 0; k < batch.size; ++k) {
      const Index i = batch(k);
      const double z = row(i).dot(x);
      sum += Loss::value(z, targets_[i]);
      g += Loss::slope(z, targets_[i]) * row(i);
    }
    g /= static_cast<double>(batch.size);
    g += regularization_ * x;
    return sum / static_cast<double>(batch.size) + 0.5 * regularization_ * x.squaredNorm();
  }

  void product(const auto& x, const auto& batch, const auto& v, auto&& Hv) const {
    check(x);
    detail::require_size(name, "v", v.size(), dimension());
    detail::reshape(Hv, dimension());
    Hv.setZero();
    for (Index k = 0; k < batch.size; ++k) {
      const Index i = batch(k);
      Hv += (Loss::curvature(row(i).dot(x), targets_[i]) * row(i).dot(v)) * row(i);
    }
    Hv /= static_cast<double>(batch.size);
    Hv += regularization_ * v;
  }

  Rows features_;
  Eigen::VectorXd targets_;
  double regularization_;
};

/// Logistic regression: (1/n) sum of log(1 + exp(-y <a, x>)) + (regularization / 2) |x|^2.
class LogisticRegression : public LinearModel<LogisticLoss> {
 public:
  using LinearModel<LogisticLoss>::LinearModel;
  /// A certificate: f(x) - minimum is at most this, |gradient|^2 / (2 regularization); infinite without
  /// regularization.
  [[nodiscard]] double gap_bound(const auto& gradient) const { return gradient.squaredNorm() / (2 * regularization()); }
};

/// Ridge regression: (1/2n) |A x - y|^2 + (regularization / 2) |x|^2.
class RidgeRegression : public LinearModel<SquaredLoss> {
 public:
  using LinearModel<SquaredLoss>::LinearModel;
  /// The solution of (A'A / n + regularization I) x = A'y / n, by a Cholesky factorization: for a positive
  /// regularization or columns that are independent.
  /// A template, so that only those who call it wait for the factorization to be compiled.
  template <class Matrix = Eigen::MatrixXd>
  [[nodiscard]] Eigen::VectorXd minimizer() const {
    Matrix H;
    hessian(start(), H);
    return Eigen::LDLT<Matrix>(H).solve(features().transpose() * targets() / static_cast<double>(size()));
  }
  template <class Matrix = Eigen::MatrixXd>
  [[nodiscard]] double minimum() const {
    return value(minimizer<Matrix>());
  }
};

}  // namespace glissade::problems
