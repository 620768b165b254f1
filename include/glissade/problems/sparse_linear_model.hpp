// Sums of losses of linear models of sparse data: logistic and ridge regression.
#pragma once

#include <Eigen/SparseCore>

#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "../oracle/concepts.hpp"
#include "linear_model.hpp"

namespace glissade::problems {

/// The mean over the rows a_i of a sparse matrix of loss(<a_i, x>, y_i), plus (regularization / 2) |x|^2: what
/// LinearModel is, for data of which most is zero.
///
///     f_i(x) = loss(<a_i, x>, y_i) + (regularization / 2) |x|^2,   f = (1/n) sum of f_i
///
/// value, value_and_gradient, hessian_vector; of terms: size, batch_value, batch_gradient (means over `indices`),
/// batch_hessian_vector; row, slope and regularization, by which SparseSaga moves the coefficients that a term has.
/// Cost: 12 bytes per nonzero and 12 per row; copies, as plus_term makes one, share the matrix. Of a pass: the nonzeros
/// of the rows that are asked for, and for gradients and products the number of variables; no temporary arrays. Errors:
/// std::invalid_argument for targets of another length, labels out of range, features that are not finite, rows whose
/// indices do not increase or go beyond the columns, and a negative regularization.
template <class Loss>
class SparseLinearModel {
 public:
  using Rows = Eigen::SparseMatrix<double, Eigen::RowMajor>;
  static constexpr std::string_view name = Loss::name;

  SparseLinearModel(Rows features, Eigen::VectorXd targets, double regularization = 0)
      : targets_(std::move(targets)), regularization_(regularization) {
    require(name, "regularization", regularization_, range::non_negative);
    if (features.rows() < 1 || features.cols() < 1) throw std::invalid_argument(std::string(name) + ": no data");
    detail::require_size(name, "targets", targets_.size(), features.rows());
    for (const double y : targets_) Loss::check(name, y);
    auto own = std::make_shared<Rows>();
    own->swap(features);  // Eigen 3.4 would copy what is moved
    own->makeCompressed();
    features_ = std::move(own);
    for (Index i = 0; i < size(); ++i) {
      const auto refuse = [&](int index, const std::string& bound) {
        reject(name, "row " + std::to_string(i) + ": index", index, bound);
      };
      int last = -1;
      for (const int j : row(i).indices) {
        if (j < 0 || j >= dimension()) refuse(j, Range{0, static_cast<double>(dimension()), false, true}.text());
        if (j <= last) refuse(j, "> " + std::to_string(last) + ", the one before it");
        last = j;
      }
      for (const double a : row(i).values)
        if (!std::isfinite(a)) throw std::invalid_argument(std::string(name) + ": a feature is not finite");
    }
  }

  [[nodiscard]] Index dimension() const { return features_->cols(); }
  [[nodiscard]] Index size() const { return features_->rows(); }
  [[nodiscard]] const Rows& features() const { return *features_; }
  [[nodiscard]] const Eigen::VectorXd& targets() const { return targets_; }
  [[nodiscard]] double regularization() const { return regularization_; }
  [[nodiscard]] Eigen::VectorXd start() const { return Eigen::VectorXd::Zero(dimension()); }

  [[nodiscard]] SparseRow row(Index i) const {
    const Index begin = features_->outerIndexPtr()[i];
    const auto size = static_cast<std::size_t>(features_->outerIndexPtr()[i + 1] - begin);
    return {{features_->innerIndexPtr() + begin, size}, {features_->valuePtr() + begin, size}};
  }
  /// The derivative of the loss of term i at z = <a_i, x>.
  [[nodiscard]] double slope(Index i, double z) const { return Loss::slope(z, targets_[i]); }

  [[nodiscard]] double value(const auto& x) const { return mean_value(x, all()); }
  [[nodiscard]] double batch_value(const auto& x, const auto& indices) const { return mean_value(x, listed(indices)); }

  double value_and_gradient(const auto& x, auto&& g) const { return gradient(x, all(), g); }
  double batch_gradient(const auto& x, const auto& indices, auto&& g) const { return gradient(x, listed(indices), g); }

  void hessian_vector(const auto& x, const auto& v, auto&& Hv) const { product(x, all(), v, Hv); }
  void batch_hessian_vector(const auto& x, const auto& indices, const auto& v, auto&& Hv) const {
    product(x, listed(indices), v, Hv);
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
  void check(const auto& x) const { detail::require_size(name, "x", x.size(), dimension()); }

  double mean_value(const auto& x, const auto& batch) const {
    check(x);
    double sum = 0;
    for (Index k = 0; k < batch.size; ++k) sum += Loss::value(row(batch(k)).dot(x), targets_[batch(k)]);
    return sum / static_cast<double>(batch.size) + 0.5 * regularization_ * x.squaredNorm();
  }

  double gradient(const auto& x, const auto& batch, auto& g) const {
    check(x);
    detail::reshape(g, dimension());
    g.setZero();
    double sum = 0;
    for (Index k = 0; k < batch.size; ++k) {
      const Index i = batch(k);
      const double z = row(i).dot(x);
      sum += Loss::value(z, targets_[i]);
      row(i).add_to(g, Loss::slope(z, targets_[i]));
    }
    g /= static_cast<double>(batch.size);
    g += regularization_ * x;
    return sum / static_cast<double>(batch.size) + 0.5 * regularization_ * x.squaredNorm();
  }

  void product(const auto& x, const auto& batch, const auto& v, auto& Hv) const {
    check(x);
    detail::require_size(name, "v", v.size(), dimension());
    detail::reshape(Hv, dimension());
    Hv.setZero();
    for (Index k = 0; k < batch.size; ++k) {
      const Index i = batch(k);
      row(i).add_to(Hv, Loss::curvature(row(i).dot(x), targets_[i]) * row(i).dot(v));
    }
    Hv /= static_cast<double>(batch.size);
    Hv += regularization_ * v;
  }

  std::shared_ptr<const Rows> features_;
  Eigen::VectorXd targets_;
  double regularization_;
};

/// Logistic regression: (1/n) sum of log(1 + exp(-y <a, x>)) + (regularization / 2) |x|^2, a sparse.
using SparseLogisticRegression = SparseLinearModel<LogisticLoss>;

/// Ridge regression: (1/2n) |A x - y|^2 + (regularization / 2) |x|^2, A sparse.
using SparseRidgeRegression = SparseLinearModel<SquaredLoss>;

}  // namespace glissade::problems
