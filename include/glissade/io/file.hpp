// Replacing a file as a whole: readers see the old one or the new one, never a part.
#pragma once

#include <cstddef>
#include <filesystem>
#include <random>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#else
#include <fstream>
#endif

namespace glissade::detail {

#if defined(__unix__) || defined(__APPLE__)

/// A new file open for writing. Every member returns what went wrong, if anything.
class OutputFile {
 public:
  OutputFile() = default;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  /// Fails if the file exists.
  std::error_code create(const std::filesystem::path& path, std::filesystem::perms permissions) {
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                         static_cast<mode_t>(permissions & std::filesystem::perms::all));
    return descriptor_ < 0 ? last_error() : std::error_code{};
  }
  std::error_code write(const std::byte* data, std::size_t bytes) {
    constexpr std::size_t most = std::size_t{1} << 30;  // some kernels refuse more in one call
    while (bytes > 0) {
      const ssize_t written = ::write(descriptor_, data, std::min(bytes, most));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return last_error();
      data += written;
      bytes -= static_cast<std::size_t>(written);
    }
    return {};
  }
  /// Returns when the bytes are on the disk.
  std::error_code finish() {
    if (::fsync(descriptor_) != 0) return last_error();
    return ::close(std::exchange(descriptor_, -1)) == 0 ? std::error_code{} : last_error();
  }
  void abandon() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

  /// Returns when a renaming in the folder is on the disk.
  static std::error_code sync_folder(const std::filesystem::path& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return errno == EACCES ? std::error_code{} : last_error();
    // Some file systems cannot sync a folder; there the renaming is as durable as it gets.
    std::error_code failed;
    if (::fsync(descriptor) != 0 && errno != EINVAL && errno != ENOTSUP) failed = last_error();
    ::close(descriptor);
    return failed;
  }

 private:
  static std::error_code last_error() { return {errno, std::generic_category()}; }

  int descriptor_ = -1;
};

#else

class OutputFile {
 public:
  std::error_code create(const std::filesystem::path& path, std::filesystem::perms) {
    stream_.open(path, std::ios::binary | std::ios::trunc);
    return stream_ ? std::error_code{} : std::make_error_code(std::errc::no_such_file_or_directory);
  }
  std::error_code write(const std::byte* data, std::size_t bytes) {
    stream_.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(bytes));
    return stream_ ? std::error_code{} : std::make_error_code(std::errc::io_error);
  }
  std::error_code finish() {
    stream_.close();
    return stream_ ? std::error_code{} : std::make_error_code(std::errc::io_error);
  }
  void abandon() { stream_.close(); }
  static std::error_code sync_folder(const std::filesystem::path&) { return {}; }

 private:
  std::ofstream stream_;
};

#endif

/// Writes beside the target under a name of its own and takes the target's place in commit; without
/// commit it leaves nothing behind. Only a process that is killed leaves a ".glissade-*.tmp".
/// A symbolic link is followed, and an existing file's permissions are never widened.
/// Errors: std::filesystem::filesystem_error with the target and the reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& target) : target_(target) {
    if (std::filesystem::is_symlink(target_)) target_ = std::filesystem::canonical(target_);
    std::error_code ignored;
    const auto status = std::filesystem::status(target_, ignored);
    // Renaming over a device would replace it.
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
      fail("not a regular file", std::make_error_code(std::errc::invalid_argument));
    constexpr auto everyone = static_cast<std::filesystem::perms>(0666);
    const auto permissions = std::filesystem::exists(status) ? status.permissions() : everyone;
    std::random_device random;
    std::error_code failed = std::make_error_code(std::errc::file_exists);
    for (int attempt = 0; attempt < 16 && failed == std::errc::file_exists; ++attempt) {
      temporary_ =
          target_.parent_path() / (".glissade-" + std::to_string(random()) + "-" + std::to_string(random()) + ".tmp");
      failed = file_.create(temporary_, permissions);
    }
    check("cannot create a file beside it", failed);
    created_ = true;
    buffer_.reserve(capacity);
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (!created_) return;
    file_.abandon();
    std::error_code ignored;
    std::filesystem::remove(temporary_, ignored);
  }

  void write(const std::byte* data, std::size_t bytes) {
    if (buffer_.size() + bytes > capacity) flush();
    if (bytes > capacity)
      check("cannot write", file_.write(data, bytes));
    else
      buffer_.insert(buffer_.end(), data, data + bytes);
  }

  void commit() {
    flush();
    check("cannot write", file_.finish());
    std::error_code failed;
    std::filesystem::rename(temporary_, target_, failed);
    check("cannot replace", failed);
    created_ = false;
    const auto folder = target_.parent_path();
    check("cannot sync its folder", OutputFile::sync_folder(folder.empty() ? "." : folder));
  }

 private:
  static constexpr std::size_t capacity = std::size_t{1} << 18;

  void flush() {
    check("cannot write", file_.write(buffer_.data(), buffer_.size()));
    buffer_.clear();
  }
  void check(const char* what, std::error_code failed) const {
    if (failed) fail(what, failed);
  }
  [[noreturn]] void fail(const char* what, std::error_code reason) const {
    throw std::filesystem::filesystem_error(std::string("save: ") + what, target_, reason);
  }

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  OutputFile file_;
  std::vector<std::byte> buffer_;
  bool created_ = false;
};

}  // namespace glissade::detail
