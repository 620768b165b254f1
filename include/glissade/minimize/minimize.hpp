// Drives a method from a start to an end that it can explain.
#pragma once

#include <chrono>
#include <cmath>
#include <optional>
#include <type_traits>
#include <utility>

#include "../drive/method.hpp"
#include "../drive/observer.hpp"
#include "../drive/stop.hpp"
#include "from_rule.hpp"

namespace glissade {

namespace detail {

/// A rule becomes a method, a method stays one.
template <class M>
decltype(auto) as_method(const M& method) {
  if constexpr (Rule<M>)
    return Lifted<M>{method};
  else
    return method;
}

/// A vector that methods work on in place of X: X itself if it owns its memory.
template <class X>
using PlainVector = Eigen::Matrix<double, std::remove_cvref_t<X>::SizeAtCompileTime, 1>;

template <class X>
constexpr void check_variable() {
  using Plain = std::remove_cvref_t<X>;
  static_assert(EigenDense<Plain>, "x must be an Eigen vector of doubles");
  static_assert(Plain::ColsAtCompileTime == 1, "x must be a column vector, known as one at compile time");
  static_assert(std::is_same_v<typename Plain::Scalar, double>, "x must be a vector of doubles");
  static_assert((Plain::Flags & Eigen::LvalueBit) != 0 && !std::is_const_v<std::remove_reference_t<X>>,
                "x is moved to the solution, so it must be writable");
  static_assert(std::is_lvalue_reference_v<X> || !std::is_base_of_v<Eigen::PlainObjectBase<Plain>, Plain>,
                "x is moved to the solution, which would be lost with a temporary vector");
}

/// Gives run(x) a plain vector; where x is a view it is a copy, written back however run ends.
template <class X, class Run>
Result with_plain(X& x, const Run& run) {
  using V = PlainVector<X>;
  if constexpr (std::is_same_v<X, V>) {
    return run(x);
  } else {
    struct Guard {
      X& to;
      V copy = to;
      ~Guard() { to = copy; }
    } guard{x};
    return run(guard.copy);
  }
}

/// The loop around a method's steps.
template <class F, class V, class M, class S, class... O>
class Drive {
 public:
  /// keep_state: what a step that was given up left of the state is replaced by the state before it.
  Drive(bool keep_state, Oracle<F, V>& oracle, V& x, const M& method, S& state, const Stop& stop, O&... observers)
      : keep_state_(keep_state),
        oracle_(oracle),
        x_(x),
        method_(method),
        state_(state),
        stop_(stop),
        observers_(observers...) {}

  Result run() {
    report_ = report_of(state_);
    result_.status = unless_saddle(at_start());
    result_.status = told(result_.status, 0);
    V last = x_;
    std::optional<S> last_state;
    while (result_.status == Status::running) {
      last = x_;
      if (keep_state_) last_state = state_;
      const Report next = method_.step(oracle_, x_, state_);
      if (const Status end = given_up(next); end != Status::running) {
        x_ = last;
        if (keep_state_) state_ = std::move(*last_state);
        result_.status = end;
        break;
      }
      const double last_value = std::exchange(report_, next).value;
      if (next.status == Status::running) ++result_.iterations;
      last = x_ - last;
      const double step = norm_of(last);
      result_.status = after_step(last_value, step);
      if (next.status == Status::running) result_.status = unless_saddle(result_.status);
      // A step that failed where it began has nothing new to show.
      if (next.status == Status::running || step > 0) result_.status = told(result_.status, step);
    }
    result_.value = report_.value;
    result_.gradient_norm = report_.gradient_norm;
    result_.evaluations = oracle_.evaluations();
    return result_;
  }

 private:
  Status at_start() const {
    if (oracle_.refused() != Status::running) return oracle_.refused();
    if (!finite(report_) || !x_.allFinite()) return Status::non_finite_start;
    if (report_.gradient_norm <= stop_.gradient_tolerance) return Status::gradient_tolerance;
    if (report_.value < stop_.lowest_value) return Status::unbounded;
    return spent();
  }

  /// Why the point that a step arrived at cannot be kept, if it cannot.
  Status given_up(const Report& next) const {
    if (oracle_.refused() != Status::running) return oracle_.refused();
    if (next.value == -std::numeric_limits<double>::infinity()) return Status::unbounded;
    return finite(next) && x_.allFinite() ? Status::running : Status::non_finite;
  }

  Status after_step(double last_value, double step) const {
    if (report_.status == Status::saddle) return Status::saddle;
    if (report_.gradient_norm <= stop_.gradient_tolerance) return Status::gradient_tolerance;
    if (report_.status != Status::running) return report_.status;
    const bool progress = report_.progress && step > 0;
    if (progress && stop_.step_tolerance > 0 && step <= stop_.step_tolerance * std::max(1.0, norm_of(x_)))
      return Status::step_tolerance;
    if (progress && stop_.value_tolerance > 0 &&
        std::abs(report_.value - last_value) <= stop_.value_tolerance * std::max(1.0, std::abs(report_.value)))
      return Status::value_tolerance;
    if (report_.value < stop_.lowest_value) return Status::unbounded;
    return spent();
  }

  /// A small gradient is no end at a saddle, if the method can tell: its next step leaves it.
  Status unless_saddle(Status status) {
    if constexpr (requires { method_.at_saddle(oracle_, x_, state_); })
      if (status == Status::gradient_tolerance && method_.at_saddle(oracle_, x_, state_)) return spent();
    return status;
  }

