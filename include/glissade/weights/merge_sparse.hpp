// Changes of weights with few coefficients that are not zero.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "merge.hpp"

namespace glissade {

namespace detail {
/// The first places of `order` hold the coefficients of a[begin, begin + count) by falling magnitude,
/// ties by index.
inline void sort_by_magnitude(const double* a, std::vector<std::size_t>& order, std::size_t count, std::size_t needed) {
  order.resize(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto larger = [a](std::size_t i, std::size_t j) {
    const double x = std::abs(a[i]), y = std::abs(a[j]);
    return x != y ? x > y : i < j;
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(needed), order.end(), larger);
}
}  // namespace detail

/// Sparse fine-tuning: undoes all but the largest changes against a base model. Called every so many
/// steps of dense training, with the optimizer's state left as it is.
///
///     tau = target - base;   target <- base + the floor(share size) largest |tau|, ties by index
///
/// It is the Euclidean projection onto the changes with so many coefficients. For one budget over several
/// tensors give them as one vector. With floor(share size) = 0 a small tensor stays at its base.
/// Throws std::invalid_argument for shapes that differ, weights that are not finite, and a share out of
/// [0, 1].
/// Source: "Robust Learning of Diverse Code Edits", 2025, arXiv 2503.03656, Algorithm 1 (SeleKT); its
/// code works tensor by tensor with a share of 0.05.
template <class Base, class New>
void keep_largest_changes(const Eigen::DenseBase<Base>& base, Eigen::DenseBase<New>& target, double share) {
  require("keep_largest_changes", "share", share, range::fraction);
  detail::check_weights("keep_largest_changes", base, target);
  auto& x = target.derived();
  const auto size = static_cast<std::size_t>(x.size());
  const auto kept = static_cast<std::size_t>(std::floor(share * static_cast<double>(size)));
  if (kept == size) return;
  std::vector<double> change(size);
  std::size_t k = 0;
  for (Eigen::Index c = 0; c < x.cols(); ++c)
    for (Eigen::Index r = 0; r < x.rows(); ++r)
      change[k++] = static_cast<double>(x.coeff(r, c)) - static_cast<double>(base.derived().coeff(r, c));
  std::vector<std::size_t> order;
  detail::sort_by_magnitude(change.data(), order, size, kept);
  for (std::size_t i = kept; i < size; ++i) {
    const auto at = static_cast<Eigen::Index>(order[i]);
    const Eigen::Index row = at % x.rows(), col = at / x.rows();
    x.coeffRef(row, col) = static_cast<typename New::Scalar>(base.derived().coeff(row, col));
  }
}

struct BreadcrumbsOptions {
  double scale = 0.2;        // of what is added
  double keep = 0.15;        // in [0, 1]: share of each row that is kept
  double leave_out = 0.006;  // in [0, 1]: share of each row, the largest changes, that is left out
};

/// Merges the changes of several fine-tuned models into their base without the extremes of either end: of
/// every row of a task's change the largest coefficients are left out, the next largest kept.
///
///     tau = task - base;  row by row:  leave out floor(leave_out n), keep the next floor(keep n), drop the rest
///     target <- target + scale tau
///
/// `target` starts as a copy of the base; call once per task, in any order. A vector is one row.
/// Takes memory for another target.
/// Throws std::invalid_argument for shapes that differ, weights that are not finite or would not be, and options out of
/// range.
/// Source: "Model Breadcrumbs", 2023, arXiv 2312.06795; row by row as in the authors' code, where the
/// paper has thresholds per layer.
template <class Base, class Task, class New>
void add_breadcrumbs(const Eigen::DenseBase<Base>& base, const Eigen::DenseBase<Task>& task,
                     Eigen::DenseBase<New>& target, const BreadcrumbsOptions& options = {}) {
  require("add_breadcrumbs", "scale", options.scale, range::finite);
  require("add_breadcrumbs", "keep", options.keep, range::fraction);
  require("add_breadcrumbs", "leave_out", options.leave_out, range::fraction);
  detail::check_weights("add_breadcrumbs", base, task);
  detail::check_weights("add_breadcrumbs", base, target);
  auto x = target.derived().eval();
  const bool vector = x.cols() == 1;
  const Eigen::Index rows = vector ? 1 : x.rows();
  const auto length = static_cast<std::size_t>(vector ? x.rows() : x.cols());
  const auto part = [&](double share) {
    return static_cast<std::size_t>(std::floor(share * static_cast<double>(length)));
  };
  const std::size_t first = part(options.leave_out);
  const std::size_t last = (std::min)(length, first + part(options.keep));
  std::vector<double> change(length);
  std::vector<std::size_t> order;
  for (Eigen::Index r = 0; r < rows; ++r) {
    const auto row_of = [&](std::size_t k) { return vector ? static_cast<Eigen::Index>(k) : r; };
    const auto col_of = [&](std::size_t k) { return vector ? Eigen::Index{0} : static_cast<Eigen::Index>(k); };
    for (std::size_t k = 0; k < length; ++k)
      change[k] = static_cast<double>(task.derived().coeff(row_of(k), col_of(k))) -
                  static_cast<double>(base.derived().coeff(row_of(k), col_of(k)));
    detail::sort_by_magnitude(change.data(), order, length, last);
    for (std::size_t i = first; i < last; ++i)
      x.coeffRef(row_of(order[i]), col_of(order[i])) +=
          static_cast<typename New::Scalar>(options.scale * change[order[i]]);
  }
  detail::check_result("add_breadcrumbs", x.array());
  target.derived() = x;
}

}  // namespace glissade
