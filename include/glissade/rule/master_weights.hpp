// Full-precision copies of 16-bit parameters.
#pragma once

#include "rule.hpp"

namespace glissade {

/// In a chain, keeps 16-bit parameters in float as well: every rule sees and every step changes the copy,
/// and the parameters are the copy rounded. Small updates then add up instead of being rounded away.
///
///     Optimizer optimizer{chain(MasterWeights{}, AdamW{}), W};   // W of Eigen::bfloat16 or Eigen::half
///
/// Where in the chain it stands does not matter. Parameters of float or double are their own masters: then
/// it costs and does nothing. A parameter that the program itself changes is overwritten by the copy in the
/// next step, unless reset() makes a new one.
/// State: master_parameters (float, the parameter's shape). Cost: 4 more bytes read and written per coefficient.
struct MasterWeights {
  static constexpr std::string_view name = "MasterWeights";
  static constexpr bool turns = false;
  static constexpr std::string_view field = "master_parameters";
  static constexpr bool keeps_parameters = true;

  [[nodiscard]] auto kernel(const Step&) const {
    return [](auto&, const auto&) {};
  }
};

}  // namespace glissade
