// Watches that nothing is taken from the heap, by Eigen (an assertion) or by operator new (a count).
#pragma once

#include "support/allocations.hpp"

#include <Eigen/Core>

class NoHeap {
 public:
  NoHeap() : before_(allocations()) { Eigen::internal::set_is_malloc_allowed(false); }
  NoHeap(const NoHeap&) = delete;
  NoHeap& operator=(const NoHeap&) = delete;
  ~NoHeap() { Eigen::internal::set_is_malloc_allowed(true); }
  /// Calls of operator new since the beginning.
  [[nodiscard]] std::size_t taken() const { return allocations() - before_; }

 private:
  std::size_t before_;
};
