// An observer that shows on standard error how a run gets on.
#pragma once

#include <cmath>
#include <cstdio>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

#include "record.hpp"

namespace glissade {

/// One line on standard error, renewed ten times a second; silent where that is not a terminal.
class ProgressBar {
 public:
  ProgressBar() : ProgressBar(is_terminal()) {}
  /// Shows whatever standard error is, or nothing.
  explicit ProgressBar(bool shown) : shown_(shown) {}
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() {
    if (last_ < 0) return;
    std::fputs("\n", stderr);
  }

  void operator()(const Record& record) {
    if (!shown_ || (last_ >= 0 && record.seconds < last_ + 0.1)) return;
    last_ = record.seconds;
    std::fprintf(stderr, "\riteration %-8lld", static_cast<long long>(record.iteration));
    if (!std::isnan(record.value)) std::fprintf(stderr, " value %-+18.10e", record.value);
    const char* measure = std::isnan(record.gradient_norm) ? "residual" : "|gradient|";
    std::fprintf(stderr, " %s %-10.3e %8.1f s", measure, record.measure, record.seconds);
    std::fflush(stderr);
  }

 private:
  static bool is_terminal() {
#if defined(__unix__) || defined(__APPLE__)
    return ::isatty(STDERR_FILENO) == 1;
#else
    return false;
#endif
  }

  bool shown_;
  double last_ = -1;
};

}  // namespace glissade
