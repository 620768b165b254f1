// Adafactor.
#pragma once

#include <optional>

#include "../rule/choose.hpp"
#include "../rule/convention.hpp"
#include "../rule/moments.hpp"
#include "../rule/norms.hpp"
#include "factored_rms.hpp"

namespace glissade {

/// The second half of Adafactor: clips the update's root mean square, scales it by the learning rate
/// and the parameter's size, smooths it and decays the weights. A barrier over the tensor.
template <bool Momentum>
struct AdafactorStep {
  static constexpr std::string_view name = "AdafactorStep";
  static constexpr bool turns = true;
  std::optional<Schedule> learning_rate;
  double epsilon2;
  double clip_threshold;
  double beta1;
  bool scale_parameter;
  bool warmup_init;
  double weight_decay;
  Convention convention;

  static constexpr std::array<std::string_view, Momentum ? 1 : 0> slots = [] {
    std::array<std::string_view, Momentum ? 1 : 0> names{};
    if constexpr (Momentum) names[0] = "momentum";
    return names;
  }();
  static constexpr Reduction reduction = Reduction::over_tensor;
  static constexpr int sums = sums_for_norms(2);

  [[nodiscard]] auto measure(const Step&) const {
    const auto squares = [](const auto& u, const auto& x) { return norm_terms(u, x); };
    if constexpr (Momentum)
      return [squares](const auto& u, const auto& x, auto&) { return squares(u, x); };
    else
      return squares;
  }
  [[nodiscard]] auto kernel(const Step& step, const double* squares) const {
    const auto size = static_cast<double>((std::max)(step.tensor.size(), Index{1}));
    const double update_rms = norm_from(squares, 2, 0, size);
    const double parameter_rms = norm_from(squares, 2, 1, size);
    const double clip = 1 / (std::max)(1.0, update_rms / clip_threshold);
    const double rate = relative_rate(step);
    const bool scaled = scale_parameter || convention == Convention::torch;
    const double alpha = scaled ? (std::max)(epsilon2, parameter_rms) * rate : rate;
    const double decay = decay_per_step(step, alpha);
    if constexpr (Momentum)
      return [scale = clip * alpha, b1 = beta1, decay](auto& u, const auto& x, auto& m) {
        m = b1 * m + (1 - b1) * (scale * u);
        u = -m - decay * x;
      };
    else
      return [scale = clip * alpha, decay](auto& u, const auto& x) { u = -(scale * u) - decay * x; };
  }

 private:
  /// rho_t of the source, before the parameter's scale.
  [[nodiscard]] double relative_rate(const Step& step) const {
    const auto t = static_cast<double>(step.count);
    if (convention == Convention::torch) return (std::min)(rate_or(step, 1e-2), 1 / std::sqrt(t));
    if (convention == Convention::optax) return rate_or(step, 1);
    return rate_or(step, (std::min)(warmup_init ? 1e-6 * t : 1e-2, 1 / std::sqrt(t)));
  }
  [[nodiscard]] double rate_or(const Step& step, double otherwise) const {
    return learning_rate ? (*learning_rate)(step.time) : otherwise;
  }
  [[nodiscard]] double decay_per_step(const Step& step, double alpha) const {
    if (convention == Convention::torch) return weight_decay * rate_or(step, 1e-2);
    if (convention == Convention::optax) return weight_decay;
    return weight_decay * alpha;
  }
};

/// Adafactor: adaptive steps with n + m instead of 2 n m scalars of state for an n x m matrix.
///
///     b2 = 1 - t^(-decay_exponent),   S = G^2 + epsilon1
///     matrix:  R <- b2 R + (1 - b2) row means of S,  C <- b2 C + (1 - b2) column means of S
///              U = G / sqrt(R C^T / mean(R))
///     vector:  V <- b2 V + (1 - b2) S,  U = G / sqrt(V)
///     U <- U / max(1, RMS(U) / clip_threshold)
///     alpha = max(epsilon2, RMS(X)) rho,   rho = learning_rate or min(1e-2, 1 / sqrt(t))
///     with beta1:  M <- beta1 M + (1 - beta1) alpha U,  X <- X - M;   else  X <- X - alpha U
///
/// State: row_mean_square R (n), column_mean_square C (m) of a matrix; second_moment V of a vector, a
/// scalar, or a matrix with a side below min_dim_to_factor; momentum M (the parameter's shape), only
/// while beta1 != 0.
/// Cost: about 12 flops with a root and a division per coefficient; four passes over memory.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", 2018, arXiv 1804.04235,
/// Algorithms 4 and 5; weight decay as in fairseq. Deviations are conventions:
///   torch  mean(R) and the product are bounded below by epsilon1 and epsilon1^2 instead of S
///          (where epsilon1 is left at 1e-30: by the machine epsilon); rho = min(learning_rate or
///          1e-2, 1 / sqrt(t)); always scaled by RMS(X); decay is weight_decay learning_rate
///   optax  rho = learning_rate or 1; decay is weight_decay alone; matrices are factored from 128 on
struct Adafactor {
  static constexpr std::string_view name = "Adafactor";
  using Convention = glissade::Convention;
  std::optional<Schedule> learning_rate = std::nullopt;  // >= 0; empty: the relative step above
  double epsilon1 = 1e-30;                               // > 0
  double epsilon2 = 1e-3;                                // >= 0, floor of RMS(X)
  double clip_threshold = 1;                             // >= 1
  double decay_exponent = 0.8;                           // in (0, 1]
  double beta1 = 0;                                      // in [0, 1)
  bool scale_parameter = true;                           // off: alpha = rho
  bool warmup_init = false;                              // rho = min(1e-6 t, 1 / sqrt(t))
  double weight_decay = 0;                               // >= 0
  Convention convention = Convention::paper;
  int min_dim_to_factor = 0;  // 0: 1, in optax's convention 128

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("epsilon1", self.epsilon1, range::positive);
    visit("epsilon2", self.epsilon2, range::non_negative);
    visit("clip_threshold", self.clip_threshold, range::at_least_one);
    visit("decay_exponent", self.decay_exponent, Range{0, 1, true, false});
    visit("beta1", self.beta1, range::decay);
    visit("scale_parameter", self.scale_parameter);
    visit("warmup_init", self.warmup_init);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("convention", self.convention, range::up_to(Convention::paper));
    visit("min_dim_to_factor", self.min_dim_to_factor, range::non_negative);
  }
  [[nodiscard]] auto chain() const {
    const int smallest = min_dim_to_factor > 0 ? min_dim_to_factor : convention == Convention::optax ? 128 : 1;
    return glissade::chain(ScaleByFactoredRms{epsilon1, decay_exponent, convention == Convention::torch, smallest},
                           Either{beta1 != 0, step<true>(), step<false>()});
  }

 private:
  template <bool Momentum>
  [[nodiscard]] AdafactorStep<Momentum> step() const {
    return {learning_rate, epsilon2, clip_threshold, beta1, scale_parameter, warmup_init, weight_decay, convention};
  }
};

}  // namespace glissade
