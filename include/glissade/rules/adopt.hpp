// ADOPT.
#pragma once

#include "../rule/chain.hpp"
#include "../rule/moments.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "../transforms/scale_by_learning_rate.hpp"

namespace glissade {

/// The direction of ADOPT: the update over the second moment of the steps before, then averaged.
///
///     t = 1:  v <- u^2,  u <- 0
///     t > 1:  h = u / max(sqrt(v), epsilon), clipped to +-(t - 1)^clip_exponent, or +-t^clip_exponent with
///             count_first
///             m <- beta1 m + (1 - beta1) h,   v <- beta2 v + (1 - beta2) u^2,   u <- m
///
/// State: first_moment m, second_moment v (the parameter's shape).
/// Source: "ADOPT: Modified Adam Can Converge with Any beta2 with the Optimal Rate", 2024,
/// arXiv 2411.02853, Algorithm 2. clip_exponent is 1/4 in the paper and its code, 1/3 in timm; both bound by
/// t - 1 steps, pytorch_optimizer by t (count_first).
struct ScaleByAdopt {
  static constexpr std::string_view name = "ScaleByAdopt";
  static constexpr bool turns = false;
  double beta1 = 0.9;     // in [0, 1)
  double beta2 = 0.9999;  // in [0, 1)
  double epsilon = 1e-6;  // >= 0
  bool clip = true;
  double clip_exponent = 0.25;  // >= 0
  bool count_first = false;     // the bound counts the first step, which only looks

  static constexpr std::array<std::string_view, 2> slots{"first_moment", "second_moment"};
  static constexpr std::array<bool, 2> non_negative{false, true};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("clip", self.clip);
    visit("clip_exponent", self.clip_exponent, range::non_negative);
    visit("count_first", self.count_first);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const bool first = step.count == 1;
    const double bound = clip ? std::pow(static_cast<double>(step.count - (count_first ? 0 : 1)), clip_exponent) : 0;
    return [b1 = beta1, b2 = first ? 0 : beta2, e = epsilon, first, clipped = clip, bound](auto& u, const auto&,
                                                                                           auto& m, auto& v) {
      using L = std::remove_cvref_t<decltype(u)>;
      const L squared = square(u);
      const L root = sqrt(v);
      L h = unless_vanished(u / max(root, guard<L>(e)), root, e);
      v = b2 * v + (1 - b2) * squared;
      if (clipped) h = min(max(h, L(-bound)), L(bound));
      if (!first) m = b1 * m + (1 - b1) * h;
      u = m;
    };
  }
};

/// ADOPT: Adam that converges with any beta2, because no gradient is divided by a moment that it is part of. The
/// direction of ScaleByAdopt after L2 decay, or with decoupled decay from the second step on: the first step only
/// looks, and no parameter moves.
/// Cost: 14 flops with a root and a division per coefficient; reads 4 and writes 3 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
struct Adopt {
  static constexpr std::string_view name = "Adopt";
  static constexpr double paper_exponent = 0.25;
  static constexpr double timm_exponent = 1.0 / 3;
  Schedule learning_rate = 1e-3;  // >= 0
  double beta1 = 0.9;             // in [0, 1)
  double beta2 = 0.9999;          // in [0, 1)
  double epsilon = 1e-6;          // >= 0
  double weight_decay = 0;        // >= 0, L2 unless decoupled
  bool decoupled = false;
  bool clip = true;
  double clip_exponent = paper_exponent;  // >= 0
  bool count_first = false;               // the bound counts the first step, which only looks

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("decoupled", self.decoupled);
    visit("clip", self.clip);
    visit("clip_exponent", self.clip_exponent, range::non_negative);
    visit("count_first", self.count_first);
  }
  /// Decoupled decay from the second step on, as in the authors' code.
  struct LateDecay {
    static constexpr std::string_view name = "Adopt";
    double weight_decay;

    [[nodiscard]] auto kernel(const Step& step) const {
      return [decay = step.count == 1 ? 0 : weight_decay](auto& u, const auto& x) { u += decay * x; };
    }
  };
  [[nodiscard]] auto chain() const {
    return glissade::chain(decayed<LateDecay>(ScaleByAdopt{beta1, beta2, epsilon, clip, clip_exponent, count_first},
                                              weight_decay, decoupled),
                           ScaleByLearningRate{learning_rate});
  }
};

}  // namespace glissade
