// The safetensors container: a table of named arrays in JSON, then their bytes.
//
//   8 bytes   N, the length of the table, little-endian
//   N bytes   {"__metadata__": {"key": "text", ...},
//              "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
//             padded with spaces, so that the arrays begin at a multiple of 8; N is at most 100 000 000
//   the rest  the arrays, little-endian, last index fastest, side by side in the order of offsets
//
// A file is believed in nothing: the table is read by a fixed state machine that knows three levels
// of nesting, and memory is taken in proportion to the bytes that are there, not to what they
// claim.
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <istream>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace glissade::detail {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

/// Bytes of the table: what other readers of the format take at most.
inline constexpr std::uint64_t longest_table = 100'000'000;

using ArrayShape = std::vector<std::uint64_t>;
using Metadata = std::map<std::string, std::string, std::less<>>;

/// One line of the table.
struct StoredArray {
  std::string_view dtype;
  ArrayShape shape;
  std::uint64_t begin = 0;  // from the first byte after the table
  std::uint64_t end = 0;
};

/// The whole table.
struct Contents {
  std::map<std::string, StoredArray, std::less<>> arrays;
  Metadata metadata;
  std::uint64_t data_start = 0;
};

/// Text in quotes for a message: cut off where it gets long, printable whatever it holds.
inline std::string in_quotes(std::string_view text) {
  constexpr std::size_t most = 120;
  const std::string shown = std::string(text.substr(0, most)) + (text.size() > most ? "..." : "");
  return nlohmann::json(shown).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Text as a JSON string. Throws std::invalid_argument if it is not UTF-8.
inline std::string json_string(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    throw std::invalid_argument("save: the name " + in_quotes(text) + " is not UTF-8");
  }
}

/// "[2, 3]"
inline std::string array_shape_text(const ArrayShape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

/// run.safetensors: "state/W/first_moment": dtype F64, expected F32
[[noreturn]] inline void fail_load(const std::string& file, std::string_view field, const std::string& what) {
  throw std::runtime_error(file + ": " + in_quotes(field) + ": " + what);
}

/// The dtypes of whole bytes and their sizes; 0 for others.
inline std::pair<std::string_view, std::uint64_t> find_dtype(std::string_view name) {
  constexpr std::pair<std::string_view, std::uint64_t> known[] = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"F8_E8M0", 1},
      {"U16", 2},  {"I16", 2}, {"F16", 2}, {"BF16", 2},    {"U32", 4},     {"I32", 4},
      {"F32", 4},  {"U64", 8}, {"I64", 8}, {"F64", 8},     {"C64", 8}};
  for (const auto& dtype : known)
    if (dtype.first == name) return dtype;
  return {};
}

/// Receives the table from the JSON parser. Every member returns whether to go on.
class ContentsReader {
 public:
  Contents contents;
  std::string error;  // with the field, without the file

  bool null() { return unexpected("null"); }
  bool boolean(bool value) { return unexpected(value ? "true" : "false"); }
  bool number_integer(std::int64_t value) { return unexpected(std::to_string(value)); }
  bool number_float(double, const std::string& text) { return unexpected(text.substr(0, 40)); }
  bool binary(nlohmann::json::binary_t&) { return unexpected("binary data"); }

  bool number_unsigned(std::uint64_t value) {
    if (where_ != Where::list) return unexpected(std::to_string(value));
    ArrayShape& list = member_ == "shape" ? array_.shape : offsets_;
    if (list.size() == (member_ == "shape" ? most_dimensions : 2))
      return fail(member_ + " has more than " + std::to_string(list.size()) + " numbers");
    list.push_back(value);
    return true;
  }

  bool string(std::string& text) {
    if (where_ == Where::metadata) {
      if (!contents.metadata.emplace(member_, std::move(text)).second)
        return fail(in_quotes(member_) + " occurs twice");
      return true;
    }
    if (where_ != Where::array || member_ != "dtype") return unexpected(in_quotes(text));
    std::tie(array_.dtype, scalar_bytes_) = find_dtype(text);
    return scalar_bytes_ != 0 || fail("dtype " + in_quotes(text) + " is unknown");
  }

  bool key(std::string& name) {
    if (where_ == Where::table) {
      name_ = std::move(name);
      if (contents.arrays.contains(name_) || (name_ == metadata_name && had_metadata_)) return fail("occurs twice");
      return true;
    }
    member_ = std::move(name);
    if (where_ == Where::metadata) return true;
    bool* had = member_ == "dtype"          ? &had_dtype_
                : member_ == "shape"        ? &had_shape_
                : member_ == "data_offsets" ? &had_offsets_
                                            : nullptr;
    if (had == nullptr) return fail("unknown member " + in_quotes(member_));
    return !std::exchange(*had, true) || fail(member_ + " occurs twice");
  }

