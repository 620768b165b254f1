// The weights of the policy that a new one is kept near.
#pragma once

#include "../rule/chain.hpp"

namespace glissade {

/// The last rule of a chain; keeps the mean of the parameters, newer ones with more weight, that PPO-EWMA takes for its
/// proximal policy.
///
///     w' = decay w + 1,   a <- (decay w / w') a + x / w' after the step,   w <- w';   a = x, w = 1 at first
///     when the phase changes:   a = x, w = 1 before the step
///
///     Optimizer optimizer{chain(Adam{}, ProximalAverage{.decay = 0.889}), x};
///     optimizer.step(g);                       // or step(with(PhaseNumber{k}), g): a new phase forgets the mean
///     evaluation_parameters(optimizer, 0);     // the weights of the proximal policy
///
/// The update passes through unchanged. decay 0 is the latest policy: PPO.
/// State: average a (the parameter's shape), the numbers weight and phase of every tensor.
/// Cost: 3 flops per coefficient; reads and writes 1 scalar.
/// Source: "Batch size-invariance for policy optimization", 2021, arXiv 2110.00641; the start as in the authors' code.
struct ProximalAverage {
  static constexpr std::string_view name = "ProximalAverage";
  static constexpr bool turns = false;
  double decay = 0.889;  // in [0, 1)

  static constexpr std::array<std::string_view, 1> slots{"average"};
  static constexpr std::array<bool, 1> full_precision{true};
  static constexpr std::array<NamedScalar, 2> scalars{{{"weight", 1}, {"phase", -1}}};
  static constexpr std::array<Argument, 1> arguments{{{PhaseNumber::name, false}}};
  static constexpr bool ends_chain = true;
  [[nodiscard]] static double initial(std::size_t) { return from_parameters; }

  static void options(auto& self, auto&& visit) { visit("decay", self.decay, range::decay); }
  [[nodiscard]] static double solution(double, double average) { return average; }

  [[nodiscard]] auto kernel(const Step& step) const {
    double& weight = step.scalar(0);
    double& phase = step.scalar(1);
    bool restart = false;
    if (step.told(PhaseNumber::name)) {
      restart = phase >= 0 && phase != step.argument(PhaseNumber::name);
      phase = step.argument(PhaseNumber::name);
    }
    const double before = restart ? 1 : weight;
    weight = decay * before + 1;
    return [old = decay * before / weight, now = 1 / weight, restart](auto& u, const auto& x, auto& average) {
      if (restart) average = x;
      average = old * average + now * (x + u);
    };
  }
};

}  // namespace glissade
