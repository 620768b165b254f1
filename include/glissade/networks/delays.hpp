// Who writes next, and how old is what it has read: a deterministic simulator of delays.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "../core/random.hpp"
#include "../rule/options.hpp"

namespace glissade {

/// fixed: everything read is `most` updates old. uniform: between 0 and `most`, drawn anew for every block that is
/// read. growing: floor(k / 2) at update k, without a bound. service: every worker reads, computes for its service
/// time, writes, and reads again; the delay is the number of updates of others in between.
enum class DelayKind { fixed, uniform, growing, service };

/// In which order blocks are written, but where service times decide.
enum class UpdateOrder { cyclic, random };

/// Delays and order of the updates of m blocks by m workers, the same on every machine and for any number of threads.
///
///     update k = 0, 1, ...     block i of the order reads block j as it was after s_ij = max(0, k - delay) updates
///     service                  the worker i whose service ends first (the lowest, where several do); s_ij is the
///                              number of updates made when it last began
///
/// Options: kind (fixed); most >= 0 (0), of fixed and uniform; order (cyclic); speeds, of service: services per unit of
/// time of each worker, > 0, one each; random_times (true): service times are exponential of mean 1 / speed, else
/// always 1 / speed; seed.
struct DelaySchedule {
  static constexpr std::string_view name = "DelaySchedule";

  DelayKind kind = DelayKind::fixed;
  std::int64_t most = 0;
  UpdateOrder order = UpdateOrder::cyclic;
  std::vector<double> speeds = {};
  bool random_times = true;
  std::int64_t seed = 0;

  void check(Eigen::Index blocks) const {
    require(name, "kind", kind, DelayKind::service);
    require(name, "order", order, UpdateOrder::random);
    require(name, "most", static_cast<double>(most), range::non_negative);
    for (const double speed : speeds) require(name, "speeds", speed, range::positive);
    const std::size_t needed = kind == DelayKind::service ? static_cast<std::size_t>(blocks) : 0;
    if (speeds.size() != needed)
      throw std::invalid_argument(std::string(name) + ": speeds has " + std::to_string(speeds.size()) +
                                  " numbers, must have " + std::to_string(needed) +
                                  (needed > 0 ? ", one for each block" : ": they are of DelayKind::service"));
    const bool bounded = kind == DelayKind::fixed || kind == DelayKind::uniform;
    if (!bounded && most != 0) reject(name, "most", static_cast<double>(most), "0: it bounds fixed and uniform delays");
    if (kind == DelayKind::service && order != UpdateOrder::cyclic)
      throw std::invalid_argument(std::string(name) + ": order = random, but service times decide the order");
  }
};

/// Where a simulation of delays stands, and what it has seen: a value.
struct DelayClock {
  std::int64_t updates = 0;        // k
  std::int64_t largest_delay = 0;  // tau, of what was read so far
  std::int64_t delays = 0;         // the sum over updates of the largest delay of each
  std::int64_t longest_wait = 0;   // of a block that was written, since its last write or the start
  std::vector<std::int64_t> last_written, began, services;  // of each block: update counts; services that have begun
  Eigen::VectorXd ends;                                     // of service: the time when the worker will write

  static void visit(auto& self, auto&& field) {
    constexpr std::int64_t most = std::int64_t{1} << 53;
    field("updates", self.updates, std::int64_t{0}, most);
    field("largest_delay", self.largest_delay, std::int64_t{0}, most);
    field("delays", self.delays, std::int64_t{0}, most);
    field("longest_wait", self.longest_wait, std::int64_t{0}, most);
    field("last_written", self.last_written, std::int64_t{0}, most);
    field("began", self.began, std::int64_t{0}, most);
    field("services", self.services, std::int64_t{0}, most);
    field("ends", self.ends);
  }

  DelayClock() = default;
  DelayClock(const DelaySchedule& schedule, Eigen::Index blocks) {
    schedule.check(blocks);
    last_written.assign(static_cast<std::size_t>(blocks), 0);
    began = services = last_written;
    ends = Eigen::VectorXd::Zero(blocks);
    if (schedule.kind == DelayKind::service)
      for (Eigen::Index i = 0; i < blocks; ++i) serve(schedule, i);
  }

  [[nodiscard]] Eigen::Index blocks() const { return ends.size(); }
  /// B: every block was written at least once in any so many updates; one that waits still can be written by the next
  /// update at best.
  [[nodiscard]] std::int64_t longest_wait_so_far() const {
    const auto first = std::min_element(last_written.begin(), last_written.end());
    return std::max(longest_wait, first == last_written.end() ? 0 : updates - *first + 1);
  }
  [[nodiscard]] double mean_delay() const {
    return updates > 0 ? static_cast<double>(delays) / static_cast<double>(updates) : 0.0;
  }

  /// The block of the next update.
  [[nodiscard]] Eigen::Index next(const DelaySchedule& schedule) const {
    if (schedule.kind == DelayKind::service) {
      Eigen::Index first = 0;
      ends.minCoeff(&first);
      return first;
    }
    if (schedule.order == UpdateOrder::cyclic) return static_cast<Eigen::Index>(updates % blocks());
    return whole(key(schedule).uniform(0), blocks());
  }
  /// The number of updates after which block j was read for the next update, which is of block i.
  [[nodiscard]] std::int64_t read_at(const DelaySchedule& schedule, Eigen::Index i, Eigen::Index j) const {
    std::int64_t delay = schedule.most;
    if (schedule.kind == DelayKind::service) return began[static_cast<std::size_t>(i)];
    if (schedule.kind == DelayKind::growing) delay = updates / 2;
    if (schedule.kind == DelayKind::uniform)
      delay = whole(key(schedule).uniform(static_cast<std::uint64_t>(j) + 1), schedule.most + 1);
    return std::max<std::int64_t>(0, updates - delay);
  }
  /// The least number of updates after which anything that this and later updates read can have been read.
  [[nodiscard]] std::int64_t oldest(const DelaySchedule& schedule) const {
    if (schedule.kind == DelayKind::service) return *std::min_element(began.begin(), began.end());
    return std::max<std::int64_t>(0, updates - (schedule.kind == DelayKind::growing ? updates / 2 : schedule.most));
  }
  /// Block i was written; the oldest that it had read was that after `read` updates.
  void advance(const DelaySchedule& schedule, Eigen::Index i, std::int64_t read) {
    const auto k = static_cast<std::size_t>(i);
    largest_delay = std::max(largest_delay, updates - read);
    delays += updates - read;
    ++updates;
    longest_wait = std::max(longest_wait, updates - last_written[k]);
    last_written[k] = updates;
    if (schedule.kind == DelayKind::service) serve(schedule, i);
  }

 private:
  [[nodiscard]] RandomKey key(const DelaySchedule& schedule) const {
    return RandomKey{static_cast<std::uint64_t>(schedule.seed)}.derive(static_cast<std::uint64_t>(updates));
  }
  static std::int64_t whole(double uniform, std::int64_t count) {
    return std::min(static_cast<std::int64_t>(uniform * static_cast<double>(count)), count - 1);
  }
  void serve(const DelaySchedule& schedule, Eigen::Index i) {
    const auto k = static_cast<std::size_t>(i);
    const RandomKey own =
        RandomKey{static_cast<std::uint64_t>(schedule.seed)}.derive(0x5e7).derive(static_cast<std::uint64_t>(i));
    const double length = schedule.random_times ? -std::log(own.uniform(static_cast<std::uint64_t>(services[k]))) : 1.0;
    ends[i] += length / schedule.speeds[k];
    began[k] = updates;
    ++services[k];
  }
};

}  // namespace glissade
