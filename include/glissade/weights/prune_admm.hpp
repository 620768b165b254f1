// Pruning of a linear layer by ADMM: which weights stay, and what they become.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../core/checks.hpp"
#include "../linalg/product.hpp"
#include "merge.hpp"

namespace glissade {

/// Which weights of a layer stay, outputs x inputs.
using PruningMask = Eigen::Array<bool, Eigen::Dynamic, Eigen::Dynamic>;

/// Where the share of weights that go is counted: in the whole matrix, in each output (row), or so that of every group
/// of consecutive inputs of an output some stay, as hardware for 2 of 4 asks for.
enum class PruningScope { matrix, per_output, n_of_m };

/// Options of update_pruned: how the weights that stay are found.
struct AdmmUpdate {
  static constexpr std::string_view name = "AdmmUpdate";
  double damping = 0.1;          // >= 0: pulls towards the dense weights, in parts of the mean of the diagonal of H
  double rho = 1;                // > 0, of ADMM
  std::int64_t iterations = 20;  // >= 0
  bool precondition = true;      // brings the diagonal of H to 1 first
};

/// Options of prune_by_admm.
struct AdmmPruning {
  static constexpr std::string_view name = "AdmmPruning";
  double sparsity = 0.5;  // in [0, 1): the share that goes; for n_of_m it is 1 - kept / group
  PruningScope scope = PruningScope::matrix;
  std::int64_t kept = 2;                 // >= 1, of n_of_m: so many stay
  std::int64_t group = 4;                // > kept, of n_of_m: of so many, which divide the number of inputs
  std::int64_t pruning_iterations = 15;  // in [0, iterations]: while these last, weights go; 0: all go at the start
  AdmmUpdate update = {};
};

/// What pruning has left.
struct Pruned {
  PruningMask mask;
  double error = 0;  // |(W' - W) X| / |W X|, with the weights as they are stored
};

namespace detail {

/// What is common to both functions: inputs x outputs inside, H scaled to a diagonal of 1, its inverse with rho.
template <class Matrix>
class AdmmPruner {
 public:
  using Index = Eigen::Index;
  using Vector = Eigen::Matrix<typename Matrix::Scalar, Eigen::Dynamic, 1>;

  AdmmPruner(const char* owner, const Matrix& dense, const Matrix& H, const AdmmUpdate& options)
      : options_(options), dense_(dense), H_(H), d_(Vector::Ones(H.rows())) {
    require(owner, "damping", options.damping, range::non_negative);
    require(owner, "rho", options.rho, range::positive);
    require(owner, "iterations", static_cast<double>(options.iterations), range::non_negative);
    const auto refuse = [owner](const std::string& what) { throw std::invalid_argument(owner + (": " + what)); };
    require_shape(owner, "H", H, dense.cols(), dense.cols());
    if (dense.size() == 0) refuse("there are no weights");
    if (!dense.allFinite() || !H.allFinite()) refuse("weights or H that are infinite or NaN");
    const Index n = H.rows();
    for (Index j = 0; j < n; ++j)
      for (Index i = 0; i <= j; ++i) {
        const double bound = std::sqrt(std::max(H(i, i), 0.0)) * std::sqrt(std::max(H(j, j), 0.0)) * (1 + 1e-8);
        if (H(j, j) < 0 || std::abs(H(i, j)) > bound || std::abs(H(i, j) - H(j, i)) > 1e-8 * bound)
          refuse("H is not symmetric and positive semidefinite");
      }
    Matrix scaled = H;
    if (options.precondition) {
      d_ = (H.diagonal().array() > 0).select(H.diagonal().array().sqrt(), 1.0);
      const Vector inverse = d_.cwiseInverse();
      scaled = inverse.asDiagonal() * H * inverse.asDiagonal();
    }
    scaled.diagonal().array() += options.damping * scaled.diagonal().mean();
    W_ = d_.asDiagonal() * dense.transpose();
    for (Index j = 0; j < n; ++j)  // an input that is always 0 is worth nothing
      if (H(j, j) == 0) W_.row(j).setZero();
    Y_.resize(n, dense.rows());
    product(scaled, W_, Y_);
    scaled.diagonal().array() += options.rho;
    const Eigen::LLT<Matrix> cholesky(scaled);
    F_ = Matrix::Identity(n, n);
    cholesky.solveInPlace(F_);
    if (cholesky.info() != Eigen::Success || !F_.allFinite() || !Y_.allFinite())
      refuse("H is not positive semidefinite, or too large");
    sum_ = W_;
    U_ = Matrix::Zero(n, dense.rows());
  }

  /// What + U, by which masks are chosen.
  [[nodiscard]] const Matrix& sum() const { return sum_; }

