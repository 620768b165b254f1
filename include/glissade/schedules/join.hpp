// Schedules one after another.
#pragma once

#include <stdexcept>
#include <utility>
#include <vector>

#include "../core/checks.hpp"
#include "../rule/schedule.hpp"

namespace glissade {

/// parts[k](t - boundaries[k - 1]) for boundaries[k - 1] <= t < boundaries[k]
struct JoinedSchedules {
  std::vector<Schedule> parts;
  std::vector<std::int64_t> boundaries;

  [[nodiscard]] double operator()(std::int64_t t) const {
    std::size_t k = 0;
    while (k < boundaries.size() && boundaries[k] <= t) ++k;
    return parts[k](k == 0 ? t : t - boundaries[k - 1]);
  }
};

/// Every schedule starts at its own step 0: join({first, second}, {b}) is second(t - b) from step b on.
/// Source: optax.join_schedules.
[[nodiscard]] inline JoinedSchedules join(std::vector<Schedule> parts, std::vector<std::int64_t> boundaries) {
  if (parts.size() != boundaries.size() + 1)
    throw std::invalid_argument("join: " + std::to_string(parts.size()) + " schedules and " +
                                std::to_string(boundaries.size()) + " boundaries, must be one boundary less");
  for (std::size_t k = 0; k < boundaries.size(); ++k)
    require("join", "boundary", static_cast<double>(boundaries[k]),
            Range{k == 0 ? 0.0 : static_cast<double>(boundaries[k - 1])});
  return {std::move(parts), std::move(boundaries)};
}

/// schedule(t + offset)
struct ShiftedSchedule {
  Schedule schedule;
  std::int64_t offset;

  [[nodiscard]] double operator()(std::int64_t t) const { return schedule(t + offset); }
};

/// What is left of a schedule after `offset` steps, or one that counts from another step.
[[nodiscard]] inline ShiftedSchedule shifted(Schedule schedule, std::int64_t offset) {
  return {std::move(schedule), offset};
}

}  // namespace glissade
