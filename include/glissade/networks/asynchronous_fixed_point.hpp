// Fixed points by workers that write their blocks whenever they are ready, from what they read some time ago.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "../drive/status.hpp"
#include "delays.hpp"

namespace glissade {

/// Block i of T x into image, which has the size of the block. x is what worker i knows of all blocks.
using BlockOperator = std::function<void(Eigen::Index block, const Eigen::VectorXd& x, Eigen::VectorXd& image)>;

/// When a run of asynchronous updates ends. The residual is looked at before the first and after every `check_every`
/// updates (0: ten of every block), which takes one T of every block.
struct AsynchronousStop {
  std::int64_t max_updates = 100'000;
  std::int64_t check_every = 0;
  double tolerance = 1e-6;

  void check() const {
    require("AsynchronousStop", "max_updates", static_cast<double>(max_updates), range::non_negative);
    require("AsynchronousStop", "check_every", static_cast<double>(check_every), range::non_negative);
    require("AsynchronousStop", "tolerance", tolerance, range::non_negative);
  }
};

/// The blocks of a vector, one after another.
class BlockLayout {
 public:
  BlockLayout() = default;
  /// No sizes: every coefficient is a block of its own.
  BlockLayout(std::string_view owner, const std::vector<Eigen::Index>& sizes, Eigen::Index size) : starts_{0} {
    for (const Eigen::Index block : sizes) {
      require(owner, "sizes", static_cast<double>(block), range::at_least_one);
      starts_.push_back(starts_.back() + block);
    }
    if (sizes.empty())
      for (Eigen::Index i = 1; i <= size; ++i) starts_.push_back(i);
    if (starts_.back() != size)
      throw std::invalid_argument(std::string(owner) + ": the blocks have " + std::to_string(starts_.back()) +
                                  " coefficients, x has " + std::to_string(size));
    if (size == 0) throw std::invalid_argument(std::string(owner) + ": x is empty");
  }
  [[nodiscard]] Eigen::Index count() const { return static_cast<Eigen::Index>(starts_.size()) - 1; }
  [[nodiscard]] Eigen::Index start(Eigen::Index i) const { return starts_[static_cast<std::size_t>(i)]; }
  [[nodiscard]] Eigen::Index size(Eigen::Index i) const { return start(i + 1) - start(i); }

 private:
  std::vector<Eigen::Index> starts_ = {0};
};

/// Finds x = T x where every block is written by a worker of its own, from blocks of others that are old, by however
/// much: no parameter depends on the delays, and none need be known.
///
///     x_i <- (1 - r) x_i + r T_i(x_1 as of s_i1, ..., x_m as of s_im)          one block i at a time
///
/// Where T is a contraction by c in a block-maximum norm, max over blocks of |x_i| / w_i, that converges for all
/// delays, bounded or not, as long as every block is written again and again, and what is read gets newer without end.
/// Where delays are at most tau and every block is written at least once in any B updates,
///
///     |x(k) - x*| <= (1 - r (1 - c))^floor(k / (B + tau)) |x(0) - x*|          in that norm, at every k
///
/// A map that is a contraction, or averaged, in the Euclidean norm alone may diverge
/// (networks/asynchronous_operators.hpp has operators that do not, and tests for linear ones).
///
///     Eigen::VectorXd at = Eigen::VectorXd::Zero(20);
///     const DelayAgnosticFixedPoint method{.delays = {.kind = DelayKind::uniform, .most = 100}};
///     Result r = method.run(block_operator, at, {.tolerance = 1e-9});
///
/// Options: sizes of the blocks (none: every coefficient is one); relaxation r in (0, 1] (1); delays: order and ages of
/// what is read (DelaySchedule); own_block_current (true): a worker knows its own block as it is, else T reads that
/// too at an age; weights w of the norm of the residual (none: 1).
/// State: x, history (x after each of the last updates, as columns of a ring), clock (updates, delays, waits). It is a
/// value, and a copy goes on bit for bit.
/// Cost of an update: T of one block, and two copies of x; memory (largest delay + 1) x. Where delays have no bound the
/// ring is enlarged, twofold, when it must be; otherwise a step allocates nothing after the first.
/// Result::measure is max over blocks of |x_i - T_i x| / w_i; iterations are updates; calls of the operator are those
/// of single blocks.
/// Errors: std::invalid_argument for options out of range, blocks that are not those of x, an image of another size.
/// What T throws leaves x as it was. Numbers that are not finite are not written, and end the run.
/// Source: D. Bertsekas, "Distributed asynchronous computation of fixed points", 1983; D. Chazan and W. Miranker,
/// "Chaotic relaxation", 1969; the inequality: induction over epochs of B + tau updates. The setting is that of
/// "Delay-agnostic Asynchronous Coordinate Update Algorithm", 2023, arXiv 2305.08535, whose own formula was out of
/// reach: no equality with the algorithm of that paper, and none of its rates, is claimed.
struct DelayAgnosticFixedPoint {
  static constexpr std::string_view name = "DelayAgnosticFixedPoint";
  using Index = Eigen::Index;

