// Tables of numbers in text files: what the readers share.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace glissade {

/// Rows of features with one target each: what problems are made from.
struct TableData {
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> features;
  Eigen::VectorXd targets;
  std::vector<std::string> names = {};  // of the columns of features, where the file has them
};

/// Targets with two values as -1 and +1, the smaller value first: what LogisticRegression takes.
/// Throws std::invalid_argument if there are more or fewer than two values.
inline Eigen::VectorXd signs_of(const Eigen::VectorXd& targets) {
  const double low = targets.size() > 0 ? targets.minCoeff() : 0;
  const double high = targets.size() > 0 ? targets.maxCoeff() : 0;
  Eigen::VectorXd signs(targets.size());
  for (Eigen::Index i = 0; i < targets.size(); ++i) {
    if (targets[i] != low && targets[i] != high)
      throw std::invalid_argument("signs_of: the targets have more than two values");
    signs[i] = targets[i] == high ? 1 : -1;
  }
  if (low == high) throw std::invalid_argument("signs_of: the targets have one value only");
  return signs;
}

/// Columns with mean 0 and standard deviation 1, of any size before; constant columns become 0.
/// Throws std::invalid_argument if a column is not finite, and changes nothing then.
inline void standardize(Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>& features) {
  if (features.rows() == 0) return;
  for (Eigen::Index j = 0; j < features.cols(); ++j)
    if (!features.col(j).allFinite())
      throw std::invalid_argument("standardize: column " + std::to_string(j) + " is infinite or NaN");
  for (Eigen::Index j = 0; j < features.cols(); ++j) {
    auto column = features.col(j).array();
    if (column.minCoeff() == column.maxCoeff()) {  // its mean may be another number, by rounding
      column.setZero();
      continue;
    }
    // A power of two rounds nothing and lets squares neither overflow nor vanish; what the column has in common would
    // round its mean.
    int exponent = 0;
    std::frexp(column.abs().maxCoeff(), &exponent);
    const double first = std::ldexp(column[0], -exponent);
    column = column.unaryExpr([=](double x) { return std::ldexp(x, -exponent) - first; });
    column -= column.mean();
    column /= std::sqrt(column.square().mean());
  }
}

namespace detail {

/// Where something stands in a text: its line, and its first byte in that line, both from 1; a byte order mark does not
/// count. No line: the file as a whole.
struct TextPlace {
  std::int64_t line = 0;
  std::size_t column = 0;
};

/// A text file, line by line; says where it is when something is wrong.
class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& path) : name_(path.string()), in_(path, std::ios::binary) {
    if (!in_) throw std::runtime_error(name_ + ": cannot be opened");
  }

  /// The next line, without its end; a carriage return before that is dropped, as is a byte order mark before the
  /// first.
  bool next(std::string& line) {
    if (!std::getline(in_, line)) {
      if (in_.bad()) throw std::runtime_error(name_ + ": cannot be read");
      return false;
    }
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (++number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    return true;
  }
  [[nodiscard]] std::int64_t number() const { return number_; }

  /// "file:line:column: "
  [[nodiscard]] std::string at(TextPlace place) const {
    const std::string where = std::to_string(place.line) + ":" + std::to_string(place.column);
    return name_ + ":" + (place.line > 0 ? where + ": " : " ");
  }
  [[noreturn]] void fail(TextPlace place, const std::string& reason) const {
    throw std::runtime_error(at(place) + reason);
  }

 private:
  std::string name_;
  std::ifstream in_;
  std::int64_t number_ = 0;
};

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Of a number out of the range of doubles, as from_chars has found it: whether it is too small, and not too large.
inline bool is_too_small(std::string_view text) {
  const std::size_t end = std::min(text.find_first_of("eE"), text.size());
  const std::size_t point = std::min(text.find('.'), end);
  const std::size_t digit = text.find_first_of("123456789");  // the first that counts
  std::int64_t exponent = 0;
  if (end < text.size()) {
    std::string_view power = text.substr(end + 1);
    const bool negative = power.front() == '-';
    if (power.front() == '+') power.remove_prefix(1);
    if (std::from_chars(power.data(), power.data() + power.size(), exponent).ec != std::errc()) return negative;
  }
  return exponent < static_cast<std::int64_t>(digit) - static_cast<std::int64_t>(point);
}

/// A finite number that takes up the whole text; a leading plus is allowed, and what is too small for a double is 0.
inline bool read_number(std::string_view text, double& value) {
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size()) return false;
  if (error == std::errc::result_out_of_range && is_too_small(text)) {
    value = text.front() == '-' ? -0.0 : 0.0;
    return true;
  }
  return error == std::errc() && std::isfinite(value);
}

/// Whether a text is meant as a number, even an infinite, too large or invalid one: so that a line of data is no
/// header.
inline bool looks_like_number(std::string_view text) {
  if (text.size() > 1 && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error != std::errc::invalid_argument && end == text.data() + text.size();
}

/// What a message may show of a field.
inline std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 40)) out += c >= 32 && c < 127 ? c : '?';
  return out + (text.size() > 40 ? "...\"" : "\"");
}

}  // namespace detail
}  // namespace glissade