  bool start_object(std::size_t) {
    if (where_ == Where::document) {
      where_ = Where::table;
    } else if (where_ == Where::table) {
      where_ = name_ == metadata_name ? Where::metadata : Where::array;
      had_metadata_ = had_metadata_ || where_ == Where::metadata;
      array_ = {};
      offsets_.clear();
      had_dtype_ = had_shape_ = had_offsets_ = false;
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool end_object() {
    const Where closed = std::exchange(where_, Where::table);
    if (closed == Where::table) where_ = Where::end;
    return closed != Where::array || finish_array();
  }

  bool start_array(std::size_t) {
    if (where_ != Where::array || member_ == "dtype") return unexpected("a list");
    where_ = Where::list;
    return true;
  }
  bool end_array() {
    where_ = Where::array;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    error = "\"header\": not valid JSON at its byte " + std::to_string(position);
    return false;
  }

 private:
  enum class Where { document, table, metadata, array, list, end };
  static constexpr std::string_view metadata_name = "__metadata__";
  static constexpr std::size_t most_dimensions = 8;

  bool fail(const std::string& what) {
    const bool inside = where_ != Where::document && where_ != Where::end;
    error = in_quotes(inside ? name_ : "header") + ": " + what;
    return false;
  }
  bool unexpected(const std::string& found) {
    switch (where_) {
      case Where::document:
        return fail(found + ", must be an object");
      case Where::table:
        return fail(found + ", must be an object");
      case Where::metadata:
        return fail(in_quotes(member_) + " is " + found + ", must be text");
      case Where::array:
        return fail(member_ + " is " + found + ", must be " + (member_ == "dtype" ? "text" : "a list of numbers"));
      case Where::list:
        return fail(member_ + " holds " + found + ", must hold whole numbers >= 0");
      case Where::end:
        break;
    }
    return fail(found + " is not expected");
  }

  bool finish_array() {
    for (const auto& [had, member] :
         {std::pair(had_dtype_, "dtype"), std::pair(had_shape_, "shape"), std::pair(had_offsets_, "data_offsets")})
      if (!had) return fail(std::string(member) + " is missing");
    if (offsets_.size() != 2) return fail("data_offsets " + array_shape_text(offsets_) + ", must be two");
    array_.begin = offsets_[0];
    array_.end = offsets_[1];
    std::uint64_t bytes = scalar_bytes_;
    for (const std::uint64_t extent : array_.shape) {
      if (extent != 0 && bytes > std::numeric_limits<std::uint64_t>::max() / extent)
        return fail("shape " + array_shape_text(array_.shape) + " is too large");
      bytes *= extent;
    }
    if (array_.end < array_.begin || array_.end - array_.begin != bytes)
      return fail("data_offsets " + array_shape_text(offsets_) + ", must span the " + std::to_string(bytes) +
                  " bytes of " + std::string(array_.dtype) + " " + array_shape_text(array_.shape));
    contents.arrays.emplace(name_, std::move(array_));
    return true;
  }

  Where where_ = Where::document;
  std::string name_;    // of the array
  std::string member_;  // of the array or of the metadata
  StoredArray array_;
  ArrayShape offsets_;
  std::uint64_t scalar_bytes_ = 0;
  bool had_dtype_ = false;
  bool had_shape_ = false;
  bool had_offsets_ = false;
  bool had_metadata_ = false;
};

/// Reads exactly `bytes` bytes at `position`, which the table has promised.
inline void read_bytes(std::istream& in, std::uint64_t position, void* data, std::uint64_t bytes,
                       const std::string& file, std::string_view field) {
  if (bytes == 0) return;
  in.clear();
  in.seekg(static_cast<std::streamoff>(position));
  in.read(static_cast<char*>(data), static_cast<std::streamsize>(bytes));
  if (!in)
    fail_load(file, field, "cannot read " + std::to_string(bytes) + " bytes at byte " + std::to_string(position));
}

/// Reads and checks the table. Throws std::runtime_error that names the file and the field.
inline Contents read_contents(std::istream& in, const std::string& file) {
  in.seekg(0, std::ios::end);
  const auto end = static_cast<std::streamoff>(in.tellg());
  if (!in || end < 0) throw std::runtime_error(file + ": cannot be read");
  const auto size = static_cast<std::uint64_t>(end);
  if (size < 8) fail_load(file, "header", std::to_string(size) + " bytes, its length needs 8");
  std::uint64_t length = 0;
  read_bytes(in, 0, &length, 8, file, "header");
  const std::uint64_t most = std::min(longest_table, size - 8);
  if (length > most)
    fail_load(file, "header", "length " + std::to_string(length) + ", must be <= " + std::to_string(most));

  std::string text(static_cast<std::size_t>(length), ' ');
  read_bytes(in, 8, text.data(), length, file, "header");
  // The JSON parser would skip a byte order mark and take a zero byte for the end.
  if (text.empty() || text.front() != '{') fail_load(file, "header", "must begin with {");
  if (text.find('\0') != std::string::npos) fail_load(file, "header", "holds a zero byte");
  ContentsReader reader;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &reader))
    throw std::runtime_error(file + ": " + reader.error);

  Contents contents = std::move(reader.contents);
  contents.data_start = 8 + length;
  std::vector<std::pair<const std::string, StoredArray>*> order;
  for (auto& named_array : contents.arrays) order.push_back(&named_array);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::uint64_t position = 0;
  for (const auto* named_array : order) {
    const auto& [name, array] = *named_array;
    if (array.begin != position)
      fail_load(
          file, name,
          "begins at " + std::to_string(array.begin) + ", the array before it ends at " + std::to_string(position));
    position = array.end;
    if (position > size - contents.data_start)
      fail_load(file, name,
                "ends at " + std::to_string(position) + ", the data at " + std::to_string(size - contents.data_start));
  }
  if (position != size - contents.data_start)
    fail_load(file, "header",
              "the arrays end at " + std::to_string(position) + ", the data at " +
                  std::to_string(size - contents.data_start));
  return contents;
}

}  // namespace glissade::detail