  std::vector<Index> sizes = {};
  double relaxation = 1;
  DelaySchedule delays = {};
  bool own_block_current = true;
  std::vector<double> weights = {};

  static void options(auto& self, auto&& visit) { visit("relaxation", self.relaxation, Range{0, 1, true}); }

  struct State {
    Eigen::VectorXd x;
    Eigen::MatrixXd history;
    DelayClock clock;
    BlockLayout layout;           // of the options
    Eigen::VectorXd read, image;  // workspace

    static void visit(auto& self, auto&& field) {
      field("x", self.x);
      field("history", self.history);
      DelayClock::visit(self.clock, field);
    }
  };

  [[nodiscard]] State init(const Eigen::VectorXd& x) const {
    visit_options(*this, CheckOption{name, 0});
    const BlockLayout layout(name, sizes, x.size());
    for (const double w : weights) require(name, "weights", w, range::positive);
    if (!weights.empty() && static_cast<Index>(weights.size()) != layout.count())
      throw std::invalid_argument(std::string(name) + ": weights has " + std::to_string(weights.size()) +
                                  " numbers, must have " + std::to_string(layout.count()) + ", one for each block");
    State state{x, {}, DelayClock(delays, layout.count()), layout, {}, {}};
    const bool bounded = delays.kind == DelayKind::fixed || delays.kind == DelayKind::uniform;
    state.history.setZero(x.size(), bounded ? delays.most + 1 : 4 * layout.count());
    state.history.col(0) = x;
    return state;
  }

  /// One update. The report's measure is the distance that the block was moved, over its weight.
  Report step(const BlockOperator& T, State& state) const {
    const BlockLayout& layout = state.layout;
    const Index i = state.clock.next(delays);
    state.read.resize(state.x.size());
    std::int64_t oldest = state.clock.updates;
    for (Index j = 0; j < layout.count(); ++j) {
      const bool current = j == i && own_block_current;
      const std::int64_t s = current ? state.clock.updates : state.clock.read_at(delays, i, j);
      oldest = std::min(oldest, s);
      state.read.segment(layout.start(j), layout.size(j)) =
          state.history.col(s % state.history.cols()).segment(layout.start(j), layout.size(j));
    }
    state.image.resize(layout.size(i));
    T(i, state.read, state.image);
    check_size(state.image, layout, i);
    if (!state.image.allFinite()) return {.status = Status::non_finite};
    Eigen::Ref<Eigen::VectorXd> block = state.x.segment(layout.start(i), layout.size(i));
    const double moved = relaxation * (state.image - block).norm() / weight(i);
    if (relaxation == 1)
      block = state.image;
    else
      block += relaxation * (state.image - block);
    state.clock.advance(delays, i, oldest);
    keep(state);
    return {.measure = moved};
  }

