// Reading data sets in the LIBSVM format.
#pragma once

#include <limits>

#include "../core/checks.hpp"
#include "table.hpp"

namespace glissade {

struct LibsvmOptions {
  Eigen::Index features = 0;                  // >= 0, the number of columns; 0: the largest index in the file
  std::int64_t most = std::int64_t{1} << 30;  // >= 1, entries of the dense table: rows * columns
};

namespace detail {

/// The text of a LIBSVM file: the entries of row i are those from starts[i] to starts[i + 1].
struct LibsvmText {
  std::vector<double> targets;
  std::vector<std::size_t> starts = {0};
  std::vector<std::int64_t> columns;  // from 0
  std::vector<double> values;
  std::int64_t width = 0;  // the number of columns
  TextPlace widest;        // of the largest index, where it counts the columns
};

/// Throws as read_libsvm does, but for too large a table. `features`: the number of columns, or 0; `most_columns`:
/// how many there may be then.
inline LibsvmText read_libsvm_text(LineReader& lines, std::int64_t features, std::int64_t most_columns) {
  const std::int64_t bound = features > 0 ? features : most_columns;
  LibsvmText found;
  found.width = features;
  std::string line;
  while (lines.next(line)) {
    std::string_view rest = std::string_view(line).substr(0, line.find('#'));
    const auto place = [&](std::string_view part) {
      return TextPlace{lines.number(), static_cast<std::size_t>(part.data() - line.data()) + 1};
    };
    const auto word = [&rest] {
      rest = trimmed(rest);
      const std::string_view next = rest.substr(0, rest.find_first_of(" \t"));
      rest.remove_prefix(next.size());
      return next;
    };
    std::string_view text = word();
    if (text.empty()) continue;
    double number = 0;
    if (!read_number(text, number)) lines.fail(place(text), "the target is " + quoted(text) + ", not a finite number");
    found.targets.push_back(number);
    std::int64_t last = 0;
    for (text = word(); !text.empty(); text = word()) {
      const std::size_t colon = text.find(':');
      const std::string_view head = text.substr(0, colon);
      std::int64_t index = 0;
      const auto [end, error] = std::from_chars(head.data(), head.data() + head.size(), index);
      if (colon == std::string_view::npos || error != std::errc() || end != head.data() + head.size())
        lines.fail(place(text), quoted(text) + " is not index:value");
      if (index <= last)
        lines.fail(place(text),
                   "index " + std::to_string(index) + " after " + std::to_string(last) + ", must increase from 1");
      if (index > bound)
        lines.fail(place(text), "index " + std::to_string(index) + ", must be at most " + std::to_string(bound));
      const std::string_view value = text.substr(colon + 1);
      if (!read_number(value, number))
        lines.fail(place(value),
                   "the value of index " + std::to_string(index) + " is " + quoted(value) + ", not a finite number");
      found.columns.push_back(index - 1);
      found.values.push_back(number);
      last = index;
      if (index > found.width) {
        found.width = index;
        found.widest = place(text);
      }
    }
    found.starts.push_back(found.values.size());
  }
  if (found.targets.empty()) lines.fail({}, "no rows");
  return found;
}

}  // namespace detail

/// A file of lines "target index:value index:value ... # comment", indices from 1 and increasing, what is not named
/// being 0. The table is dense; read_libsvm_sparse (libsvm_sparse.hpp) keeps it sparse. A byte order mark is skipped;
/// numbers too small for a double are 0.
///
/// Throws std::runtime_error "file:line:column: reason", the column in bytes from 1, for a target or value that is no
/// finite number, an index that is not a number, not above the one before it or beyond `features`, and for the largest
/// index where the table would have more than `most` entries; and without a line for a file that cannot be opened, has
/// no rows, or has too many of `features` columns; std::invalid_argument for options out of range.
inline TableData read_libsvm(const std::filesystem::path& path, const LibsvmOptions& options = {}) {
  require("read_libsvm", "features", static_cast<double>(options.features), range::non_negative);
  require("read_libsvm", "most", static_cast<double>(options.most), range::at_least_one);
  detail::LineReader lines(path);
  const detail::LibsvmText text =
      detail::read_libsvm_text(lines, options.features, std::numeric_limits<std::int64_t>::max());
  const auto rows = static_cast<std::int64_t>(text.targets.size());
  if (text.width > options.most / rows)
    lines.fail(text.widest, std::to_string(rows) + " x " + std::to_string(text.width) + " numbers, at most " +
                                std::to_string(options.most) + " are allowed");
  TableData data;
  data.features.setZero(rows, text.width);
  data.targets = Eigen::Map<const Eigen::VectorXd>(text.targets.data(), rows);
  for (std::size_t i = 0; i < text.targets.size(); ++i)
    for (std::size_t k = text.starts[i]; k < text.starts[i + 1]; ++k)
      data.features(static_cast<Eigen::Index>(i), text.columns[k]) = text.values[k];
  return data;
}

}  // namespace glissade
