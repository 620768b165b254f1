// When a run reached what it was meant to reach.
#pragma once

#include <chrono>
#include <functional>
#include <limits>

#include "../drive/record.hpp"

namespace glissade {

/// A clock that never goes back and can stand still, so that evaluation is not charged. It begins paused, at 0.
class Stopwatch {
 public:
  void start() {
    if (!running_) began_ = Clock::now();
    running_ = true;
  }
  void pause() {
    seconds_ = seconds();
    running_ = false;
  }
  [[nodiscard]] double seconds() const {
    return seconds_ + (running_ ? std::chrono::duration<double>(Clock::now() - began_).count() : 0);
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point began_{};
  double seconds_ = 0;
  bool running_ = false;
};

/// Keeps the time of the first evaluation whose metric is at most (with maximize: at least) the target; infinity until
/// then. NaN never reaches a target, nor does anything after max_time.
///
/// As an observer of minimize it watches the value against seconds, or against any cost, such as
/// [](const Record& r) { return r.evaluations.gradients(); }, and stops when the target is reached.
///
///     TimeToTarget timer{.target = 1e-8};
///     minimize(f, x, Lbfgs{}, {}, timer);      // timer.time
struct TimeToTarget {
  double target = 0;
  bool maximize = false;
  double max_time = std::numeric_limits<double>::infinity();
  std::function<double(const Record&)> cost = {};  // empty: seconds
  double time = std::numeric_limits<double>::infinity();

  [[nodiscard]] bool reached() const { return time < std::numeric_limits<double>::infinity(); }

  /// True from the evaluation on that reaches the target.
  bool evaluate(double now, double metric) {
    if (!reached() && now <= max_time && (maximize ? metric >= target : metric <= target)) time = now;
    return reached();
  }
  Flow operator()(const Record& record) {
    return evaluate(cost ? cost(record) : record.seconds, record.value) ? Flow::stop : Flow::go_on;
  }
};

}  // namespace glissade
