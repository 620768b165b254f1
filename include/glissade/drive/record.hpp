// Who looks on: observers are called with a record at the start (iteration 0) and after every iteration, and may stop
// the run. An observer is anything that can be called with a `const Record&` and returns a Flow or nothing; to keep
// one, hand over an lvalue.
#pragma once

#include <Eigen/Core>

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "../oracle/calls.hpp"

namespace glissade {

/// One iteration, read-only; x is valid during the call. What a problem does not have, a value or a gradient, is NaN.
struct Record {
  std::int64_t iteration;
  double value;
  double gradient_norm;
  double measure;    // what must be small at a solution; when minimizing, gradient_norm
  double step_norm;  // of the parameters, 0 at the start
  double seconds;
  const Evaluations& evaluations;
  Eigen::Map<const Eigen::VectorXd> x;
};

enum class Flow { go_on, stop };

template <class O>
concept Observer = std::invocable<O&, const Record&> &&(std::is_void_v<std::invoke_result_t<O&, const Record&>> ||
                                                        std::same_as<std::invoke_result_t<O&, const Record&>, Flow>);

namespace detail {

/// Calls one observer; true: it asks to stop.
template <Observer O>
bool asks_to_stop(O& observer, const Record& record) {
  if constexpr (std::is_void_v<std::invoke_result_t<O&, const Record&>>) {
    observer(record);
    return false;
  } else {
    return observer(record) == Flow::stop;
  }
}

}  // namespace detail
}  // namespace glissade
