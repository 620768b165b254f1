// A running mean of the parameters.
#pragma once

#include "../rule/chain.hpp"
#include "../rule/moments.hpp"

namespace glissade {

/// The last rule of a chain; keeps an exponential moving average of the parameters, which often evaluates
/// better than the last ones.
///
///     e <- decay e + (1 - decay) x after the step;   e <- x at the first
///
///     Optimizer optimizer{chain(AdamW{}, Ema{.decay = 0.999}), W};   evaluation_parameters(optimizer, 0)
///
/// The update passes through unchanged. With bias_correction the average starts from zero and is divided by
/// 1 - decay^t, so that early steps weigh alike.
/// State: average e (the parameter's shape). Of 16-bit parameters it sees x before it is rounded.
/// Cost: 4 flops per coefficient; reads and writes 1 scalar of state.
/// Source: torch.optim.swa_utils (average and its first copy), optax.ema (bias correction).
struct Ema {
  static constexpr std::string_view name = "Ema";
  static constexpr bool turns = false;
  double decay = 0.999;  // in [0, 1)
  bool bias_correction = false;

  static constexpr std::array<std::string_view, 1> slots{"average"};
  static constexpr std::array<bool, 1> full_precision{true};
  static constexpr bool ends_chain = true;

  static void options(auto& self, auto&& visit) {
    visit("decay", self.decay, range::decay);
    visit("bias_correction", self.bias_correction);
  }
  [[nodiscard]] double solution(double, double average) const { return average; }

  [[nodiscard]] auto kernel(const Step& step) const {
    const double weight = bias_correction   ? (1 - decay) / glissade::bias_correction(decay, step.count)
                          : step.count == 1 ? 1
                                            : 1 - decay;
    return [old = 1 - weight, weight](auto& u, const auto& x, auto& average) {
      average = old * average + weight * (x + u);
    };
  }
};

}  // namespace glissade
