// Momentum whose step is as long as a model of the loss says.
#pragma once

#include "polyak_step.hpp"

namespace glissade {

/// Momentum with the step of a model: the mean of all linear models so far, cut off at a lower bound of the loss. A
/// learning rate that is too large does little harm, and the step shrinks by itself near the end.
///
///     d <- beta d + (1 - beta) g,   f <- beta f + (1 - beta) loss,   c <- beta c + (1 - beta) <g, x>
///     rate = min( learning_rate, (f + <d, x> - c - lower_bound)+ / |d|^2 ),   sums over all tensors
///     x <- x - rate d
///
/// beta is 0 in the first step. With beta = 0 it is PolyakStep with scale 1.
/// State: momentum d (the parameter's shape); numbers of the optimizer: shared("mean_loss"), "mean_product", "rate".
/// Cost: 10 flops per coefficient; two passes, a barrier over all tensors.
/// Errors: std::invalid_argument for options out of range and a step that is not told the loss. A loss or gradient that
/// is not a number propagates.
/// Source: "MoMo: Momentum Models for Adaptive Learning Rates", 2023, arXiv 2305.07583. The formulas are derived here
/// from the model, with averages that begin at the first gradient; without its weight decay and bound estimates.
struct Momo {
  static constexpr std::string_view name = "Momo";
  static constexpr bool turns = true;
  Schedule learning_rate = 1;  // > 0, may be infinite: the longest step
  double beta = 0.9;           // in [0, 1)
  double lower_bound = 0;

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = 2 + sums_for_norms(1);
  static constexpr std::array<std::string_view, 1> slots{"momentum"};
  static constexpr std::array<bool, 1> full_precision{true};  // the value of the model hangs on it
  static constexpr std::array<NamedScalar, 3> shared{{{"mean_loss"}, {"mean_product"}, {"rate"}}};
  static constexpr std::array<Argument, 1> arguments{{{LossValue::name}}};

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, Range{.low = 0, .low_open = true});
    visit("beta", self.beta, range::decay);
    visit("lower_bound", self.lower_bound, range::finite);
  }
  [[nodiscard]] auto measure(const Step& step) const {
    return [b = decay(step.time)](const auto& u, const auto& x, auto& d) {
      d = b * d + (1 - b) * u;
      return norm_terms_after(d, widen(d) * widen(x), widen(u) * widen(x));
    };
  }
  void finish(const Totals& all) const {
    const double b = decay(all.time);
    double& loss = all.shared[0];
    double& product = all.shared[1];
    loss = rounded(b * loss) + rounded((1 - b) * all.argument(LossValue::name));
    product = rounded(b * product) + rounded((1 - b) * all.sums[1]);
    all.shared[2] = PolyakStep::polyak_rate(loss + all.sums[0] - product - lower_bound,
                                            norm_from(all.sums.data() + 2, 1, 0), 1, learning_rate(all.time));
  }
  [[nodiscard]] auto kernel(const Step& step, const double*) const {
    return [rate = step.shared(2)](auto& u, const auto&, const auto& d) {
      u = -(finite_factor<std::remove_cvref_t<decltype(u)>>(rate) * d);
    };
  }

 private:
  [[nodiscard]] double decay(std::int64_t time) const { return time == 0 ? 0 : beta; }
};

}  // namespace glissade
