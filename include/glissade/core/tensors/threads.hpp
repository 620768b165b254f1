// The one place that knows about threads: OpenMP where the program is compiled with it.
#pragma once

#include <Eigen/Core>

#include <algorithm>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace glissade {

/// More than this OpenMP may fail to start, and then it ends the program.
inline constexpr int most_threads = 1024;

/// How many threads `requested` means here: 0 is all that the machine offers, and no more than most_threads are.
inline int resolve_threads([[maybe_unused]] int requested) {
#ifdef _OPENMP
  return (std::min)(requested > 0 ? requested : omp_get_max_threads(), most_threads);
#else
  return 1;
#endif
}

/// body(i) for i in [0, count), on up to `threads` threads. The body must not throw.
template <class Body>
void parallel_for(Eigen::Index count, [[maybe_unused]] int threads, const Body& body) {
#ifdef _OPENMP
  if (threads > 1 && count > 1) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (Eigen::Index i = 0; i < count; ++i) body(i);
    return;
  }
#endif
  for (Eigen::Index i = 0; i < count; ++i) body(i);
}

}  // namespace glissade
