// Turns a direction into a step downhill: the last link of a chain.
#pragma once

#include "../rule/rule.hpp"

namespace glissade {

/// u <- -learning_rate(t) u, t completed steps.
struct ScaleByLearningRate {
  static constexpr std::string_view name = "ScaleByLearningRate";
  static constexpr bool turns = true;
  Schedule learning_rate = 1e-3;  // >= 0

  static void options(auto& self, auto&& visit) { visit("learning_rate", self.learning_rate, range::non_negative); }
  [[nodiscard]] bool zero_is_zero() const { return true; }
  [[nodiscard]] auto kernel(const Step& step) const {
    return [rate = -learning_rate(step.time)](auto& u) { u *= rate; };
  }
};

/// u <- -learning_rate(t) / (1 + (n - 1) decay) u, n the number of this tensor's update.
struct ScaleByDecayedRate {
  static constexpr std::string_view name = "ScaleByDecayedRate";
  static constexpr bool turns = true;
  Schedule learning_rate = 1e-3;  // >= 0
  double decay = 0;               // >= 0

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("decay", self.decay, range::non_negative);
  }
  [[nodiscard]] bool zero_is_zero() const { return true; }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double rate = learning_rate(step.time) / (1 + static_cast<double>(step.count - 1) * decay);
    return [rate = -rate](auto& u) { u *= rate; };
  }
};

/// u <- factor u: scales a part of a chain, or turns it around.
struct Scale {
  static constexpr std::string_view name = "Scale";
  double factor = 1;

  static void options(auto& self, auto&& visit) { visit("factor", self.factor, range::finite); }
  [[nodiscard]] bool zero_is_zero() const { return true; }
  [[nodiscard]] auto kernel(const Step&) const {
    return [factor = factor](auto& u) { u *= factor; };
  }
};

}  // namespace glissade
