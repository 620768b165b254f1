// Drives a method from a start to an end that it can explain, whatever kind of problem it solves.
//
// A kind of problem is a struct that says
//
//   has_value  static constexpr bool: reports have a value, which must be finite too
//   tolerance  static constexpr double Stop::*: where the measure is small enough
//   solved     static constexpr Status: the end there
//   check      static void check(const Stop&), which throws where a rule is about what the problem does not have
//
// and a report_of(state) that finds the measure in the states of its methods, as that of ValueAndGradient does. The
// measure and, where there is one, the value are all that the driver judges a problem by.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "method.hpp"
#include "record.hpp"
#include "stop.hpp"
#include "variable.hpp"

namespace glissade {

/// The loop around a method's steps.
template <class Problem, class F, class V, class M, class S, class... O>
class Drive {
 public:
  /// keep_state: what a step that was undone, or thrown out of, left of the state is replaced by the state before it.
  Drive(Problem, bool keep_state, F& oracle, V& x, const M& method, S& state, const Stop& stop, O&... observers)
      : keep_state_(keep_state),
        oracle_(oracle),
        x_(x),
        method_(method),
        state_(state),
        stop_(stop),
        observers_(observers...) {}

  Result run() {
    report_ = report_of(state_);
    result_.status = status_at_start();
    if (result_.status == Problem::solved && at_saddle()) result_.status = limit_reached();
    result_.status = show_point(result_.status, 0);
    V last = x_;
    std::optional<S> last_state;
    while (result_.status == Status::running) {
      last = x_;
      if (keep_state_) last_state = state_;
      const auto undo_step = [&] {
        x_ = last;
        if (keep_state_) state_ = std::move(*last_state);
      };
      Report next;
      Status end = Status::running;
      bool saddle = false;
      try {
        next = method_.step(oracle_, x_, state_);
        end = why_undo_step(next);
        saddle = end == Status::running && next.status == Status::running && solved(next) && at_saddle();
      } catch (...) {
        undo_step();
        throw;
      }
      if (end != Status::running) {
        undo_step();
        result_.status = end;
        break;
      }
      const double last_value = std::exchange(report_, next).value;
      if (next.status == Status::running) ++result_.iterations;
      last = x_ - last;
      const double step = norm_of(last);
      result_.status = status_after_step(last_value, step);
      if (saddle) result_.status = limit_reached();
      // A step that failed where it began has nothing new to show.
      if (next.status == Status::running || step > 0) result_.status = show_point(result_.status, step);
    }
    result_.value = report_.value;
    result_.measure = report_.measure;
    result_.gradient_norm = report_.gradient_norm;
    result_.evaluations = oracle_.evaluations();
    return result_;
  }

 private:
  Status status_at_start() const {
    if (oracle_.refused()) return detail::status_of_refused(*oracle_.refused());
    if (!finite(report_) || !x_.allFinite()) return Status::non_finite_start;
    if (solved(report_)) return Problem::solved;
    if (report_.value < stop_.lowest_value) return Status::unbounded;
    return limit_reached();
  }

  /// Why the point that a step arrived at cannot be kept, if it cannot.
  Status why_undo_step(const Report& next) const {
    if (oracle_.refused()) return detail::status_of_refused(*oracle_.refused());
    if (next.status == Status::non_finite_hessian) return next.status;
    if (next.value == -std::numeric_limits<double>::infinity()) return Status::unbounded;
    return finite(next) && x_.allFinite() ? Status::running : Status::non_finite;
  }

  /// A comparison with a value that the problem does not have, NaN, is false.
  Status status_after_step(double last_value, double step) const {
    if (report_.status == Status::saddle) return Status::saddle;
    if (solved(report_)) return Problem::solved;
    if (report_.status != Status::running) return report_.status;
    if (step > 0 && stop_.step_tolerance > 0 && step <= stop_.step_tolerance * std::max(1.0, norm_of(x_)))
      return Status::step_tolerance;
    if (step > 0 && stop_.value_tolerance > 0 &&
        std::abs(report_.value - last_value) <= stop_.value_tolerance * std::max(1.0, std::abs(report_.value)))
      return Status::value_tolerance;
    if (report_.value < stop_.lowest_value) return Status::unbounded;
    return limit_reached();
  }

  /// A small measure is no end at a saddle, if the method can tell: its next step leaves it.
  bool at_saddle() {
    if constexpr (requires { method_.at_saddle(oracle_, x_, state_); })
      return method_.at_saddle(oracle_, x_, state_);
    else
      return false;
  }

