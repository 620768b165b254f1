// An observer that shows on standard error how a minimization gets on.
#pragma once

#include <cstdio>
#include <limits>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

#include "observer.hpp"

namespace glissade {

/// One line on standard error, renewed ten times a second; silent where that is no terminal.
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
    std::fprintf(stderr, "\riteration %-8lld value %-+18.10e |gradient| %-10.3e %8.1f s",
                 static_cast<long long>(record.iteration), record.value, record.gradient_norm, record.seconds);
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
