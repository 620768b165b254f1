// The entries of a matrix that are known.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../core/checks.hpp"
#include "../linalg/frobenius.hpp"

namespace glissade {

/// One known entry of a matrix.
struct MatrixEntry {
  Eigen::Index row;
  Eigen::Index col;
  double value;
};

/// Known entries in order of columns, or of rows.
struct ObservedLines {
  std::vector<Eigen::Index> begin;  // of each line, and the end of the last
  std::vector<Eigen::Index> other;  // the index across the line, rising
  Eigen::VectorXd values;

  [[nodiscard]] Eigen::Index lines() const { return static_cast<Eigen::Index>(begin.size()) - 1; }
  [[nodiscard]] Eigen::Index first(Eigen::Index line) const { return begin[static_cast<std::size_t>(line)]; }
  [[nodiscard]] Eigen::Index size(Eigen::Index line) const { return first(line + 1) - first(line); }
  [[nodiscard]] Eigen::Index across(Eigen::Index entry) const { return other[static_cast<std::size_t>(entry)]; }
};

/// Known entries of a matrix, scaled to at most 1 by a power of two: values * 2^exponent are those of the user.
struct ObservedMatrix {
  Eigen::Index rows = 0;
  Eigen::Index cols = 0;
  int exponent = 0;
  ObservedLines by_column;
  ObservedLines by_row;

  [[nodiscard]] Eigen::Index size() const { return by_column.values.size(); }
};

namespace detail {

/// Sorted by counting, so that entries keep their order within a line.
inline ObservedLines lines_of(const std::vector<MatrixEntry>& entries, Eigen::Index lines, bool by_column) {
  const auto line = [&](const MatrixEntry& e) { return static_cast<std::size_t>(by_column ? e.col : e.row); };
  ObservedLines sorted{std::vector<Eigen::Index>(static_cast<std::size_t>(lines) + 1, 0),
                       std::vector<Eigen::Index>(entries.size()),
                       Eigen::VectorXd(static_cast<Eigen::Index>(entries.size()))};
  for (const MatrixEntry& e : entries) ++sorted.begin[line(e) + 1];
  for (std::size_t k = 1; k < sorted.begin.size(); ++k) sorted.begin[k] += sorted.begin[k - 1];
  std::vector<Eigen::Index> at = sorted.begin;
  for (const MatrixEntry& e : entries) {
    const Eigen::Index place = at[line(e)]++;
    sorted.other[static_cast<std::size_t>(place)] = by_column ? e.row : e.col;
    sorted.values[place] = e.value;
  }
  return sorted;
}

}  // namespace detail

/// Checks entries and sorts them both ways.
/// Errors: std::invalid_argument for no rows, columns or entries, indices outside, values that are not finite, and a
/// place that is named twice.
[[nodiscard]] inline ObservedMatrix observed_matrix(std::string_view name, Eigen::Index rows, Eigen::Index cols,
                                                    std::span<const MatrixEntry> entries) {
  require(name, "rows", static_cast<double>(rows), range::at_least_one);
  require(name, "cols", static_cast<double>(cols), range::at_least_one);
  require(name, "entries", static_cast<double>(entries.size()), range::at_least_one);
  double largest = 0;
  for (std::size_t k = 0; k < entries.size(); ++k) {
    const MatrixEntry& e = entries[k];
    const std::string which = "entry " + std::to_string(k);
    if (e.row < 0 || e.row >= rows)
      reject(name, "row of " + which, static_cast<double>(e.row), "in [0, " + std::to_string(rows) + ")");
    if (e.col < 0 || e.col >= cols)
      reject(name, "column of " + which, static_cast<double>(e.col), "in [0, " + std::to_string(cols) + ")");
    if (!std::isfinite(e.value)) reject(name, "value of " + which, e.value, "finite");
    largest = std::max(largest, std::abs(e.value));
  }
  ObservedMatrix observed{rows, cols, 0, {}, {}};
  if (largest > 0) std::frexp(largest, &observed.exponent);

  std::vector<MatrixEntry> sorted(entries.begin(), entries.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const MatrixEntry& a, const MatrixEntry& b) { return a.col != b.col ? a.col < b.col : a.row < b.row; });
  for (std::size_t k = 0; k < sorted.size(); ++k) {
    sorted[k].value = std::ldexp(sorted[k].value, -observed.exponent);
    if (k > 0 && sorted[k].row == sorted[k - 1].row && sorted[k].col == sorted[k - 1].col)
      throw std::invalid_argument(std::string(name) + ": entry (" + std::to_string(sorted[k].row) + ", " +
                                  std::to_string(sorted[k].col) + ") is there twice, must be once");
  }
  observed.by_column = detail::lines_of(sorted, cols, true);
  observed.by_row = detail::lines_of(sorted, rows, false);
  return observed;
}

}  // namespace glissade
