// Recurrences and other sequential systems, evaluated in parallel as fixed points.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../core/tensors/threads.hpp"
#include "find_fixed_point.hpp"

namespace glissade {

/// How a sweep reads the columns that it needs: all of the last sweep; newest first, which is the ordinary forward
/// pass; newest within a block and of the last sweep from others; block after block, each by Jacobi sweeps until it is
/// at rest.
enum class EvaluationScheme { jacobi, gauss_seidel, jacobi_gauss_seidel, gauss_seidel_jacobi };

/// Evaluates a system s_t = h_t(s_1, ..., s_{t-1}), t = 1 ... T: recurrent networks forwards or backwards, chains of
/// symbols, networks with skips, with many columns at a time in place of one after the other.
///
///     struct Recurrence {                        // s_t = tanh(A s_{t-1} + B_t), s_0 = 0
///       Eigen::MatrixXd A, B;
///       Eigen::Index steps() const { return B.cols(); }
///       void evaluate(Eigen::Index begin, Eigen::Index end, const Eigen::Ref<const Eigen::MatrixXd>& s,
///                     Eigen::Ref<Eigen::MatrixXd> out) const {
///         for (Eigen::Index t = begin; t < end; ++t) {
///           out.col(t - begin) = B.col(t);
///           if (t > 0) out.col(t - begin) += A * s.col(t - 1);
///           out.col(t - begin) = out.col(t - begin).array().tanh();
///         }
///       }
///     };
///
/// Columns begin ... end - 1 of the new s go to `out`, read from the columns before each; better as one product than
/// column by column. s is a matrix of T columns, or a vector of as many coefficients:
///
///     Result r = find_fixed_point(recurrence, s, ParallelEvaluation{}, {.tolerance = 0});
///
/// After k Jacobi sweeps the first k columns are exact, and are not evaluated again; after T all are: a tolerance of 0
/// ends at the exact result. A start near the solution saves sweeps. It pays where k is much less than T and one sweep
/// is cheap: on many cores or a wide machine, or where steps wait for something. On one core, for a linear recurrence
/// of 64 to 256 units, 30 sweeps take 25 to 100 times as long as the ordinary pass
/// (bench/fixed_point/parallel_evaluation.cpp). What is measured is the largest change of a coefficient by the next
/// sweep.
///
/// Options: scheme; blocks (in [1, T]: of the mixed schemes, whose exactness after as many sweeps as blocks follows;
/// for Jacobi, parts that are evaluated by one call each), threads (in [1, 1024]; with more than 1 `evaluate` is called
/// at the same time from several threads). The result does not depend on the number of threads. State: image (the next
/// s), measure, exact (columns of s known to be exact). Cost: one evaluation of the columns that are not known yet per
/// sweep; of gauss_seidel_jacobi one per inner sweep, each a call of the operator. Errors: std::invalid_argument for
/// options out of range and an s whose size is no multiple of T. Source: "Accelerating Feedforward Computation via
/// Parallel Nonlinear Equation Solving", 2021, arXiv 2002.03629.
struct ParallelEvaluation {
  static constexpr std::string_view name = "ParallelEvaluation";

  EvaluationScheme scheme = EvaluationScheme::jacobi;
  std::int64_t blocks = 1;
  std::int64_t threads = 1;

  static void options(auto& self, auto&& visit) {
    visit("scheme", self.scheme, range::up_to(EvaluationScheme::gauss_seidel_jacobi));
    visit("blocks", self.blocks, range::at_least_one);
    visit("threads", self.threads, Range{1, most_threads});
  }

  template <class V>
  struct State : OperatorValue<V> {
    static constexpr std::string_view name = ParallelEvaluation::name;
    std::int64_t exact = 0;
    std::vector<Eigen::MatrixXd> copies;         // workspace of every thread
    std::vector<std::exception_ptr> exceptions;  // of every block

    static void visit(auto& self, auto&& field) {
      OperatorValue<V>::visit(self, field);
      field("exact", self.exact, 0, std::int64_t{1} << 53);
    }
  };

  template <class F, class V>
  State<V> init(F&& problem, const V& s) const {
    check_method(*this);
    auto&& f = oracle_of(problem, s);
    check_honours<ParallelEvaluation, std::remove_reference_t<F>, V>();
    const Index steps = steps_of(f, s);
    if (steps > 0) require(name, "blocks", static_cast<double>(blocks), Range{1, static_cast<double>(steps)});
    State<V> state;
    sweep(f, s, state);
    return state;
  }
  template <class F, class V>
  Report step(F& f, V& s, State<V>& state) const {
    state.exact = exact_in_image(steps_of(f, s), s, state);
    s = state.image;
    sweep(f, s, state);
    return report_of(state);
  }

 private:
  using Columns = Eigen::Map<Eigen::MatrixXd>;
  using ConstColumns = Eigen::Map<const Eigen::MatrixXd>;

  template <class F, class V>
  static Index steps_of(F& f, const V& s) {
    static_assert(
        requires { f.problem().steps(); }, "the system lacks steps(), the number of its columns");
    const auto steps = static_cast<Index>(f.problem().steps());
    if (steps < 0 || (steps == 0) != (s.size() == 0) || (steps > 0 && s.size() % steps != 0))
      throw std::invalid_argument("ParallelEvaluation: s has " + std::to_string(s.size()) +
                                  " coefficients, must have a multiple of steps() = " + std::to_string(steps));
    return steps;
  }
  /// The first column of a block, of all of them from column `first` on.
  static Index begin_of(Index block, Index count, Index first, Index steps) {
    return first + block * (steps - first) / count;
  }

