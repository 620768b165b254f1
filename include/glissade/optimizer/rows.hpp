// Updates of a few rows of a large table, such as the embeddings of the words of a batch.
#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "../core/engine/stretches.hpp"
#include "optimizer.hpp"

namespace glissade {

/// What becomes of the rows that a step has no gradient for.
enum class RowUpdates {
  exact,  // what a zero gradient makes of them: moments fade, parameters drift, decay goes on
  lazy    // nothing: moments and decay stand still, as in torch.optim.SparseAdam
};

/// Binds a rule to a table of which each step has gradients for a few rows only; costs what those rows cost.
///
///     Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> table(50'000, 64);
///     RowOptimizer optimizer{Adam{.learning_rate = 1e-3}, RowUpdates::exact, table};
///     optimizer.refresh(words);                 // before the table is read at these rows
///     optimizer.step(words, gradients);         // row i of gradients belongs to row words[i] of the table
///
/// A row is contiguous: of a column-major table the columns are meant, and gradients have columns too. A row
/// that is named twice in a step gets the sum of its gradients.
///
/// exact: every row ends up bit for bit as in a dense run with zero gradients elsewhere, because the steps
/// that it has missed are made up for, one by one, when it is needed: by refresh and step for the rows that
/// they name, by flush for all. Between these a row that was not named lags behind. Options may be changed as
/// those of any optimizer: rule() flushes first, so that a missed step is made up for with the options of its own
/// time. A rate that changes often is better a schedule.
/// lazy: missed steps are skipped, bias corrections count all steps; refresh and flush do nothing.
///
/// Any chain of rules that work coefficient by coefficient: Sgd, Adagrad, Adam, AdamW, Lion, RmsProp, ...; others
/// do not compile. Cost: that of the rule for each named row and, if exact, for each step that it has missed
/// (none for plain Sgd and Adagrad without decay, where a zero gradient changes nothing).
/// Throws std::invalid_argument for options out of range, rows that are not there and shapes that do not
/// match, before anything is touched.
template <class R, StorageScalar P>
class RowOptimizer {
 public:
  template <class X>
  RowOptimizer(R rule, RowUpdates updates, X& table, OptimizerOptions options = {})
      : optimizer_(std::move(rule), options, table), updates_(updates) {
    const Tensor& tensor = optimizer_.tensor(0);
    last_.assign(static_cast<std::size_t>(tensor.row_major ? tensor.rows : tensor.cols), 0);
    width_ = tensor.row_major ? tensor.cols : tensor.rows;
    place_.assign(last_.size(), -1);
    zero_.assign(static_cast<std::size_t>(width_), T(0));
  }

  /// One update of the named rows, in any order.
  template <class G>
  void step(std::span<const Index> rows, const Eigen::DenseBase<G>& gradients) {
    optimizer_.check_options();
    check_rows(rows);
    const Tensor& tensor = optimizer_.tensor(0);
    const auto count = static_cast<Index>(rows.size());
    if (gradients.rows() != (tensor.row_major ? count : width_) ||
        gradients.cols() != (tensor.row_major ? width_ : count))
      throw std::invalid_argument("RowOptimizer::step: gradients are " + std::to_string(gradients.rows()) + " x " +
                                  std::to_string(gradients.cols()) + " for " + std::to_string(count) +
                                  " rows of length " + std::to_string(width_));
    gather(rows, gradients.derived());
    const std::int64_t steps = now();
    make_up(unique_);
    on_step(steps, [&](const auto& update) {
      for (std::size_t i = 0; i < unique_.size(); ++i)
        update(unique_[i], gradients_.data() + static_cast<Index>(i) * width_);
    });
    for (const Index row : unique_) last_[static_cast<std::size_t>(row)] = steps + 1;
    RuleState<P>& memory = optimizer_.memory();
    for (Counts* counts : {&memory.counts, &memory.states.front().counts}) {
      ++counts->calls;
      ++counts->updates;
    }
  }
  template <class G>
  void step(const std::vector<Index>& rows, const Eigen::DenseBase<G>& gradients) {
    step(std::span<const Index>(rows), gradients);
  }

  /// Makes up for the steps that these rows have missed. To be called before they are read.
  void refresh(std::span<const Index> rows) {
    check_rows(rows);
    unique_.assign(rows.begin(), rows.end());
    std::sort(unique_.begin(), unique_.end());
    unique_.erase(std::unique(unique_.begin(), unique_.end()), unique_.end());
    make_up(unique_);
  }

  /// Makes up for all missed steps of all rows. The optimizer that is returned equals that of a dense run, and
  /// can be saved; load into it and call restart().
  Optimizer<R, P>& flush() {
    unique_.resize(last_.size());
    std::iota(unique_.begin(), unique_.end(), Index{0});
    make_up(unique_);
    return optimizer_;
  }

