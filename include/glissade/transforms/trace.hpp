// Momentum: a trace of past updates.
#pragma once

#include "../rule/rule.hpp"

namespace glissade {

/// Heavy-ball or Nesterov momentum, in torch's form.
///
///     u <- gain(steps) u
///     t = 1:  b <- u;        t > 1:  b <- momentum b + (1 - dampening) u
///     u <- b   or, with nesterov,   u <- u + momentum b
///
/// State: momentum_buffer (the parameter's shape). 4 flops per coefficient.
/// Source: torch.optim.SGD; dampening is not applied in the first step, as there.
struct Trace {
  static constexpr std::string_view name = "Trace";
  static constexpr bool turns = false;
  double momentum = 0.9;  // in [0, 1)
  double dampening = 0;   // in [0, 1]
  bool nesterov = false;
  Schedule gain = 1;  // >= 0; a learning rate that is to stand in the buffer

  static constexpr std::array<std::string_view, 1> slots{"momentum_buffer"};

  static void options(auto& self, auto&& visit) {
    visit("momentum", self.momentum, range::decay);
    visit("dampening", self.dampening, range::fraction);
    visit("nesterov", self.nesterov);
    visit("gain", self.gain, range::non_negative);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double whole = gain(step.time);
    const double part = step.count == 1 ? whole : (1.0 - dampening) * whole;
    const double ahead = nesterov ? whole : 0.0;
    const double follow = nesterov ? momentum : 1.0;
    return [momentum = momentum, part, ahead, follow](auto& u, const auto&, auto& buffer) {
      buffer = momentum * buffer + part * u;
      u = ahead * u + follow * buffer;
    };
  }
};

}  // namespace glissade
