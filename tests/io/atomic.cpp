#include "support/catch.hpp"
#include <glissade/rules/sgd.hpp>

#include "io/support.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <thread>
#include <unistd.h>
#endif

using namespace glissade;
using namespace io_tests;
using Catch::Matchers::ContainsSubstring;

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
