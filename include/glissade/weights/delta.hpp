// What changed between two versions of a weight, kept in whatever form takes the least room.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "../core/checks.hpp"
#include "../layers/adapters.hpp"
#include "../linalg/thin_svd.hpp"
#include "merge.hpp"

namespace glissade {

/// The new weights themselves.
template <class T>
struct DenseDelta {
  Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> weights;
};

/// Some weights: what is added to them, or what they become.
template <class T>
struct SparseDelta {
  Eigen::Index rows = 0;
  Eigen::Index cols = 0;
  Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> places;  // row + rows * column, ascending
  Eigen::Matrix<T, Eigen::Dynamic, 1> values;
  bool replaces = false;  // the values are new weights, else differences
};

/// A factor for every row (m x 1) or every column (1 x n).
template <class T>
struct ScalingDelta {
  Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> factors;
};

/// One of the four; an Adapter is P <- P + scale B A.
template <class T>
using CheckpointDelta = std::variant<DenseDelta<T>, SparseDelta<T>, Adapter<T>, ScalingDelta<T>>;

struct DeltaOptions {
  double tolerance = 2;   // c >= 0, in machine epsilons: what may be lost
  bool lossless = false;  // nothing may be lost, not even a bit
};

enum class ScalingAxis { rows, columns };

namespace detail {

template <class A, class B>
void check_versions(const char* owner, const Eigen::DenseBase<A>& before, const Eigen::DenseBase<B>& after,
                    const DeltaOptions& options) {
  static_assert(std::is_floating_point_v<typename B::Scalar> && std::is_same_v<typename A::Scalar, typename B::Scalar>,
                "both versions must hold the same kind of floating point numbers");
  require(owner, "tolerance", options.tolerance, range::non_negative);
  if (options.lossless)
    check_shapes(owner, before, after);
  else
    check_weights(owner, before, after);
}

template <class T>
bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

/// Calls use(P_ij, N_ij, place) column by column.
template <class A, class B, class Use>
void for_each_pair(const Eigen::DenseBase<A>& before, const Eigen::DenseBase<B>& after, const Use& use) {
  std::int64_t place = 0;
  for (Eigen::Index c = 0; c < after.cols(); ++c)
    for (Eigen::Index r = 0; r < after.rows(); ++r)
      use(before.derived().coeff(r, c), after.derived().coeff(r, c), place++);
}

template <class Weights>
auto in_double(const Weights& weights) {
  return weights.derived().matrix().template cast<double>();
}

inline void check_target(Eigen::Index rows, Eigen::Index cols, Eigen::Index target_rows, Eigen::Index target_cols) {
  if (rows != target_rows || cols != target_cols)
    throw std::invalid_argument("apply_delta: a change of " + shape_text(rows, cols) + " for weights of " +
                                shape_text(target_rows, target_cols));
}

/// Of what changes weights. What replaces them may be anything.
template <class T>
bool has_finite_change(const DenseDelta<T>&) {
  return true;
}
template <class T>
bool has_finite_change(const SparseDelta<T>& delta) {
  return delta.replaces || delta.values.allFinite();
}
template <class T>
bool has_finite_change(const Adapter<T>& delta) {
  return delta.B.allFinite() && delta.A.allFinite() && std::isfinite(static_cast<T>(delta.scale));
}
template <class T>
bool has_finite_change(const ScalingDelta<T>& delta) {
  return delta.factors.allFinite();
}
void check_change(const auto& delta) {
  if (!has_finite_change(delta)) throw std::invalid_argument("apply_delta: a change that is infinite or NaN");
}

}  // namespace detail

/// The weights that differ: by more than c epsilon max(|P_ij|, |N_ij|), as differences; with `lossless` in any bit,
/// as new weights. P + (N - P) is N except for rounding.
/// Errors, of this and the following: std::invalid_argument for shapes that differ, a tolerance below 0, and unless
/// `lossless` weights that are not finite.
template <class Old, class New>
[[nodiscard]] SparseDelta<typename New::Scalar> sparse_delta(const Eigen::DenseBase<Old>& before,
                                                             const Eigen::DenseBase<New>& after,
                                                             const DeltaOptions& options = {}) {
  using T = typename New::Scalar;
  detail::check_versions("sparse_delta", before, after, options);
  const T share = static_cast<T>(options.tolerance) * std::numeric_limits<T>::epsilon();
  const auto changed = [&](T p, T n) {
    if (options.lossless) return !detail::same_bits(p, n);
    return std::abs(n - p) > share * std::max(std::abs(p), std::abs(n));
  };
  Eigen::Index count = 0;
  detail::for_each_pair(before, after, [&](T p, T n, std::int64_t) { count += changed(p, n) ? 1 : 0; });
  SparseDelta<T> delta;
  delta.rows = after.rows();
  delta.cols = after.cols();
  delta.places.resize(count);
  delta.values.resize(count);
  delta.replaces = options.lossless;
  Eigen::Index at = 0;
  detail::for_each_pair(before, after, [&](T p, T n, std::int64_t place) {
    if (!changed(p, n)) return;
    delta.places[at] = place;
    delta.values[at++] = options.lossless ? n : n - p;
  });
  return delta;
}

/// The difference as a product: D = N - P = U S V',  B = U_k,  A = S_k V_k' = B' D. Its rank is the one given or, with
/// -1, the number of singular values that are no rounding, neither of D's decomposition nor of N itself:
///
///     sigma > c epsilon max(max(m, n) sigma_1, |N| / sqrt(min(m, n)))
///
/// Cost: a singular value decomposition in double, O(m n min(m, n)) flops.
/// Errors: also std::invalid_argument for `lossless`, which a product cannot be, and a rank out of [0, min(m, n)].
template <class Old, class New>
[[nodiscard]] Adapter<typename New::Scalar> low_rank_delta(const Eigen::DenseBase<Old>& before,
                                                           const Eigen::DenseBase<New>& after,
                                                           const DeltaOptions& options = {}, Eigen::Index rank = -1) {
  using T = typename New::Scalar;
  using Matrix = typename Adapter<T>::Matrix;
  detail::check_versions("low_rank_delta", before, after, options);
  if (options.lossless) throw std::invalid_argument("low_rank_delta: lossless = true, must be false");
  const Eigen::Index m = after.rows();
  const Eigen::Index n = after.cols();
  const Eigen::Index least = m < n ? m : n;
  if (rank < -1 || rank > least)
    throw std::invalid_argument("low_rank_delta: rank = " + std::to_string(rank) + " for weights of " +
                                shape_text(m, n) + ", must be in [0, " + std::to_string(least) + "]");
  if (least == 0) return {Matrix(m, 0), Matrix(0, n)};

  const Eigen::MatrixXd D = detail::in_double(after) - detail::in_double(before);
  if (!D.allFinite()) throw std::invalid_argument("low_rank_delta: a difference is infinite");
  const ThinSvd<double> svd = thin_svd<double>(D);
  const auto& sigma = svd.sigma;
  if (rank == -1) {
    const double rounding = options.tolerance * static_cast<double>(std::numeric_limits<T>::epsilon()) *
                            std::max(static_cast<double>(std::max(m, n)) * sigma[0],
                                     detail::in_double(after).stableNorm() / std::sqrt(static_cast<double>(least)));
    rank = (sigma.array() > rounding).count();
  }
  // The decomposition's own error, some epsilons of sigma_1, is not in what the columns of D span.
  const Eigen::MatrixXd B = orthonormalized(Eigen::MatrixXd(D * svd.V.leftCols(rank)));
  const Eigen::MatrixXd A = B.transpose() * D;
  return {B.cast<T>(), A.cast<T>()};
}

/// The mean of N_ij / P_ij over each row or column, where P_ij is not 0; 0 where all are.
template <class Old, class New>
[[nodiscard]] ScalingDelta<typename New::Scalar> scaling_delta(const Eigen::DenseBase<Old>& before,
                                                               const Eigen::DenseBase<New>& after, ScalingAxis axis) {
  using T = typename New::Scalar;
  detail::check_versions("scaling_delta", before, after, {});
  const bool by_rows = axis == ScalingAxis::rows;
  Eigen::VectorXd sums = Eigen::VectorXd::Zero(by_rows ? after.rows() : after.cols());
  Eigen::VectorXd counts = sums;
  detail::for_each_pair(before, after, [&](T p, T n, std::int64_t place) {
    if (p == 0) return;
    const Eigen::Index k = by_rows ? place % after.rows() : place / after.rows();
    sums[k] += static_cast<double>(n) / static_cast<double>(p);
    counts[k] += 1;
  });
  const Eigen::VectorXd means = sums.array() / counts.array().max(1);
  if (by_rows) return {means.cast<T>()};
  return {means.transpose().cast<T>()};
}

/// P <- the new version. Errors: std::invalid_argument, before P is touched, for weights of another shape, a place
/// outside of them, and what is to be added or multiplied if it is infinite or NaN.
template <class T, class P>
void apply_delta(const DenseDelta<T>& delta, Eigen::DenseBase<P>& target) {
  detail::check_target(delta.weights.rows(), delta.weights.cols(), target.rows(), target.cols());
  target.derived().matrix() = delta.weights;
}
template <class T, class P>
void apply_delta(const SparseDelta<T>& delta, Eigen::DenseBase<P>& target) {
  detail::check_target(delta.rows, delta.cols, target.rows(), target.cols());
  if (delta.places.size() != delta.values.size())
    throw std::invalid_argument("apply_delta: " + std::to_string(delta.places.size()) + " places and " +
                                std::to_string(delta.values.size()) + " values, must be as many");
  for (const std::int64_t place : delta.places)
    if (place < 0 || place >= target.size())
      throw std::invalid_argument("apply_delta: place " + std::to_string(place) + ", must be in [0, " +
                                  std::to_string(target.size()) + ")");
  detail::check_change(delta);
  for (Eigen::Index i = 0; i < delta.places.size(); ++i) {
    T& weight = target.derived().coeffRef(delta.places[i] % delta.rows, delta.places[i] / delta.rows);
    weight = delta.replaces ? delta.values[i] : weight + delta.values[i];
  }
}
template <class T, class P>
void apply_delta(const Adapter<T>& delta, Eigen::DenseBase<P>& target) {
  detail::check_target(delta.B.rows(), delta.A.cols(), target.rows(), target.cols());
  detail::check_target(delta.B.cols(), delta.A.cols(), delta.A.rows(), target.cols());
  detail::check_change(delta);
  target.derived().matrix().noalias() += static_cast<T>(delta.scale) * delta.B * delta.A;
}
template <class T, class P>
void apply_delta(const ScalingDelta<T>& delta, Eigen::DenseBase<P>& target) {
  const bool by_rows = delta.factors.cols() == 1 && delta.factors.rows() == target.rows();
  if (!by_rows) detail::check_target(1, delta.factors.cols(), delta.factors.rows(), target.cols());
  detail::check_change(delta);
  auto&& weights = target.derived().array();
  for (Eigen::Index c = 0; c < target.cols(); ++c) {
    if (by_rows)
      weights.col(c) *= delta.factors.col(0).array();
    else
      weights.col(c) *= delta.factors(0, c);
  }
}
template <class T, class P>
void apply_delta(const CheckpointDelta<T>& delta, Eigen::DenseBase<P>& target) {
  std::visit([&](const auto& kind) { apply_delta(kind, target); }, delta);
}

/// Bytes of the scalars that a delta holds.
template <class T>
[[nodiscard]] std::int64_t delta_bytes(const DenseDelta<T>& delta) {
  return delta.weights.size() * std::int64_t{sizeof(T)};
}
template <class T>
[[nodiscard]] std::int64_t delta_bytes(const SparseDelta<T>& delta) {
  return delta.values.size() * std::int64_t{sizeof(T) + sizeof(std::int64_t)};
}
template <class T>
[[nodiscard]] std::int64_t delta_bytes(const Adapter<T>& delta) {
  return (delta.B.size() + delta.A.size()) * std::int64_t{sizeof(T)};
}
template <class T>
[[nodiscard]] std::int64_t delta_bytes(const ScalingDelta<T>& delta) {
  return delta.factors.size() * std::int64_t{sizeof(T)};
}
template <class T>
[[nodiscard]] std::int64_t delta_bytes(const CheckpointDelta<T>& delta) {
  return std::visit([](const auto& kind) { return delta_bytes(kind); }, delta);
}

namespace detail {

/// Whether P with the delta is N, as checkpoint_delta promises.
template <class Delta, class Old, class New>
bool restores(const Delta& delta, const Eigen::DenseBase<Old>& before, const Eigen::DenseBase<New>& after,
              double tolerance) {
  using T = typename New::Scalar;
  if (!has_finite_change(delta)) return false;
  typename Adapter<T>::Matrix restored = before.derived().matrix();
  apply_delta(delta, restored);
  const double count = std::sqrt(static_cast<double>(after.size()));
  const double weight = std::max(in_double(before).stableNorm(), in_double(after).stableNorm()) / count;
  const double change = (in_double(after) - in_double(before)).stableNorm() / count;
  const double common = weight + std::sqrt(static_cast<double>(std::max(after.rows(), after.cols()))) * change;
  bool good = std::isfinite(common);  // a difference may overflow
  for_each_pair(before, after, [&](T p, T n, std::int64_t place) {
    const double error = std::abs(static_cast<double>(restored.data()[place]) - static_cast<double>(n));
    const auto size = static_cast<double>(std::max(std::abs(p), std::abs(n)));
    good = good && error <= tolerance * static_cast<double>(std::numeric_limits<T>::epsilon()) * (size + common);
  });
  return good;
}

}  // namespace detail

/// The cheapest way to make new weights N from old ones P, for those who keep many versions of a model.
///
///     dense     N                        m n scalars             N
///     sparse    changed weights          a scalar and a place    P + D, or N there
///     adapter   D = N - P of rank k      k (m + n) scalars       P + B A
///     scaling   a factor per row         m scalars, or n         P o v
///
///     const CheckpointDelta<float> delta = checkpoint_delta(P, N);   apply_delta(delta, P);   // P is N
///
/// What is chosen has been tried: every weight comes back within c epsilon of the sum of its size, the root mean square
/// of all weights and sqrt(max(m, n)) times that of the changes; so changes below the rounding of a typical weight may
/// be lost. With `lossless` N comes back bit for bit, NaN and signs of zeros included, as a sparse or dense delta.
/// Changes that follow each other in low rank add up: concatenated({one, two}, {1, 1}). Two descendants are merged by
/// interpolate_weights and add_breadcrumbs. Cost: two passes, and a decomposition of N - P (see low_rank_delta) where
/// rank 1 would be cheaper than the rest. Errors: std::invalid_argument for shapes that differ, a tolerance below 0,
/// and unless `lossless` weights that are not finite. Source: "Git-Theta: A Git Extension for Collaborative Development
/// of Machine Learning Models", 2023, arXiv 2306.04529, and its code. Deviations: thresholds are relative, where the
/// code has 1e-12 and 1e-11, which are nothing in float and much for small weights; sparse deltas can keep the new
/// bits; the choice is made here.
template <class Old, class New>
[[nodiscard]] CheckpointDelta<typename New::Scalar> checkpoint_delta(const Eigen::DenseBase<Old>& before,
                                                                     const Eigen::DenseBase<New>& after,
                                                                     const DeltaOptions& options = {}) {
  using T = typename New::Scalar;
  detail::check_versions("checkpoint_delta", before, after, options);
  CheckpointDelta<T> best = DenseDelta<T>{after.derived().matrix()};
  std::int64_t least = delta_bytes(best);
  const auto consider = [&](auto delta) {
    if (delta_bytes(delta) >= least) return;
    if (!options.lossless && !detail::restores(delta, before, after, options.tolerance)) return;
    least = delta_bytes(delta);
    best = std::move(delta);
  };
  consider(sparse_delta(before, after, options));
  if (options.lossless) return best;
  consider(scaling_delta(before, after, ScalingAxis::rows));
  consider(scaling_delta(before, after, ScalingAxis::columns));
  const bool finite = (after.derived().array() - before.derived().array()).isFinite().all();
  if (finite && (after.rows() + after.cols()) * std::int64_t{sizeof(T)} < least)
    consider(low_rank_delta(before, after, options));
  return best;
}

}  // namespace glissade
