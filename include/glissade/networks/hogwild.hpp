// Stochastic gradients by threads that write over each other.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>
#include <exception>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/random.hpp"
#include "../core/tensors/threads.hpp"
#include "../drive/status.hpp"
#include "../rule/options.hpp"
#include "shared_vector.hpp"

namespace glissade {

/// The entries of a gradient that are not zero: (index, value).
using SparseEntries = std::vector<std::pair<Eigen::Index, double>>;

/// Appends the gradient of one term at x to `out`, which is empty; x changes while it is read.
using SparseTermGradient = std::function<void(Eigen::Index term, const SharedVector& x, SparseEntries& out)>;

/// Hogwild: gradient steps for a sum of many terms that depend on few coefficients each, by threads that share x and
/// lock nothing. Two that write the same coefficient at the same time may lose one of the writes; where terms overlap
/// seldom, that is seldom.
///
///     x_j <- x_j - eta g_j          for the j that the term depends on; eta falls by `decay` after every epoch
///
///     Eigen::VectorXd at = Eigen::VectorXd::Zero(20);
///     Hogwild{.step_size = 0.05, .threads = 2}.run(term_gradient, 1000, at, {.begin = 0, .end = 30});
///
/// Terms are drawn with replacement, as many per epoch as there are; draw n of an epoch is a function of (seed, epoch,
/// n) alone, and each thread takes a range of the draws. One thread: the bits of serial stochastic gradient descent.
/// Runs in parts, epochs 0 to 5 and then 5 to 9, are runs of the whole.
///
/// Options: step_size eta (> 0); decay in (0, 1] (0.9, as published); threads >= 0 (0: all; OpenMP, without it one);
/// lose_writes (true): load and store; false: additions that lose nothing; seed (0).
/// Cost of a draw: one gradient of a term, one load and store for each of its entries.
/// Errors: std::invalid_argument for options out of range, an index that x does not have. What the gradient throws ends
/// the run and leaves x as it was; a gradient that is not finite is not applied and ends it with Status::non_finite.
/// Source: "Hogwild!: A Lock-Free Approach to Parallelizing Stochastic Gradient Descent", 2011, arXiv 1106.5730.
struct Hogwild {
  static constexpr std::string_view name = "Hogwild";
  using Index = Eigen::Index;

  struct Epochs {
    std::int64_t begin = 0, end = 1;
  };

  double step_size = 0.01;
  double decay = 0.9;
  int threads = 0;
  bool lose_writes = true;
  std::int64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    visit("decay", self.decay, Range{0, 1, true});
    visit("threads", self.threads, range::non_negative);
    visit("lose_writes", self.lose_writes);
    visit("seed", self.seed, range::finite);
  }

  /// The term of a draw.
  [[nodiscard]] Index term(std::int64_t epoch, Index draw, Index terms) const {
    const RandomKey key = RandomKey{static_cast<std::uint64_t>(seed)}.derive(static_cast<std::uint64_t>(epoch));
    const auto t = static_cast<Index>(key.uniform(static_cast<std::uint64_t>(draw)) * static_cast<double>(terms));
    return t < terms ? t : terms - 1;
  }

  Result run(const SparseTermGradient& gradient, Index terms, Eigen::VectorXd& x, const Epochs& epochs) const {
    visit_options(*this, CheckOption{name, 0});
    require(name, "terms", static_cast<double>(terms), range::at_least_one);
    require(name, "begin", static_cast<double>(epochs.begin), range::non_negative);
    if (epochs.end < epochs.begin)
      reject(name, "end", static_cast<double>(epochs.end), ">= begin = " + std::to_string(epochs.begin));
    Result result;
    if (!x.allFinite()) {
      result.status = Status::non_finite_start;
      return result;
    }
    SharedVector shared(x);
    const Index workers = resolve_threads(threads);
    std::vector<std::exception_ptr> errors(static_cast<std::size_t>(workers));
    std::vector<std::int64_t> draws(static_cast<std::size_t>(workers), 0);
    std::atomic<bool> stopped = false;
    for (std::int64_t epoch = epochs.begin; epoch < epochs.end && !stopped.load(); ++epoch) {
      const double eta = step_size * std::pow(decay, static_cast<double>(epoch));
      parallel_for(workers, static_cast<int>(workers), [&](Index w) {
        const auto k = static_cast<std::size_t>(w);
        std::int64_t done = 0;
        try {
          SparseEntries entries;
          for (Index n = w * terms / workers; n < (w + 1) * terms / workers; ++n, ++done) {
            if (stopped.load(std::memory_order_relaxed)) break;
            entries.clear();
            gradient(term(epoch, n, terms), shared, entries);
            if (!usable(entries, shared.size())) {
              stopped.store(true, std::memory_order_relaxed);
              break;
            }
            for (const auto& [j, g] : entries)
              if (lose_writes)
                shared.store(j, shared.load(j) - eta * g);
              else
                shared.add(j, -eta * g);
          }
        } catch (...) {
          errors[k] = std::current_exception();
          stopped.store(true, std::memory_order_relaxed);
        }
        draws[k] += done;
      });
      for (const auto& error : errors)
        if (error != nullptr) std::rethrow_exception(error);
    }
    shared.load(x);
    for (const std::int64_t done : draws) result.iterations += done;
    result.evaluations.component_gradient = result.iterations;
    result.evaluations.components = terms;
    result.status = stopped.load() || !x.allFinite() ? Status::non_finite : Status::max_iterations;
    return result;
  }

 private:
  /// Whether all values are finite; throws where an index is none of x.
  static bool usable(const SparseEntries& entries, Index size) {
    for (const auto& [j, g] : entries) {
      if (j < 0 || j >= size) reject(name, "index", static_cast<double>(j), "in [0, " + std::to_string(size) + ")");
      if (!std::isfinite(g)) return false;
    }
    return true;
  }
};

}  // namespace glissade
