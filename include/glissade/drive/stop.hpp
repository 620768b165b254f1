// When to stop. The tolerances hold for every method alike; what is zero or infinite is switched off.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

#include "../core/checks.hpp"
#include "record.hpp"
#include "status.hpp"

namespace glissade {

/// Rules that end a run; the first one that holds, in this order, becomes its status.
///
///     ||gradient|| <= gradient_tolerance                     also at the start, after 0 iterations; of a composite
///                                                            objective ||prox-gradient step||
///     measure <= tolerance                                   in its place where a problem has no gradient
///     the method's own reason, such as search_failed
///     ||x - x_last|| <= step_tolerance max(1, ||x||)
///     |f - f_last| <= value_tolerance max(1, |f|)
///     f < lowest_value                                       the function seems unbounded below
///     max_iterations, max_value_calls, max_gradient_calls, max_hessian_calls, max_product_calls,
///     max_operator_calls, max_seconds
///     predicate(record), then the observers
///
/// Steps that do not move x (a learning rate of 0, a batch passed over, a point that is still on trial) are no sign
/// of convergence: step_tolerance and value_tolerance pass them over. Norms are Euclidean. No more calls of the
/// objective are made than allowed: a step that would need more is undone, and x is the point before it. Time is
/// checked between iterations.
struct Stop {
  std::int64_t max_iterations = 10'000;
  double gradient_tolerance = 1e-6;
  double tolerance = 1e-6;
  double step_tolerance = 0;
  double value_tolerance = 0;
  std::int64_t max_value_calls = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_gradient_calls = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_hessian_calls = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_product_calls = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_operator_calls = std::numeric_limits<std::int64_t>::max();
  double max_seconds = std::numeric_limits<double>::infinity();
  double lowest_value = -1e100;
  std::function<bool(const Record&)> predicate = {};

  /// Throws std::invalid_argument for a limit out of its range.
  void check() const;
};

namespace detail {

/// A limit of Stop on the calls of one kind. With a limit of 0 a run ends where it begins if every step makes such
/// calls; if only some methods do, it ends where one is refused.
struct CallLimit {
  Call call;
  std::int64_t Stop::*most;
  Status reached;
  std::string_view name;
  bool every_step;
};

/// In the order in which they are checked.
inline constexpr std::array call_limits{
    CallLimit{Call::value, &Stop::max_value_calls, Status::max_value_calls, "max_value_calls", true},
    CallLimit{Call::gradient, &Stop::max_gradient_calls, Status::max_gradient_calls, "max_gradient_calls", true},
    CallLimit{Call::hessian, &Stop::max_hessian_calls, Status::max_hessian_calls, "max_hessian_calls", false},
    CallLimit{Call::hessian_vector, &Stop::max_product_calls, Status::max_product_calls, "max_product_calls", false},
    CallLimit{Call::operator_value, &Stop::max_operator_calls, Status::max_operator_calls, "max_operator_calls", false},
};

/// The status of a run that would need more calls of this kind than it may make.
constexpr Status status_of_refused(Call call) {
  for (const CallLimit& limit : call_limits)
    if (limit.call == call) return limit.reached;
  return Status::running;
}

}  // namespace detail

/// A problem without a value or a gradient refuses the rules about them: nothing that was asked for is passed over.
/// Throws std::invalid_argument.
inline void refuse_rules_about_values(const char* where, const Stop& stop) {
  const Stop off;
  const auto refuse = [&](const char* name, double value, double other) {
    if (value != other)
      throw std::invalid_argument(
          std::string(where) + ": Stop::" + name + " = " + to_text(value) +
          ", but the problem has no value and no gradient: its measure is bounded by tolerance");
  };
  refuse("gradient_tolerance", stop.gradient_tolerance, off.gradient_tolerance);
  refuse("value_tolerance", stop.value_tolerance, off.value_tolerance);
  refuse("lowest_value", stop.lowest_value, off.lowest_value);
}

inline void Stop::check() const {
  require("Stop", "max_iterations", static_cast<double>(max_iterations), range::non_negative);
  require("Stop", "gradient_tolerance", gradient_tolerance, range::non_negative);
  require("Stop", "tolerance", tolerance, range::non_negative);
  require("Stop", "step_tolerance", step_tolerance, range::non_negative);
  require("Stop", "value_tolerance", value_tolerance, range::non_negative);
  for (const detail::CallLimit& limit : detail::call_limits)
    require("Stop", limit.name, static_cast<double>(this->*limit.most), range::non_negative);
  require("Stop", "max_seconds", max_seconds, Range{0, std::numeric_limits<double>::infinity()});
  require("Stop", "lowest_value", lowest_value, range::any);
}

}  // namespace glissade
