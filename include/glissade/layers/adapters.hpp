// Several low-rank corrections of one weight.
#pragma once

#include <Eigen/Core>
#include <Eigen/QR>

#include <cmath>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/checks.hpp"
#include "../linalg/frobenius.hpp"
#include "../linalg/thin_svd.hpp"
#include "merging.hpp"

namespace glissade {

/// The correction scale B A of a weight m x n, as any tool leaves it: B is m x r, A is r x n. For a LoraLayer it is
/// {layer.B, layer.A, layer.scale()}, to be added to layer.weight().
template <class T>
struct Adapter {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;

  Matrix B;
  Matrix A;
  double scale = 1;

  [[nodiscard]] Eigen::Index rank() const { return A.rows(); }
};

namespace detail {

/// Throws std::invalid_argument unless the adapter is one of a weight m x n, and finite.
template <class T>
void check_adapter(const char* owner, const Adapter<T>& adapter, Eigen::Index m, Eigen::Index n) {
  const auto& [B, A, scale] = adapter;
  if (B.rows() != m || A.cols() != n || B.cols() != A.rows())
    throw std::invalid_argument(std::string(owner) + ": an adapter of " + shape_text(B.rows(), B.cols()) + " and " +
                                shape_text(A.rows(), A.cols()) + " for a weight of " + shape_text(m, n));
  require_factor<T>(owner, "scale", scale);
  if (!B.allFinite() || !A.allFinite())
    throw std::invalid_argument(std::string(owner) + ": an adapter that is infinite or NaN");
}

/// An adapter and what its scale is multiplied by.
template <class T>
using WeightedAdapter = std::pair<const Adapter<T>*, double>;

template <class T>
Adapter<T> concatenate(const char* owner, Eigen::Index m, Eigen::Index n,
                       const std::vector<WeightedAdapter<T>>& parts) {
  Eigen::Index rank = 0;
  for (const auto& part : parts) rank += part.first->rank();
  Adapter<T> sum{{m, rank}, {rank, n}};
  Eigen::Index at = 0;
  for (const auto& part : parts) {
    const Adapter<T>& adapter = *part.first;
    sum.B.middleCols(at, adapter.rank()) = adapter.B;
    sum.A.middleRows(at, adapter.rank()) = static_cast<T>(part.second * adapter.scale) * adapter.A;
    at += adapter.rank();
  }
  require_finite(owner, "A of the sum", sum.A);
  return sum;
}

}  // namespace detail

/// The weighted sum of adapters as one adapter, exact except for rounding, whose rank is the sum of theirs.
///
///     B = [B_1 .. B_q],  A = [w_1 s_1 A_1; ..; w_q s_q A_q]
///
/// (Sums of the factors, B_1 + B_2 times A_1 + A_2, have cross terms and are something else.)
/// Errors: std::invalid_argument for no adapters, shapes that differ, another number of weights than of adapters, and
/// entries that are not finite, of an adapter or of the sum.
template <class T>
[[nodiscard]] Adapter<T> concatenated(const std::vector<Adapter<T>>& adapters, const std::vector<double>& weights) {
  if (adapters.empty() || adapters.size() != weights.size())
    throw std::invalid_argument("concatenated: " + std::to_string(adapters.size()) + " adapters and " +
                                std::to_string(weights.size()) + " weights, must be as many and at least one");
  const Eigen::Index m = adapters.front().B.rows();
  const Eigen::Index n = adapters.front().A.cols();
  std::vector<detail::WeightedAdapter<T>> parts;
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    detail::check_adapter("concatenated", adapters[i], m, n);
    require("concatenated", "weight", weights[i], range::finite);
    detail::require_factor<T>("concatenated", "weight times scale", weights[i] * adapters[i].scale);
    parts.emplace_back(&adapters[i], weights[i]);
  }
  return detail::concatenate("concatenated", m, n, parts);
}

template <class T>
struct Recompressed {
  Adapter<T> adapter;
  double error;  // the Frobenius norm of what was left out
};

