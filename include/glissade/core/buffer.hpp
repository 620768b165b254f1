// Zeroed memory aligned to a cache line, whatever the program's Eigen flags are.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace glissade {

class Buffer {
 public:
  static constexpr std::size_t alignment = 64;

  Buffer() = default;
  explicit Buffer(std::size_t bytes) : bytes_(bytes), data_(allocate(bytes)) {
    if (bytes_ != 0) std::memset(data_.get(), 0, bytes_);
  }
  Buffer(const Buffer& other) : Buffer(other.bytes_) {
    if (bytes_ != 0) std::memcpy(data_.get(), other.data_.get(), bytes_);
  }
  Buffer(Buffer&& other) noexcept
      : bytes_(std::exchange(other.bytes_, 0)), data_(std::move(other.data_)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~Buffer() = default;

  [[nodiscard]] std::byte* data() { return data_.get(); }
  [[nodiscard]] const std::byte* data() const { return data_.get(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// Room for at least `bytes`; the contents are zero after growth.
  void reserve(std::size_t bytes) {
    if (bytes > bytes_) *this = Buffer(bytes);
  }

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{alignment}); }
  };
  static std::byte* allocate(std::size_t bytes) {
    return bytes == 0 ? nullptr
                      : static_cast<std::byte*>(::operator new(bytes, std::align_val_t{alignment}));
  }

  std::size_t bytes_ = 0;
  std::unique_ptr<std::byte[], Free> data_;
};

}  // namespace glissade
