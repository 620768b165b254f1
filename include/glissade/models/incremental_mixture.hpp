// A mixture of Gaussians learned from a stream, in O(D^2) for each component and point.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../drive/status.hpp"
#include "../rule/options.hpp"
#include "chi_square.hpp"

namespace glissade {

/// weighted: C <- (1 - w)(C + w e e'), the covariance of what has been seen. published: what the papers and their
/// programs compute, C <- (1 - w) C + w (1 - 3 w + w^2) e e', which is another matrix, and for w > 0.382 may be
/// indefinite; for comparisons with them only.
enum class MixtureCovariance { weighted, published };

/// Options of IncrementalMixture.
///
///     covariance      weighted or published (weighted)
///     novelty         in [0, 1] (0.1): a point that is among the most distant `novelty` of every component makes a new
///                     one; 0: only the first point does, 1: every point
///     delta           > 0 (0.3): standard deviations of a new component, as parts of those of the data
///     max_components  in [1, 100 000] (16): where there are as many, points are learned by those that there are
///     min_weight      >= 0 (0: off): a component with a weight below is removed, never the last one,
///     min_age         >= 0 (5): when it has lived through more points than this
struct IncrementalMixtureOptions {
  static constexpr std::string_view name = "IncrementalMixture";

  MixtureCovariance covariance = MixtureCovariance::weighted;
  double novelty = 0.1;
  double delta = 0.3;
  std::int64_t max_components = 16;
  double min_weight = 0;
  double min_age = 5;

  static void options(auto& self, auto&& visit) {
    visit("covariance", self.covariance, range::up_to(MixtureCovariance::published));
    visit("novelty", self.novelty, range::fraction);
    visit("delta", self.delta, range::positive);
    visit("max_components", self.max_components, Range{1, 1e5});
    visit("min_weight", self.min_weight, range::non_negative);
    visit("min_age", self.min_age, range::non_negative);
  }
};

/// What became of a point.
struct MixtureReport {
  Status status = Status::running;
  bool created = false;  // it made a component
  int removed = 0;       // components
};

/// Density estimation and regression from a stream that is seen once: means, precision matrices and determinants follow
/// each point by rank-one formulas, without a factorization.
///
///     e_j = x - mu_j,  y_j = L_j e_j,  q_j = e_j'y_j;   log N_j = -(D log 2 pi + logdet_j + q_j) / 2
///     if every q_j >= the chi-square quantile of novelty, D:  new component mu = x, C = diag(delta spread)^2, weight 1
///     else for every j:   p_j = softmax(log N_j + log weight_j);   weight_j += p_j;   w = p_j / weight_j
///         mu_j <- mu_j + w e_j
///         L_j <- (L_j - w / (1 + w q_j) y_j y_j') / (1 - w),   L = C^-1
///         logdet_j <- logdet_j + D log(1 - w) + log(1 + w q_j)
///
/// That is C <- (1 - w)(C + w e e'), the recursion of the weighted maximum-likelihood covariance, which stays positive
/// definite.
///
///     IncrementalMixture mixture({.max_components = 20}, spread);
///     mixture.learn(point);
///     Eigen::VectorXd rest = mixture.recall({0, 1}, point.head(2));   // of x, from its coordinates 0 and 1
///
/// State, in files (save and load of io/method_state.hpp; max_components and dimension as they were): count, means
/// (D x max_components), precisions (D x D max_components), log_determinants, weights, ages. It goes on bit for bit.
/// Cost: learn 4 D^2 flops for each component, recall of t coordinates t^3 / 3 + 2 t D + 2 D^2. Memory: D^2 for each of
/// max_components, taken at once.
/// Errors: std::invalid_argument for options, shapes, a spread that is not > 0, numbers that are not finite,
/// covariances that are not positive definite, and recall from nothing learned. Status::non_finite where a point is too
/// far for every component to be told from zero and no new one may be made: nothing has changed. Measured
/// (bench/models/incremental_mixture.cpp): 0.7, 2.3, 7.7, 31, 123 microseconds a point for D = 50, 100, 200, 400, 800,
/// a factorization of the covariance for each point takes 13 to 85 times as long. Source: "Scalable and Incremental
/// Learning of Gaussian Mixture Models", 2017, arXiv 1701.03940, and "A Fast Incremental Gaussian Mixture Model", 2015,
/// arXiv 1506.04422. Deviations: their covariance, C <- (1 - w) C + w e*e*' - (w e)(w e)' with e* = x - the new mean,
/// is not the weighted one and loses definiteness for w > 0.382; a new component does not learn the point that made it
/// once more.
template <class Matrix>
class BasicIncrementalMixture {
 public:
  static constexpr std::string_view name = IncrementalMixtureOptions::name;
  using Index = Eigen::Index;
  using Vector = Eigen::Matrix<typename Matrix::Scalar, Eigen::Dynamic, 1>;

