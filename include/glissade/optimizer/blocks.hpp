// One block of the parameters at a time.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "../core/random_permutation.hpp"
#include "../core/tensors/mask.hpp"
#include "optimizer.hpp"

namespace glissade {

/// The order of blocks: from the last to the first, from the first to the last, by chance without repetition in
/// every sweep, always the same block, or to and fro.
enum class BlockOrder { descending, ascending, random, fixed, mirror };

struct BlockOptions {
  int switch_every = 50;  // K >= 1: steps of the optimizer on one block
  BlockOrder order = BlockOrder::descending;
  int first_block = 0;                   // of fixed: which one, >= 0
  int active = 1;                        // >= 0: blocks at a time
  std::uint64_t seed = 0;                // of random
  std::vector<std::size_t> blocks = {};  // the block of every tensor, from 0; empty: each its own
  TensorMask rotating = {};              // which tensors take turns; the others are always active
};

/// What the resting blocks do where nothing else is said: nothing.
struct Resting {
  static constexpr std::string_view name = "Resting";
  [[nodiscard]] auto kernel(const Step&) const {
    return [](auto& u) { u = std::remove_cvref_t<decltype(u)>(-0.0); };
  }
};

namespace detail {

/// The number of the block whose turn it is, after `turns` others.
inline std::uint64_t block_at(const BlockOptions& options, std::uint64_t blocks, std::uint64_t turns) {
  const std::uint64_t at = turns % blocks;
  const std::uint64_t sweep = turns / blocks;
  switch (options.order) {
    case BlockOrder::descending:
      return blocks - 1 - at;
    case BlockOrder::ascending:
      return at;
    case BlockOrder::random:
      return KeyedPermutation(blocks, RandomKey{options.seed}.derive(sweep))(at);
    case BlockOrder::fixed:
      return static_cast<std::uint64_t>(options.first_block);
    case BlockOrder::mirror:
      return sweep % 2 == 0 ? at : blocks - 1 - at;
  }
  return at;
}

}  // namespace detail

/// Runs a rule on one block of tensors for K steps, then on the next, each time anew; the other tensors have no state
/// and stay as they are, or move by a second rule that needs none.
///
///     BlockOptimizer badam{Adam{.learning_rate = 1e-3}, {.switch_every = 50}, W1, W2, W3};
///     badam.step(g1, g2, g3);      // where !badam.active(k), no_gradient will do
///     BlockOptimizer frugal{chain(ScaleByAdam{}, ScaleByLearningRate{1e-3}),
///                           chain(StateFree{}, ScaleByLearningRate{1e-3}), {.order = BlockOrder::random}, W1, W2, W3};
///
/// State: that of the rule, for the active tensors. It is saved as optimizer(), and a program that loads it there goes
/// on bit for bit. A switch, at the end of the step that completes a turn, takes memory from the heap and gives that of
/// the last block back.
/// Errors: std::invalid_argument for options out of range, where `blocks` has another length than there are tensors,
/// where `first_block` is none of them, and for a second rule with state.
/// Pitfall: with a small K Adam never leaves its first steps, of the size of the learning rate each.
/// Source: "BAdam: A Memory Efficient Full Parameter Optimization Method for Large Language Models", 2024,
/// arXiv 2404.02827, Algorithm 1; K and the orders as in the authors' code. With a second rule: "FRUGAL:
/// Memory-Efficient Optimization by Reducing State Overhead for Scalable Training", 2024, arXiv 2411.07837, blockwise.
template <class R, class Other, StorageScalar P>
class BlockOptimizer {
 public:
  template <class... X>
  BlockOptimizer(R rule, BlockOptions blocks, X&&... parameters)
      : BlockOptimizer(std::move(rule), Other{}, std::move(blocks), parameters...) {
    static_assert((!is_temporary<X>() && ...), "a temporary matrix or vector cannot be bound: it would be gone");
  }
  template <class... X>
  BlockOptimizer(R rule, Other other, BlockOptions blocks, X&&... parameters)
      : optimizer_(std::move(rule), parameters...), blocks_(std::move(blocks)), other_(std::move(other)) {
    static_assert((!is_temporary<X>() && ...), "a temporary matrix or vector cannot be bound: it would be gone");
    check();
    others_.tensors = optimizer_.memory().tensors;
    others_.states.resize(others_.tensors.size());
    {
      std::vector<const P*> places;
      for (std::size_t k = 0; k < optimizer_.size(); ++k) places.push_back(optimizer_.parameter(k));
      detail::prepare(view(), others_, places);
    }
    if (others_.bytes() != 0)
      throw std::invalid_argument("BlockOptimizer: the rule of the resting blocks, " + describe(other_) +
                                  ", has state, must have none");
    choose_blocks();
  }

