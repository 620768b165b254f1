// A matrix seen through a few directions of its rows, of its columns or of both.
#pragma once

#include <stdexcept>
#include <string>

#include "../core/tensors/mask.hpp"
#include "../linalg/orthonormal.hpp"
#include "../linalg/product.hpp"
#include "../rule/chain.hpp"

namespace glissade {

/// Which side of an m x n matrix G is projected.
enum class ProjectionSide {
  standard,  // the shorter one: right where m >= n, else left
  reverse,   // the longer one
  left,      // P' G, r x n
  right,     // G P, m x r
  full,      // P' G Q, r x r
};

namespace detail {

/// A matrix in a rule's scratch, after `offset` coefficients; room for all must have been reserved.
template <class T>
MatrixView<T> scratch_matrix(Buffer& workspace, Index offset, Index rows, Index cols, bool row_major) {
  return {reinterpret_cast<T*>(workspace.data()) + offset, rows, cols, row_major};
}

/// The side that is meant: left, right or full.
inline ProjectionSide resolved(ProjectionSide side, const Tensor& tensor) {
  if (side != ProjectionSide::standard && side != ProjectionSide::reverse) return side;
  return (tensor.rows >= tensor.cols) == (side == ProjectionSide::standard) ? ProjectionSide::right
                                                                            : ProjectionSide::left;
}

/// The image of a tensor under a projection to `rank` directions of a resolved side.
inline Tensor projected(const Tensor& tensor, ProjectionSide side, Index rank) {
  Tensor small = tensor;
  if (side != ProjectionSide::right) small.rows = rank;
  if (side != ProjectionSide::left) small.cols = rank;
  return small;
}

/// The length of the vectors that span the subspace; with both sides, of the left ones.
inline Index projected_length(const Tensor& tensor, ProjectionSide side) {
  return side == ProjectionSide::right ? tensor.cols : tensor.rows;
}

/// R <- P' G or G P.
template <class T>
void project_side(ProjectionSide side, MatrixView<const T> G, MatrixView<const T> P, MatrixView<T> R) {
  if (side == ProjectionSide::left)
    multiply(P.transpose(), G, R);
  else
    multiply(G, P, R);
}

/// U <- factor P N or factor N P'; added to U with `add`.
template <class T>
void lift_side(ProjectionSide side, MatrixView<const T> N, MatrixView<const T> P, MatrixView<T> U, double factor,
               bool add = false) {
  if (side == ProjectionSide::left)
    multiply(P, N, U, factor, add);
  else
    multiply(N, P.transpose(), U, factor, add);
}

/// A projection has no zero column: this one has not been found yet.
template <class T>
bool is_unset(MatrixView<T> P) {
  for (Index i = 0; i < P.rows && P.cols > 0; ++i)
    if (P(i, 0) != 0) return false;
  return true;
}

/// In double and by columns, and back.
template <class T>
Eigen::MatrixXd to_dense(MatrixView<T> view) {
  Eigen::MatrixXd A(view.rows, view.cols);
  for (Index j = 0; j < view.cols; ++j)
    for (Index i = 0; i < view.rows; ++i) A(i, j) = static_cast<double>(view(i, j));
  return A;
}
template <class T>
void assign(MatrixView<T> view, const Eigen::MatrixXd& A) {
  for (Index j = 0; j < view.cols; ++j)
    for (Index i = 0; i < view.rows; ++i) view(i, j) = static_cast<T>(A(i, j));
}

/// How a subspace is found in a gradient: exactly, or at random.
struct SubspaceFinder {
  bool randomized = false;
  RangeFinder accuracy = {};

  /// P <- leading left or right singular vectors of G. Where G is zero or not finite P stays, or becomes the
  /// first unit vectors if there is none yet.
  template <class T>
  void operator()(ProjectionSide side, MatrixView<const T> G, MatrixView<T> P, RandomKey key) const {
    const Eigen::MatrixXd A = to_dense(side == ProjectionSide::left ? G : G.transpose());
    if (!A.allFinite() || A.isZero(0)) {
      if (is_unset(P)) assign(P, Eigen::MatrixXd::Identity(P.rows, P.cols));
    } else {
      assign(P, randomized ? random_leading_subspace(A, P.cols, key, accuracy) : leading_subspace(A, P.cols));
    }
  }
};

/// A key of its own for every tensor, link of the chain and subspace.
inline RandomKey subspace_key(std::uint64_t seed, const Step& step, std::int64_t period) {
  return RandomKey{seed}.derive(step.tensor.index).derive(step.link).derive(static_cast<std::uint64_t>(period));
}

/// Throws std::invalid_argument unless a matrix has room for the rank.
inline void require_rank(std::string_view owner, int rank, const Tensor& tensor) {
  const Index most = (std::min)(tensor.rows, tensor.cols);
  if (rank >= 1 && rank <= most) return;
  throw std::invalid_argument(std::string(owner) + ": rank = " + std::to_string(rank) + " of \"" + tensor.name +
                              "\", a " + tensor.shape() + " matrix, must be in [1, " + std::to_string(most) + "]");
}

/// Throws std::invalid_argument where a rule within a subspace would decay weights, which it sees as zero.
template <class Inner>
void refuse_weight_decay(std::string_view owner, const Inner& inner) {
  for_each_rule(inner, [&](const auto& rule) {
    visit_options(rule, [&](std::string_view field, const auto& value, const Range& = range::any) {
      if (field != "weight_decay") return;
      double decay = 0;
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Schedule>)
        decay = value.constant().value_or(1);
      else if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(value)>>)
        decay = static_cast<double>(value);
      if (decay == 0) return;
      const std::string name(owner);
      throw std::invalid_argument(name + ": the inner " + std::string(rule_name<decltype(rule)>()) +
                                  " has weight_decay = " + to_text(decay) +
                                  ", must be 0: within a subspace parameters count as zero; put AddDecayedWeights "
                                  "after " +
                                  name + " in the chain");
    });
  });
}

}  // namespace detail
}  // namespace glissade