  /// spread: standard deviations of the data, one for each dimension.
  BasicIncrementalMixture(const IncrementalMixtureOptions& options, const Eigen::Ref<const Vector>& spread)
      : options_(options), spread_(spread) {
    visit_options(options_, CheckOption{name, 0});
    const Index D = spread.size();
    require(name, "dimensions", static_cast<double>(D), range::at_least_one);
    for (Index i = 0; i < D; ++i)
      if (!range::positive.contains(spread[i]))
        reject(name, "spread[" + std::to_string(i) + "]", spread[i], range::positive.text());
    const auto most = static_cast<Index>(options_.max_components);
    novel_ = chi_square_quantile(options_.novelty, static_cast<double>(D));
    means_.setZero(D, most);
    precisions_.setZero(D, D * most);
    log_determinants_.setZero(most);
    weights_.setZero(most);
    ages_.setZero(most);
    residuals_.setZero(D, most);
    images_.setZero(D, most);
    squares_.setZero(most);
    shares_.setZero(most);
  }

  [[nodiscard]] const IncrementalMixtureOptions& options() const { return options_; }
  [[nodiscard]] Index dimensions() const { return means_.rows(); }
  [[nodiscard]] Index components() const { return static_cast<Index>(count_); }
  [[nodiscard]] auto mean(Index j) const { return means_.col(j); }
  /// The inverse of the covariance.
  [[nodiscard]] auto precision(Index j) const { return precisions_.middleCols(j * dimensions(), dimensions()); }
  /// The logarithm of the determinant of the covariance.
  [[nodiscard]] double log_determinant(Index j) const { return log_determinants_[j]; }
  /// The sum of the shares of points that it has had.
  [[nodiscard]] double weight(Index j) const { return weights_[j]; }
  [[nodiscard]] double age(Index j) const { return ages_[j]; }

  /// Adds a component of the caller's, of weight >= 1. False: there are max_components already.
  bool add(const Eigen::Ref<const Vector>& mean, const Eigen::Ref<const Matrix>& covariance, double weight = 1) {
    const Index D = dimensions();
    check(mean, "mean");
    require_shape(name, "covariance", covariance, D, D);
    require(name, "weight", weight, range::at_least_one);
    const Eigen::LLT<Matrix> factors{Matrix(covariance)};
    const double symmetric = (covariance - covariance.transpose()).cwiseAbs().maxCoeff();
    if (!covariance.allFinite() || factors.info() != Eigen::Success ||
        !(symmetric <= 1e-12 * covariance.cwiseAbs().maxCoeff()))
      throw std::invalid_argument("IncrementalMixture: the covariance is not symmetric and positive definite");
    const Matrix inverse = factors.solve(Matrix::Identity(D, D));
    if (!inverse.allFinite())
      throw std::invalid_argument("IncrementalMixture: the covariance is singular up to rounding errors");
    if (count_ == options_.max_components) return false;
    const Index j = components();
    means_.col(j) = mean;
    precision_of(j) = (inverse + inverse.transpose()) / 2;
    log_determinants_[j] = 2 * sum_of_logs(factors.matrixLLT().diagonal());
    weights_[j] = weight;
    ages_[j] = 1;
    ++count_;
    return true;
  }

