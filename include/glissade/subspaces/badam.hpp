// BAdam: one block of the parameters at a time.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "../core/random.hpp"
#include "../core/random_permutation.hpp"
#include "../rules/adam.hpp"

namespace glissade {

/// The order of blocks: from the last to the first, from the first to the last, by chance without repetition in
/// every sweep, always the same block, or to and fro.
enum class BlockOrder { descending, ascending, random, fixed, mirror };

struct BAdamOptions {
  int switch_block_every = 50;  // K >= 1: steps of the optimizer on one block
  BlockOrder order = BlockOrder::descending;
  int first_block = 0;                   // of fixed: which one, >= 0
  std::uint64_t seed = 0;                // of random
  std::vector<std::size_t> blocks = {};  // the block of every tensor, from 0; empty: each its own
};

namespace detail {

/// The number of the block whose turn it is, after `turns` others.
inline std::uint64_t block_at(BlockOrder order, std::uint64_t blocks, std::uint64_t turns, std::uint64_t seed,
                              std::uint64_t fixed = 0) {
  const std::uint64_t at = turns % blocks;
  const std::uint64_t sweep = turns / blocks;
  switch (order) {
    case BlockOrder::descending:
      return blocks - 1 - at;
    case BlockOrder::ascending:
      return at;
    case BlockOrder::random:
      return KeyedPermutation(blocks, RandomKey{seed}.derive(sweep))(at);
    case BlockOrder::fixed:
      return fixed;
    case BlockOrder::mirror:
      return sweep % 2 == 0 ? at : blocks - 1 - at;
  }
  return at;
}

/// Leaves the parameter as it is, bit for bit. No state.
struct Resting {
  static constexpr std::string_view name = "Resting";
  [[nodiscard]] auto kernel(const Step&) const {
    return [](auto& u) { u = std::remove_cvref_t<decltype(u)>(-0.0); };
  }
};

}  // namespace detail

/// BAdam: the inner rule runs on one block of tensors for K steps, then on the next, each time anew; the other
/// tensors stay as they are and have no state, and need no gradient.
///
///     badam({.switch_block_every = 50}, Adam{.learning_rate = 1e-3})
///
/// The inner rule holds its learning rate and decay: what stands behind it in a chain acts on all tensors.
/// State: that of the inner rule, for the tensors of the active block. A switch takes memory from the heap and gives
/// that of the last block back.
/// Errors: std::invalid_argument where `blocks` has another length than there are tensors, or `first_block` is
/// none of them.
/// Pitfall: with a small K Adam never leaves its first steps, of the size of the learning rate each.
/// Source: "BAdam: A Memory Efficient Full Parameter Optimization Method for Large Language Models", 2024,
/// arXiv 2404.02827, Algorithm 1; K and the orders as in the authors' code.
template <class Inner>
struct BAdam {
  static constexpr std::string_view name = "BAdam";
  using Alternatives = std::tuple<Restarted<Inner>, detail::Resting>;
  BAdamOptions settings;
  Inner inner;

  static void options(auto& self, auto&& visit) {
    visit("switch_block_every", self.settings.switch_block_every, range::at_least_one);
    visit("order", self.settings.order, Range{0, 4});
    visit("first_block", self.settings.first_block, range::non_negative);
    visit("seed", self.settings.seed);
  }

  void select(const Tensor& tensor, const Occasion& now, auto&& run) const {
    const std::vector<std::size_t>& blocks = settings.blocks;
    if (!blocks.empty() && blocks.size() != now.tensors)
      throw std::invalid_argument("BAdam: blocks has " + std::to_string(blocks.size()) + " entries, must have " +
                                  std::to_string(now.tensors) + ", one for every tensor");
    const std::uint64_t count = blocks.empty() ? now.tensors : *std::max_element(blocks.begin(), blocks.end()) + 1;
    const auto fixed = static_cast<std::uint64_t>(settings.first_block);
    if (fixed >= count)
      throw std::invalid_argument("BAdam: first_block = " + std::to_string(fixed) + ", must be below " +
                                  std::to_string(count) + ", the number of blocks");
    const auto turns = static_cast<std::uint64_t>(now.time / settings.switch_block_every);
    const std::uint64_t active = detail::block_at(settings.order, count, turns, settings.seed, fixed);
    if ((blocks.empty() ? tensor.index : blocks[tensor.index]) == active)
      run(Restarted<Inner>{settings.switch_block_every, inner});
    else
      run(detail::Resting{});
  }
  template <class F>
  void for_each_rule(const F& visit) {
    visit(*this);
    detail::for_each_rule(inner, visit);
  }
  template <class F>
  void for_each_rule(const F& visit) const {
    visit(*this);
    detail::for_each_rule(inner, visit);
  }
  [[nodiscard]] std::string description() const { return "badam(" + detail::describe(inner) + ")"; }
};

template <class Inner = Adam>
[[nodiscard]] BAdam<Inner> badam(BAdamOptions options = {}, Inner inner = {}) {
  return {std::move(options), std::move(inner)};
}

}  // namespace glissade