  /// Takes all rows to be up to date: after the optimizer that flush returns was loaded or reset.
  void restart() { std::fill(last_.begin(), last_.end(), now()); }

  /// The rule's options; makes up for all missed steps, since a change concerns those to come.
  [[nodiscard]] R& rule() { return flush().rule(); }
  [[nodiscard]] const R& rule() const { return optimizer_.rule(); }
  [[nodiscard]] std::int64_t steps() const { return optimizer_.steps(); }
  [[nodiscard]] RowUpdates updates() const { return updates_; }

 private:
  using T = compute_t<P>;

  [[nodiscard]] std::int64_t now() const { return optimizer_.steps(); }

  void check_rows(std::span<const Index> rows) const {
    for (const Index row : rows)
      if (row < 0 || row >= static_cast<Index>(last_.size()))
        throw std::invalid_argument("RowOptimizer: row " + std::to_string(row) + ", must be in [0, " +
                                    std::to_string(last_.size()) + ")");
  }

  /// unique_: the rows without repetition; gradients_: the sums of their gradients, one after another.
  template <class G>
  void gather(std::span<const Index> rows, const G& gradients) {
    const bool by_row = optimizer_.tensor(0).row_major;
    unique_.clear();
    if (gradients_.cols() < static_cast<Index>(rows.size())) gradients_.resize(width_, static_cast<Index>(rows.size()));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Index& place = place_[static_cast<std::size_t>(rows[i])];
      const auto from = static_cast<Index>(i);
      const auto put = [&](const auto& gradient) {
        if (place < 0) {
          place = static_cast<Index>(unique_.size());
          unique_.push_back(rows[i]);
          gradients_.col(place) = gradient;
        } else {
          gradients_.col(place) += gradient;
        }
      };
      if (by_row)
        put(gradients.row(from).transpose().template cast<T>().array());
      else
        put(gradients.col(from).template cast<T>().array());
    }
    for (const Index row : unique_) place_[static_cast<std::size_t>(row)] = -1;
  }

  /// Runs the steps that the rows have missed, with zero gradients.
  void make_up(const std::vector<Index>& rows) {
    const std::int64_t end = now();
    if (updates_ == RowUpdates::lazy || rows.empty()) return;
    std::int64_t first = end;
    for (const Index row : rows) first = (std::min)(first, last_[static_cast<std::size_t>(row)]);
    if (!detail::zero_is_zero(optimizer_.rule(), optimizer_.tensor(0))) {
      for (std::int64_t s = first; s < end; ++s)
        on_step(s, [&](const auto& update) {
          for (const Index row : rows)
            if (last_[static_cast<std::size_t>(row)] <= s) update(row, zero_.data());
        });
    } else {
      for (const Index row : rows)
        if (last_[static_cast<std::size_t>(row)] / detail::flush_period != end / detail::flush_period)
          flush_subnormal_state(row);
    }
    for (const Index row : rows) last_[static_cast<std::size_t>(row)] = end;
  }

  /// As a dense run does every flush_period steps.
  void flush_subnormal_state(Index row) {
    for (Fields& fields : optimizer_.memory().states.front().links)
      for (Field& field : fields) detail::flush_subnormal(field, row * width_, width_, 1);
  }

  /// Makes the kernels of the step after `steps` completed ones and calls use(update), where
  /// update(row, gradient) runs them on a row.
  template <class F>
  void on_step(std::int64_t steps, const F& use) {
    const OptimizerOptions& options = optimizer_.options();
    detail::step_stretches(optimizer_.rule(), optimizer_.memory(), optimizer_.parameter(0), steps, options.maximize,
                           {1, options.seed, options.rounding}, [&](const auto& update) {
                             use([&](Index row, const T* gradient) {
                               update(row * width_, width_, gradient);
                               if ((steps + 1) % detail::flush_period == 0) flush_subnormal_state(row);
                             });
                           });
  }

  Optimizer<R, P> optimizer_;
  RowUpdates updates_;
  Index width_ = 0;                 // coefficients of a row
  std::vector<std::int64_t> last_;  // how many steps each row has been through
  std::vector<T> zero_;             // the gradient of a step that a row has missed
  std::vector<Index> unique_;
  std::vector<Index> place_;  // of a row in unique_ while that is made, else -1
  Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic> gradients_;
};

template <class R, class X>
RowOptimizer(R, RowUpdates, X&) -> RowOptimizer<R, detail::scalar_of_t<X>>;
template <class R, class X>
RowOptimizer(R, RowUpdates, X&, OptimizerOptions) -> RowOptimizer<R, detail::scalar_of_t<X>>;

}  // namespace glissade
