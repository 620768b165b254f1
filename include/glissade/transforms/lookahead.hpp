// Lookahead.
#pragma once

#include "../rule/chain.hpp"

namespace glissade {

/// The last rule of a chain; every `period` steps it draws the parameters back towards where they were
/// `period` steps ago, which halves the noise of the rule before it at little loss of speed.
///
///     every period-th step:   x <- s + alpha (x - s),   s <- x       (x: the parameters after the step)
///
///     Optimizer optimizer{chain(AdamW{}, Lookahead{.period = 5}), W};   evaluation_parameters(optimizer, 0)
///
/// The rule before it keeps its state at the synchronization; as Restarted{period, rule} (transforms/restarted.hpp) it
/// begins anew then. The slow weights s are the solution.
/// alpha = 1 changes no bit. State: slow_parameters s (the parameter's shape, starts there).
/// Cost: 5 flops per coefficient in every period-th step, else none; reads and writes 1 scalar of state.
/// Source: "Lookahead Optimizer: k steps forward, 1 step back", 2019, arXiv 1907.08610, Algorithm 1.
struct Lookahead {
  static constexpr std::string_view name = "Lookahead";
  static constexpr bool turns = false;
  int period = 5;      // >= 1, steps
  double alpha = 0.5;  // in [0, 2): how much of the way is kept; above 1 the slow weights go farther than the fast
                       // ones, from 2 on the distance to a minimum grows

  static constexpr std::array<std::string_view, 1> slots{"slow_parameters"};
  static constexpr std::array<bool, 1> full_precision{true};
  static constexpr bool ends_chain = true;
  [[nodiscard]] double initial(std::size_t) const { return from_parameters; }

  static void options(auto& self, auto&& visit) {
    visit("period", self.period, range::at_least_one);
    visit("alpha", self.alpha, Range{0, 2, false, true});
  }
  [[nodiscard]] double solution(double, double slow) const { return slow; }

  [[nodiscard]] auto kernel(const Step& step) const {
    const bool meets = step.count % period == 0;
    return [meets, back = 1 - alpha](auto& u, const auto& x, auto& slow) {
      if (!meets) return;
      u = u - back * (x + u - slow);
      slow = x + u;
    };
  }
};

}  // namespace glissade
