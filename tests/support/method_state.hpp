// Carries the state of a method over to another one by what its visit names, as a file would.
#pragma once

#include <glissade/core/tensors/field.hpp>

#include <cstring>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

/// Every named part of `from` into the part of the same name of `to`, a state for as many variables.
template <class S>
void copy_state(const S& from, S& to) {
  std::map<std::string, std::vector<double>> saved;
  S::visit(from, [&](const auto& name, const auto& value, auto...) {
    auto& numbers = saved[std::string(name)];
    if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(value)>>)
      numbers.push_back(static_cast<double>(value));
    else
      for (Eigen::Index i = 0; i < value.size(); ++i) numbers.push_back(value[i]);
  });
  S::visit(to, [&](const auto& name, auto& value, auto...) {
    using T = std::remove_cvref_t<decltype(value)>;
    const auto& numbers = saved.at(std::string(name));
    if constexpr (std::is_arithmetic_v<T>) {
      value = static_cast<T>(numbers.at(0));
    } else if constexpr (std::is_same_v<T, glissade::Field>) {
      std::memcpy(value.data(), numbers.data(), value.bytes());
    } else {
      value.resize(static_cast<Eigen::Index>(numbers.size()));
      for (Eigen::Index i = 0; i < value.size(); ++i) value[i] = numbers[static_cast<std::size_t>(i)];
    }
  });
}