  /// Learns one point.
  MixtureReport learn(const Eigen::Ref<const Vector>& x) {
    check(x, "x");
    const Index k = components();
    const auto D = static_cast<double>(dimensions());
    look(x);
    const bool novel = (squares_.head(k).array() >= novel_).all();
    MixtureReport report;
    if (k == 0 || (novel && count_ < options_.max_components)) {
      means_.col(k) = x;
      precision_of(k).setZero();
      precision_of(k).diagonal() = (options_.delta * spread_).array().square().inverse();
      log_determinants_[k] = 2 * sum_of_logs(options_.delta * spread_);
      weights_[k] = 1;
      ages_[k] = 1;
      ++count_;
      report.created = true;
      return report;
    }
    if (!share()) {
      report.status = Status::non_finite;
      return report;
    }
    for (Index j = 0; j < k; ++j)
      if (!(1 + added(j) * squares_[j] > 0) && shares_[j] > 0) {
        report.status = Status::not_convex;
        return report;
      }
    for (Index j = 0; j < k; ++j) {
      if (!(shares_[j] > 0)) continue;
      const double w = shares_[j] / (weights_[j] + shares_[j]), b = added(j), part = b / (1 + b * squares_[j]);
      ages_[j] += 1;
      weights_[j] += shares_[j];
      means_.col(j) += w * residuals_.col(j);
      log_determinants_[j] += D * std::log1p(-w) + std::log1p(b * squares_[j]);
      auto y = images_.col(j);
      y *= std::sqrt(std::abs(part));  // so that products of two coefficients are the same either way
      auto L = precision_of(j);
      const double grow = 1 / (1 - w), sign = part < 0 ? -1 : 1;
      for (Index c = 0; c < L.cols(); ++c) L.col(c) = grow * (L.col(c) - sign * y[c] * y);
    }
    if (options_.min_weight > 0)
      for (Index j = k - 1; j >= 0 && count_ > 1; --j)
        if (ages_[j] > options_.min_age && weights_[j] < options_.min_weight) {
          remove(j);
          ++report.removed;
        }
    return report;
  }

  /// The probabilities with which x is of each component.
  [[nodiscard]] Vector responsibilities(const Eigen::Ref<const Vector>& x) {
    require_learned();
    check(x, "x");
    look(x);
    if (!share()) return Vector::Constant(components(), std::numeric_limits<double>::quiet_NaN());
    return shares_.head(components());
  }
  /// The logarithm of the density at x; minus infinity where it vanishes.
  [[nodiscard]] double log_density(const Eigen::Ref<const Vector>& x) {
    require_learned();
    check(x, "x");
    look(x);
    const double total = weights_.head(components()).sum();
    return share() ? log_sum_ - std::log(total) - static_cast<double>(dimensions()) / 2 * std::log(2 * std::numbers::pi)
                   : -std::numeric_limits<double>::infinity();
  }

  /// The expectation of the other coordinates, in rising order, where those of `known` have `values`.
  [[nodiscard]] Vector recall(const std::vector<Index>& known, const Eigen::Ref<const Vector>& values) const {
    require_learned();
    const std::vector<Index> wanted = others(known);
    require_shape(name, "values", values, static_cast<Index>(known.size()), 1);
    if (!values.allFinite()) throw std::invalid_argument("IncrementalMixture: values has one that is not finite");
    const auto t = static_cast<Index>(wanted.size());
    Matrix found(t, components());
    Vector logs(components());
    for (Index j = 0; j < components(); ++j) {
      const Matrix L = precision(j), L_tt = L(wanted, wanted);
      const Vector mu = mean(j), e = values - mu(known);
      const Vector across = L(wanted, known) * e;
      const Eigen::LLT<Matrix> factors(L_tt);
      const Vector shift = factors.solve(across);
      found.col(j) = mu(wanted) - shift;
      const Vector inside = L(known, known) * e;
      const double square = e.dot(inside) - across.dot(shift);
      const double log_determinant_of_known = log_determinants_[j] + 2 * sum_of_logs(factors.matrixLLT().diagonal());
      logs[j] = std::log(weights_[j]) - (log_determinant_of_known + square) / 2;
    }
    Vector shares = (logs.array() - logs.maxCoeff()).exp();
    shares /= shares.sum();
    return found * shares;
  }

