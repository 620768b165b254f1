// Schedule-free SGD and AdamW.
#pragma once

#include "../rule/chain.hpp"
#include "../rule/moments.hpp"
#include "../transforms/add_decayed_weights.hpp"

namespace glissade {

/// The end of a schedule-free chain: the incoming update is a direction at y, the parameter.
///
///     w = t^step_power lrmax^rate_power,   c = w / (sum of all w so far), 0 while that is 0
///     u <- c (z - y) + learning_rate (momentum (1 - c) - 1) u,   z <- z - learning_rate u
///     momentum = 0:  y is z; the state holds x in its place,   u <- -learning_rate u,   x <- x + c (y + u - x)
///
/// lrmax is the largest learning rate so far. A momentum that is changed from or to 0 in the middle of a run takes
/// the one for the other.
/// State: base_iterate z (the parameter's shape, starts there), numbers weight_sum and largest_rate.
/// Source: "The Road Less Scheduled", 2024, arXiv 2405.15682, Algorithm 1; weights as in the authors' code.
struct ScheduleFreeStep {
  static constexpr std::string_view name = "ScheduleFreeStep";
  static constexpr bool turns = true;
  Schedule learning_rate = 1;  // >= 0
  double momentum = 0.9;       // in [0, 1]
  double rate_power = 2;       // >= 0
  double step_power = 0;       // >= 0

  static constexpr std::array<std::string_view, 1> slots{"base_iterate"};
  static constexpr std::array<bool, 1> full_precision{true};
  static constexpr std::array<NamedScalar, 2> scalars{{{"weight_sum"}, {"largest_rate"}}};
  [[nodiscard]] double initial(std::size_t) const { return from_parameters; }

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("momentum", self.momentum, range::fraction);
    visit("rate_power", self.rate_power, range::non_negative);
    visit("step_power", self.step_power, range::non_negative);
  }
  /// x of y and z.
  [[nodiscard]] double solution(double y, double z) const {
    return momentum == 0 ? z : (y - (1 - momentum) * z) / momentum;
  }

  [[nodiscard]] auto kernel(const Step& step) const {
    const double rate = learning_rate(step.time);
    double& sum = step.scalar(0);
    double& largest = step.scalar(1);
    largest = (std::max)(largest, rate);
    const double weight =
        rounded(std::pow(static_cast<double>(step.count), step_power) * std::pow(largest, rate_power));
    sum += weight;
    const double c = sum == 0 ? 0 : weight / sum;
    return [c, rate, along = rate * (rounded(momentum * (1 - c)) - 1), averages = momentum == 0](auto& u, const auto& y,
                                                                                                 auto& z) {
      const auto direction = u;
      if (averages) {
        u = -(rate * u);
        z = z + c * (y + u - z);
        return;
      }
      u = c * (z - y) + along * direction;
      z = z - rate * direction;
    };
  }
};

/// u <- u / ( sqrt(v / (1 - beta2^t)) + epsilon ),   v <- beta2 v + (1 - beta2) u^2 before: Adam's
/// denominator without its momentum.
///
/// State: second_moment v (the parameter's shape).
struct ScaleBySecondMoment {
  static constexpr std::string_view name = "ScaleBySecondMoment";
  static constexpr bool turns = false;
  double beta2 = 0.999;   // in [0, 1)
  double epsilon = 1e-8;  // >= 0

  static constexpr std::array<std::string_view, 1> slots{"second_moment"};
  static constexpr std::array<bool, 1> non_negative{true};

  static void options(auto& self, auto&& visit) {
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double slope = 1 / std::sqrt(bias_correction(beta2, step.count));
    return [b2 = beta2, slope, e = epsilon](auto& u, const auto&, auto& v) {
      v = b2 * v + (1 - b2) * square(u);
      u = over_root(u, slope * sqrt(v), e);
    };
  }
};

/// SGD that needs no schedule and no end in sight: the rate stays, an average takes the schedule's place.
///
///     y = (1 - momentum) z + momentum x is the parameter, where gradients are taken;   g <- g + weight_decay y
///     z <- z - learning_rate g,   x <- (1 - c) x + c z;   c as in ScheduleFreeStep, 1 / t for a constant rate
///
/// The solution is x, not the parameter: evaluation_parameters(optimizer, k) gives it.
/// State: base_iterate z (the parameter's shape), numbers weight_sum and largest_rate.
/// Cost: 9 flops per coefficient; reads 3 and writes 2 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "The Road Less Scheduled", 2024, arXiv 2405.15682, Algorithm 1; the authors' SGDScheduleFree.
struct ScheduleFreeSgd {
  static constexpr std::string_view name = "ScheduleFreeSgd";
  Schedule learning_rate = 1;  // >= 0: constant, perhaps after a warm-up
  double momentum = 0.9;       // in [0, 1]; 0 averages what SGD does
  double weight_decay = 0;     // >= 0, L2 at y
  double rate_power = 2;       // >= 0: how the largest rate so far weighs in the average
  double step_power = 0;       // >= 0: how the step's number weighs

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("momentum", self.momentum, range::fraction);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("rate_power", self.rate_power, range::non_negative);
    visit("step_power", self.step_power, range::non_negative);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(AddDecayedWeights{weight_decay},
                           ScheduleFreeStep{learning_rate, momentum, rate_power, step_power});
  }
};

/// AdamW that needs no schedule: ScheduleFreeSgd with the direction of ScaleBySecondMoment.
///
///     d = g / ( sqrt(v / (1 - beta2^t)) + epsilon ) + weight_decay y,   v <- beta2 v + (1 - beta2) g^2 before
///     y, z, x as in ScheduleFreeSgd with d for g;  beta1 in the place of momentum
///
/// State: second_moment v, base_iterate z (the parameter's shape), numbers weight_sum and largest_rate.
/// Cost: 16 flops with a root and a division per coefficient; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "The Road Less Scheduled", 2024, arXiv 2405.15682; the authors' AdamWScheduleFree.
struct ScheduleFreeAdamW {
  static constexpr std::string_view name = "ScheduleFreeAdamW";
  Schedule learning_rate = 2.5e-3;  // >= 0: constant, perhaps after a warm-up
  double beta1 = 0.9;               // in [0, 1]
  double beta2 = 0.999;             // in [0, 1)
  double epsilon = 1e-8;            // >= 0
  double weight_decay = 0;          // >= 0, decoupled, at y
  double rate_power = 2;            // >= 0: how the largest rate so far weighs in the average
  double step_power = 0;            // >= 0: how the step's number weighs

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::fraction);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("rate_power", self.rate_power, range::non_negative);
    visit("step_power", self.step_power, range::non_negative);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(ScaleBySecondMoment{beta2, epsilon}, AddDecayedWeights{weight_decay},
                           ScheduleFreeStep{learning_rate, beta1, rate_power, step_power});
  }
};

}  // namespace glissade