  /// How many columns of the image are exact: what is read of exact columns is, and so is what did not change behind
  /// them.
  template <class V>
  Index exact_in_image(Index steps, const V& s, const State<V>& state) const {
    if (steps == 0) return 0;
    const Index rows = s.size() / steps;
    auto exact = static_cast<Index>(state.exact);
    while (exact < steps &&
           (state.image.segment(exact * rows, rows).array() == s.segment(exact * rows, rows).array()).all())
      ++exact;
    if (exact == steps || scheme == EvaluationScheme::gauss_seidel || scheme == EvaluationScheme::gauss_seidel_jacobi)
      return steps;
    if (scheme == EvaluationScheme::jacobi) return exact + 1;
    Index end = 0;
    for (Index b = 1; end <= exact; ++b) end = begin_of(b, blocks, 0, steps);
    return end;
  }

  template <class F, class V>
  void sweep(F& f, const V& s, State<V>& state) const {
    const Index steps = steps_of(f, s);
    const auto exact = static_cast<Index>(state.exact);
    state.image = s;
    state.measure = 0;
    if (exact == steps) return;
    const Index rows = s.size() / steps;
    const ConstColumns from(s.data(), rows, steps);
    Columns to(state.image.data(), rows, steps);
    bool made = true;
    if (scheme == EvaluationScheme::gauss_seidel_jacobi)
      made = block_after_block(f, exact, to, state);
    else
      made = f.sweep([&](auto& system) {
        if (scheme == EvaluationScheme::jacobi)
          in_parts(system, exact, from, to, state);
        else
          newest_in_blocks(system, exact, from, to, state);
      });
    if (!made) state.image.setConstant(std::numeric_limits<double>::quiet_NaN());
    for (Index i = 0; i < s.size(); ++i) {
      const double change = std::abs(state.image[i] - s[i]);
      if (!(change <= state.measure)) state.measure = change;
      if (std::isnan(change)) return;
    }
  }

  /// Calls task(b) for every block; an exception of the first block that has one passes through.
  template <class S, class Task>
  void for_each_block(Index count, S& state, const Task& task) const {
    state.exceptions.assign(static_cast<std::size_t>(count), nullptr);
    parallel_for(count, static_cast<int>(threads), [&](Index b) {
      try {
        task(b);
      } catch (...) {
        state.exceptions[static_cast<std::size_t>(b)] = std::current_exception();
      }
    });
    for (const std::exception_ptr& exception : state.exceptions)
      if (exception) std::rethrow_exception(exception);
  }

  template <class G, class S>
  void in_parts(G& system, Index exact, const ConstColumns& from, Columns& to, S& state) const {
    const Index count = std::min<Index>(blocks, from.cols() - exact);
    for_each_block(count, state, [&](Index b) {
      const Index begin = begin_of(b, count, exact, from.cols()), end = begin_of(b + 1, count, exact, from.cols());
      system.evaluate(begin, end, from, to.middleCols(begin, end - begin));
    });
  }

  template <class G, class S>
  void newest_in_blocks(G& system, Index exact, const ConstColumns& from, Columns& to, S& state) const {
    const Index count = scheme == EvaluationScheme::gauss_seidel ? 1 : static_cast<Index>(blocks);
    const Index workers = std::min<Index>(threads, count);
    state.copies.resize(static_cast<std::size_t>(workers));
    for_each_block(workers, state, [&](Index worker) {
      Eigen::MatrixXd& copy = state.copies[static_cast<std::size_t>(worker)];
      for (Index b = worker; b < count; b += workers) {
        const Index begin = std::max(begin_of(b, count, 0, from.cols()), exact);
        const Index end = begin_of(b + 1, count, 0, from.cols());
        if (begin >= end) continue;
        copy = from;
        for (Index t = begin; t < end; ++t) system.evaluate(t, t + 1, copy, copy.middleCols(t, 1));
        to.middleCols(begin, end - begin) = copy.middleCols(begin, end - begin);
      }
    });
  }

  /// Every block by Jacobi sweeps until it is at rest or, after as many as it has columns, exact. False: out of budget.
  template <class F, class S>
  bool block_after_block(F& f, Index exact, Columns& to, S& state) const {
    state.copies.resize(1);
    Eigen::MatrixXd& next = state.copies[0];
    for (Index b = 0; b < blocks; ++b) {
      Index begin = std::max(begin_of(b, blocks, 0, to.cols()), exact);
      const Index end = begin_of(b + 1, blocks, 0, to.cols());
      while (begin < end) {
        next.resize(to.rows(), to.cols());
        auto block = next.middleCols(begin, end - begin);
        if (!f.sweep([&](auto& system) { system.evaluate(begin, end, to, block); })) return false;
        // The first column is exact now, and so are those behind it that did not change.
        Index known = begin + 1;
        while (known < end && (next.col(known).array() == to.col(known).array()).all()) ++known;
        to.middleCols(begin, end - begin) = block;
        begin = known;
      }
    }
    return true;
  }
};

}  // namespace glissade
