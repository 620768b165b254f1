// Memory that two arrays share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../core/tensors/rule_state.hpp"

namespace glissade::detail {

/// Throws std::invalid_argument if two of some tensors share memory; data_of(k) is where tensor k lies.
template <class DataOf>
void check_overlap(const std::vector<Tensor>& tensors, std::size_t scalar_bytes, const DataOf& data_of) {
  std::vector<std::pair<std::uintptr_t, std::size_t>> places;
  for (std::size_t k = 0; k < tensors.size(); ++k)
    if (tensors[k].size() > 0) places.emplace_back(reinterpret_cast<std::uintptr_t>(data_of(k)), k);
  std::sort(places.begin(), places.end());
  for (std::size_t i = 1; i < places.size(); ++i) {
    const auto [begin, before] = places[i - 1];
    if (places[i].first < begin + static_cast<std::size_t>(tensors[before].size()) * scalar_bytes)
      throw std::invalid_argument("Optimizer: parameters \"" + tensors[before].name + "\" and \"" +
                                  tensors[places[i].second].name + "\" share memory, must be bound once");
  }
}

/// The parameters of a step, in the order in which they lie in memory.
class MovingMemory {
 public:
  /// The workspace tells where the parameters lie, which do not overlap each other.
  template <StorageScalar P>
  MovingMemory(RuleState<P>& state, std::size_t scalar_bytes)
      : tensors_(state.tensors),
        parameters_(state.workspace.parameters),
        order_(state.workspace.by_address),
        scalar_bytes_(scalar_bytes) {
    sort();
  }

  /// Whether a gradient of tensor k that lies here would change while parameters move. One that is parameter k itself
  /// does not: a coefficient is read before it moves.
  [[nodiscard]] bool reach(const void* gradient, std::size_t bytes, std::size_t k) {
    if (gradient == parameters_[k] && bytes == size_of_parameter(k)) return false;
    const std::uintptr_t begin = address(gradient);
    const std::size_t next = after(begin);
    const bool over = next > 0 && begin < begin_of(next - 1) + size_of_parameter(order_[next - 1]);
    return over || (next < order_.size() && begin_of(next) < begin + bytes);
  }

 private:
  static std::uintptr_t address(const void* place) { return reinterpret_cast<std::uintptr_t>(place); }
  [[nodiscard]] std::uintptr_t begin_of(std::size_t place) const { return address(parameters_[order_[place]]); }
  [[nodiscard]] std::size_t size_of_parameter(std::size_t k) const {
    return static_cast<std::size_t>(tensors_[k].size()) * scalar_bytes_;
  }

  /// Mostly there is nothing to do: parameters stay where they are from step to step.
  void sort() {
    bool sorted = !order_.empty();
    for (std::size_t i = 1; i < order_.size() && sorted; ++i) sorted = begin_of(i - 1) <= begin_of(i);
    if (sorted) return;
    order_.clear();
    for (std::size_t k = 0; k < tensors_.size(); ++k)
      if (tensors_[k].size() > 0) order_.push_back(k);
    std::sort(order_.begin(), order_.end(),
              [&](std::size_t a, std::size_t b) { return address(parameters_[a]) < address(parameters_[b]); });
  }

  /// The place of the first parameter that begins behind `begin`. Gradients often lie in the order of the parameters,
  /// so it is looked for where the last one was.
  std::size_t after(std::uintptr_t begin) {
    const auto fits = [&](std::size_t place) {
      return (place == 0 || begin_of(place - 1) <= begin) && (place == order_.size() || begin < begin_of(place));
    };
    for (std::size_t tries = 0; tries < 3 && last_ + tries <= order_.size(); ++tries)
      if (fits(last_ + tries)) return last_ += tries;
    std::size_t low = 0, high = order_.size();
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (begin_of(middle) <= begin)
        low = middle + 1;
      else
        high = middle;
    }
    return last_ = low;
  }

  const std::vector<Tensor>& tensors_;
  const std::vector<void*>& parameters_;
  std::vector<std::size_t>& order_;
  std::size_t scalar_bytes_;
  std::size_t last_ = 0;
};

}  // namespace glissade::detail
