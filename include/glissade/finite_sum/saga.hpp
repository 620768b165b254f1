// SAGA.
#pragma once

#include "inner_loop.hpp"

namespace glissade {

/// SAGA: variance reduction without snapshots, by a table of the last gradient of every batch; for finite sums, with an
/// optional second term h that has a prox, or a set.
///
///     batches S_j are fixed, with table a_j and its mean G;   inner_steps times, j at random:
///     d = w_j (g_j(x) - a_j),   x <- prox of step_size h ( x - step_size (d + G) )
///     a_j <- g_j(x),   G <- G + d / number of batches
///
/// w_j = batches |S_j| / n weighs a last batch of another size, so that d + G is unbiased. Unlike Svrg and Sarah,
/// steps after the first depend on the batch size even where all terms are equal: the table remembers gradients for
/// about as many steps as there are batches. One step of the method is inner_steps of these and one more gradient,
/// for value and gradient to be exact; with longer inner loops that weighs less. Where the objective has a prox,
/// value and gradient are those of the smooth part alone, and what must be small at a solution, Result::measure, is
/// the norm of the prox-gradient step, ( x - prox of step_size h ( x - step_size gradient ) ) / step_size; where it has
/// a set, h is 0 on it and infinite elsewhere, and the prox the projection.
/// State: value, gradient, measure, outer and inner (counts), table (n / batching.size gradients).
/// Cost: batching.size gradients of terms per inner step, one gradient per step; the table; with a prox, one per
/// inner step and one per step.
/// Errors: std::invalid_argument for options out of range. Too large a step_size ends as Status::non_finite.
/// Source: "SAGA: A Fast Incremental Gradient Method With Support for Non-Strongly Convex Composite Objectives",
/// 2014, arXiv 1407.0202. Deviation: mini-batches by blocks of terms.
struct Saga {
  static constexpr std::string_view name = "Saga";
  static constexpr bool honours_prox = true;
  static constexpr bool honours_set = true;
  double step_size = 0.1;                         // > 0; about 1 / (3 L), L of the terms
  Batching<1, Order::independent> batching = {};  // inner_steps 0: two passes; no other order

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    self.batching.options(self.batching, visit);
  }
  void check() const {
    if (batching.order != Order::independent)
      throw std::invalid_argument("Saga: batching.order must be Order::independent: its batches are drawn at random");
  }
  template <class V>
  struct State : FiniteSumState<V> {
    Eigen::VectorXd table;  // gradients of the batches, one after the other
    V mean;
    std::vector<Index> indices;

    static void visit(auto& self, auto&& field) {
      FiniteSumState<V>::visit(self, field);
      field("table", self.table);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    // Value and gradient first: they are what a spent budget leaves.
    auto state = detail::begin_finite_sum<State<V>>(*this, f, x, step_size);
    const Index n = f.size();
    const Index d = x.size();
    const Index batches = n / batching.size;
    state.table.resize(d * batches);
    for (Index j = 0; j < batches; ++j) {
      f.batch_gradient(x, batch(state, j, n), state.scratch);
      state.table.segment(j * d, d) = state.scratch;
    }
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    return step_with(f, x, state, detail::PlainMove{});
  }
  /// The same with the user's move(x, direction, step_size) in place of x -= step_size direction.
  template <class F, class V, class Move>
  Report step_with(F&& objective, V& x, State<V>& state, Move&& move) const {
    auto&& f = oracle_of(objective, x);
    const Index n = batching.terms(name, f);
    const Index d = x.size();
    const Index batches = n / batching.size;
    if (state.table.size() != d * batches)
      throw std::invalid_argument("Saga: the state's table has " + std::to_string(state.table.size()) +
                                  " numbers, must be " + std::to_string(d * batches));
    // Formed anew in every outer loop, so that rounding errors do not add up and it need not be saved.
    state.mean.setZero(d);
    for (Index j = 0; j < batches; ++j)
      state.mean += weight(j, n) / static_cast<double>(batches) * state.table.segment(j * d, d);

    const RandomKey key = detail::key_of(*this, state);
    const std::int64_t steps = batching.steps_or(2 * batches);
    for (std::int64_t t = 0; t < steps && !f.refused(); ++t) {
      const auto j =
          static_cast<Index>(random_below(key, static_cast<std::uint64_t>(t), static_cast<std::uint64_t>(batches)));
      f.batch_gradient(x, batch(state, j, n), state.scratch);
      auto last = state.table.segment(j * d, d);
      state.direction = weight(j, n) * (state.scratch - last);
      last = state.scratch;
      state.scratch = state.direction + state.mean;
      state.mean += state.direction / static_cast<double>(batches);
      move(x, state.scratch, step_size);
      detail::proximal_step(f, x, step_size);
      ++state.inner;
    }
    return detail::end_outer(f, x, state, step_size);
  }

 private:
  [[nodiscard]] Index begin_of(Index j) const { return j * batching.size; }
  [[nodiscard]] Index size_of(Index j, Index n) const {
    return j + 1 == n / batching.size ? n - begin_of(j) : batching.size;
  }
  [[nodiscard]] double weight(Index j, Index n) const {
    return static_cast<double>(size_of(j, n) * (n / batching.size)) / static_cast<double>(n);
  }
  template <class S>
  std::span<const Index> batch(S& state, Index j, Index n) const {
    state.indices.resize(static_cast<std::size_t>(size_of(j, n)));
    std::iota(state.indices.begin(), state.indices.end(), begin_of(j));
    return state.indices;
  }
};

}  // namespace glissade