  void step(const PruningMask& mask) {
    const Matrix Z = mask.select(sum_, 0.0);
    U_ = sum_ - Z;
    Matrix right = Y_ + options_.rho * (Z - U_);
    product(F_, right, sum_);  // now What
    sum_ += U_;
  }

  /// outputs x inputs
  [[nodiscard]] Matrix weights(const PruningMask& mask) const {
    Matrix W = mask.select(sum_, 0.0).matrix();
    W = (d_.cwiseInverse().asDiagonal() * W).eval();
    for (Index j = 0; j < W.rows(); ++j)
      if (H_(j, j) == 0) W.row(j) = mask.row(j).select(dense_.col(j).transpose().array(), 0.0).matrix();
    return W.transpose();
  }
  [[nodiscard]] double error(const Matrix& weights) const {
    const double all = size(dense_);
    return all > 0 ? std::sqrt(size(weights - dense_) / all) : 0;
  }

 private:
  /// |W X|^2
  [[nodiscard]] double size(const Matrix& W) const {
    Matrix WH(W.rows(), W.cols());
    product(W, H_, WH);
    return std::max(WH.cwiseProduct(W).sum(), 0.0);
  }

  AdmmUpdate options_;
  Matrix dense_, H_;
  Vector d_;
  Matrix W_, Y_, F_, sum_, U_;
};

/// Of `places` the `count` with the smallest |value| go, ties by index.
inline void drop_smallest(const Eigen::MatrixXd& values, std::vector<Eigen::Index>& places, std::int64_t count,
                          PruningMask& mask) {
  const auto smaller = [&](Eigen::Index i, Eigen::Index j) {
    const double a = std::abs(values.data()[i]), b = std::abs(values.data()[j]);
    return a != b ? a < b : i < j;
  };
  const auto end = places.begin() + count;
  if (end != places.end()) std::nth_element(places.begin(), end, places.end(), smaller);
  for (auto place = places.begin(); place != end; ++place) mask.data()[*place] = false;
}

/// The mask, inputs x outputs, of which the part `ramp` of all that will go has gone.
inline PruningMask pruning_mask(const Eigen::MatrixXd& values, const AdmmPruning& options, double ramp) {
  const Eigen::Index n = values.rows();
  const double sparsity = ramp * options.sparsity;
  PruningMask mask = PruningMask::Constant(n, values.cols(), true);
  std::vector<Eigen::Index> places;
  for (Eigen::Index k = 0; k < values.size(); ++k) {
    if (options.scope == PruningScope::n_of_m) break;
    places.push_back(k);
    const auto count = static_cast<std::int64_t>(places.size());
    if (options.scope == PruningScope::per_output && count == n) {
      drop_smallest(values, places, static_cast<std::int64_t>(std::floor(sparsity * static_cast<double>(n))), mask);
      places.clear();
    }
  }
  if (options.scope == PruningScope::matrix)
    drop_smallest(values, places, static_cast<std::int64_t>(std::floor(sparsity * static_cast<double>(values.size()))),
                  mask);
  if (options.scope != PruningScope::n_of_m) return mask;
  // In every group the largest ones stay whatever the others are.
  std::vector<Eigen::Index> others, group;
  for (Eigen::Index k = 0; k < values.size(); ++k) {
    group.push_back(k);
    if (static_cast<std::int64_t>(group.size()) < options.group) continue;
    std::sort(group.begin(), group.end(), [&](Eigen::Index i, Eigen::Index j) {
      const double a = std::abs(values.data()[i]), b = std::abs(values.data()[j]);
      return a != b ? a > b : i < j;
    });
    others.insert(others.end(), group.begin() + options.kept, group.end());
    group.clear();
  }
  drop_smallest(values, others, static_cast<std::int64_t>(std::floor(ramp * static_cast<double>(others.size()))), mask);
  return mask;
}

template <class Weights>
void put_weights(const char* owner, const Eigen::MatrixXd& weights, Eigen::DenseBase<Weights>& W) {
  using T = typename Weights::Scalar;
  const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> stored = weights.template cast<T>();
  check_result(owner, stored.array());
  W.derived().matrix() = stored;
}

}  // namespace detail

/// The weights of a linear layer, outputs x inputs, that answer best with some of them gone: after pruning by whatever
/// means, without training.
///
///     min |(W' - W) X|^2  with  W' = 0 outside of the mask;     H = X X', samples in columns, or a multiple of it
///     d_j = sqrt(H_jj);   H <- H / (d d');   W <- W diag(d);   H <- H + damping mean(diag H) I
///     What = W,  U = 0;   each time:   Z = (What + U) in the mask,  U <- U + What - Z,
///                                      What <- (W H + rho (Z - U)) (H + rho I)^-1
///     W' = (What + U) diag(d)^-1 in the mask
///
///     const Pruned pruned = update_pruned(W, H, mask);   // zeros of W outside of the mask are exact
///
/// All outputs share one inverse, where least squares on the support of each output takes a factorization for each.
/// With damping = 0 that is the limit, which it reaches linearly; 20 iterations are nearly there. Outputs do not depend
/// on each other, and the result not on units of measurement of the inputs. An input that is always 0 keeps its
/// weights.
/// Cost, n inputs, m outputs: about 2 n^3 flops for the inverse, 2 n^2 m for an iteration; memory 2 n^2 + 5 m n
/// numbers. Least squares, with (kept share n)^3 / 3 flops for each output, is faster for small layers: with 60 %
/// pruned (bench/weights/prune_admm.cpp) in 0.4 times the time for n = m = 256, in 1.1 times for 2048. Errors:
/// std::invalid_argument, before W is touched, for options out of range, shapes, numbers that are not finite, an H that
/// is not symmetric and positive semidefinite. Source: "Fast and Optimal Weight Update for Pruned Large Language
/// Models", 2024, arXiv 2401.02938, and the authors' code. Deviations: no 1e-8 is added to d, and inputs that are
/// always 0 are set apart instead.
template <class Weights>
Pruned update_pruned(Eigen::DenseBase<Weights>& W, const Eigen::Ref<const Eigen::MatrixXd>& H, const PruningMask& mask,
                     const AdmmUpdate& options = {}) {
  constexpr auto owner = "AdmmUpdate";
  require_shape(owner, "the mask", mask, W.rows(), W.cols());
  detail::AdmmPruner<Eigen::MatrixXd> admm(owner, W.derived().matrix().template cast<double>(), H, options);
  const PruningMask turned = mask.transpose();
  for (std::int64_t k = 0; k < options.iterations; ++k) admm.step(turned);
  detail::put_weights(owner, admm.weights(turned), W);
  return {mask, admm.error(W.derived().matrix().template cast<double>())};
}

/// The same, and which weights go is found on the way: a few more in every iteration, those with the smallest
/// |What + U|, until the share is reached.
///
///     s_k = sparsity (1 - (1 - k / pruning_iterations)^3),   k = 1 .. pruning_iterations
///
///     const Pruned pruned = prune_by_admm(W, H, {.sparsity = 0.7});
///
/// Exactly floor(sparsity size) weights go, of the matrix or of each row; ties by index, outputs one after another.
/// With pruning_iterations = 0 all go at the start, by |W_ij| d_j (Wanda). With n_of_m the `kept` largest of each group
/// stay in every iteration, and the others go by a threshold common to all.
/// Errors: as update_pruned, and a number of inputs that is no multiple of the group.
/// Source: the same; Wanda: "A Simple and Effective Pruning Approach for Large Language Models", 2023, arXiv
/// 2306.11695. Deviation: the share grows in every scope, where the code has the final one at once for the whole
/// matrix.
template <class Weights>
Pruned prune_by_admm(Eigen::DenseBase<Weights>& W, const Eigen::Ref<const Eigen::MatrixXd>& H,
                     const AdmmPruning& options = {}) {
  constexpr auto owner = "AdmmPruning";
  require(owner, "sparsity", options.sparsity, range::decay);
  require(owner, "scope", options.scope, PruningScope::n_of_m);
  require(owner, "pruning_iterations", static_cast<double>(options.pruning_iterations),
          Range{0, static_cast<double>(options.update.iterations)});
  if (options.scope == PruningScope::n_of_m) {
    require(owner, "kept", static_cast<double>(options.kept), range::at_least_one);
    if (options.group <= options.kept || W.cols() % options.group != 0)
      throw std::invalid_argument("AdmmPruning: group = " + std::to_string(options.group) +
                                  ", must be above kept = " + std::to_string(options.kept) +
                                  " and divide the number of inputs, " + std::to_string(W.cols()));
  }
  detail::AdmmPruner<Eigen::MatrixXd> admm(owner, W.derived().matrix().template cast<double>(), H, options.update);
  PruningMask mask;
  if (options.pruning_iterations == 0) mask = detail::pruning_mask(admm.sum(), options, 1);
  for (std::int64_t k = 1; k <= options.update.iterations; ++k) {
    if (k <= options.pruning_iterations) {
      const double left = 1 - static_cast<double>(k) / static_cast<double>(options.pruning_iterations);
      mask = detail::pruning_mask(admm.sum(), options, 1 - left * left * left);
    }
    admm.step(mask);
  }
  detail::put_weights(owner, admm.weights(mask), W);
  return {mask.transpose(), admm.error(W.derived().matrix().template cast<double>())};
}

}  // namespace glissade
