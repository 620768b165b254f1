// Prodigy.
#pragma once

#include "../rule/moments.hpp"
#include "../rule/rule.hpp"

namespace glissade {

/// Prodigy: Adam without a learning rate to choose; it estimates the distance d to the solution, from
/// below, and steps accordingly.
///
///     rate = d learning_rate,   b3 = beta3, or sqrt(beta2) where that is 0
///     m <- beta1 m + (1 - beta1) d g,   v <- beta2 v + (1 - beta2) d^2 g^2
///     n <- b3 n + d / initial_distance rate <g, x0 - x>,   s <- b3 s + d / initial_distance rate g
///     d' = max(d, distance_factor n / |s|_1), then at most growth_rate d but where d = initial_distance;
///     sums over all tensors
///     x <- x - rate ( m / (sqrt(v) + d' epsilon) + weight_decay x ),   d <- d'
///
/// With bias_corrected, rate is multiplied by sqrt(1 - beta2^t) / (1 - beta1^t). learning_rate stays 1, or
/// is a schedule that falls from 1.
/// State: first_moment m, second_moment v, weighted_sum s, start x0 (the parameter's shape); numbers of the
/// optimizer: shared("d"), "previous_d", "largest_d", "numerator".
/// Cost: 24 flops with a root and a division per coefficient; two passes, a barrier over all tensors.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "Prodigy: An Expeditiously Adaptive Parameter-Free Learner", 2023, arXiv 2306.06101, Algorithm 4;
/// the authors' code, which weighs with the rate and corrects no bias by default.
struct Prodigy {
  static constexpr std::string_view name = "Prodigy";
  static constexpr bool turns = true;
  Schedule learning_rate = 1;                                    // >= 0
  double beta1 = 0.9;                                            // in [0, 1)
  double beta2 = 0.999;                                          // in [0, 1)
  double beta3 = 0;                                              // in [0, 1); 0 stands for sqrt(beta2)
  double epsilon = 1e-8;                                         // >= 0
  double weight_decay = 0;                                       // >= 0, decoupled
  double initial_distance = 1e-6;                                // > 0
  double distance_factor = 1;                                    // > 0
  double growth_rate = std::numeric_limits<double>::infinity();  // >= 1
  bool bias_corrected = false;
  bool safeguard_warmup = false;  // leaves the learning rate out of s

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = 2;
  static constexpr std::array<std::string_view, 4> slots{"first_moment", "second_moment", "weighted_sum", "start"};
  static constexpr std::array<bool, 4> non_negative{false, true, false, false};
  static constexpr std::array<bool, 4> full_precision{false, false, false, true};
  static constexpr std::array<NamedScalar, 4> shared{{{"d"}, {"previous_d"}, {"largest_d"}, {"numerator"}}};
  [[nodiscard]] double initial(std::size_t slot) const { return slot == 3 ? from_parameters : 0; }

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("beta3", self.beta3, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("initial_distance", self.initial_distance, range::positive);
    visit("distance_factor", self.distance_factor, range::positive);
    visit("growth_rate", self.growth_rate, Range{1});
    visit("bias_corrected", self.bias_corrected);
    visit("safeguard_warmup", self.safeguard_warmup);
  }
  [[nodiscard]] auto measure(const Step& step) const {
    const double d = (std::max)(step.shared(0), initial_distance);
    const double rate = d * learning_rate(step.time) * correction(step.count);
    const double progress = d / initial_distance * rate;
    const double weight = d / initial_distance * (safeguard_warmup ? d : rate);
    return [b1 = beta1, b2 = beta2, b3 = decay_of_sums(), d, progress, weight](const auto& u, const auto& x, auto& m,
                                                                               auto& v, auto& s, const auto& start) {
      m = b1 * m + (d * (1 - b1)) * u;
      v = b2 * v + (d * d * (1 - b2)) * square(u);
      s = b3 * s + weight * u;
      return terms(widen(progress * u) * widen(start - x), widen(abs(s)));
    };
  }
  void finish(const Totals& all) const {
    double& d = all.shared[0];
    double& numerator = all.shared[3];
    d = (std::max)(d, initial_distance);
    all.shared[1] = d;
    double& largest = all.shared[2];
    largest = (std::max)(largest, d);
    numerator = rounded(decay_of_sums() * numerator) + all.sums[0];
    if (all.sums[1] > 0) {
      const double found = distance_factor * numerator / all.sums[1];
      if (d == initial_distance) d = (std::max)(d, found);
      largest = (std::max)(largest, found);
      d = (std::min)(largest, d * growth_rate);
    }
  }
  [[nodiscard]] auto kernel(const Step& step, const double*) const {
    const double rate = step.shared(1) * learning_rate(step.time) * correction(step.count);
    return [rate, e = step.shared(0) * epsilon, decay = weight_decay](auto& u, const auto& x, auto& m, auto& v) {
      u = -(rate * (over_root(m, sqrt(v), e) + decay * x));
    };
  }

 private:
  [[nodiscard]] double decay_of_sums() const { return beta3 == 0 ? std::sqrt(beta2) : beta3; }
  [[nodiscard]] double correction(std::int64_t count) const {
    return bias_corrected ? std::sqrt(bias_correction(beta2, count)) / bias_correction(beta1, count) : 1;
  }
};

}  // namespace glissade
