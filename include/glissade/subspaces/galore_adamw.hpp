// GaLore's AdamW, with the conventions of its authors.
#pragma once

#include "../rule/convention.hpp"
#include "../rules/adamw.hpp"
#include "galore.hpp"

namespace glissade {

namespace detail {

/// Adam whose epsilon may be added to the root before its bias is corrected.
struct AdamOfGalore {
  static constexpr std::string_view name = "AdamOfGalore";
  static constexpr bool turns = false;
  double beta1, beta2, epsilon;
  bool early_epsilon;
  static constexpr std::array<std::string_view, 2> slots = ScaleByAdam::slots;
  static constexpr std::array<bool, 2> non_negative = ScaleByAdam::non_negative;
  [[nodiscard]] auto kernel(const Step& step) const {
    const double late = early_epsilon ? epsilon / std::sqrt(bias_correction(beta2, step.count)) : epsilon;
    return ScaleByAdam{beta1, beta2, late}.kernel(step);
  }
};

/// u <- u - rate x_new, x_new = x + u: decay of the parameters after the step.
struct DecayAfterStep {
  static constexpr std::string_view name = "DecayAfterStep";
  static constexpr bool turns = false;
  Schedule learning_rate;
  double weight_decay;
  TensorMask mask;
  [[nodiscard]] auto kernel(const Step& step) const {
    const double rate = mask(step.tensor) ? learning_rate(step.time) * weight_decay : 0.0;
    return [rate](auto& u, const auto& x) { u -= rate * (x + u); };
  }
};

}  // namespace detail

/// GaLore with Adam inside and decoupled weight decay; vectors and numbers run AdamW.
///
///     R = P' G or G P;   m, v: the moments of R as in Adam
///     x <- x - learning_rate scale lift( sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon) )
///     x <- (1 - learning_rate weight_decay) x
///
/// State, cost, errors: see Galore. convention torch: epsilon after the bias correction and decay of the parameters
/// before the step, as in AdamW.
/// Source: "GaLore: Memory-Efficient LLM Training by Gradient Low-Rank Projection", 2024, arXiv 2403.03507; epsilon,
/// decay and defaults as in the authors' code.
struct GaloreAdamW {
  static constexpr std::string_view name = "GaloreAdamW";
  Schedule learning_rate = 1e-2;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.999;           // in [0, 1)
  double epsilon = 1e-6;          // >= 0
  double weight_decay = 0;        // >= 0, decoupled
  GaloreOptions galore = {};
  Convention convention = Convention::paper;  // or torch
  TensorMask mask = {};                       // which tensors decay; all without it

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    Galore<ScaleByAdam>::visit_settings(self.galore, visit);
    visit("convention", self.convention, range::up_to(Convention::paper));
    visit("decay_mask", self.mask);
  }
  [[nodiscard]] auto chain() const {
    const bool paper = convention != Convention::torch;
    return glissade::chain(glissade::galore(galore, detail::AdamOfGalore{beta1, beta2, epsilon, paper}),
                           AddDecayedWeights{paper ? 0 : weight_decay, mask}, ScaleByLearningRate{learning_rate},
                           detail::DecayAfterStep{learning_rate, paper ? weight_decay : 0, mask});
  }
};

}  // namespace glissade