  static void visit(auto& self, auto&& field) {
    field("count", self.count_, 0, self.options_.max_components);
    field("means", self.means_);
    field("precisions", self.precisions_);
    field("log_determinants", self.log_determinants_);
    field("weights", self.weights_);
    field("ages", self.ages_);
  }

 private:
  static double sum_of_logs(const Vector& values) {
    double sum = 0;
    for (Index i = 0; i < values.size(); ++i) sum += std::log(values[i]);
    return sum;
  }
  [[nodiscard]] typename Matrix::ColsBlockXpr precision_of(Index j) {
    return precisions_.middleCols(j * dimensions(), dimensions());
  }
  void check(const Eigen::Ref<const Vector>& x, std::string_view what) const {
    require_shape(name, what, x, dimensions(), 1);
    for (Index i = 0; i < x.size(); ++i)
      if (!std::isfinite(x[i])) reject(name, std::string(what) + "[" + std::to_string(i) + "]", x[i], "finite");
  }
  void require_learned() const {
    if (count_ == 0) throw std::invalid_argument("IncrementalMixture: nothing has been learned yet");
  }

  /// e, L e and their product for every component.
  void look(const Eigen::Ref<const Vector>& x) {
    for (Index j = 0; j < components(); ++j) {
      residuals_.col(j) = x - means_.col(j);
      images_.col(j).noalias() = precision(j) * residuals_.col(j);
      squares_[j] = residuals_.col(j).dot(images_.col(j));
    }
  }
  /// b in C <- (1 - w)(C + b e e').
  [[nodiscard]] double added(Index j) const {
    const double w = shares_[j] / (weights_[j] + shares_[j]);
    return options_.covariance == MixtureCovariance::weighted ? w : w * (1 - 3 * w + w * w) / (1 - w);
  }
  /// False: no component can be told from zero at this point.
  bool share() {
    const Index k = components();
    auto p = shares_.head(k);
    for (Index j = 0; j < k; ++j) p[j] = std::log(weights_[j]) - (log_determinants_[j] + squares_[j]) / 2;
    if (p.hasNaN()) return false;
    const double largest = p.maxCoeff();
    if (!std::isfinite(largest)) return false;
    p = (p.array() - largest).exp();
    const double sum = p.sum();
    log_sum_ = largest + std::log(sum);
    p /= sum;
    return true;
  }
  void remove(Index j) {
    for (Index i = j; i + 1 < components(); ++i) {
      means_.col(i) = means_.col(i + 1);
      precision_of(i) = precision(i + 1);
      log_determinants_[i] = log_determinants_[i + 1];
      weights_[i] = weights_[i + 1];
      ages_[i] = ages_[i + 1];
    }
    --count_;
  }
  [[nodiscard]] std::vector<Index> others(const std::vector<Index>& known) const {
    std::vector<bool> is_known(static_cast<std::size_t>(dimensions()), false);
    for (const Index i : known) {
      if (i < 0 || i >= dimensions())
        reject(name, "known coordinate", static_cast<double>(i), "in [0, " + std::to_string(dimensions()) + ")");
      if (is_known[static_cast<std::size_t>(i)]) reject(name, "known coordinate", static_cast<double>(i), "named once");
      is_known[static_cast<std::size_t>(i)] = true;
    }
    std::vector<Index> wanted;
    for (Index i = 0; i < dimensions(); ++i)
      if (!is_known[static_cast<std::size_t>(i)]) wanted.push_back(i);
    return wanted;
  }

  IncrementalMixtureOptions options_;
  Vector spread_;
  double novel_ = 0;  // the square distance
  std::int64_t count_ = 0;
  Matrix means_, precisions_;
  Vector log_determinants_, weights_, ages_;
  Matrix residuals_, images_;  // of the point at hand
  Vector squares_, shares_;
  double log_sum_ = 0;
};

/// The one there is: a template, so that it is compiled only where it is used.
using IncrementalMixture = BasicIncrementalMixture<Eigen::MatrixXd>;

}  // namespace glissade
