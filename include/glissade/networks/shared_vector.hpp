// A vector that several threads read and write at once, without locks.
#pragma once

#include <Eigen/Core>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace glissade {

/// Coefficients that any thread may load and store at any time. Every access is atomic and relaxed: no coefficient is
/// ever half written, and nothing is said about the order in which writes to different ones are seen.
///
/// Coefficients of different groups (`sizes`, one after another) lie in different cache lines.
class SharedVector {
 public:
  using Index = Eigen::Index;
  static_assert(std::atomic_ref<double>::is_always_lock_free);
  static_assert(std::atomic_ref<double>::required_alignment <= alignof(double));

  explicit SharedVector(const Eigen::VectorXd& x) : SharedVector(x, {x.size()}) {}
  SharedVector(const Eigen::VectorXd& x, const std::vector<Index>& sizes) {
    constexpr Index line = 8;
    Index next = 0;
    for (const Index size : sizes) {
      for (Index k = 0; k < size; ++k) places_.push_back(next + k);
      next += (size + line - 1) / line * line;
    }
    values_.resize(static_cast<std::size_t>(next + line));
    const auto address = reinterpret_cast<std::uintptr_t>(values_.data());
    first_ = values_.data() + (64 - address % 64) % 64 / sizeof(double);
    for (Index j = 0; j < x.size(); ++j) store(j, x[j]);
  }
  SharedVector(const SharedVector&) = delete;
  SharedVector& operator=(const SharedVector&) = delete;

  [[nodiscard]] Index size() const { return static_cast<Index>(places_.size()); }
  [[nodiscard]] double load(Index j) const { return at(j).load(std::memory_order_relaxed); }
  void store(Index j, double value) { at(j).store(value, std::memory_order_relaxed); }
  /// Adds without losing what other threads add at the same time.
  void add(Index j, double value) { at(j).fetch_add(value, std::memory_order_relaxed); }
  /// All coefficients, each as it was at some time during the call.
  void load(Eigen::VectorXd& x) const {
    x.resize(size());
    for (Index j = 0; j < size(); ++j) x[j] = load(j);
  }

 private:
  [[nodiscard]] std::atomic_ref<double> at(Index j) const {
    return std::atomic_ref<double>(first_[places_[static_cast<std::size_t>(j)]]);
  }

  std::vector<double> values_;
  std::vector<Index> places_;
  double* first_ = nullptr;
};

}  // namespace glissade
