// Changes of several fine-tuned models, added to the model that they come from: task arithmetic, DARE and TIES.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

#include "../core/random.hpp"
#include "merge_sparse.hpp"

namespace glissade {

/// Task arithmetic: what a model has learned is the difference to the one it was tuned from, and adds up; a negative
/// scale makes a model forget a task.
///
///     target <- target + scale (task - base)
///
/// `target` starts as a copy of the base; call once per task, in any order.
/// Throws std::invalid_argument for shapes that differ, weights that are not finite or would not be, and a scale that
/// is not.
/// Source: "Editing Models with Task Arithmetic", 2022, arXiv 2212.04089.
template <class Base, class Task, class New>
void add_task(const Eigen::DenseBase<Base>& base, const Eigen::DenseBase<Task>& task, Eigen::DenseBase<New>& target,
              double scale = 1) {
  require("add_task", "scale", scale, range::finite);
  detail::check_weights("add_task", base, task);
  detail::check_weights("add_task", base, target);
  auto& x = target.derived();
  const auto sum =
      x.array() + static_cast<typename New::Scalar>(scale) * (task.derived().array() - base.derived().array());
  detail::check_result("add_task", sum);
  x = sum.matrix();
}

/// Options of add_dare.
struct DareOptions {
  double scale = 1;
  double drop = 0.9;       // in [0, 1): share that is dropped
  std::uint64_t seed = 0;  // another one for each task and tensor
};

/// DARE: the same with most of the change dropped at random and the rest enlarged, so that tasks hardly meet and each
/// change is right in the mean.
///
///     tau = task - base;   target <- target + scale tau_i / (1 - drop)  with probability 1 - drop
///
/// Which ones is a function of seed and place. Throws as add_task, and for options out of range.
/// Source: "Language Models are Super Mario: Absorbing Abilities from Homologous Models as a Free Lunch", 2023, arXiv
/// 2311.03099.
template <class Base, class Task, class New>
void add_dare(const Eigen::DenseBase<Base>& base, const Eigen::DenseBase<Task>& task, Eigen::DenseBase<New>& target,
              const DareOptions& options = {}) {
  using T = typename New::Scalar;
  require("add_dare", "scale", options.scale, range::finite);
  require("add_dare", "drop", options.drop, range::decay);
  detail::check_weights("add_dare", base, task);
  detail::check_weights("add_dare", base, target);
  auto x = target.derived().eval();
  const RandomKey key{options.seed};
  const double factor = options.scale / (1 - options.drop);
  std::uint64_t place = 0;
  for (Eigen::Index c = 0; c < x.cols(); ++c)
    for (Eigen::Index r = 0; r < x.rows(); ++r)
      if (key.uniform(place++) >= options.drop)
        x.coeffRef(r, c) += static_cast<T>(factor * (static_cast<double>(task.derived().coeff(r, c)) -
                                                     static_cast<double>(base.derived().coeff(r, c))));
  detail::check_result("add_dare", x.array());
  target.derived() = x;
}

/// Options of merge_ties.
struct TiesOptions {
  double scale = 1;
  double keep = 0.2;  // in [0, 1]: share of each task's change that is kept, the largest ones
};

/// TIES: merges the changes of several models without those that are small or pull against the others.
///
///     tau_k = task_k - base, of which the floor(keep size) largest |tau_k| are kept, ties by index
///     sign = that of sum_k tau_k, place by place;   tau = the mean of those tau_k that are not 0 and have that sign
///     target <- target + scale tau                                         target starts as the base
///
///     std::vector<Eigen::MatrixXf> models(3);
///     merge_ties<Eigen::MatrixXf>(models, W);
///
/// Throws as add_task, for options out of range, and where there is no task.
/// Source: "TIES-Merging: Resolving Interference When Merging Models", 2023, arXiv 2306.01708. Where the sum is 0 so is
/// tau.
template <class Task, class New>
void merge_ties(std::span<const Task> tasks, Eigen::DenseBase<New>& target, const TiesOptions& options = {}) {
  using T = typename New::Scalar;
  require("merge_ties", "scale", options.scale, range::finite);
  require("merge_ties", "keep", options.keep, range::fraction);
  if (tasks.empty()) throw std::invalid_argument("merge_ties: there are no tasks");
  for (const Task& task : tasks) detail::check_weights("merge_ties", task, target);
  auto x = target.derived().eval();
  const auto size = static_cast<std::size_t>(x.size());
  const auto kept = static_cast<std::size_t>(std::floor(options.keep * static_cast<double>(size)));
  std::vector<std::vector<double>> changes;
  std::vector<std::size_t> order;
  for (const Task& task : tasks) {
    std::vector<double>& change = changes.emplace_back(size);
    std::size_t at = 0;
    for (Eigen::Index c = 0; c < x.cols(); ++c)
      for (Eigen::Index r = 0; r < x.rows(); ++r)
        change[at++] = static_cast<double>(task.coeff(r, c)) - static_cast<double>(x.coeff(r, c));
    detail::sort_by_magnitude(change.data(), order, size, kept);
    for (std::size_t i = kept; i < size; ++i) change[order[i]] = 0;
  }
  std::size_t at = 0;
  for (Eigen::Index c = 0; c < x.cols(); ++c)
    for (Eigen::Index r = 0; r < x.rows(); ++r, ++at) {
      double sum = 0, agreed = 0;
      int count = 0;
      for (const auto& change : changes) sum += change[at];
      for (const auto& change : changes)
        if ((sum > 0 && change[at] > 0) || (sum < 0 && change[at] < 0)) {
          agreed += change[at];
          ++count;
        }
      if (count > 0) x.coeffRef(r, c) += static_cast<T>(options.scale * (agreed / count));
    }
  detail::check_result("merge_ties", x.array());
  target.derived() = x;
}

}  // namespace glissade
