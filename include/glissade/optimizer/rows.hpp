// Updates of a few rows of a large table, such as the embeddings of the words of a batch.
#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "optimizer.hpp"

namespace glissade {

/// What becomes of the rows that a step has no gradient for.
enum class RowUpdates {
  exact,  // what a zero gradient makes of them: moments fade, parameters drift, decay goes on
  lazy    // nothing: moments and decay stand still, as in torch.optim.SparseAdam
};

namespace detail {

/// A rule whose steps on a coefficient depend on nothing but that coefficient's past and the step's number.
template <class R>
inline constexpr bool works_by_coefficient =
    LaneRule<R> && !KeepsParameters<R> && scalar_count<R> == 0 && shared_count<R> == 0;

/// Whether a zero update leaves the rule's arrays as they are and comes out as zero.
template <class R>
bool rests(const R& rule) {
  if constexpr (requires { rule.rests(); })
    return rule.rests();
  else
    return false;
}

}  // namespace detail

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
    detail::Engine<P>& engine = optimizer_.engine();
    ++engine.calls;
    ++engine.counts.front();
    ++engine.states.front().counts.front();
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
    if (!rests()) {
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
    for (Fields& fields : optimizer_.engine().states.front().links)
      for (Field& field : fields) detail::flush_subnormal(field, row * width_, width_, 1);
  }

  template <class F>
  void with_leaves(const F& run) const {
    const auto links = detail::flatten<void>(optimizer_.rule());
    detail::choose_leaves(links, detail::Site(optimizer_.tensor(0)), run);
  }

  [[nodiscard]] bool rests() const {
    bool all = true;
    with_leaves([&](const auto& leaves) {
      detail::for_each_item(leaves, [&](const auto& leaf) { all = all && detail::rests(*leaf.rule); });
    });
    return all;
  }

  /// Makes the kernels of the step after `steps` completed ones and calls use(update), where
  /// update(row, gradient) runs them on a row.
  template <class F>
  void on_step(std::int64_t steps, const F& use) {
    detail::Engine<P>& engine = optimizer_.engine();
    const Tensor& tensor = engine.tensors.front();
    const RandomKey seed = RandomKey{optimizer_.options().seed}.derive(static_cast<std::uint64_t>(steps));
    detail::StochasticRounding rounding;
    if (optimizer_.options().rounding == Rounding::stochastic)
      rounding = {true, seed.derive(0).derive(detail::rounding_stream)};
    with_leaves([&](const auto& leaves) {
      using Leaves = std::remove_cvref_t<decltype(leaves)>;
      static_assert(allowed(std::type_identity<Leaves>{}),
                    "RowOptimizer: a rule of the chain does not work coefficient by coefficient");
      const std::size_t links = engine.states.front().links.size();
      std::array<Field*, Leaves::size> fields;
      detail::locate_fields(tensor, engine.parameters.front(), engine.states.front(),
                            detail::fields_of_leaves<T, P>(leaves), 0, links, fields);
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        const auto kernels =
            detail::row_of(bind(detail::item<I>(leaves), fields[I],
                                Step{tensor, steps + 1, steps, seed, detail::item<I>(leaves).link, {}})...);
        use([&](Index row, const T* gradient) {
          const Index at = row * width_;
          P* x = engine.parameters.front() + at;
          const detail::Streams<T, T, P, P> io{gradient, nullptr, x, x, optimizer_.options().maximize ? T(-0.0) : T(0),
                                               rounding};
          const auto here = detail::row_of(detail::Shift{}.enter<false>(detail::item<I>(kernels), at, width_)...);
          detail::sweep_stretch<detail::Store::parameters>(io, here, detail::NoMeasure{}, 0, width_, at, nullptr);
          if ((steps + 1) % detail::flush_period == 0) flush_subnormal_state(row);
        });
      }
      (std::make_index_sequence<Leaves::size>{});
    });
  }

  template <class... L>
  static constexpr bool allowed(std::type_identity<detail::Row<L...>>) {
    return (true && ... && (detail::works_by_coefficient<typename L::Rule> && !BlockCode<typename L::StorageType>));
  }

  template <class Leaf>
  static auto bind(const Leaf& leaf, Field* fields, const Step& step) {
    using Rule = typename Leaf::Rule;
    using S = std::conditional_t<std::is_void_v<typename Leaf::StorageType>, T, typename Leaf::StorageType>;
    const auto kernel = leaf.rule->kernel(step);
    constexpr bool indexed = detail::is_indexed<Rule>;
    constexpr std::size_t slots =
        detail::slots_taken<std::remove_const_t<decltype(kernel)>, Lane<T>, indexed, detail::slot_count<Rule>>();
    detail::Bound<decltype(kernel), detail::Arrays<S, slots>, indexed> bound{kernel, {}};
    for (std::size_t s = 0; s < slots; ++s) bound.slots.at[s] = fields[s].template as<S>();
    return bound;
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
