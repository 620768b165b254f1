// Turns a direction into a step downhill: the last link of a chain.
#pragma once

#include "../core/rule.hpp"

namespace glissade {

/// u <- -learning_rate(t) u, t completed steps.
struct ScaleByLearningRate {
  static constexpr std::string_view name = "ScaleByLearningRate";
  Schedule learning_rate = 1e-3;  // >= 0

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    return [rate = -learning_rate(step.time)](auto& u, const auto&) { u *= rate; };
  }
};

/// u <- factor u: scales a part of a chain, or turns it around.
struct Scale {
  static constexpr std::string_view name = "Scale";
  double factor = 1;

  static void options(auto& self, auto&& visit) { visit("factor", self.factor, range::finite); }
  [[nodiscard]] auto kernel(const Step&) const {
    return [factor = factor](auto& u, const auto&) { u *= factor; };
  }
};

}  // namespace glissade
