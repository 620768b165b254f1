// Reading tables of numbers from CSV files.
#pragma once

#include "table.hpp"

namespace glissade {

struct CsvOptions {
  char separator = ',';
  enum class Header {
    detect,
    yes,
    no
  } header = Header::detect;  // detect: yes if no field of the first line is a number
  std::int64_t target = -1;   // the column of the targets; negative: counted from the last
};

/// A CSV file of numbers: features, and the targets from one column.
///
///     const TableData data = read_csv("breast_cancer.csv");
///     problems::LogisticRegression problem(data.features, signs_of(data.targets), 1e-3);
///
/// Blank lines are skipped; fields may have blanks around them and stand in quotes; LF and CRLF end lines.
/// Throws std::runtime_error "file:line: reason" for a line of another length and a field that is no finite number, and
/// without a line for a file that cannot be opened or has no rows; std::invalid_argument for a target column that
/// the table does not have.
inline TableData read_csv(const std::filesystem::path& path, const CsvOptions& options = {}) {
  detail::LineReader lines(path);
  std::vector<std::string_view> fields;
  std::vector<std::string> names;
  std::vector<double> values;
  std::size_t columns = 0;
  std::size_t rows = 0;
  bool first = true;
  std::string line;
  while (lines.next(line)) {
    std::string_view rest = line;
    if (first && rest.substr(0, 3) == "\xEF\xBB\xBF") rest.remove_prefix(3);  // a byte order mark
    if (detail::trimmed(rest).empty()) continue;
    fields.clear();
    for (bool more = true; more;) {
      const std::size_t comma = rest.find(options.separator);
      more = comma != std::string_view::npos;
      std::string_view field = detail::trimmed(rest.substr(0, comma));
      if (field.size() >= 2 && field.front() == '"' && field.back() == '"') field = field.substr(1, field.size() - 2);
      fields.push_back(field);
      if (more) rest.remove_prefix(comma + 1);
    }
    double number = 0;
    if (first) {
      columns = fields.size();
      bool numbers = false;
      for (const auto field : fields) numbers = numbers || detail::looks_like_number(field);
      first = false;
      if (options.header == CsvOptions::Header::yes || (options.header == CsvOptions::Header::detect && !numbers)) {
        names.assign(fields.begin(), fields.end());
        continue;
      }
    }
    if (fields.size() != columns)
      lines.fail(std::to_string(fields.size()) + " fields, the first line has " + std::to_string(columns));
    for (std::size_t j = 0; j < columns; ++j) {
      if (!detail::read_number(fields[j], number))
        lines.fail("field " + std::to_string(j + 1) + " is " + detail::quoted(fields[j]) + ", not a finite number");
      values.push_back(number);
    }
    ++rows;
  }
  if (rows == 0) lines.fail_file("no rows of numbers");

  const auto width = static_cast<Eigen::Index>(columns);
  const std::int64_t target = options.target < 0 ? width + options.target : options.target;
  if (target < 0 || target >= width)
    throw std::invalid_argument("read_csv: target = " + std::to_string(options.target) + ", the table has " +
                                std::to_string(columns) + " columns");
  TableData data;
  data.features.resize(static_cast<Eigen::Index>(rows), width - 1);
  data.targets.resize(static_cast<Eigen::Index>(rows));
  for (Eigen::Index i = 0; i < data.targets.size(); ++i)
    for (Eigen::Index j = 0; j < width; ++j) {
      const double value = values[static_cast<std::size_t>(i * width + j)];
      if (j == target)
        data.targets[i] = value;
      else
        data.features(i, j - (j > target ? 1 : 0)) = value;
    }
  for (std::size_t j = 0; j < names.size(); ++j)
    if (static_cast<std::int64_t>(j) != target) data.names.push_back(names[j]);
  return data;
}

}  // namespace glissade
