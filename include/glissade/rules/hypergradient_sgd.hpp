// Gradient descent that learns its learning rate.
#pragma once

#include "../rule/moments.hpp"
#include "../rule/rule.hpp"

namespace glissade {

/// Gradient descent whose learning rate descends too: it grows while successive gradients agree, and falls when they
/// turn.
///
///     rate <- max(0, rate + hyper_rate <g, g of the step before>),   over all tensors;   rate = learning_rate at first
///     x <- x - rate g
///
/// State: previous_gradient (the parameter's shape); shared("rate").
/// Cost: 4 flops per coefficient; two passes, a barrier over all tensors.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "Online Learning Rate Adaptation with Hypergradient Descent", 2017, arXiv 1703.04782, Algorithm 4, with the
/// floor at 0.
struct HypergradientSgd {
  static constexpr std::string_view name = "HypergradientSgd";
  static constexpr bool turns = true;
  double learning_rate = 1e-3;  // >= 0, of the first step
  double hyper_rate = 1e-3;     // >= 0

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = 1;
  static constexpr std::array<std::string_view, 1> slots{"previous_gradient"};
  static constexpr std::array<NamedScalar, 1> shared{{{"rate"}}};

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("hyper_rate", self.hyper_rate, range::non_negative);
  }
  [[nodiscard]] auto measure(const Step&) const {
    return [](const auto& u, const auto&, const auto& before) { return terms(widen(u) * widen(before)); };
  }
  void finish(const Totals& all) const {
    double& rate = all.shared[0];
    const double next = (all.time == 0 ? learning_rate : rate) + rounded(hyper_rate * all.sums[0]);
    rate = next < 0 ? 0 : next;
  }
  [[nodiscard]] auto kernel(const Step& step, const double*) const {
    return [rate = step.shared(0)](auto& u, const auto&, auto& before) {
      before = u;
      u = -(finite_factor<std::remove_cvref_t<decltype(u)>>(rate) * u);
    };
  }
};

}  // namespace glissade
