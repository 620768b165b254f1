// Which terms of a finite sum a method looks at next.
#pragma once

#include <Eigen/Core>

#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "../core/random.hpp"

namespace glissade {

using Index = Eigen::Index;

/// How batches are drawn. `reshuffled`: every term once in a pass, in a new order each pass; `in_order`: every term
/// once, as they lie; `independent`: with replacement, as theory has it.
enum class Order { reshuffled, in_order, independent };

/// Uniform on 0 ... bound - 1; the bias is below bound / 2^64.
inline std::uint64_t random_below(const RandomKey& key, std::uint64_t counter, std::uint64_t bound) {
  const std::uint64_t bits = key.bits(counter);
  const std::uint64_t high = bits >> 32, low = bits & 0xffffffffULL;  // of the product, the upper 64 bits; bound < 2^32
  return (high * bound + ((low * bound) >> 32)) >> 32;
}

/// Batches of `batch_size` terms out of n, a function of (seed, stream) alone: nothing of it need be saved. A pass has
/// floor(n / batch_size) batches, of which the last takes what is left over: up to 2 batch_size - 1 terms.
class Batches {
 public:
  void begin(Index n, Index batch_size, Order order, RandomKey key) {
    n_ = n;
    batch_size_ = batch_size < n ? batch_size : n;
    order_ = order;
    key_ = key;
    pass_ = 0;
    position_ = 0;
    indices_.resize(static_cast<std::size_t>(order == Order::independent ? batch_size_ : n));
    std::iota(indices_.begin(), indices_.end(), Index{0});
  }

  [[nodiscard]] Index per_pass() const { return n_ / batch_size_; }

  std::span<const Index> next() {
    if (order_ == Order::independent) {
      for (Index& i : indices_) i = static_cast<Index>(random_below(key_, counter_of(position_++), unsigned_n()));
      return indices_;
    }
    if (position_ == 0) shuffle();
    const Index begin = position_;
    const bool last = n_ - begin < 2 * batch_size_;
    const Index size = last ? n_ - begin : batch_size_;
    position_ = last ? 0 : begin + size;
    return {indices_.data() + begin, static_cast<std::size_t>(size)};
  }

 private:
  static std::uint64_t counter_of(Index i) { return static_cast<std::uint64_t>(i); }
  [[nodiscard]] std::uint64_t unsigned_n() const { return static_cast<std::uint64_t>(n_); }

  void shuffle() {
    if (order_ != Order::reshuffled) return;
    const RandomKey key = key_.derive(pass_++);
    for (std::size_t i = indices_.size(); i > 1; --i)
      std::swap(indices_[i - 1], indices_[static_cast<std::size_t>(random_below(key, i, i))]);
  }

  Index n_ = 0, batch_size_ = 1;
  Order order_ = Order::reshuffled;
  RandomKey key_;
  std::uint64_t pass_ = 0;
  Index position_ = 0;
  std::vector<Index> indices_;
};

}  // namespace glissade
