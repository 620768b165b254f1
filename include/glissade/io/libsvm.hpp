// Reading data sets in the LIBSVM format.
#pragma once

#include "../core/checks.hpp"
#include "table.hpp"

namespace glissade {

struct LibsvmOptions {
  Eigen::Index features = 0;                  // >= 0, the number of columns; 0: the largest index in the file
  std::int64_t most = std::int64_t{1} << 30;  // >= 1, entries of the dense table: rows * columns
};

/// A file of lines "target index:value index:value ... # comment", indices from 1 and increasing, what is not named
/// being 0. The table is dense. A byte order mark is skipped; numbers too small for a double are 0.
///
/// Throws std::runtime_error "file:line:column: reason", the column in bytes from 1, for a target or value that is no
/// finite number, an index that is not a number, not above the one before it or beyond `features`, and for the largest
/// index where the table would have more than `most` entries; and without a line for a file that cannot be opened, has
/// no rows, or has too many of `features` columns; std::invalid_argument for options out of range.
inline TableData read_libsvm(const std::filesystem::path& path, const LibsvmOptions& options = {}) {
  struct Entry {
    std::size_t row;
    std::int64_t column;
    double value;
  };
  require("read_libsvm", "features", static_cast<double>(options.features), range::non_negative);
  require("read_libsvm", "most", static_cast<double>(options.most), range::at_least_one);
  detail::LineReader lines(path);
  std::vector<double> targets;
  std::vector<Entry> entries;
  std::int64_t columns = options.features;
  detail::TextPlace widest;  // of the largest index, where it counts the columns
  std::string line;
  while (lines.next(line)) {
    std::string_view rest = std::string_view(line).substr(0, line.find('#'));
    const auto place = [&](std::string_view part) {
      return detail::TextPlace{lines.number(), static_cast<std::size_t>(part.data() - line.data()) + 1};
    };
    const auto word = [&rest] {
      rest = detail::trimmed(rest);
      const std::string_view found = rest.substr(0, rest.find_first_of(" \t"));
      rest.remove_prefix(found.size());
      return found;
    };
    std::string_view text = word();
    if (text.empty()) continue;
    double number = 0;
    if (!detail::read_number(text, number))
      lines.fail(place(text), "the target is " + detail::quoted(text) + ", not a finite number");
    targets.push_back(number);
    std::int64_t last = 0;
    for (text = word(); !text.empty(); text = word()) {
      const std::size_t colon = text.find(':');
      const std::string_view head = text.substr(0, colon);
      std::int64_t index = 0;
      const auto [end, error] = std::from_chars(head.data(), head.data() + head.size(), index);
      if (colon == std::string_view::npos || error != std::errc() || end != head.data() + head.size())
        lines.fail(place(text), detail::quoted(text) + " is not index:value");
      if (index <= last)
        lines.fail(place(text),
                   "index " + std::to_string(index) + " after " + std::to_string(last) + ", must increase from 1");
      if (options.features > 0 && index > options.features)
        lines.fail(place(text),
                   "index " + std::to_string(index) + ", must be at most " + std::to_string(options.features));
      const std::string_view value = text.substr(colon + 1);
      if (!detail::read_number(value, number))
        lines.fail(place(value), "the value of index " + std::to_string(index) + " is " + detail::quoted(value) +
                                     ", not a finite number");
      entries.push_back({targets.size() - 1, index - 1, number});
      last = index;
      if (index > columns) {
        columns = index;
        widest = place(text);
      }
    }
  }
  if (targets.empty()) lines.fail({}, "no rows");
  const auto rows = static_cast<std::int64_t>(targets.size());
  if (columns > options.most / rows)
    lines.fail(widest, std::to_string(rows) + " x " + std::to_string(columns) + " numbers, at most " +
                           std::to_string(options.most) + " are allowed");
  TableData data;
  data.features.setZero(rows, columns);
  data.targets = Eigen::Map<const Eigen::VectorXd>(targets.data(), rows);
  for (const Entry& entry : entries) data.features(static_cast<Eigen::Index>(entry.row), entry.column) = entry.value;
  return data;
}

}  // namespace glissade
