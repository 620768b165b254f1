// Stochastic weight averaging.
#pragma once

#include "../rule/chain.hpp"

namespace glissade {

/// The last rule of a chain; keeps the mean of the parameters after every `period`-th step after `start`,
/// for rates that stay large or come back.
///
///     s <- s + (x - s) / (k + 1) after steps start + period, start + 2 period, ...;  k parameters so far
///
///     Optimizer optimizer{chain(Sgd{}, Swa{.start = 1000}), W};   evaluation_parameters(optimizer, 0)
///
/// The update passes through unchanged. Until the first collection the parameters themselves are the
/// solution. Statistics of
/// normalization layers belong to the parameters and have to be computed again for the average.
/// State: average s (the parameter's shape). Of 16-bit parameters it sees x before it is rounded.
/// Cost: 4 flops per coefficient; reads and writes 1 scalar of state.
/// Source: "Averaging Weights Leads to Wider Optima and Better Generalization", 2018, arXiv 1803.05407,
/// Algorithm 1; torch.optim.swa_utils.
struct Swa {
  static constexpr std::string_view name = "Swa";
  static constexpr bool turns = false;
  int start = 0;   // >= 0, steps
  int period = 1;  // >= 1, steps

  static constexpr std::array<std::string_view, 1> slots{"average"};
  static constexpr std::array<bool, 1> full_precision{true};
  static constexpr bool ends_chain = true;

  static void options(auto& self, auto&& visit) {
    visit("start", self.start, range::non_negative);
    visit("period", self.period, range::at_least_one);
  }
  [[nodiscard]] double solution(double, double average) const { return average; }
  [[nodiscard]] bool has_average(std::int64_t count) const { return count - start >= period; }

  [[nodiscard]] auto kernel(const Step& step) const {
    const std::int64_t since = step.count - start;
    const bool collects = since > 0 && since % period == 0;
    const double weight = collects ? 1 / static_cast<double>(since / period) : 0;
    return [collects, weight](auto& u, const auto& x, auto& average) {
      if (collects) average += weight * (x + u - average);
    };
  }
};

}  // namespace glissade
