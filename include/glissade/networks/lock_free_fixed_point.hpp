// Fixed points by threads that neither wait for each other nor lock anything.
#pragma once

#include <atomic>
#include <exception>
#include <thread>

#include "../core/tensors/threads.hpp"
#include "asynchronous_fixed_point.hpp"
#include "shared_vector.hpp"

namespace glissade {

/// Block i of T x into image; x changes while it is read.
using SharedBlockOperator = std::function<void(Eigen::Index block, const SharedVector& x, Eigen::VectorXd& image)>;

/// When a run by threads ends.
struct LockFreeStop {
  std::int64_t max_sweeps = 100'000;  // of a worker
  std::int64_t check_every = 10;
  double tolerance = 1e-6;

  void check() const {
    require("LockFreeStop", "max_sweeps", static_cast<double>(max_sweeps), range::non_negative);
    require("LockFreeStop", "check_every", static_cast<double>(check_every), range::at_least_one);
    require("LockFreeStop", "tolerance", tolerance, range::non_negative);
  }
};

/// What threads have done in a run.
struct LockFreeCounts {
  std::vector<std::int64_t> updates;  // of each worker
  std::int64_t largest_delay = 0;     // the most updates of others during one sweep of a worker
};

/// The updates of DelayAgnosticFixedPoint by real threads, with whatever delays the machine makes of them. Every worker
/// owns a range of blocks, and goes through it again and again:
///
///     x_i <- (1 - r) x_i + r T_i(x)          x as it is found in memory, coefficient by coefficient
///
/// It converges where that converges for all delays, also with more threads than cores, where workers stand still for
/// long. One thread: block Gauss-Seidel, the bits of DelayAgnosticFixedPoint without delays. Several: another run, and
/// other last bits, every time.
///
///     Eigen::VectorXd at = Eigen::VectorXd::Zero(20);
///     Result r = LockFreeFixedPoint{.threads = 2}.run(block_operator, at, {.tolerance = 1e-9});
///
/// An operator takes x as a VectorXd, of which every update first takes a copy, or as a SharedVector, of which it loads
/// what it needs; it is called by several threads at once, for different blocks.
///
/// Options: sizes of the blocks (none: every coefficient is one); relaxation r in (0, 1] (1); threads >= 0 (0: all that
/// the machine offers; OpenMP, without it one).
/// Worker 0 measures max_i |x_i - T_i x| every check_every sweeps of its own and tells the others to stop; when all
/// have, it is measured once more, and they go on if it is above the tolerance. Result::iterations are updates of
/// blocks. Errors: as DelayAgnosticFixedPoint; what T throws in any thread ends the run and leaves x as it was. Source:
/// as DelayAgnosticFixedPoint.
struct LockFreeFixedPoint {
  static constexpr std::string_view name = "LockFreeFixedPoint";
  using Index = Eigen::Index;

  std::vector<Index> sizes = {};
  double relaxation = 1;
  int threads = 0;

  static void options(auto& self, auto&& visit) {
    visit("relaxation", self.relaxation, Range{0, 1, true});
    visit("threads", self.threads, range::non_negative);
  }

  Result run(const BlockOperator& T, Eigen::VectorXd& x, const LockFreeStop& stop = {},
             LockFreeCounts* counts = nullptr) const {
    return run_workers(
        [&T](Index i, const SharedVector& shared, Eigen::VectorXd& copy, Eigen::VectorXd& image) {
          shared.load(copy);
          T(i, copy, image);
        },
        x, stop, counts);
  }
  Result run(const SharedBlockOperator& T, Eigen::VectorXd& x, const LockFreeStop& stop = {},
             LockFreeCounts* counts = nullptr) const {
    return run_workers(
        [&T](Index i, const SharedVector& shared, Eigen::VectorXd&, Eigen::VectorXd& image) { T(i, shared, image); }, x,
        stop, counts);
  }

 private:
  using Evaluate = std::function<void(Index, const SharedVector&, Eigen::VectorXd& copy, Eigen::VectorXd& image)>;

  struct alignas(64) Counter {
    std::atomic<std::int64_t> updates = 0;
    std::int64_t sweeps = 0, largest_delay = 0;
    std::exception_ptr error = nullptr;
  };

  struct Run {
    const Evaluate& T;
    const LockFreeStop& stop;
    const BlockLayout layout;
    const double relaxation;
    const Index workers;
    SharedVector shared;
    std::vector<Counter> counters;
    std::atomic<bool> stopped = false, non_finite = false;

    [[nodiscard]] Index first(Index worker) const { return worker * layout.count() / workers; }

