// Misuse is reported by exceptions that name the thing, its value and the bound it breaks.
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

#include "ieee.hpp"

namespace glissade {

/// The shortest text that reads back as the same double.
inline std::string to_text(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return std::string(buffer, end);
}

/// The values an option may take. Infinite ends mean unbounded; NaN is never inside.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  bool high_open = false;

  [[nodiscard]] constexpr bool contains(double value) const {
    return (low_open ? value > low : value >= low) && (high_open ? value < high : value <= high);
  }

  /// "in [0, 1)", ">= 1", "> 0 and finite" or "<= 1".
  [[nodiscard]] std::string text() const {
    const bool no_low = std::isinf(low);
    const bool no_high = std::isinf(high);
    if (no_low && no_high) return "a number";
    if (no_high) return (low_open ? "> " : ">= ") + to_text(low) + (high_open ? " and finite" : "");
    if (no_low) return (high_open ? "< " : "<= ") + to_text(high);
    return (low_open ? "in (" : "in [") + to_text(low) + ", " + to_text(high) + (high_open ? ")" : "]");
  }
};

namespace range {
inline constexpr Range any{};
inline constexpr Range finite{-std::numeric_limits<double>::max(), std::numeric_limits<double>::max()};
inline constexpr Range non_negative{0, std::numeric_limits<double>::infinity(), false, true};
inline constexpr Range positive{0, std::numeric_limits<double>::infinity(), true, true};
inline constexpr Range decay{0, 1, false, true};  // [0, 1): a factor of a running mean
inline constexpr Range fraction{0, 1};            // [0, 1]
inline constexpr Range open_fraction{0, 1, true, true};
inline constexpr Range at_least_one{1, std::numeric_limits<double>::infinity(), false, true};
/// The positions of enumerators that count from 0 to `last`.
template <class E>
requires std::is_enum_v<E>
constexpr Range up_to(E last) { return {0, static_cast<double>(last)}; }
}  // namespace range

/// Throws std::invalid_argument: "Adam: beta1 = 1.2, must be in [0, 1)".
[[noreturn]] inline void reject(std::string_view owner, std::string_view field, double value,
                                const std::string& bound) {
  throw std::invalid_argument(std::string(owner) + ": " + std::string(field) + " = " + to_text(value) + ", must be " +
                              bound);
}

inline void require(std::string_view owner, std::string_view field, double value, const Range& allowed) {
  if (!allowed.contains(value)) reject(owner, field, value, allowed.text());
}
/// The same for an enumerator, of those up to `last`.
template <class E>
requires std::is_enum_v<E>
void require(std::string_view owner, std::string_view field, E value, E last) {
  require(owner, field, static_cast<double>(value), range::up_to(last));
}

/// "3 x 4"
inline std::string shape_text(std::ptrdiff_t rows, std::ptrdiff_t cols) {
  return std::to_string(rows) + " x " + std::to_string(cols);
}

/// Throws std::invalid_argument: "LoraLayer::forward: X is 3 x 4, must be 5 x 4".
inline void require_shape(std::string_view where, std::string_view what, const auto& matrix, std::ptrdiff_t rows,
                          std::ptrdiff_t cols) {
  if (matrix.rows() != rows || matrix.cols() != cols)
    throw std::invalid_argument(std::string(where) + ": " + std::string(what) + " is " +
                                shape_text(matrix.rows(), matrix.cols()) + ", must be " + shape_text(rows, cols));
}

}  // namespace glissade