/// The best approximation of an adapter by one of a smaller rank r.
///
///     s B = Q_1 R_1,  A' = Q_2 R_2,  R_1 R_2' = U S V';   B <- Q_1 U_r S_r,  A <- V_r' Q_2'
///     error = sqrt(sum_(i > r) S_i^2), the least there is
///
/// Cost: O((m + n) R^2 + R^3) flops and memory for twice the adapter of rank R; no m x n array. The R x R
/// part is decomposed in double.
/// Errors: std::invalid_argument for a rank out of [1, min(m, n, R)], shapes and entries that are not finite.
template <class T>
[[nodiscard]] Recompressed<T> recompressed(const Adapter<T>& adapter, Eigen::Index rank) {
  using Matrix = typename Adapter<T>::Matrix;
  const Eigen::Index m = adapter.B.rows();
  const Eigen::Index n = adapter.A.cols();
  detail::check_adapter("recompressed", adapter, m, n);
  const Eigen::Index left = m < adapter.rank() ? m : adapter.rank();
  const Eigen::Index right = n < adapter.rank() ? n : adapter.rank();
  const Eigen::Index most = left < right ? left : right;
  if (rank < 1 || rank > most)
    throw std::invalid_argument("recompressed: rank = " + std::to_string(rank) + " of an adapter of rank " +
                                std::to_string(adapter.rank()) + " for a weight of " + shape_text(m, n) +
                                ", must be in [1, " + std::to_string(most) + "]");

  // Of size 1, so that squares neither overflow nor vanish.
  const int of_B = exponent_of(adapter.B), of_A = exponent_of(adapter.A);
  const Eigen::HouseholderQR<Matrix> first(times_power_of_two(adapter.B, -of_B));
  const Eigen::HouseholderQR<Matrix> second(times_power_of_two(adapter.A, -of_A).transpose());
  const Matrix R1 = first.matrixQR().topRows(left).template triangularView<Eigen::Upper>();
  const Matrix R2 = second.matrixQR().topRows(right).template triangularView<Eigen::Upper>();
  const Matrix core = R1 * R2.transpose();
  const auto svd = thin_svd<double>(adapter.scale * core.template cast<double>());
  const auto sigma = times_power_of_two(svd.sigma, of_B + of_A).eval();

  Matrix B = Matrix::Zero(m, rank);
  B.topRows(left) = (svd.U.leftCols(rank) * sigma.head(rank).asDiagonal()).template cast<T>();
  B.applyOnTheLeft(first.householderQ());
  Matrix A = Matrix::Zero(n, rank);
  A.topRows(right) = svd.V.leftCols(rank).template cast<T>();
  A.applyOnTheLeft(second.householderQ());
  return {{std::move(B), A.transpose()}, sigma.tail(most - rank).stableNorm()};
}

/// How a set applies one of its adapters.
struct AdapterUse {
  double weight = 1;         // finite; multiplies the adapter's scale
  std::uint64_t rights = 0;  // bits of which a caller must hold all, otherwise the adapter is inactive; 0: everyone
};

/// A frozen weight with any number of adapters, for those who must be able to remove one without a trace, or show it
/// only to some callers.
///
///     Y = W X + sum_i w_i s_i B_i (A_i X),   W_merged = W + sum_i w_i s_i B_i A_i,   over the active i, by name
///
///     AdapterSet<float> set(W);
///     set.add("notes of 2023", adapter, {.rights = 0b01});   set.add("payroll", other, {.rights = 0b10});
///     set.forward(X, Y, 0b01);   set.remove("payroll");   set.merge(target);
///
/// Guarantee: what comes out depends on the base and the active adapters alone, to the last bit, and not on the order
/// in which anything was added, removed or merged, nor on inactive adapters, which are not read. So a set from which
/// an adapter was removed is a set that never had it. Merged weights are made from the base every time, because
/// subtracting s B A from merged ones would leave its rounding behind. (The memory of what is removed is freed, not
/// overwritten.)
/// Shapes: X n x b with samples in columns, Y m x b, W m x n. Outputs are sized before the call.
/// Cost: 2 m n b flops, and 2 r b (m + n) for every active adapter of rank r, whose r x b array is taken from the
/// heap; merge 2 r m n. Calls that change nothing may run at the same time.
/// Errors: std::invalid_argument for shapes, entries that are not finite, a name that is taken or unknown.
/// Source: "AdapterSwap: Continuous Training of LLMs with Data Removal and Access-Control Guarantees", 2024, arXiv
/// 2404.08417; its choice of adapters for a question is left out.
template <class T>
class AdapterSet {
 public:
  using Index = Eigen::Index;
  using Matrix = typename Adapter<T>::Matrix;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;
  static constexpr std::uint64_t all_rights = ~std::uint64_t{0};

