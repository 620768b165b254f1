// Reading tables of numbers from CSV files.
#pragma once

#include <algorithm>
#include <concepts>
#include <limits>
#include <utility>

#include "../core/nearest.hpp"
#include "table.hpp"

namespace glissade {

/// A column of a table: its number from 0, counted from the last where it is negative, or its name in the header.
struct CsvColumn {
  std::int64_t number = 0;
  std::string name = {};  // where it has one

  CsvColumn(std::integral auto n) : number(static_cast<std::int64_t>(n)) {}  // NOLINT: implicit, as an option
  CsvColumn(std::string n) : name(std::move(n)) {}                           // NOLINT: implicit, as an option
  CsvColumn(const char* n) : name(n) {}                                      // NOLINT: implicit, as an option
};

struct CsvOptions {
  char separator = ',';
  /// Whether the first line is a header. detect: if it has letters, and neither a number nor a missing value but
  /// empty fields. With yes it may have another length than the rows; then it names no columns.
  enum class Header { detect, yes, no } header = Header::detect;
  CsvColumn target = -1;                 // the column of the targets
  std::vector<CsvColumn> features = {};  // those of the features, in this order; none: all but the target
  /// What becomes of a row with a missing value in a column that is read: not_a_number keeps the row, with NaN there.
  enum class Missing { refuse, not_a_number, leave_out_row } missing = Missing::refuse;
  /// What stands where a value is missing.
  std::vector<std::string> missing_texts = {"",     "?",   ".",   "-",    "NA",   "N/A",  "n/a",  "#N/A",
                                            "<NA>", "NaN", "nan", "-nan", "NULL", "null", "None", "none"};
  char quote = '"';  // around a field that holds separators, line ends or, doubled, quotes
};

namespace detail {

/// The records of a file, field by field.
class CsvRecords {
 public:
  CsvRecords(const std::filesystem::path& path, const CsvOptions& options) : lines_(path), options_(options) {}

  /// False after the last one. Blank lines are none.
  bool next(std::vector<std::string>& fields) {
    do {
      if (!lines_.next(line_)) return false;
    } while (line_.size() == skip_blanks(0));
    fields.clear();
    places_.clear();
    for (std::size_t at = 0;; ++at) {
      fields.emplace_back();
      at = read_field(at, fields.back());
      if (at == line_.size()) return true;
    }
  }

  /// Of the record that came last: where field k, from 0, begins, or where the record ends if it has fewer.
  [[nodiscard]] TextPlace place(std::size_t k) const {
    return k < places_.size() ? places_[k] : TextPlace{lines_.number(), line_.size() + 1};
  }
  [[noreturn]] void fail(TextPlace place, const std::string& reason) const { lines_.fail(place, reason); }
  [[noreturn]] void fail_field(std::size_t k, TextPlace place, const std::string& text,
                               const std::string& reason) const {
    fail(place, "field " + std::to_string(k + 1) + " is " + detail::quoted(text) + ", " + reason);
  }
  /// For options that do not fit the file.
  [[noreturn]] void refuse(TextPlace place, const std::string& reason) const {
    throw std::invalid_argument(lines_.at(place) + reason);
  }

 private:
  [[nodiscard]] std::size_t skip_blanks(std::size_t at) const {
    while (at < line_.size() && (line_[at] == ' ' || line_[at] == '\t') && line_[at] != options_.separator) ++at;
    return at;
  }
  /// Reads the field that begins at `at` and returns where the separator after it, or the end of the line, is.
  std::size_t read_field(std::size_t at, std::string& field) {
    const std::size_t begin = skip_blanks(at);
    const std::size_t k = places_.size();
    places_.push_back({lines_.number(), begin + 1});
    if (begin == line_.size() || line_[begin] != options_.quote) {
      const std::size_t end = std::min(line_.find(options_.separator, begin), line_.size());
      field = trimmed(std::string_view(line_).substr(begin, end - begin));
      return end;
    }
    at = begin + 1;
    for (;;) {
      const std::size_t end = line_.find(options_.quote, at);
      field.append(line_, at, end - at);
      if (end == std::string::npos) {
        if (!lines_.next(line_)) fail_field(k, places_[k], field, "its quotes are not closed");
        field += '\n';
        at = 0;
      } else if (end + 1 < line_.size() && line_[end + 1] == options_.quote) {
        field += options_.quote;
        at = end + 2;
      } else {
        at = skip_blanks(end + 1);
        if (at < line_.size() && line_[at] != options_.separator)
          fail_field(k, {lines_.number(), at + 1}, field, "there is more after its quotes");
        return at;
      }
    }
  }

