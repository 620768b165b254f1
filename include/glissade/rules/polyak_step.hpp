// Steps as long as the loss says.
#pragma once

#include "../rule/moments.hpp"
#include "../rule/norms.hpp"

namespace glissade {

/// The Polyak step size, for losses whose least value is known or bounded below: no learning rate has to be found.
///
///     rate = min( learning_rate, (loss - lower_bound)+ / (scale |g|^2) ),   |g| over all tensors
///     x <- x - rate g
///
///     Optimizer optimizer{PolyakStep{.learning_rate = 1}, W, b};
///     const double loss = loss_of_layer(W, b, dW, db);   // of the batch that the gradients are of
///     optimizer.step(with(loss), dW, db);
///
/// learning_rate is the longest step, infinity where there is none. With a batch's own least loss as lower_bound, 0 for
/// models that can fit it, this is SPS. Where the optimizer climbs, lower_bound is one of the loss with its sign
/// turned.
/// State: none but the number shared("rate"), that of the last step.
/// Cost: 3 flops per coefficient; two passes, a barrier over all tensors.
/// Errors: std::invalid_argument for options out of range and a step that is not told the loss. Where the gradient is
/// zero nothing moves. A loss or gradient that is not a number propagates.
/// Source: "Stochastic Polyak Step-size for SGD: An Adaptive Learning Rate for Fast Convergence", 2020, arXiv
/// 2002.10542, equation 3 with the bound gamma_b.
struct PolyakStep {
  static constexpr std::string_view name = "PolyakStep";
  static constexpr bool turns = true;
  Schedule learning_rate = 1;  // > 0, may be infinite
  double lower_bound = 0;
  double scale = 1;  // > 0; 1/2 to 1 in the paper

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = sums_for_norms(1);
  static constexpr std::array<NamedScalar, 1> shared{{{"rate"}}};
  static constexpr std::array<Argument, 1> arguments{{{LossValue::name}}};

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, Range{.low = 0, .low_open = true});
    visit("lower_bound", self.lower_bound, range::finite);
    visit("scale", self.scale, range::positive);
  }
  [[nodiscard]] auto measure(const Step&) const {
    return [](const auto& u) { return norm_terms(u); };
  }
  void finish(const Totals& all) const {
    all.shared[0] = polyak_rate(all.argument(LossValue::name) - lower_bound, norm_from(all.sums.data(), 1, 0), scale,
                                learning_rate(all.time));
  }
  [[nodiscard]] auto kernel(const Step& step, const double*) const {
    return [rate = step.shared(0)](auto& u) { u = -(finite_factor<std::remove_cvref_t<decltype(u)>>(rate) * u); };
  }

  /// min(longest, gap+ / (scale length^2)), 0 for a length of 0.
  [[nodiscard]] static double polyak_rate(double gap, double length, double scale, double longest) {
    if (length == 0) return 0 * gap;
    const double rate = gap < 0 ? 0 : gap / length / length / scale;
    return rate > longest ? longest : rate;
  }
};

}  // namespace glissade