  /// The limit on iterations, calls or time that is reached, if one is.
  Status limit_reached() const {
    if (result_.iterations >= stop_.max_iterations) return Status::max_iterations;
    for (const detail::CallLimit& limit : detail::call_limits) {
      const std::int64_t most = stop_.*limit.most;
      if (most == std::numeric_limits<std::int64_t>::max() || (most == 0 && !limit.every_step)) continue;
      if (oracle_.evaluations().whole(limit.call) >= static_cast<double>(most)) return limit.reached;
    }
    if (stop_.max_seconds < std::numeric_limits<double>::infinity() && seconds() >= stop_.max_seconds)
      return Status::max_seconds;
    return Status::running;
  }

  const auto& x_in_doubles() {
    if constexpr (std::is_same_v<typename V::Scalar, double>)
      return x_;
    else
      return shown_ = x_.template cast<double>();
  }

  /// Shows the new point to predicate and observers, who may end the run; an end that is already there stays.
  Status show_point(Status status, double step) {
    if (sizeof...(O) == 0 && !stop_.predicate) return status;
    const auto& shown = x_in_doubles();
    const Record record{result_.iterations,
                        report_.value,
                        report_.gradient_norm,
                        report_.measure,
                        step,
                        seconds(),
                        oracle_.evaluations(),
                        Eigen::Map<const Eigen::VectorXd>(shown.data(), shown.size())};
    const bool predicate = stop_.predicate && stop_.predicate(record);
    const bool observer = std::apply(
        [&](O&... each) { return (0 + ... + static_cast<int>(detail::asks_to_stop(each, record))) > 0; }, observers_);
    if (status != Status::running) return status;
    if (predicate) return Status::stopped_by_predicate;
    return observer ? Status::stopped_by_observer : Status::running;
  }

  [[nodiscard]] bool solved(const Report& report) const { return report.measure <= stop_.*Problem::tolerance; }
  static bool finite(const Report& report) {
    return (!Problem::has_value || std::isfinite(report.value)) && std::isfinite(report.measure);
  }
  [[nodiscard]] double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  using Clock = std::chrono::steady_clock;

  bool keep_state_;
  F& oracle_;
  V& x_;
  const M& method_;
  S& state_;
  const Stop& stop_;
  std::tuple<O&...> observers_;
  Eigen::VectorXd shown_;
  Clock::time_point start_ = Clock::now();
  Report report_;
  Result result_;
};

namespace detail {

/// Puts x back where it was, unless that is not needed any more.
template <class V>
class UndoMove {
 public:
  explicit UndoMove(V& x) : x_(x), before_(x) {}
  UndoMove(const UndoMove&) = delete;
  UndoMove& operator=(const UndoMove&) = delete;
  ~UndoMove() {
    if (needed_) x_ = before_;
  }
  void not_needed() const { needed_ = false; }

 private:
  V& x_;
  V before_;
  mutable bool needed_ = true;
};

}  // namespace detail

/// Calls run(oracle, x) for a method with an oracle that keeps to the budgets of the stop rule and a plain vector.
template <class Problem, class M, class F, class X, class Run, class... O>
Result with_oracle(F& objective, X& x, const Stop& stop, const Run& run, O&...) {
  static_assert((Observer<O> && ...),
                "an observer is called with a const glissade::Record& and returns a glissade::Flow or nothing");
  stop.check();
  Problem::check(stop);
  return with_plain<M>(objective, x, [&]<class G, class V>(G& plain_objective, V& plain) {
    check_honours<M, G, V>();
    Oracle<G, V> oracle(plain_objective);
    for (const detail::CallLimit& limit : detail::call_limits) oracle.allow(limit.call, stop.*limit.most);
    return run(oracle, plain);
  });
}

/// Runs a method from the state that its init makes at x, after x was moved into the set where the problem has one.
template <class Problem, class F, class X, class M, class... O>
Result drive_from_start(F& objective, X& x, const M& method, const Stop& stop, O&... observers) {
  check_method(method);
  const auto run = [&](auto& oracle, auto& plain) {
    const detail::UndoMove undo{plain};
    if (plain.allFinite()) oracle.project(plain);
    auto state = method.init(oracle, plain);
    undo.not_needed();
    return Drive(Problem{}, false, oracle, plain, method, state, stop, observers...).run();
  };
  return with_oracle<Problem, M>(objective, x, stop, run, observers...);
}

/// Runs a method from a state at x, which is left where a further run goes on.
template <class Problem, class F, class X, class M, class S, class... O>
Result drive_from_state(F& objective, X& x, const M& method, S& state, const Stop& stop, O&... observers) {
  check_method(method);
  const auto run = [&](auto& oracle, auto& plain) {
    return Drive(Problem{}, true, oracle, plain, method, state, stop, observers...).run();
  };
  return with_oracle<Problem, M>(objective, x, stop, run, observers...);
}

}  // namespace glissade
