// The units of a matrix: the weights of one output, a row or a column.
#pragma once

#include <algorithm>
#include <cmath>

#include "../rule/rule.hpp"

namespace glissade {

/// Calls visit(stretch, count, unit): `count` coefficients from memory position `stretch` on belong to
/// `unit` all together, or, with unit = -1, to the units 0 .. count - 1 in turn.
template <class F>
void for_each_stretch(const Tensor& tensor, bool by_columns, const F& visit) {
  const Index inner = tensor.row_major ? tensor.cols : tensor.rows;
  const Index outer = tensor.row_major ? tensor.rows : tensor.cols;
  const bool together = tensor.row_major != by_columns;
  for (Index o = 0; o < outer; ++o) visit(o * inner, inner, together ? o : Index{-1});
}

/// Adds f(i) of every coefficient i of memory to the sum of its unit, in double. `sums` starts at zero.
template <class F>
void sum_units(const Tensor& tensor, bool by_columns, double* sums, const F& f) {
  for_each_stretch(tensor, by_columns, [&](Index begin, Index count, Index unit) {
    if (unit < 0) {
      for (Index i = 0; i < count; ++i) sums[i] += f(begin + i);
      return;
    }
    double partial[8] = {};  // so that additions need not wait for each other
    for (Index i = 0; i < count; ++i) partial[i % 8] += f(begin + i);
    for (double p : partial) sums[unit] += p;
  });
}

inline Index unit_count(const Tensor& tensor, bool by_columns) { return by_columns ? tensor.cols : tensor.rows; }

/// The Euclidean norm of every unit; value(i) is coefficient i of memory. `scratch` is room for a number per unit, used
/// where squares overflow.
template <class F>
void unit_norms(const Tensor& tensor, bool by_columns, double* norms, double* scratch, const F& value) {
  const Index units = unit_count(tensor, by_columns);
  const auto fill = [&](double* sums, double scale) {
    std::fill(sums, sums + units, 0.0);
    sum_units(tensor, by_columns, sums, [&](Index i) {
      const double scaled = scale * value(i);
      return scaled * scaled;
    });
  };
  constexpr double small = 0x1p-600;
  fill(norms, 1);
  const bool overflows = std::any_of(norms, norms + units, [](double square) { return std::isinf(square); });
  if (overflows) fill(scratch, small);
  for (Index k = 0; k < units; ++k)
    norms[k] = std::isinf(norms[k]) ? std::sqrt(scratch[k]) / small : std::sqrt(norms[k]);
}

}  // namespace glissade
