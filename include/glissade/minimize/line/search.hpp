// A choice among searches, as an option of a method.
#pragma once

#include <variant>

#include "armijo.hpp"
#include "polyak.hpp"
#include "strong_wolfe.hpp"

namespace glissade {

/// GradientDescent{.search = Polyak{.lowest = 0}}
using Search = std::variant<Armijo, StrongWolfe, Polyak>;

inline void check_search(const Search& search) {
  if (const auto* armijo = std::get_if<Armijo>(&search)) check_method(*armijo);
  if (const auto* strong_wolfe = std::get_if<StrongWolfe>(&search)) check_method(*strong_wolfe);
  if (const auto* polyak = std::get_if<Polyak>(&search)) check_method(*polyak);
}

/// Why a search that returned 0 at this value did not move.
template <class V>
Status why_failed(const Search& search, double value, const LineScratch<V>& scratch) {
  const Polyak* polyak = std::get_if<Polyak>(&search);
  if (polyak == nullptr || scratch.unbounded) return why_failed(scratch);
  return value <= polyak->lowest ? Status::lowest_reached : Status::non_finite;
}

/// Moves the line's x and returns the length of the step along its direction; 0: not moved.
template <class F, class V>
double search_along(Line<F, V>& line, const Search& search, double first) {
  return std::visit([&](const auto& chosen) { return chosen(line, first / line.unit()) * line.unit(); }, search);
}

}  // namespace glissade
