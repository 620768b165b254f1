// Zeroed memory aligned to a cache line, whatever the program's Eigen flags are.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace glissade {

class Buffer {
 public:
  static constexpr std::size_t alignment = 64;

  Buffer() = default;
  explicit Buffer(std::size_t bytes) : bytes_(bytes), shift_(next_shift(bytes)), memory_(allocate(bytes, shift_)) {
    if (bytes_ != 0) std::memset(data(), 0, bytes_);
  }
  Buffer(const Buffer& other) : Buffer(other.bytes_) {
    if (bytes_ != 0) std::memcpy(data(), other.data(), bytes_);
  }
  Buffer(Buffer&& other) noexcept
      : bytes_(std::exchange(other.bytes_, 0)),
        shift_(std::exchange(other.shift_, 0)),
        memory_(std::move(other.memory_)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(shift_, other.shift_);
    std::swap(memory_, other.memory_);
    return *this;
  }
  ~Buffer() = default;

  [[nodiscard]] std::byte* data() { return memory_ == nullptr ? nullptr : memory_.get() + shift_; }
  [[nodiscard]] const std::byte* data() const { return memory_ == nullptr ? nullptr : memory_.get() + shift_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// Room for at least `bytes`; the contents are zero after growth.
  void reserve(std::size_t bytes) {
    if (bytes > bytes_) *this = Buffer(bytes);
  }

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{alignment}); }
  };
  static std::byte* allocate(std::size_t bytes, std::size_t shift) {
    // Without this, a number of bytes near the largest would wrap around to a small one.
    if (bytes > std::size_t{PTRDIFF_MAX} - shift) throw std::bad_alloc();
    return bytes == 0 ? nullptr : static_cast<std::byte*>(::operator new (bytes + shift, std::align_val_t{alignment}));
  }

  /// Large arrays that begin at the same place of a page compete for the same cache sets and memory
  /// banks when they are read side by side, so each begins somewhere else.
  static std::size_t next_shift(std::size_t bytes) {
    static std::atomic<unsigned> count{0};
    return bytes < (std::size_t{1} << 16) ? 0 : (count++ % 7 + 1) * 9 * alignment;
  }

  std::size_t bytes_ = 0;
  std::size_t shift_ = 0;
  std::unique_ptr<std::byte[], Free> memory_;
};

}  // namespace glissade
