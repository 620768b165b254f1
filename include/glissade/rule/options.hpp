// The options of a rule or method: how they are visited, and how every number is checked against its range, schedules
// at the current step.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "../core/checks.hpp"
#include "schedule.hpp"

namespace glissade {

/// The range of an option of type T that is visited without one.
template <class T>
inline constexpr Range range_of = [] {
  static_assert(!std::is_enum_v<T>, "an enumerator is visited with its range, such as range::up_to(Convention::optax)");
  return range::any;
}();

namespace detail {
struct AnyVisitor {
  void operator()(std::string_view, auto&&) const {}
  void operator()(std::string_view, auto&&, const Range&) const {}
};
}  // namespace detail

template <class R>
concept HasOptions = requires(R& rule, const detail::AnyVisitor& visit) {
  std::remove_const_t<R>::options(rule, visit);
};

/// Calls visit(name, option, range) for every option; rules without options may leave it out.
template <class R, class Visitor>
void visit_options(R& rule, Visitor&& visit) {
  if constexpr (HasOptions<R>) std::remove_const_t<R>::options(rule, visit);
}

/// A visitor that throws std::invalid_argument where an option is out of its range. `time`: completed steps.
struct CheckOption {
  std::string_view owner;
  std::int64_t time;

  void operator()(std::string_view field, double value, const Range& allowed = range::any) const {
    require(owner, field, value, allowed);
  }
  void operator()(std::string_view field, const Schedule& schedule, const Range& allowed = range::any) const {
    const double value = schedule(time);
    if (!allowed.contains(value)) reject_value(field, schedule, value, allowed);
  }
  void operator()(std::string_view field, const std::optional<Schedule>& schedule,
                  const Range& allowed = range::any) const {
    if (schedule) (*this)(field, *schedule, allowed);
  }
  template <class E>
  requires std::is_enum_v<E> || std::is_integral_v<E>
  void operator()(std::string_view field, E value, const Range& allowed = range_of<E>) const {
    require(owner, field, static_cast<double>(value), allowed);
  }
  /// Options without an order: predicates and the like.
  template <class F>
  requires std::is_class_v<F>
  void operator()(std::string_view, const F&) const {}

 private:
  [[noreturn]] void reject_value(std::string_view field, const Schedule& schedule, double value,
                                 const Range& allowed) const {
    if (schedule.constant()) reject(owner, field, value, allowed.text());
    reject(owner, std::string(field) + "(" + std::to_string(time) + ")", value, allowed.text());
  }
};

}  // namespace glissade
