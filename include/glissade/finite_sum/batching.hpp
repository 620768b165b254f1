// How a method for finite sums goes through the terms.
#pragma once

#include <cstdint>
#include <string_view>

#include "../core/checks.hpp"
#include "../oracle/batches.hpp"

namespace glissade {

/// The options that all methods for finite sums have in common: Svrg{.step_size = 0.1, .batching = {.size = 64}}.
/// Methods differ in the size and order that they begin with.
template <std::int64_t first_size = 1, Order first_order = Order::reshuffled>
struct Batching {
  std::int64_t size = first_size;  // terms per batch, in [1, n]; the last batch of a pass has up to twice as many
  std::int64_t inner_steps = 0;    // >= 0, per step of the method; 0: the method's own number of passes
  Order order = first_order;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("batching.size", self.size, range::at_least_one);
    visit("batching.inner_steps", self.inner_steps, range::non_negative);
    visit("batching.order", self.order, range::up_to(Order::independent));
    visit("batching.seed", self.seed);
  }

  /// The number of terms n. Throws std::invalid_argument: "Svrg: batching.size = 70, must be in [1, 64]".
  template <class F>
  Index terms(std::string_view owner, F& f) const {
    const Index n = f.size();
    require(owner, "batching.size", static_cast<double>(size), Range{1, static_cast<double>(n)});
    return n;
  }
  [[nodiscard]] std::int64_t steps_or(std::int64_t otherwise) const {
    return inner_steps > 0 ? inner_steps : otherwise;
  }
};

}  // namespace glissade