  /// Updates from x until the residual is small enough or the updates are spent; x is the last point.
  Result run(const BlockOperator& T, Eigen::VectorXd& x, const AsynchronousStop& stop = {}) const {
    stop.check();
    State state = init(x);
    const Index m = state.layout.count();
    const std::int64_t every = stop.check_every > 0 ? stop.check_every : 10 * m;
    Result result;
    if (!x.allFinite()) {
      result.status = Status::non_finite_start;
      return result;
    }
    while (true) {
      if (state.clock.updates % every == 0 || state.clock.updates == stop.max_updates) {
        result.measure = residual(T, state.x);
        result.evaluations.operator_value += m;
        if (!std::isfinite(result.measure))
          result.status = state.clock.updates == 0 ? Status::non_finite_start : Status::non_finite;
        else if (result.measure <= stop.tolerance)
          result.status = Status::tolerance;
        else if (state.clock.updates >= stop.max_updates)
          result.status = Status::max_iterations;
      }
      if (result.status != Status::running) break;
      result.status = step(T, state).status;
      ++result.evaluations.operator_value;
      x = state.x;
    }
    result.iterations = state.clock.updates;
    return result;
  }

  /// max over blocks of |x_i - T_i x| / w_i.
  [[nodiscard]] double residual(const BlockOperator& T, const Eigen::VectorXd& x) const {
    const BlockLayout layout(name, sizes, x.size());
    double largest = 0;
    Eigen::VectorXd image;
    for (Index i = 0; i < layout.count(); ++i) {
      image.resize(layout.size(i));
      T(i, x, image);
      check_size(image, layout, i);
      const double r = (x.segment(layout.start(i), layout.size(i)) - image).norm() / weight(i);
      if (!std::isfinite(r)) return r;
      largest = std::max(largest, r);
    }
    return largest;
  }
  /// max over blocks of |v_i| / w_i.
  [[nodiscard]] double block_norm(const Eigen::VectorXd& v) const {
    const BlockLayout layout(name, sizes, v.size());
    double largest = 0;
    for (Index i = 0; i < layout.count(); ++i)
      largest = std::max(largest, v.segment(layout.start(i), layout.size(i)).norm() / weight(i));
    return largest;
  }
  /// By what the inequality bounds |x - x*| / |x(0) - x*|, for the delays and waits that were seen so far and a T that
  /// is a contraction by c.
  [[nodiscard]] double guaranteed_factor(const DelayClock& clock, double c) const {
    if (clock.updates == 0) return 1;
    return std::pow(1 - relaxation * (1 - c),
                    static_cast<double>(clock.updates / (clock.longest_wait_so_far() + clock.largest_delay)));
  }

 private:
  [[nodiscard]] double weight(Index i) const { return weights.empty() ? 1.0 : weights[static_cast<std::size_t>(i)]; }

  static void check_size(const Eigen::VectorXd& image, const BlockLayout& layout, Index i) {
    if (image.size() != layout.size(i))
      throw std::invalid_argument(std::string(name) + ": the image of block " + std::to_string(i) + " has " +
                                  std::to_string(image.size()) + " coefficients, the block " +
                                  std::to_string(layout.size(i)));
  }

  /// Writes x into the ring, enlarged where something that may still be read would be overwritten.
  void keep(State& state) const {
    const std::int64_t now = state.clock.updates, oldest = state.clock.oldest(delays);
    if (now - oldest + 1 > state.history.cols()) {
      const Index before = state.history.cols();
      Eigen::MatrixXd larger = Eigen::MatrixXd::Zero(state.x.size(), 2 * before);
      for (std::int64_t s = oldest; s < now; ++s) larger.col(s % larger.cols()) = state.history.col(s % before);
      state.history = std::move(larger);
    }
    state.history.col(now % state.history.cols()) = state.x;
  }
};

}  // namespace glissade