    void evaluate(Index i, Eigen::VectorXd& copy, Eigen::VectorXd& image) const {
      image.resize(layout.size(i));
      T(i, shared, copy, image);
      if (image.size() != layout.size(i))
        throw std::invalid_argument(std::string(name) + ": the image of block " + std::to_string(i) + " has " +
                                    std::to_string(image.size()) + " coefficients, the block " +
                                    std::to_string(layout.size(i)));
    }
    [[nodiscard]] double residual() const {
      Eigen::VectorXd copy, image;
      double largest = 0;
      for (Index i = 0; i < layout.count(); ++i) {
        evaluate(i, copy, image);
        for (Index k = 0; k < image.size(); ++k) image[k] -= shared.load(layout.start(i) + k);
        const double r = image.norm();
        if (!std::isfinite(r)) return r;
        largest = std::max(largest, r);
      }
      return largest;
    }
    [[nodiscard]] std::int64_t updates_but_of(Index worker) const {
      std::int64_t sum = 0;
      for (Index w = 0; w < workers; ++w)
        if (w != worker) sum += counters[static_cast<std::size_t>(w)].updates.load(std::memory_order_relaxed);
      return sum;
    }
    void work(Index worker) {
      Counter& own = counters[static_cast<std::size_t>(worker)];
      try {
        Eigen::VectorXd copy, image;
        std::int64_t others = updates_but_of(worker);
        while (own.sweeps < stop.max_sweeps && !stopped.load(std::memory_order_relaxed)) {
          for (Index i = first(worker); i < first(worker + 1); ++i) {
            evaluate(i, copy, image);
            if (!image.allFinite()) {
              non_finite.store(true, std::memory_order_relaxed);
              stopped.store(true, std::memory_order_relaxed);
              return;
            }
            for (Index k = 0; k < image.size(); ++k) {
              const Index j = layout.start(i) + k;
              const double before = shared.load(j);
              shared.store(j, relaxation == 1 ? image[k] : before + relaxation * (image[k] - before));
            }
            own.updates.fetch_add(1, std::memory_order_relaxed);
          }
          ++own.sweeps;
          const std::int64_t now = updates_but_of(worker);
          own.largest_delay = std::max(own.largest_delay, now - others);
          others = now;
          if (worker == 0 && own.sweeps % stop.check_every == 0 && residual() <= stop.tolerance)
            stopped.store(true, std::memory_order_relaxed);
          // A core that is shared is handed on, so that no worker's values grow old for nothing.
          if (workers > 1) std::this_thread::yield();
        }
      } catch (...) {
        own.error = std::current_exception();
        stopped.store(true, std::memory_order_relaxed);
      }
    }
  };

  Result run_workers(const Evaluate& T, Eigen::VectorXd& x, const LockFreeStop& stop, LockFreeCounts* counts) const {
    visit_options(*this, CheckOption{name, 0});
    stop.check();
    const BlockLayout layout(name, sizes, x.size());
    Result result;
    if (!x.allFinite()) {
      result.status = Status::non_finite_start;
      return result;
    }
    const Index workers = std::min<Index>(resolve_threads(threads), layout.count());
    std::vector<Index> owned;
    for (Index w = 0; w < workers; ++w)
      owned.push_back(layout.start((w + 1) * layout.count() / workers) - layout.start(w * layout.count() / workers));
    Run run{T, stop, layout, relaxation, workers, SharedVector(x, owned), std::vector<Counter>(owned.size())};
    result.measure = run.residual();
    if (!std::isfinite(result.measure)) {
      result.status = Status::non_finite_start;
      return result;
    }
    while (result.status == Status::running) {
      if (run.non_finite.load())
        result.status = Status::non_finite;
      else if (result.measure <= stop.tolerance)
        result.status = Status::tolerance;
      else if (std::any_of(run.counters.begin(), run.counters.end(),
                           [&](const Counter& c) { return c.sweeps >= stop.max_sweeps; }))
        result.status = Status::max_iterations;
      if (result.status != Status::running) break;
      run.stopped.store(false);
      parallel_for(workers, static_cast<int>(workers), [&](Index worker) { run.work(worker); });
      for (const Counter& counter : run.counters)
        if (counter.error != nullptr) std::rethrow_exception(counter.error);
      result.measure = run.residual();
    }
    run.shared.load(x);
    if (counts != nullptr) *counts = {};
    for (const Counter& counter : run.counters) {
      result.iterations += counter.updates.load();
      if (counts == nullptr) continue;
      counts->updates.push_back(counter.updates.load());
      counts->largest_delay = std::max(counts->largest_delay, counter.largest_delay);
    }
    return result;
  }
};

}  // namespace glissade
