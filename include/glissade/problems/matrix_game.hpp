// Games of two players who each choose a row or a column.
#pragma once

#include <Eigen/Core>

#include <utility>
#include <vector>

#include "../sets/segments.hpp"
#include "../sets/simplex.hpp"
#include "formula.hpp"

namespace glissade::problems {

/// Two players choose a row and a column, by the probabilities z = (x, y), and are paid x' A y and x' B y.
///
///     F(z) = (-A y, -B' x)                         the gradients of their costs
///
/// Of one matrix it is a zero-sum game, B = -A: monotone. Of two equal ones it is of common payoff.
/// Cost: one pass over the payoffs per call, no memory.
/// Errors: std::invalid_argument for payoffs that are not finite, none at all, or of two shapes; vectors of another
/// size.
class MatrixGame {
 public:
  static constexpr std::string_view name = "MatrixGame";

  explicit MatrixGame(Eigen::MatrixXd payoff) : A_(std::move(payoff)) { check(); }
  MatrixGame(Eigen::MatrixXd rows, Eigen::MatrixXd columns) : A_(std::move(rows)), B_(std::move(columns)) {
    check();
    require_shape(name, "the second payoff", B_, A_.rows(), A_.cols());
    detail::require_finite(name, "the second payoff", B_);
  }

  [[nodiscard]] bool zero_sum() const { return B_.size() == 0; }
  [[nodiscard]] const Eigen::MatrixXd& payoff() const { return A_; }
  [[nodiscard]] Index dimension() const { return A_.rows() + A_.cols(); }
  /// The numbers of rows and columns: what mirror maps and sets ask for.
  [[nodiscard]] std::vector<Index> sizes() const { return {A_.rows(), A_.cols()}; }
  /// Both players' strategies.
  [[nodiscard]] Repeated<Simplex> set() const { return {Simplex{}, sizes()}; }
  /// Every row and every column equally often.
  [[nodiscard]] Eigen::VectorXd uniform() const {
    Eigen::VectorXd z(dimension());
    z.head(A_.rows()).setConstant(1 / static_cast<double>(A_.rows()));
    z.tail(A_.cols()).setConstant(1 / static_cast<double>(A_.cols()));
    return z;
  }
  /// The largest payoff in magnitude: the Lipschitz constant of F that belongs to entropy.
  [[nodiscard]] double largest_payoff() const {
    return std::max(A_.cwiseAbs().maxCoeff(), zero_sum() ? 0.0 : B_.cwiseAbs().maxCoeff());
  }

  void operator()(const auto& z, auto&& out) const {
    detail::require_size(name, "z", z.size(), dimension());
    detail::require_size(name, "the output", out.size(), dimension());
    const Index m = A_.rows();
    out.head(m).setZero();
    for (Index j = 0; j < A_.cols(); ++j) {
      out.head(m) -= A_.col(j) * z[m + j];
      out[m + j] = zero_sum() ? A_.col(j).dot(z.head(m)) : -B_.col(j).dot(z.head(m));
    }
  }

  /// What the row player is paid.
  [[nodiscard]] double value(const Eigen::VectorXd& z) const {
    detail::require_size(name, "z", z.size(), dimension());
    double sum = 0;
    for (Index j = 0; j < A_.cols(); ++j) sum += A_.col(j).dot(z.head(A_.rows())) * z[A_.rows() + j];
    return sum;
  }
  /// What each player would gain by a best response to the other, on average: 0 at an equilibrium.
  [[nodiscard]] double exploitability(const Eigen::VectorXd& z) const {
    Eigen::VectorXd cost(z.size());
    (*this)(z, cost);
    const Index m = A_.rows();
    return (z.dot(cost) - cost.head(m).minCoeff() - cost.tail(A_.cols()).minCoeff()) / 2;
  }
  /// The row and the column that answer the other player best.
  [[nodiscard]] std::pair<Index, Index> best_responses(const Eigen::VectorXd& z) const {
    Eigen::VectorXd cost(z.size());
    (*this)(z, cost);
    std::pair<Index, Index> best;
    cost.head(A_.rows()).minCoeff(&best.first);
    cost.tail(A_.cols()).minCoeff(&best.second);
    return best;
  }

 private:
  void check() const {
    if (A_.size() == 0) throw std::invalid_argument("MatrixGame: no payoffs");
    detail::require_finite(name, "the payoff", A_);
  }

  Eigen::MatrixXd A_, B_;
};

/// Rock, paper, scissors for unequal stakes: payoffs
/// [0 -3 3; 3 0 -1; -3 1 0], moved into [0, 1]. The equilibrium is (1/7, 3/7, 3/7) for both.
[[nodiscard]] inline MatrixGame perturbed_rock_paper_scissors() {
  const Eigen::Matrix3d payoff{{0, -3, 3}, {3, 0, -1}, {-3, 1, 0}};
  return MatrixGame(Eigen::MatrixXd((payoff.array() + 3) / 6));
}

}  // namespace glissade::problems
