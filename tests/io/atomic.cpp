#include "support/catch.hpp"
#include <glissade/rules/sgd.hpp>

#include "io/support.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <limits>
#include <thread>
#include <unistd.h>
#endif

using namespace glissade;
using namespace io_tests;
using Catch::Matchers::ContainsSubstring;

#ifdef __linux__
#include <sys/syscall.h>

namespace {
/// Is told what a program asks to be on the disk; the error with which that fails, or 0.
const std::function<int(int descriptor)>* on_sync = nullptr;
const std::function<void()>* on_lock = nullptr;                      // is called once, before a file is locked
int cannot_lock = 0;                                                 // the error with which that fails
std::size_t most_written = std::numeric_limits<std::size_t>::max();  // in one call
}  // namespace

// In place of the library's.
extern "C" int fsync(int descriptor) {
  if (on_sync != nullptr) errno = (*on_sync)(descriptor);
  if (on_sync != nullptr && errno != 0) return -1;
  return static_cast<int>(syscall(SYS_fsync, descriptor));
}
extern "C" int flock(int descriptor, int operation) {
  if (on_lock != nullptr) (*std::exchange(on_lock, nullptr))();
  if (cannot_lock != 0) {
    errno = cannot_lock;
    return -1;
  }
  return static_cast<int>(syscall(SYS_flock, descriptor, operation));
}
extern "C" ssize_t write(int descriptor, const void* data, std::size_t bytes) {
  return syscall(SYS_write, descriptor, data, std::min(bytes, most_written));
}
#endif

namespace {

TEST_CASE("a folder that is not there is named") {
  const Folder folder;
  float x = 3;
  const Optimizer optimizer{Sgd{}, named("x", x)};
  const auto path = folder / "absent" / "run.safetensors";
  const std::string message = message_of<std::filesystem::filesystem_error>([&] { save(optimizer, path); });
  CHECK_THAT(message, ContainsSubstring(path.string()));
  CHECK_THAT(message, ContainsSubstring("No such file or directory"));
  CHECK(folder.entries() == 0);
}

TEST_CASE("only a regular file is replaced") {
  const Folder folder;
  float x = 3;
  const Optimizer optimizer{Sgd{}, named("x", x)};
  std::filesystem::create_directory(folder / "run.safetensors");
  CHECK_THAT(message_of<std::filesystem::filesystem_error>([&] { save(optimizer, folder / "run.safetensors"); }),
             ContainsSubstring("not a regular file"));
  CHECK(folder.entries() == 1);
#if defined(__unix__) || defined(__APPLE__)
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THAT(message_of<std::filesystem::filesystem_error>([&] { save(optimizer, folder / "pipe"); }),
             ContainsSubstring("not a regular file"));
  CHECK(std::filesystem::is_fifo(folder / "pipe"));
#endif
}

TEST_CASE("saving replaces the file and nothing else") {
  const Folder folder;
  write_file(folder / "run.safetensors", "old");
  float x = 3;
  const Optimizer optimizer{Sgd{}, named("x", x)};
  save(optimizer, folder / "run.safetensors");
  CHECK(read_file(folder / "run.safetensors") == saved_bytes(optimizer));
  CHECK(folder.entries() == 1);
}

TEST_CASE("a save that fails leaves the old file") {
  const Folder folder;
  write_file(folder / "run.safetensors", "old");
  float x = 3;
  Optimizer optimizer{Sgd{}, named("x", x)};
  optimizer.rule().momentum = 2;
  CHECK_THROWS_AS(save(optimizer, folder / "run.safetensors"), std::invalid_argument);
  CHECK(read_file(folder / "run.safetensors") == "old");
  CHECK(folder.entries() == 1);
}

#if defined(__unix__) || defined(__APPLE__)

/// The exit status of f() in a child process.
template <class F>
int in_child(const F& f) {
  const pid_t child = fork();
  if (child == 0) _exit(f());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("a symbolic link is followed and permissions are kept") {
  const Folder folder;
  write_file(folder / "real", "old");
  std::filesystem::permissions(folder / "real", std::filesystem::perms(0600));
  std::filesystem::create_symlink("real", folder / "link");
  float x = 3;
  const Optimizer optimizer{Sgd{}, named("x", x)};
  save(optimizer, folder / "link");
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(read_file(folder / "real") == saved_bytes(optimizer));
  CHECK(std::filesystem::status(folder / "real").permissions() == std::filesystem::perms(0600));
}

TEST_CASE("a symbolic link to where there is no file yet is followed") {
  const Folder folder;
  float x = 3;
  const Optimizer optimizer{Sgd{}, named("x", x)};
  std::filesystem::create_directory(folder / "far");
  std::filesystem::create_symlink("real", folder / "link");
  std::filesystem::create_symlink("../link", folder / "far/relative");
  std::filesystem::create_symlink(folder / "far/relative", folder / "absolute");
  for (const char* name : {"link", "far/relative", "absolute"}) {
    CAPTURE(name);
    for (int twice = 0; twice < 2; ++twice) {
      save(optimizer, folder / name);
      CHECK(std::filesystem::is_symlink(folder / name));
      CHECK_FALSE(std::filesystem::is_symlink(folder / "real"));
      CHECK(read_file(folder / "real") == saved_bytes(optimizer));
    }
    std::filesystem::remove(folder / "real");
  }
  CHECK(folder.entries() == 3);
  CHECK(std::distance(std::filesystem::directory_iterator(folder / "far"), {}) == 1);

  // As many links as the system follows, and one more.
  std::filesystem::create_symlink("real", folder / "1");
  for (int k = 2; k <= 41; ++k) std::filesystem::create_symlink(std::to_string(k - 1), folder / std::to_string(k));
  save(optimizer, folder / "40");
  CHECK(read_file(folder / "40") == saved_bytes(optimizer));
  CHECK_THROWS_AS(save(optimizer, folder / "41"), std::filesystem::filesystem_error);

  std::filesystem::create_symlink("absent/real", folder / "nowhere");
  CHECK_THAT(message_of<std::filesystem::filesystem_error>([&] { save(optimizer, folder / "nowhere"); }),
             ContainsSubstring("No such file or directory") && ContainsSubstring("absent/real"));
  std::filesystem::create_symlink("loop", folder / "loop");
  CHECK_THAT(message_of<std::filesystem::filesystem_error>([&] { save(optimizer, folder / "loop"); }),
             ContainsSubstring("Too many levels of symbolic links"));
  std::filesystem::create_symlink("far", folder / "folder");
  CHECK_THAT(message_of<std::filesystem::filesystem_error>([&] { save(optimizer, folder / "folder"); }),
             ContainsSubstring("not a regular file"));
}

/// The names in a folder that begin with ".glissade-".
std::vector<std::string> temporary_files(const Folder& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "."))
    if (entry.path().filename().string().starts_with(".glissade-")) names.push_back(entry.path().filename());
  return names;
}

