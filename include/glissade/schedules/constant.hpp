// A schedule that stays where it is.
#pragma once

#include "../rule/schedule.hpp"

namespace glissade {

/// value at every step; the same as the plain number, but explicit.
[[nodiscard]] inline Schedule constant(double value) { return value; }

}  // namespace glissade
