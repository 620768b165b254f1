#pragma once

#include <glissade/io/safetensors.hpp>
#include <glissade/rules/lion.hpp>
#include <glissade/rules/sgd.hpp>

#include <istream>
#include <stdexcept>
#include <streambuf>
#include <string>

namespace fuzz {

template <class O>
std::string saved_bytes(const O& optimizer) {
  std::string bytes;
  glissade::detail::write_optimizer(optimizer, [&](const std::byte* data, std::size_t size) {
    bytes.append(reinterpret_cast<const char*>(data), size);
  });
  return bytes;
}

/// A stream over bytes where they lie, so that the address sanitizer sees every step beyond them.
class ByteBuffer : public std::streambuf {
 public:
  ByteBuffer(const char* data, std::size_t size) {
    char* begin = const_cast<char*>(data);
    setg(begin, begin, begin + size);
  }

 private:
  pos_type seekoff(off_type offset, std::ios_base::seekdir from, std::ios_base::openmode) override {
    const off_type size = egptr() - eback();
    const off_type base = from == std::ios_base::beg ? 0 : from == std::ios_base::end ? size : gptr() - eback();
    const off_type target = base + offset;
    if (target < 0 || target > size) return pos_type(off_type(-1));
    setg(eback(), eback() + target, egptr());
    return pos_type(target);
  }
  pos_type seekpos(pos_type position, std::ios_base::openmode mode) override {
    return seekoff(off_type(position), std::ios_base::beg, mode);
  }
};

/// Whether the optimizer takes the file. Whatever the file is, the only exception is
/// std::runtime_error, and then nothing has changed. Optimizers of one type come in one state.
template <class O>
bool takes(O& optimizer, const char* data, std::size_t size) {
  static const std::string before = saved_bytes(optimizer);
  ByteBuffer buffer(data, size);
  std::istream in(&buffer);
  try {
    glissade::detail::read_optimizer(optimizer, in, "file");
  } catch (const std::runtime_error& refused) {
    if (std::string_view(refused.what()).substr(0, 6) != "file: ") throw std::logic_error("a message without the file");
    if (saved_bytes(optimizer) != before) throw std::logic_error("changed by a load that failed");
    return false;
  }
  const std::string after = saved_bytes(optimizer);
  ByteBuffer again(after.data(), after.size());
  std::istream in_again(&again);
  glissade::detail::read_optimizer(optimizer, in_again, "file");
  if (saved_bytes(optimizer) != after) throw std::logic_error("changed by a load of itself");
  return true;
}

/// Whether one of two optimizers takes the file.
inline bool load_any(const char* data, std::size_t size) {
  Eigen::Matrix2f weights = Eigen::Matrix2f::Constant(7);
  glissade::Optimizer first{glissade::Sgd{}, glissade::named("W", weights)};
  Eigen::Matrix<Eigen::bfloat16, 3, 1> bias;
  bias.setConstant(Eigen::bfloat16(7.0f));
  const auto rate = [](std::int64_t t) { return 1 / (1 + static_cast<double>(t)); };
  glissade::Optimizer second{glissade::Lion{.learning_rate = rate}, glissade::named("b", bias)};
  const bool taken_by_first = takes(first, data, size);
  return takes(second, data, size) || taken_by_first;
}

}  // namespace fuzz