TEST_CASE("what a killed save has left is removed by the next one of that name, and no other file is") {
  const Folder folder;
  const auto path = folder / "run.safetensors";
  float x = 3;
  const Optimizer optimizer{Sgd{}, named("x", x)};
  const std::byte bytes[3] = {};
  const auto killed_save = [&](const std::filesystem::path& target) {
    const pid_t child = fork();
    if (child == 0) {
      detail::AtomicFile file(target);
      file.write(bytes, 3);
      kill(getpid(), SIGKILL);
    }
    waitpid(child, nullptr, 0);
  };
  killed_save(path);
  const std::vector<std::string> orphans = temporary_files(folder);
  REQUIRE(orphans.size() == 1);
  write_file(folder / (orphans[0] + "x"), "somebody's");
  write_file(folder / ".glissade-notes.tmp", "somebody's");
  killed_save(folder / "other.safetensors");
  CHECK(temporary_files(folder).size() == 4);

  {
    // Two more are at work, one of them in another process.
    detail::AtomicFile here(path);
    here.write(bytes, 3);
    int ready[2], done[2];
    REQUIRE((pipe(ready) == 0 && pipe(done) == 0));
    const pid_t child = fork();
    char signal = 0;
    if (child == 0) {
      close(done[1]);  // so that it ends with its parent
      {
        detail::AtomicFile there(path);
        there.write(bytes, 2);
        if (write(ready[1], "r", 1) != 1 || read(done[0], &signal, 1) != 1) _exit(1);
        there.commit();
      }
      _exit(0);
    }
    REQUIRE(read(ready[0], &signal, 1) == 1);
    save(optimizer, path);
    CHECK_FALSE(std::filesystem::exists(folder / orphans[0]));
    CHECK(temporary_files(folder).size() == 5);
    CHECK(read_file(path) == saved_bytes(optimizer));
    here.commit();
    CHECK(read_file(path) == std::string(3, '\0'));
    REQUIRE(write(done[1], "d", 1) == 1);
    int status = 0;
    waitpid(child, &status, 0);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
    CHECK(read_file(path) == std::string(2, '\0'));
  }
  save(optimizer, folder / "other.safetensors");
  CHECK(folder.entries() == 4);  // two saved, two of somebody else
  CHECK(read_file(folder / ".glissade-notes.tmp") == "somebody's");
}

