// Clipping every coefficient on its own.
#pragma once

#include "../rule/rule.hpp"

namespace glissade {

/// u <- min(max(u, -max_value), max_value); NaN stays NaN. No state.
struct ClipByValue {
  static constexpr std::string_view name = "ClipByValue";
  static constexpr bool turns = false;
  double max_value = 1;  // > 0

  static void options(auto& self, auto&& visit) { visit("max_value", self.max_value, range::positive); }
  [[nodiscard]] auto kernel(const Step&) const {
    return [bound = max_value](auto& u) {
      using L = std::remove_cvref_t<decltype(u)>;
      u = min(max(u, L(-bound)), L(bound));
    };
  }
};

}  // namespace glissade