  /// One update: the active tensors by the rule, the others by the other rule.
  template <class... G>
  void step(const G&... gradients) {
    step(with(), gradients...);
  }
  /// The same with what the rule reads besides gradients (rule/arguments.hpp).
  template <class... A, class... G>
  void step(const StepArguments<A...>& arguments, const G&... gradients) {
    detail::check_all_options(view(), optimizer_.options(), others_);
    const std::int64_t before = optimizer_.steps();
    optimizer_.step_with(
        [&] {
          detail::Told<P, A...> told(optimizer_.rule_view_, optimizer_.memory(), arguments,
                                     optimizer_.options().maximize);
          step_others();
          told.give();
          detail::run(optimizer_.rule_view_, optimizer_.memory(), optimizer_.options(), told.numbers());
        },
        gradients...);
    if (optimizer_.steps() != before && optimizer_.steps() % blocks_.switch_every == 0) choose_blocks();
  }

  /// Whether the coming step runs the rule on tensor k.
  [[nodiscard]] bool active(std::size_t k) const { return !optimizer_.state(k).at_rest(); }
  [[nodiscard]] std::int64_t steps() const { return optimizer_.steps(); }
  [[nodiscard]] std::size_t state_bytes() const { return optimizer_.state_bytes(); }
  [[nodiscard]] const BlockOptions& blocks() const { return blocks_; }

  /// The optimizer of the active tensors: its options, and what is saved.
  [[nodiscard]] Optimizer<R, P>& optimizer() { return optimizer_; }
  [[nodiscard]] const Optimizer<R, P>& optimizer() const { return optimizer_; }

 private:
  [[nodiscard]] detail::RuleView<P> view() const { return detail::view_of<P>(other_); }  // of the other rule
  [[nodiscard]] std::size_t block_of(std::size_t k) const { return blocks_.blocks.empty() ? k : blocks_.blocks[k]; }
  [[nodiscard]] std::uint64_t count() const {
    return blocks_.blocks.empty() ? optimizer_.size()
                                  : *std::max_element(blocks_.blocks.begin(), blocks_.blocks.end()) + 1;
  }

  void check() const {
    const std::size_t size = optimizer_.size();
    require("BlockOptimizer", "switch_every", blocks_.switch_every, range::at_least_one);
    require("BlockOptimizer", "order", blocks_.order, BlockOrder::mirror);
    require("BlockOptimizer", "active", blocks_.active, range::non_negative);
    if (!blocks_.blocks.empty() && blocks_.blocks.size() != size)
      throw std::invalid_argument("BlockOptimizer: blocks has " + std::to_string(blocks_.blocks.size()) +
                                  " entries, must have " + std::to_string(size) + ", one for every tensor");
    if (blocks_.first_block < 0 || static_cast<std::uint64_t>(blocks_.first_block) >= count())
      throw std::invalid_argument("BlockOptimizer: first_block = " + std::to_string(blocks_.first_block) +
                                  ", must be below " + std::to_string(count()) + ", the number of blocks");
  }

  /// Begins the turn of the next blocks: all of their tensors anew.
  void choose_blocks() {
    const auto active = static_cast<std::uint64_t>(blocks_.active);
    const auto turn = static_cast<std::uint64_t>(optimizer_.steps() / blocks_.switch_every);
    std::vector<bool> chosen(count(), false);
    for (std::uint64_t i = 0; i < active; ++i)
      chosen[static_cast<std::size_t>(detail::block_at(blocks_, count(), turn * active + i))] = true;
    for (std::size_t k = 0; k < optimizer_.size(); ++k) {
      if (!blocks_.rotating(optimizer_.tensor(k))) continue;
      if (chosen[block_of(k)])
        optimizer_.reset(k);
      else
        optimizer_.rest(k);
    }
  }

  void step_others() {
    if constexpr (!std::is_same_v<Other, Resting>) {
      const RuleState<P>& memory = optimizer_.memory();
      const detail::ForgetAddresses forget(others_.workspace);
      others_.workspace.parameters = memory.workspace.parameters;
      others_.workspace.sources = memory.workspace.sources;
      others_.counts = memory.counts;
      for (std::size_t k = 0; k < others_.tensors.size(); ++k) {
        others_.states[k].counts = memory.counts;
        if (!memory.states[k].at_rest()) others_.workspace.sources[k] = {};
      }
      detail::run(view(), others_, optimizer_.options());
    }
  }

  Optimizer<R, P> optimizer_;
  BlockOptions blocks_;
  Other other_;
  RuleState<P> others_;  // without arrays
};

template <class R, class X, class... More>
BlockOptimizer(R, BlockOptions, X&&, More&&...) -> BlockOptimizer<R, Resting, detail::scalar_of_t<X>>;
template <Rule R, Rule Other, class X, class... More>
BlockOptimizer(R, Other, BlockOptions, X&&, More&&...) -> BlockOptimizer<R, Other, detail::scalar_of_t<X>>;

}  // namespace glissade
