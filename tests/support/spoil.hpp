// Options set to values outside of their ranges, one after the other.
#pragma once

#include <glissade/rule/options.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

/// Sets option number `target` of a method to a value outside its range.
struct Spoil {
  std::size_t target;
  bool too_high;
  std::size_t seen = 0;
  std::string field = {};

  template <class T>
  void operator()(std::string_view option, T& value, const glissade::Range& allowed = glissade::range_of<T>) {
    if (seen++ != target) return;
    const double end = too_high ? allowed.high : allowed.low;
    const bool nothing_beyond = std::abs(end) >= std::numeric_limits<double>::max();
    const double bad = nothing_beyond ? std::numeric_limits<double>::quiet_NaN() : end + (too_high ? 1 : -1);
    if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(static_cast<int>(bad));
    } else if constexpr (std::is_integral_v<T>) {
      if (std::is_same_v<T, bool> || std::isnan(bad)) return;
      value = static_cast<T>(bad);
    } else if constexpr (std::is_assignable_v<T&, double>) {
      value = bad;
    } else {
      return;  // a choice that has options of its own
    }
    field = option;
  }
};
