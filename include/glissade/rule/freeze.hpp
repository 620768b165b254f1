// Parameters that stay as they are.
#pragma once

#include "groups.hpp"

namespace glissade {

/// Leaves the parameter as it is, bit for bit, whatever comes in. No state.
struct Frozen {
  static constexpr std::string_view name = "Frozen";
  [[nodiscard]] auto kernel(const Step&) const {
    return [](auto& u) { u = std::remove_cvref_t<decltype(u)>(-0.0); };
  }
};

/// freeze("encoder.*", AdamW{}): the rule for all tensors but those whose name matches the pattern, which
/// stay as they are and have no state.
template <class R>
[[nodiscard]] auto freeze(std::string pattern, R rule) {
  return groups(std::move(rule), group(std::move(pattern), Frozen{}));
}

}  // namespace glissade