  LineReader lines_;
  const CsvOptions& options_;
  std::string line_;
  std::vector<TextPlace> places_;  // of the fields
};

inline void check_csv_options(const CsvOptions& options) {
  const auto part_of_number = [](char c) {
    return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
  };
  for (const auto& [name, mark] : {std::pair("separator", options.separator), std::pair("quote", options.quote)})
    if (part_of_number(mark) || mark == '\n' || mark == '\r')
      throw std::invalid_argument(std::string("read_csv: ") + name + " = " + detail::quoted(std::string(1, mark)) +
                                  ", must be no part of a number and no line end");
  if (options.separator == options.quote)
    throw std::invalid_argument("read_csv: separator = quote = " + detail::quoted(std::string(1, options.quote)) +
                                ", must be different");
}

inline bool is_missing(const CsvOptions& options, const std::string& field) {
  return std::find(options.missing_texts.begin(), options.missing_texts.end(), field) != options.missing_texts.end();
}

inline bool is_letter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || byte >= 128;  // of UTF-8
}

inline bool is_header(const CsvOptions& options, const std::vector<std::string>& fields) {
  if (options.header != CsvOptions::Header::detect) return options.header == CsvOptions::Header::yes;
  bool has_name = false;
  for (const std::string& field : fields) {
    if (field.empty()) continue;
    if (looks_like_number(field) || is_missing(options, field)) return false;
    for (const char c : field) has_name = has_name || is_letter(c);
  }
  return has_name;
}

/// The names of columns, and where they stand.
struct CsvHeader {
  std::vector<std::string> names;
  std::vector<TextPlace> places;
};

/// Where a column is among `count`, those of the record that came last. Throws std::invalid_argument where it is not.
inline std::size_t find_column(const CsvColumn& column, const char* option, const CsvHeader& header,
                               const CsvRecords& records, std::size_t count) {
  const std::string start = std::string("read_csv: ") + option + " = ";
  if (column.name.empty()) {
    const auto all = static_cast<std::int64_t>(count);
    if (column.number < -all || column.number >= all)
      records.refuse(records.place(count),
                     start + std::to_string(column.number) + ", the table has " + std::to_string(count) + " columns");
    return static_cast<std::size_t>(column.number < 0 ? all + column.number : column.number);
  }
  const std::vector<std::string>& names = header.names;
  const std::string text = start + detail::quoted(column.name);
  if (names.empty()) records.refuse(records.place(0), text + ", the table has no names of columns");
  const auto found = std::find(names.begin(), names.end(), column.name);
  if (found == names.end())
    records.refuse(header.places[0], text + ", the nearest names are " + nearest_names(column.name, names));
  const auto other = std::find(found + 1, names.end(), column.name);
  if (other != names.end())
    records.refuse(header.places[static_cast<std::size_t>(other - names.begin())],
                   text + ", two columns have that name");
  return static_cast<std::size_t>(found - names.begin());
}

}  // namespace detail

/// A CSV file of numbers: features, and the targets from one column.
///
///     const TableData data = read_csv("breast_cancer.csv");
///     problems::LogisticRegression problem(data.features, signs_of(data.targets), 1e-3);
///
/// Columns that are not read may hold anything. Blank lines are skipped; fields may have blanks around them and stand
/// in quotes; LF and CRLF end lines; a byte order mark is skipped; numbers too small for a double are 0.
/// Throws std::runtime_error "file:line:column: reason", the column in bytes from 1, for a row of another length, a
/// field that is no finite number, and quotes that are not closed, and without a line for a file that cannot be opened
/// or has no rows; std::invalid_argument, with the same start, for a column that the table does not have, and without
/// it for a separator or quote that is part of numbers.
inline TableData read_csv(const std::filesystem::path& path, const CsvOptions& options = {}) {
  detail::check_csv_options(options);
  detail::CsvRecords records(path, options);
  std::vector<std::string> fields;
  detail::CsvHeader header;
  std::vector<std::size_t> columns;  // of the features, and then of the target
  std::vector<double> values;        // of these columns, row by row
  std::size_t width = 0;
  std::string like = "the first line";  // what has that width
  bool first = true;
  while (records.next(fields)) {
    if (std::exchange(first, false)) {
      width = fields.size();
      if (detail::is_header(options, fields)) {
        header.names = fields;
        for (std::size_t j = 0; j < width; ++j) header.places.push_back(records.place(j));
        continue;
      }
    }
    if (columns.empty()) {
      if (options.header == CsvOptions::Header::yes && fields.size() != width) {
        header.names.clear();
        width = fields.size();
        like = "line " + std::to_string(records.place(0).line);
      }
      for (const CsvColumn& feature : options.features)
        columns.push_back(detail::find_column(feature, "features", header, records, width));
      const std::size_t target = detail::find_column(options.target, "target", header, records, width);
      for (std::size_t j = 0; j < width && options.features.empty(); ++j)
        if (j != target) columns.push_back(j);
      columns.push_back(target);
    }
    if (fields.size() != width)
      records.fail(records.place(width),
                   std::to_string(fields.size()) + " fields, " + like + " has " + std::to_string(width));
    const std::size_t before = values.size();
    bool whole = true;
    for (const std::size_t j : columns) {
      double number = 0;
      if (options.missing != CsvOptions::Missing::refuse && detail::is_missing(options, fields[j])) {
        whole = false;
        number = std::numeric_limits<double>::quiet_NaN();
      } else if (!detail::read_number(detail::trimmed(fields[j]), number)) {
        records.fail_field(j, records.place(j), fields[j], "not a finite number");
      }
      values.push_back(number);
    }
    if (!whole && options.missing == CsvOptions::Missing::leave_out_row) values.resize(before);
  }
  if (values.empty()) records.fail({}, "no rows of numbers");

  const auto cols = static_cast<Eigen::Index>(columns.size());
  const auto rows = static_cast<Eigen::Index>(values.size()) / cols;
  using Table = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Table> table(values.data(), rows, cols);
  TableData data;
  data.features = table.leftCols(cols - 1);
  data.targets = table.col(cols - 1);
  columns.pop_back();
  for (const std::size_t j : columns)
    if (!header.names.empty()) data.names.push_back(header.names[j]);
  return data;
}

}  // namespace glissade
