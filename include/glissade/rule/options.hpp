// Checking the options of a rule: every number against its range, schedules at the current step.
#pragma once

#include <optional>

#include "chain.hpp"

namespace glissade::detail {

struct CheckOption {
  std::string_view owner;
  std::int64_t time;

  void operator()(std::string_view field, double value, const Range& allowed = range::any) const {
    require(owner, field, value, allowed);
  }
  void operator()(std::string_view field, const Schedule& schedule, const Range& allowed = range::any) const {
    const double value = schedule(time);
    if (allowed.contains(value)) return;
    if (schedule.constant()) reject(owner, field, value, allowed.text());
    reject(owner, std::string(field) + "(" + std::to_string(time) + ")", value, allowed.text());
  }
  void operator()(std::string_view field, const std::optional<Schedule>& schedule,
                  const Range& allowed = range::any) const {
    if (schedule) (*this)(field, *schedule, allowed);
  }
  template <class E>
  requires std::is_enum_v<E> || std::is_same_v<E, bool> || std::is_integral_v<E>
  void operator()(std::string_view field, E value, const Range& allowed = range::any) const {
    require(owner, field, static_cast<double>(value), allowed);
  }
  /// Options without an order: predicates and the like.
  template <class F>
  requires std::is_class_v<F>
  void operator()(std::string_view, const F&) const {}
};

/// Throws std::invalid_argument at the first option out of its range. `time`: completed steps.
template <class R>
void check_options(const R& rule, std::int64_t time) {
  for_each_rule(rule, [&](const auto& r) {
    using Plain = std::remove_cvref_t<decltype(r)>;
    visit_options(r, CheckOption{Plain::name, time});
    if constexpr (requires { r.check(); }) r.check();
  });
}

}  // namespace glissade::detail
