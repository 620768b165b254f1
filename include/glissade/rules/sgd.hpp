// Stochastic gradient descent.
#pragma once

#include "../rule/choose.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "../transforms/scale_by_learning_rate.hpp"
#include "../transforms/trace.hpp"

namespace glissade {

/// Gradient descent with momentum, dampening and Nesterov's look-ahead: the baseline of all others.
///
///     g <- g + weight_decay x
///     with momentum:  t = 1: b <- g;  t > 1: b <- momentum b + (1 - dampening) g
///                     g <- b,  or with nesterov  g <- g + momentum b
///     x <- x - learning_rate g
///     rate_in_buffer:  b <- momentum b + (1 - dampening) learning_rate g,  x <- x - b: a change of the rate takes
///                      effect slowly
///
/// State: momentum_buffer (the parameter's shape), only while momentum != 0.
/// Cost: 4 to 8 flops per coefficient; reads 2 and writes 1 scalar, with momentum 3 and 2.
/// Errors: std::invalid_argument for options out of range, and for nesterov without momentum or with
/// dampening. Non-finite gradients propagate.
/// Source: torch.optim.SGD, which fixes what the first step does; Nesterov's form after "On the
/// importance of initialization and momentum in deep learning", 2013.
struct Sgd {
  static constexpr std::string_view name = "Sgd";
  Schedule learning_rate = 1e-3;  // >= 0
  double momentum = 0;            // in [0, 1)
  double dampening = 0;           // in [0, 1]
  bool nesterov = false;
  double weight_decay = 0;      // >= 0, L2
  bool rate_in_buffer = false;  // Sutskever's form; the same while the rate is constant

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("momentum", self.momentum, range::decay);
    visit("dampening", self.dampening, range::fraction);
    visit("nesterov", self.nesterov);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("rate_in_buffer", self.rate_in_buffer);
  }
  void check() const {
    if (!nesterov) return;
    if (momentum == 0) reject(name, "momentum", momentum, "> 0 with nesterov");
    if (dampening != 0) reject(name, "dampening", dampening, "0 with nesterov");
  }
  [[nodiscard]] auto chain() const {
    const bool inside = rate_in_buffer && momentum != 0;
    return glissade::chain(
        AddDecayedWeights{weight_decay},
        When{momentum != 0, Trace{momentum, dampening, nesterov, inside ? learning_rate : Schedule(1)}},
        ScaleByLearningRate{inside ? Schedule(1) : learning_rate});
  }
};

}  // namespace glissade
