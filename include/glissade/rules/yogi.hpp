// Yogi.
#pragma once

#include "adam.hpp"

namespace glissade {

/// The direction of Yogi: Adam whose second moment changes by addition, so it forgets large updates slowly.
///
///     m <- beta1 m + (1 - beta1) u,   v <- v - (1 - beta2) sign(v - u^2) u^2
///     u <- m / (sqrt(v) + epsilon),   bias_corrected: m / c1 / ( sqrt(v / c2) + epsilon ),  c_i = 1 - beta_i^t
///
/// State: first_moment m, second_moment v (the parameter's shape), v initial_accumulator at the start; with
/// both_start m too.
/// Source: "Adaptive Methods for Nonconvex Optimization", 2018, NeurIPS, Algorithm 2, which corrects no bias; the
/// start of the second moment (1e-6) as in optax. optax.yogi is bias_corrected and lets both moments start there,
/// so that without a gradient it moves.
struct ScaleByYogi {
  static constexpr std::string_view name = "ScaleByYogi";
  static constexpr bool turns = false;
  double beta1 = 0.9;                 // in [0, 1)
  double beta2 = 0.999;               // in [0, 1)
  double epsilon = 1e-3;              // >= 0
  double initial_accumulator = 1e-6;  // >= 0
  bool bias_corrected = false;
  bool both_start = false;

  static constexpr std::array<std::string_view, 2> slots{"first_moment", "second_moment"};
  static constexpr std::array<bool, 2> non_negative{false, true};
  [[nodiscard]] double initial(std::size_t slot) const { return slot == 1 || both_start ? initial_accumulator : 0; }

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("initial_accumulator", self.initial_accumulator, range::non_negative);
    visit("bias_corrected", self.bias_corrected);
    visit("both_start", self.both_start);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double c1 = bias_corrected ? bias_correction(beta1, step.count) : 1;
    const double slope = bias_corrected ? c1 / std::sqrt(bias_correction(beta2, step.count)) : 1;
    return [b1 = beta1, fresh = 1 - beta2, slope, e = c1 * epsilon](auto& u, const auto&, auto& m, auto& v) {
      using L = std::remove_cvref_t<decltype(u)>;
      const L squared = square(u);
      m = b1 * m + (1 - b1) * u;
      const L bounded((std::numeric_limits<typename L::Scalar>::max)());
      v = select(v > bounded, v, v - fresh * (sign(v - squared) * squared));  // infinity less infinity is no number
      u = over_root(m, slope * sqrt(v), e);
    };
  }
};

/// Yogi: Adam for gradients that are rare or far apart in size, without Adam's sudden growth of steps. The direction
/// of ScaleByYogi after L2 decay.
/// Cost: 16 flops with a root and a division per coefficient; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct Yogi {
  static constexpr std::string_view name = "Yogi";
  Schedule learning_rate = 1e-2;      // >= 0
  double beta1 = 0.9;                 // in [0, 1)
  double beta2 = 0.999;               // in [0, 1)
  double epsilon = 1e-3;              // >= 0
  double initial_accumulator = 1e-6;  // >= 0
  bool bias_corrected = false;
  double weight_decay = 0;  // >= 0, L2
  bool both_start = false;  // the first moment starts at initial_accumulator too

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("initial_accumulator", self.initial_accumulator, range::non_negative);
    visit("bias_corrected", self.bias_corrected);
    visit("both_start", self.both_start);
    visit("weight_decay", self.weight_decay, range::non_negative);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(AddDecayedWeights{weight_decay},
                           ScaleByYogi{beta1, beta2, epsilon, initial_accumulator, bias_corrected, both_start},
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
