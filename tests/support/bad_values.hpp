// Values that options take and refuse, up to the ends of their ranges.
#pragma once

#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/checks.hpp>

#include <limits>
#include <string>
#include <vector>

namespace bad_values {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
inline constexpr double tiny = std::numeric_limits<double>::denorm_min();
inline constexpr double above = 1 + std::numeric_limits<double>::epsilon();
inline constexpr double below = 1 - std::numeric_limits<double>::epsilon() / 2;

/// What a range takes and refuses, up to its ends.
struct Values {
  std::vector<double> taken, refused;
};
inline const Values non_negative{{0, tiny, 1e300}, {-tiny, -1, -infinity, infinity, not_a_number}};
inline const Values positive{{tiny, 1, 1e300}, {0, -tiny, -1, infinity, not_a_number}};
inline const Values at_least_one{{1, 1e300}, {below, 0, -1, infinity, not_a_number}};
inline const Values fraction{{0, 0.5, 1}, {-tiny, above, infinity, not_a_number}};
inline const Values open_fraction{{tiny, below}, {0, 1, -1, infinity, not_a_number}};
inline const Values decay{{0, below}, {-tiny, 1, infinity, not_a_number}};
/// Lengths up to infinity, from 10 on.
inline const Values at_least_ten{{10, 1e300, infinity}, {9.999, 0, -1, not_a_number}};

/// make(value) for values of an option whose name a message must bear.
template <class Make>
void check(const std::string& owner, const std::string& option, const Values& values, const Make& make) {
  for (const double value : values.taken) {
    INFO(owner << ": " << option << " = " << value);
    CHECK(message_of([&] { static_cast<void>(make(value)); }) == "");
  }
  for (const double value : values.refused) {
    INFO(owner << ": " << option << " = " << value);
    CHECK(message_of([&] {
            static_cast<void>(make(value));
          }).starts_with(owner + ": " + option + " = " + glissade::to_text(value) + ", must be "));
  }
}

}  // namespace bad_values
