#pragma once

#include "support/message_of.hpp"
#include <glissade/io/safetensors.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace io_tests {

/// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    std::random_device random;
    path_ =
        std::filesystem::temp_directory_path() / ("glissade-io-" + std::to_string(random()) + std::to_string(random()));
    std::filesystem::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// The file as save() would write it.
template <class O>
std::string saved_bytes(const O& optimizer) {
  std::string bytes;
  glissade::detail::write_optimizer(optimizer, [&](const std::byte* data, std::size_t size) {
    bytes.append(reinterpret_cast<const char*>(data), size);
  });
  return bytes;
}

template <class O>
void load_bytes(O& optimizer, const std::string& bytes) {
  std::istringstream in(bytes);
  glissade::detail::read_optimizer(optimizer, in, "run.safetensors");
}

/// All that load may change, without the help of the code under test. Arrays by their bytes, so
/// that a NaN is equal to itself.
template <class O>
std::vector<std::string> snapshot(const O& optimizer) {
  std::vector<std::string> all;
  const auto add = [&](const void* data, std::size_t bytes) {
    all.emplace_back(static_cast<const char*>(data), bytes);
  };
  const auto& memory = optimizer.memory();
  for (std::size_t k = 0; k < optimizer.size(); ++k) {
    add(optimizer.parameter(k), static_cast<std::size_t>(memory.tensors[k].size()) * sizeof(typename O::Scalar));
    add(&memory.states[k].counts, sizeof memory.states[k].counts);
    for (const glissade::Fields& fields : memory.states[k].links)
      for (const glissade::Field& field : fields) {
        all.emplace_back(field.name());
        add(field.data(), field.bytes());
      }
  }
  for (const glissade::Fields& fields : memory.shared)
    for (const glissade::Field& field : fields) add(field.data(), field.bytes());
  add(&memory.counts, sizeof memory.counts);
  glissade::detail::Metadata options;
  if constexpr (requires { optimizer.rule(); }) {
    auto rule = optimizer.rule();
    glissade::detail::write_options(glissade::detail::RuleRef::of(rule), optimizer.options(), options);
  } else {
    glissade::detail::write_options(optimizer.erased().clone()->ref(), optimizer.options(), options);
  }
  for (const auto& [key, text] : options) all.push_back(key + "=" + text);
  return all;
}

/// The JSON of a file.
inline std::string header_of(const std::string& bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  return bytes.substr(8, length);
}

inline std::string with_length(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

/// The file with `from` in its JSON replaced by `to`.
inline std::string edited(const std::string& bytes, const std::string& from, const std::string& to) {
  std::string header = header_of(bytes);
  const std::string data = bytes.substr(8 + header.size());
  const std::size_t at = header.find(from);
  if (at == std::string::npos) throw std::logic_error("nothing to edit: " + from);
  return with_length(header.replace(at, from.size(), to), data);
}

}  // namespace io_tests