TEST_CASE("many at work on one file at once leave one whole file") {
  const Folder folder;
  const auto path = folder / "run.safetensors";
  std::vector<pid_t> children;
  for (int worker = 0; worker < 4; ++worker) {
    const pid_t child = fork();
    if (child == 0) {
      Eigen::VectorXf x = Eigen::VectorXf::Constant(20'000, static_cast<float>(worker));
      const Optimizer optimizer{Sgd{}, named("x", x)};
      try {
        for (int round = 0; round < 100; ++round) save(optimizer, path);
      } catch (const std::exception&) {
        _exit(1);
      }
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  }
  Eigen::VectorXf x = Eigen::VectorXf::Zero(20'000);
  Optimizer optimizer{Sgd{}, named("x", x)};
  load(optimizer, path);
  CHECK((x.array() == x[0]).all());
  CHECK(folder.entries() == 1);
}

#ifdef __linux__
TEST_CASE("the bytes are on the disk before the file takes its name, and the name is before save returns") {
  const Folder folder;
  const auto path = folder / "run.safetensors";
  write_file(path, "old");
  float x = 3;
  const Optimizer optimizer{Sgd{}, named("x", x)};
  std::vector<std::string> calls;
  const std::function<int(int)> record = [&](int descriptor) {
    struct stat status {};
    fstat(descriptor, &status);
    const std::string now = read_file(path) == "old" ? "old" : "new";
    calls.push_back(S_ISDIR(status.st_mode) ? "folder, " + now : std::to_string(status.st_size) + " bytes, " + now);
    return 0;
  };
  on_sync = &record;
  save(optimizer, path);
  on_sync = nullptr;
  CHECK(calls ==
        std::vector<std::string>{std::to_string(saved_bytes(optimizer).size()) + " bytes, old", "folder, new"});
}

TEST_CASE("where the disk fails, the reason is told") {
  const Folder folder;
  const auto path = folder / "run.safetensors";
  float x = 3;
  const Optimizer optimizer{Sgd{}, named("x", x)};
  int of_file = EIO, of_folder = 0;
  const std::function<int(int)> fail = [&](int descriptor) {
    struct stat status {};
    fstat(descriptor, &status);
    return S_ISDIR(status.st_mode) ? of_folder : of_file;
  };
  const auto refusal = [&] {
    write_file(path, "old");
    on_sync = &fail;
    std::string message = message_of<std::filesystem::filesystem_error>([&] { save(optimizer, path); });
    on_sync = nullptr;
    CHECK(folder.entries() == 1);
    return message;
  };
  CHECK_THAT(refusal(), ContainsSubstring("cannot write: Input/output error"));
  CHECK(read_file(path) == "old");
  of_file = 0;
  of_folder = EIO;
  CHECK_THAT(refusal(), ContainsSubstring("cannot sync its folder: Input/output error"));
  for (const int cannot : {EINVAL, ENOTSUP}) {
    of_folder = cannot;
    CHECK(refusal().empty());
    CHECK(read_file(path) == saved_bytes(optimizer));
  }
}

TEST_CASE("a temporary file that another program takes for abandoned before it is locked is left to it") {
  const Folder folder;
  const auto path = folder / "run.safetensors";
  float x = 3;
  const Optimizer optimizer{Sgd{}, named("x", x)};
  int descriptor = -1;
  for (const bool removed : {false, true}) {
    const std::function<void()> other_program = [&] {
      for (const std::string& name : temporary_files(folder)) {
        descriptor = open((folder / name).c_str(), O_RDONLY);
        flock(descriptor, LOCK_EX);
        if (removed) std::filesystem::remove(folder / name);
        if (removed) close(descriptor);
      }
    };
    on_lock = &other_program;
    save(optimizer, path);
    CHECK(on_lock == nullptr);
    CHECK(read_file(path) == saved_bytes(optimizer));
    CHECK(folder.entries() == (removed ? 1 : 2));
    if (!removed) close(descriptor);
    std::filesystem::remove(path);
    for (const std::string& name : temporary_files(folder)) std::filesystem::remove(folder / name);
  }
}

TEST_CASE("where files cannot be locked they are saved all the same, and old errors are none of a save") {
  const Folder folder;
  const auto path = folder / "run.safetensors";
  float x = 3;
  const Optimizer optimizer{Sgd{}, named("x", x)};
  for (const int error : {ENOLCK, EINVAL, ENOSYS}) {
    cannot_lock = error;
    const std::string message = message_of<std::filesystem::filesystem_error>([&] { save(optimizer, path); });
    cannot_lock = 0;
    CHECK(message.empty());
    CHECK(read_file(path) == saved_bytes(optimizer));
    std::filesystem::remove(path);
  }
  for (const int error : {EWOULDBLOCK, EEXIST, EINTR}) {
    errno = error;
    CHECK(message_of<std::filesystem::filesystem_error>([&] { save(optimizer, path); }).empty());
    CHECK(folder.entries() == 1);
    std::filesystem::remove(path);
  }
}

TEST_CASE("a system that writes less than it is asked to is asked again") {
  const Folder folder;
  Eigen::VectorXf x = Eigen::VectorXf::LinSpaced(100'000, 0, 1);
  const Optimizer optimizer{Sgd{}, named("x", x)};
  most_written = 1'001;
  save(optimizer, folder / "run.safetensors");
  most_written = std::numeric_limits<std::size_t>::max();
  CHECK(read_file(folder / "run.safetensors") == saved_bytes(optimizer));
}
#endif

TEST_CASE("a relative path is saved in the folder where the program is") {
  const Folder folder;
  CHECK(in_child([&] {
          if (chdir((folder / ".").c_str()) != 0) return 1;
          float x = 3;
          Optimizer optimizer{Sgd{}, named("x", x)};
          save(optimizer, "run.safetensors");
          x = 0;
          load(optimizer, "run.safetensors");
          return x == 3 ? 0 : 2;
        }) == 0);
  CHECK(std::filesystem::exists(folder / "run.safetensors"));
}

TEST_CASE("where there is no room, the reason is told and the old file stays") {
  const Folder folder;
  const auto path = folder / "run.safetensors";
  write_file(path, "old");
  for (const Index size : {Index{5'000}, Index{500'000}}) {  // less and more than the buffer
    Eigen::VectorXf x = Eigen::VectorXf::Ones(size);
    const Optimizer optimizer{Sgd{}, named("x", x)};
    CHECK(in_child([&] {
            std::signal(SIGXFSZ, SIG_IGN);
            const rlimit limit{4096, 4096};
            if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
            const std::string message = message_of<std::filesystem::filesystem_error>([&] { save(optimizer, path); });
            if (message.find("cannot write: File too large") == std::string::npos) return 2;
            return message.find(path.string()) != std::string::npos ? 0 : 3;
          }) == 0);
    CHECK(read_file(path) == "old");
    CHECK(folder.entries() == 1);
  }
}

TEST_CASE("a process killed while it saves leaves a whole file") {
  const Folder folder;
  const auto path = folder / "run.safetensors";
  constexpr Index size = 100'000;
  std::mt19937 random(1);
  int new_files = 0;
  std::int64_t last = 0;
  unsigned longest = 20'000;  // microseconds; a slow machine needs more for one file
  for (int round = 0; round < 30; ++round) {
    // Writes 1, 2, 3, ... to every coefficient, from where the last one was killed.
    const pid_t child = fork();
    if (child == 0) {
      Eigen::VectorXf x = Eigen::VectorXf::Constant(size, static_cast<float>(last));
      Optimizer optimizer{Sgd{.learning_rate = 1}, named("x", x)};
      optimizer.memory().counts.calls = last;
      const Eigen::VectorXf downhill = Eigen::VectorXf::Constant(size, -1);
      for (;;) {
        optimizer.step(downhill);
        save(optimizer, path);
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(5'000 + random() % longest));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    if (new_files == 0 && longest < 2'000'000) longest *= 2;
    if (!std::filesystem::exists(path)) continue;

    Eigen::VectorXf x = Eigen::VectorXf::Zero(size);
    Optimizer optimizer{Sgd{}, named("x", x)};
    load(optimizer, path);
    const std::int64_t calls = optimizer.memory().counts.calls;
    CHECK((x.array() == static_cast<float>(calls)).all());
    CHECK(calls >= last);
    new_files += calls > last ? 1 : 0;
    last = calls;
  }
  CHECK(new_files > 0);
}

#endif

}  // namespace