  explicit AdapterSet(Matrix base) : base_(std::move(base)) {
    if (base_.size() == 0) throw std::invalid_argument("AdapterSet: the weight is empty");
  }

  [[nodiscard]] const Matrix& base() const { return base_; }
  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] bool contains(std::string_view name) const { return members_.find(name) != members_.end(); }

  void add(std::string name, Adapter<T> adapter, const AdapterUse& use = {}) {
    detail::check_adapter("AdapterSet::add", adapter, base_.rows(), base_.cols());
    require("AdapterSet::add", "weight", use.weight, range::finite);
    detail::require_factor<T>("AdapterSet::add", "weight times scale", use.weight * adapter.scale);
    if (contains(name)) throw std::invalid_argument("AdapterSet::add: \"" + name + "\" is there already");
    members_.emplace(std::move(name), Member{std::move(adapter), use});
  }
  void remove(std::string_view name) {
    const auto found = members_.find(name);
    if (found == members_.end())
      throw std::invalid_argument("AdapterSet::remove: there is no \"" + std::string(name) + "\"");
    members_.erase(found);
  }

  /// Y <- W X + the active adapters'.
  void forward(const Input& X, Output Y, std::uint64_t granted = all_rights) const {
    if (X.cols() < 1) throw std::invalid_argument("AdapterSet::forward: the batch is empty");
    require_shape("AdapterSet::forward", "X", X, base_.cols(), X.cols());
    require_shape("AdapterSet::forward", "Y", Y, base_.rows(), X.cols());
    Y.noalias() = base_ * X;
    Matrix hidden;
    for_each_active(granted, [&](const Adapter<T>& adapter, double weight) {
      hidden.noalias() = adapter.A * X;
      Y.noalias() += static_cast<T>(weight * adapter.scale) * adapter.B * hidden;
    });
  }

  /// W <- the base with the active adapters merged.
  void merge(Output W, std::uint64_t granted = all_rights) const {
    require_shape("AdapterSet::merge", "W", W, base_.rows(), base_.cols());
    W = base_;
    for_each_active(granted, [&](const Adapter<T>& adapter, double weight) {
      W.noalias() += static_cast<T>(weight * adapter.scale) * adapter.B * adapter.A;
    });
  }

  /// The active adapters as one, to be saved or recompressed; of rank 0 where none is active.
  [[nodiscard]] Adapter<T> composed(std::uint64_t granted = all_rights) const {
    std::vector<detail::WeightedAdapter<T>> parts;
    for_each_active(granted, [&](const Adapter<T>& adapter, double weight) { parts.emplace_back(&adapter, weight); });
    return detail::concatenate("AdapterSet::composed", base_.rows(), base_.cols(), parts);
  }

 private:
  struct Member {
    Adapter<T> adapter;
    AdapterUse use;
  };

  template <class F>
  void for_each_active(std::uint64_t granted, const F& f) const {
    for (const auto& [name, member] : members_)
      if ((member.use.rights & ~granted) == 0) f(member.adapter, member.use.weight);
  }

  Matrix base_;
  std::map<std::string, Member, std::less<>> members_;  // by name: sums in floating point depend on their order
};

}  // namespace glissade
