// Orthogonal matching pursuit and its weighted relatives: sparse regression, one column at a time.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/checks.hpp"
#include "../linalg/frobenius.hpp"
#include "least_absolute_deviations.hpp"

namespace glissade {

/// The function whose greatest decrease along one coordinate selects it: a loss of r = y - A x plus lambda times a
/// penalty. lasso: |r|^2; square_root: |r|; least_absolute: |r|_1. l0: sum of w_j^2 over x_j != 0; l1: sum of w_j
/// |x_j|.
enum class GreedyKind { lasso_l0, lasso_l1, square_root_l0, square_root_l1, least_absolute_l0, least_absolute_l1 };

/// Options of greedy_lasso.
struct GreedyLasso {
  static constexpr std::string_view name = "GreedyLasso";
  GreedyKind kind = GreedyKind::lasso_l0;
  double lambda = 0;                                                    // >= 0
  Eigen::Index max_support = std::numeric_limits<Eigen::Index>::max();  // >= 0; never more than A has rows or columns
  Eigen::VectorXd weights = {};                                         // > 0, one for each column; none: all 1
  bool normalize_columns = true;  // false: columns whose norm is not 1 are refused
};

/// Why greedy_lasso ended.
enum class GreedyEnd { max_support, no_gain, selected_again, perfect_fit, no_refit };

/// A sentence about why greedy_lasso ended.
constexpr std::string_view to_string(GreedyEnd end) {
  switch (end) {
    case GreedyEnd::max_support:
      return "The support has max_support columns, or as many as there are rows or columns.";
    case GreedyEnd::no_gain:
      return "No column lowers loss and penalty together.";
    case GreedyEnd::selected_again:
      return "The greatest gain belongs to a column of the support: nothing would change any more.";
    case GreedyEnd::perfect_fit:
      return "What is left of y are rounding errors.";
    case GreedyEnd::no_refit:
      return "The last refit in the l1 norm reached its limit of pivots: its coefficients are not optimal.";
  }
  return "Unknown end.";
}

/// What greedy_lasso has found.
struct GreedyLassoFit {
  Eigen::VectorXd x;
  std::vector<Eigen::Index> support;  // in the order of selection
  std::vector<double> gains;          // of each of them when it was selected
  std::vector<Eigen::Index> dropped;  // selected, but dependent on those before up to rounding errors
  double residual_norm = 0;           // |y - A x|, of the least absolute kinds |y - A x|_1
  GreedyEnd end = GreedyEnd::max_support;
};

namespace detail {

/// Shares of the size of y that count as rounding errors.
inline constexpr double greedy_noise = 64 * std::numeric_limits<double>::epsilon();

struct WeightedPoint {
  double at;
  double weight;
};

/// argmin over t of sum weight |t - at|. The points are reordered.
inline double weighted_median(std::vector<WeightedPoint>& points) {
  std::sort(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  double total = 0;
  for (const WeightedPoint& p : points) total += p.weight;
  double below = 0;
  for (const WeightedPoint& p : points) {
    below += p.weight;
    if (2 * below >= total) return p.at;
  }
  return 0;
}

/// What is known of a coordinate of one of the square kinds: c, the product of column and residual, which is 0 in the
/// support; X = |x_j|, which is 0 outside; R, the norm of the residual.
struct GreedyCoordinate {
  double c;
  double X;
  double R;
  double weight;
  bool selected;
};

/// The decrease of loss and penalty, in forms in which nothing cancels.
inline double square_gain(GreedyKind kind, double lambda, const GreedyCoordinate& at) {
  const double k = lambda * at.weight;
  const double penalty = k * at.weight;  // of l0
  const double c = std::min(std::abs(at.c), at.R);
  const double removed = -at.X * (at.X / (at.R + std::hypot(at.R, at.X)));  // R - sqrt(R^2 + X^2)
  switch (kind) {
    case GreedyKind::lasso_l0:
      return at.selected ? penalty - at.X * at.X : c * c - penalty;
    case GreedyKind::lasso_l1: {
      const double h = k / 2;
      if (!at.selected) return c > h ? (c - h) * (c - h) : 0;
      return at.X >= h ? h * h : at.X * (2 * h - at.X);
    }
    case GreedyKind::square_root_l0:
      if (at.selected) return removed + penalty;
      return c * (c / (at.R + std::sqrt(at.R - c) * std::sqrt(at.R + c))) - penalty;
    default: {  // with R sin a = c and sin b = k: R - k c - R cos a cos b = R (1 - cos(a - b))
      const double b = k < 1 ? std::asin(k) : 0;
      if (!at.selected) {
        const double s = std::sin((std::asin(c / at.R) - b) / 2);
        return k < 1 && c > k * at.R ? 2 * at.R * s * s : 0;
      }
      const double s = std::sin(b / 2);
      const double inside = k < 1 && at.R * std::tan(b) <= at.X ? 2 * at.R * s * s : 0;
      return std::max(removed + k * at.X, inside);
    }
  }
}

/// One run of greedy_lasso.
template <class Matrix>
class GreedySelection {
 public:
  using Index = Eigen::Index;
  using Vector = Eigen::Matrix<typename Matrix::Scalar, Eigen::Dynamic, 1>;

  GreedySelection(const Eigen::Ref<const Matrix>& A, const Eigen::Ref<const Vector>& y, const GreedyLasso& options)
      : A_(A), y_(y), options_(options), norms_(Vector::Ones(A.cols())) {
    check();
    residual_ = y;
    coefficients_.setZero(A.cols());
    state_.assign(static_cast<std::size_t>(A.cols()), State::free);
    basis_.resize(A.rows(), std::min<Index>(8, A.rows()));
    size_of_y_ = least_absolute() ? y.template lpNorm<1>() : norm_of(y);
  }

  void run(GreedyLassoFit& fit) {
    const Index most = std::min({options_.max_support, A_.rows(), A_.cols()});
    while (true) {
      const double left = least_absolute() ? residual_.template lpNorm<1>() : norm_of(residual_);
      fit.residual_norm = left;
      if (left <= greedy_noise * size_of_y_)
        fit.end = GreedyEnd::perfect_fit;
      else if (static_cast<Index>(support_.size()) >= most)
        fit.end = GreedyEnd::max_support;
      else if (select(fit))
        continue;
      break;
    }
    fit.support = support_;
    fit.x = (norms_.array() > 0).select(coefficients_.array() / norms_.array(), 0);
  }

  /// Declares columns of the support, at coefficients of the user's.
  void set(const Eigen::Ref<const Vector>& x) {
    require_shape(GreedyLasso::name, "x", x, A_.cols(), 1);
    coefficients_ = x.cwiseProduct(norms_);
    residual_.noalias() -= A_ * x;
    for (Index j = 0; j < x.size(); ++j)
      if (x[j] != 0) state_[static_cast<std::size_t>(j)] = State::selected;
  }

  /// The gain of every column; of those that were dropped or are zero it is 0.
  const Vector& gains() {
    gains_.setZero(A_.cols());
    if (least_absolute()) {
      absolute_gains();
    } else {
      const double norm = norm_of(residual_);
      products_.noalias() = A_.transpose() * residual_;
      for (Index j = 0; j < A_.cols(); ++j) {
        const double c = products_[j] / norms_[j];
        // A product that is no larger than its rounding errors is none.
        const bool noise = !(std::abs(c) > greedy_noise * size_of_y_) || is(j, State::selected);
        if (norm > 0 && usable(j))
          gains_[j] = square_gain(options_.kind, options_.lambda,
                                  {noise ? 0 : c, std::abs(coefficients_[j]), norm, weight(j), is(j, State::selected)});
      }
    }
    gains_ = gains_.cwiseMax(0);
    return gains_;
  }

 private:
  enum class State { free, selected, dropped };

  [[nodiscard]] bool least_absolute() const { return options_.kind >= GreedyKind::least_absolute_l0; }
  [[nodiscard]] bool is(Index j, State state) const { return state_[static_cast<std::size_t>(j)] == state; }
  [[nodiscard]] bool usable(Index j) const { return !is(j, State::dropped) && norms_[j] > 0; }
  [[nodiscard]] double weight(Index j) const { return options_.weights.size() == 0 ? 1 : options_.weights[j]; }
  static double norm_of(const auto& v) { return frobenius_norm<double>({v.data(), v.size(), 1}); }

  void check() {
    constexpr std::string_view name = GreedyLasso::name;
    require(name, "kind", options_.kind, GreedyKind::least_absolute_l1);
    require(name, "lambda", options_.lambda, range::non_negative);
    require(name, "max_support", static_cast<double>(options_.max_support), Range{.low = 0});
    require_shape(name, "y", y_, A_.rows(), 1);
    if (!y_.allFinite()) throw std::invalid_argument("GreedyLasso: y has a coefficient that is not finite");
    if (options_.weights.size() != 0) require_shape(name, "weights", options_.weights, A_.cols(), 1);
    for (Index j = 0; j < A_.cols(); ++j) {
      if (!range::positive.contains(weight(j)))
        reject(name, "weights[" + std::to_string(j) + "]", weight(j), range::positive.text());
      const double norm = norm_of(A_.col(j));
      if (!std::isfinite(norm)) reject(name, "norm of column " + std::to_string(j), norm, "finite");
      if (options_.normalize_columns)
        norms_[j] = norm;
      else if (std::abs(norm - 1) > 1e-12)
        reject(name, "norm of column " + std::to_string(j), norm, "1 where normalize_columns is false");
    }
  }

  void absolute_gains() {
    const bool l1 = options_.kind == GreedyKind::least_absolute_l1;
    const double noise = greedy_noise * size_of_y_;
    for (Index j = 0; j < A_.cols(); ++j) {
      if (!usable(j)) continue;
      const double x = coefficients_[j];
      const double k = options_.lambda * weight(j);
      points_.clear();
      for (Index i = 0; i < A_.rows(); ++i) {
        const double a = A_(i, j) / norms_[j];
        if (std::abs(a) >= 1e-12) points_.push_back({residual_[i] / a, std::abs(a)});
      }
      if (l1 && k > 0) points_.push_back({-x, k});
      const double t = weighted_median(points_);
      double gain = decrease(j, t);
      if (l1)
        gain += k * (std::abs(x) - std::abs(x + t));
      else if (is(j, State::selected))
        gain = std::max(gain, decrease(j, -x) + k * weight(j));
      else
        gain -= k * weight(j);
      gains_[j] = gain > noise ? gain : 0;
    }
  }
  /// |r|_1 - |r - t a_j|_1
  [[nodiscard]] double decrease(Index j, double t) const {
    double sum = 0;
    const double step = t / norms_[j];
    for (Index i = 0; i < A_.rows(); ++i) sum += std::abs(residual_[i]) - std::abs(residual_[i] - step * A_(i, j));
    return sum;
  }

  /// Selects a column and fits again; false: the fit has its end.
  bool select(GreedyLassoFit& fit) {
    gains();
    Index j = 0;
    if (A_.cols() == 0 || !(gains_.maxCoeff(&j) > 0)) {
      fit.end = GreedyEnd::no_gain;
      return false;
    }
    if (is(j, State::selected)) {
      fit.end = GreedyEnd::selected_again;
      return false;
    }
    if (!append(j)) {
      state_[static_cast<std::size_t>(j)] = State::dropped;
      fit.dropped.push_back(j);
      return true;
    }
    state_[static_cast<std::size_t>(j)] = State::selected;
    support_.push_back(j);
    fit.gains.push_back(gains_[j]);
    if (!least_absolute()) {
      refit_squares();
    } else if (!refit_absolute()) {
      fit.residual_norm = residual_.template lpNorm<1>();
      fit.end = GreedyEnd::no_refit;
      return false;
    }
    return true;
  }

  /// The column becomes one of Q R, by Gram and Schmidt, a second time where the first took most of it away. False: it
  /// depends on those that are there.
  bool append(Index j) {
    const auto k = static_cast<Index>(support_.size());
    if (k == basis_.cols()) basis_.conservativeResize(Eigen::NoChange, std::min(2 * k, A_.rows()));
    if (triangle_.cols() < basis_.cols()) triangle_.conservativeResize(basis_.cols(), basis_.cols());
    column_ = A_.col(j) / norms_[j];
    const auto Q = basis_.leftCols(k);
    auto r = triangle_.col(k).head(k);
    r.setZero();
    double last = 1;
    for (int time = 0; time < 2 && (time == 0 || last < 0.7); ++time) {
      along_.noalias() = Q.transpose() * column_;
      column_.noalias() -= Q * along_;
      r += along_;
      last = column_.norm();
    }
    if (last <= 1e-12) return false;
    triangle_(k, k) = last;
    basis_.col(k) = column_ / last;
    return true;
  }

  void refit_squares() {
    const auto k = static_cast<Index>(support_.size());
    const double product = basis_.col(k - 1).dot(residual_);
    residual_ -= product * basis_.col(k - 1);
    products_with_y_.conservativeResize(k);
    products_with_y_[k - 1] = product;
    along_ = products_with_y_;
    for (Index i = k - 1; i >= 0; --i) {  // R x = Q'y
      along_[i] /= triangle_(i, i);
      along_.head(i) -= along_[i] * triangle_.col(i).head(i);
    }
    for (Index i = 0; i < k; ++i) coefficients_[support_[static_cast<std::size_t>(i)]] = along_[i];
  }

  bool refit_absolute() {
    const auto k = static_cast<Index>(support_.size());
    columns_.resize(A_.rows(), k);
    for (Index i = 0; i < k; ++i) {
      const Index j = support_[static_cast<std::size_t>(i)];
      columns_.col(i) = A_.col(j) / norms_[j];
    }
    const LeastAbsoluteDeviationsFit refit = least_absolute_deviations<Matrix>(columns_, y_);
    for (Index i = 0; i < k; ++i) coefficients_[support_[static_cast<std::size_t>(i)]] = refit.x[i];
    residual_ = y_;
    residual_.noalias() -= columns_ * refit.x;
    return refit.optimal;
  }

  Eigen::Ref<const Matrix> A_;
  Eigen::Ref<const Vector> y_;
  const GreedyLasso& options_;
  Vector norms_;         // of the columns, by which they are divided wherever they are used
  Vector coefficients_;  // of the columns of norm 1
  Vector residual_, gains_, products_, column_, along_, products_with_y_;
  double size_of_y_ = 0;
  std::vector<State> state_;
  std::vector<Index> support_;
  Matrix basis_, triangle_;  // Q and R of the columns of the support
  Matrix columns_;
  std::vector<WeightedPoint> points_;
};

}  // namespace detail

/// Sparse regression by greedy selection, a family of which orthogonal matching pursuit is the one with lambda = 0: for
/// y = A x + noise, with few x_j that are not 0, prior knowledge of which, or outliers.
///
///     const GreedyLassoFit fit = greedy_lasso(features, targets, {.kind = GreedyKind::square_root_l1, .lambda = 0.1});
///
/// With S empty and x = 0, until no gain is left or S has max_support columns:
///
///     gain_j = decrease of loss(y - A x) + lambda penalty(x) by the best change of x_j alone
///     j = argmax gain_j, the first of equal ones;   S <- S and j
///     x_S <- argmin |y - A_S u|, of the least absolute kinds argmin |y - A_S u|_1, exactly
///
/// It ends as well where the greatest gain belongs to a column of S, whose coefficient penalty and loss together would
/// have smaller: then nothing changes any more. That is what finds the size of the support. In the l1 norm it may be
/// that no single column gains though several together would. The best lambda grows with the noise in the lasso kinds,
/// and hardly depends on it in square_root_l1. The least absolute kinds bear outliers. A small weight, such as 1e-3,
/// says that a column is likely in the support.
///
/// Arguments: A (m x N; columns count as divided by their norms, x is in the units of A), y (m).
/// Options: kind; lambda >= 0; max_support >= 0, at most m and N are selected; weights > 0, one for each column;
/// normalize_columns (true; false: columns of a norm other than 1 within 1e-12 are refused).
/// Columns of zeros are never selected; one that depends on those before, whose part orthogonal to them is within
/// 1e-12, is dropped. Products with the residual within 64 rounding errors of |y| are no gains.
/// Cost: per column of S 2 m N flops for the gains and 4 m |S| to 8 m |S| for the updated QR decomposition; of the
/// least absolute kinds O(m N log m) and least_absolute_deviations with |S| columns. Memory: m |S|, no copy of A.
/// Errors: std::invalid_argument for options, shapes and numbers that are not finite.
/// Source: "The greedy side of the LASSO: New algorithms for weighted sparse recovery via loss function-based
/// orthogonal matching pursuit", 2023, arXiv 2303.00844. Deviations: gains derived again, for in the authors' program
/// square_root_l1 gains where |c| <= k R and least_absolute_l1 mixes norms; x is refit in the l1 norm exactly; it ends
/// where a gain is 0 or a column of S is selected, after which the authors' repeats itself.
template <class Matrix = Eigen::MatrixXd>
[[nodiscard]] GreedyLassoFit greedy_lasso(const Eigen::Ref<const Eigen::MatrixXd>& A,
                                          const Eigen::Ref<const Eigen::VectorXd>& y, const GreedyLasso& options = {}) {
  GreedyLassoFit fit;
  detail::GreedySelection<Matrix>(A, y, options).run(fit);
  return fit;
}

/// Orthogonal matching pursuit: the column that is most correlated with what is left of y, then least squares on all
/// selected, until k are. Columns count as divided by their norms.
///
///     const GreedyLassoFit fit = orthogonal_matching_pursuit(features, targets, 10);
template <class Matrix = Eigen::MatrixXd>
[[nodiscard]] GreedyLassoFit orthogonal_matching_pursuit(const Eigen::Ref<const Eigen::MatrixXd>& A,
                                                         const Eigen::Ref<const Eigen::VectorXd>& y, Eigen::Index k) {
  return greedy_lasso<Matrix>(A, y, {.max_support = k});
}

/// The gains by which greedy_lasso would select next at x, which minimizes the loss over its coefficients other than
/// 0; never negative. Of the least absolute kinds at any x.
template <class Matrix = Eigen::MatrixXd>
[[nodiscard]] Eigen::VectorXd greedy_gains(const Eigen::Ref<const Eigen::MatrixXd>& A,
                                           const Eigen::Ref<const Eigen::VectorXd>& y,
                                           const Eigen::Ref<const Eigen::VectorXd>& x, const GreedyLasso& options) {
  detail::GreedySelection<Matrix> selection(A, y, options);
  selection.set(x);
  return selection.gains();
}

}  // namespace glissade