  Status spent() const {
    const Evaluations& calls = oracle_.evaluations();
    if (result_.iterations >= stop_.max_iterations) return Status::max_iterations;
    if (calls.values() >= static_cast<double>(stop_.max_value_calls)) return Status::max_value_calls;
    if (calls.gradients() >= static_cast<double>(stop_.max_gradient_calls)) return Status::max_gradient_calls;
    if (stop_.max_hessian_calls > 0 && calls.hessian >= stop_.max_hessian_calls) return Status::max_hessian_calls;
    if (stop_.max_product_calls > 0 && calls.hessian_vectors() >= static_cast<double>(stop_.max_product_calls))
      return Status::max_product_calls;
    if (stop_.max_seconds < std::numeric_limits<double>::infinity() && seconds() >= stop_.max_seconds)
      return Status::max_seconds;
    return Status::running;
  }

  /// Shows the new point to observers and predicate; an end that is already there stays.
  Status told(Status status, double step) {
    if (sizeof...(O) == 0 && !stop_.predicate) return status;
    const Record record{result_.iterations,
                        report_.value,
                        report_.gradient_norm,
                        step,
                        seconds(),
                        oracle_.evaluations(),
                        Eigen::Map<const Eigen::VectorXd>(x_.data(), x_.size())};
    const bool predicate = stop_.predicate && stop_.predicate(record);
    const bool observer = std::apply(
        [&](O&... each) { return (0 + ... + static_cast<int>(asks_to_stop(each, record))) > 0; }, observers_);
    if (status != Status::running) return status;
    if (predicate) return Status::stopped_by_predicate;
    return observer ? Status::stopped_by_observer : Status::running;
  }

  static bool finite(const Report& report) {
    return std::isfinite(report.value) && std::isfinite(report.gradient_norm);
  }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  using Clock = std::chrono::steady_clock;

  bool keep_state_;
  Oracle<F, V>& oracle_;
  V& x_;
  const M& method_;
  S& state_;
  const Stop& stop_;
  std::tuple<O&...> observers_;
  Clock::time_point start_ = Clock::now();
  Report report_;
  Result result_;
};

}  // namespace detail

/// Minimizes an objective from x, which is moved to the best that the method found.
///
///     Result r = minimize(f, x, Lbfgs{.memory = 10}, {.max_iterations = 200}, ProgressBar{});
///
/// The method is one of the library's or a rule or chain (minimize(f, x, Adam{})). x is a vector of
/// doubles of fixed or dynamic size, or a Map or segment of one. Whatever the objective returns, the
/// end is a status: x is the last point with finite value and gradient, and no more calls are made
/// than the stop rule allows. Exceptions of the objective pass through.
///
/// Throws std::invalid_argument for an option out of its range.
template <class F, class X, class M, class... O>
Result minimize(F&& objective, X&& x, const M& method, const Stop& stop = {}, O&&... observers) {
  detail::check_variable<X>();
  static_assert((Observer<std::remove_reference_t<O>> && ...),
                "an observer is called with a const glissade::Record& and returns a glissade::Flow or nothing");
  stop.check();
  return detail::with_plain(x, [&](auto& plain) {
    using V = std::remove_reference_t<decltype(plain)>;
    auto&& stepper = detail::as_method(method);
    Oracle<std::remove_reference_t<F>, V> oracle(objective);
    oracle.allow(stop.max_value_calls, stop.max_gradient_calls, stop.max_hessian_calls, stop.max_product_calls);
    auto state = stepper.init(oracle, plain);
    return detail::Drive(false, oracle, plain, stepper, state, stop, observers...).run();
  });
}

/// Goes on from a state of the method at x, as if it had not been interrupted. Iterations, calls and
/// time are counted anew; the state is left where a further resume goes on, whatever ended this one: a step that met
/// the end of a budget or a number that is not finite is undone. For that the state is copied before every step, which
/// minimize, whose state nobody sees, does not need.
///
///     auto state = method.init(f, x);
///     resume(f, x, method, state, {.max_seconds = 60});
///     resume(f, x, method, state);
template <class F, class X, class M, class S, class... O>
Result resume(F&& objective, X&& x, const M& method, S& state, const Stop& stop = {}, O&&... observers) {
  detail::check_variable<X>();
  static_assert((Observer<std::remove_reference_t<O>> && ...),
                "an observer is called with a const glissade::Record& and returns a glissade::Flow or nothing");
  stop.check();
  if (state.gradient.size() != x.size())
    throw std::invalid_argument("resume: the state is of " + std::to_string(state.gradient.size()) +
                                " variables, x has " + std::to_string(x.size()));
  return detail::with_plain(x, [&](auto& plain) {
    using V = std::remove_reference_t<decltype(plain)>;
    auto&& stepper = detail::as_method(method);
    if constexpr (!Rule<M>) check_method(method);
    Oracle<std::remove_reference_t<F>, V> oracle(objective);
    oracle.allow(stop.max_value_calls, stop.max_gradient_calls, stop.max_hessian_calls, stop.max_product_calls);
    return detail::Drive(true, oracle, plain, stepper, state, stop, observers...).run();
  });
}

}  // namespace glissade
