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
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#else
#include <fstream>
#endif

namespace glissade::detail {

#if defined(__unix__) || defined(__APPLE__)

/// A new file open for writing. Every member returns what went wrong, if anything. It is locked for as long as it is
/// open: a file without a lock belongs to nobody any more.
class OutputFile {
 public:
  OutputFile() = default;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() { close(); }

  /// Fails if the file exists.
  std::error_code create(const std::filesystem::path& path, std::filesystem::perms permissions) {
    close();
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                         static_cast<mode_t>(permissions & std::filesystem::perms::all));
    if (descriptor_ < 0) return last_error();
    // Before it had its lock another program may have taken it for abandoned.
    const bool taken = ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    struct stat now {};
    const bool gone = ::fstat(descriptor_, &now) == 0 && now.st_nlink == 0;
    return taken || gone ? std::make_error_code(std::errc::file_exists) : std::error_code{};
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
  std::error_code finish() { return ::fsync(descriptor_) == 0 ? std::error_code{} : last_error(); }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

  /// Removes a file that a program which was killed has left: nobody has locked it.
  static void remove_abandoned(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) return;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
    ::close(descriptor);
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
  void close() { stream_.close(); }
  static void remove_abandoned(const std::filesystem::path&) {}  // who is at work on it is not known
  static std::error_code sync_folder(const std::filesystem::path&) { return {}; }

 private:
  std::ofstream stream_;
};

#endif

/// Writes beside the target under a name of its own and takes the target's place in commit; without commit it leaves
/// nothing behind. Only a process that is killed leaves a ".glissade-<of the target>-<at random>.tmp", which the next
/// one for the same target removes.
/// A symbolic link is followed, also to where there is no file yet, and an existing file's permissions are never
/// widened.
/// Errors: std::filesystem::filesystem_error with the target and the reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& target) : target_(target) {
    follow_links();
    std::error_code ignored;
    const auto status = std::filesystem::status(target_, ignored);
    // Renaming over a device would replace it.
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
      fail("not a regular file", std::make_error_code(std::errc::invalid_argument));
    constexpr auto everyone = static_cast<std::filesystem::perms>(0666);
    const auto permissions = std::filesystem::exists(status) ? status.permissions() : everyone;
    const std::string start = ".glissade-" + std::to_string(std::filesystem::hash_value(target_.filename())) + "-";
    remove_abandoned(start);
    std::random_device random;
    std::error_code failed = std::make_error_code(std::errc::file_exists);
    for (int attempt = 0; attempt < 16 && failed == std::errc::file_exists; ++attempt) {
      temporary_ = target_.parent_path() / (start + std::to_string(random()) + "-" + std::to_string(random()) + ".tmp");
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
    file_.close();
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
    file_.close();
    check("cannot sync its folder", OutputFile::sync_folder(folder()));
  }

 private:
  static constexpr std::size_t capacity = std::size_t{1} << 18;

  [[nodiscard]] std::filesystem::path folder() const {
    return target_.has_parent_path() ? target_.parent_path() : std::filesystem::path(".");
  }
  void follow_links() {
    constexpr int most_links = 40;  // as many as the system follows
    std::error_code failed;
    for (int links = 0; std::filesystem::is_symlink(target_, failed); ++links) {
      if (links == most_links) failed = std::make_error_code(std::errc::too_many_symbolic_link_levels);
      const auto to = failed ? target_ : std::filesystem::read_symlink(target_, failed);
      check("cannot follow the link", failed);
      target_ = target_.parent_path() / to;  // which is `to` where that is absolute
    }
  }
  /// Temporary files whose names begin with `start`.
  void remove_abandoned(const std::string& start) const {
    std::error_code unreadable;
    const std::filesystem::directory_iterator end;
    for (std::filesystem::directory_iterator entry(folder(), unreadable); !unreadable && entry != end;
         entry.increment(unreadable)) {
      const std::string name = entry->path().filename().string();
      if (name.starts_with(start) && name.ends_with(".tmp")) OutputFile::remove_abandoned(entry->path());
    }
  }

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
