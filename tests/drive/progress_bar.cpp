#include "support/catch.hpp"
#include <glissade/drive/progress_bar.hpp>

#include <limits>
#include <optional>
#include <string>

#if defined(__unix__) || defined(__APPLE__)
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace glissade;

namespace {

/// What `action` writes on standard error.
template <class Action>
std::string written(const Action& action) {
  std::FILE* const file = std::tmpfile();
  REQUIRE(file != nullptr);
  std::fflush(stderr);
  const int before = dup(STDERR_FILENO);
  dup2(fileno(file), STDERR_FILENO);
  action();
  std::fflush(stderr);
  dup2(before, STDERR_FILENO);
  close(before);
  std::string text(static_cast<std::size_t>(std::ftell(file)), ' ');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

void look(ProgressBar& bar, std::int64_t iteration, double seconds, double value = 0.5, double norm = 2) {
  const Evaluations none{};
  const Eigen::VectorXd x = Eigen::VectorXd::Zero(1);
  bar(Record{iteration, value, norm, norm, 0, seconds, none, {x.data(), 1}});
}

}  // namespace

TEST_CASE("ProgressBar: a line at the start, then ten times a second, ended when it goes") {
  const std::string text = written([] {
    std::optional<ProgressBar> bar(std::in_place, true);
    look(*bar, 0, 0);
    look(*bar, 1, 0.05);
    look(*bar, 2, 0.0999);
    look(*bar, 3, 0.1);
    look(*bar, 4, 0.15);
    look(*bar, 5, 7, -1e10, std::numeric_limits<double>::quiet_NaN());
    bar.reset();
  });
  CHECK(text ==
        "\riteration 0        value +5.0000000000e-01  |gradient| 2.000e+00       0.0 s"
        "\riteration 3        value +5.0000000000e-01  |gradient| 2.000e+00       0.1 s"
        "\riteration 5        value -1.0000000000e+10  residual nan             7.0 s\n");
}

TEST_CASE("ProgressBar: nothing where nothing is to be shown, or nothing has come") {
  CHECK(written([] {
          ProgressBar bar(false);
          look(bar, 0, 0);
        }).empty());
  CHECK(written([] { ProgressBar bar(true); }).empty());
}
#endif
