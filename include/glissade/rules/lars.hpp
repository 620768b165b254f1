// Lars.
#pragma once

#include "../rule/choose.hpp"
#include "../rule/moments.hpp"
#include "../rule/norms.hpp"
#include "rmsprop.hpp"

namespace glissade {

/// The direction of Lars: every tensor's update, with its decay, gets a length in proportion to the tensor.
///
///     paper:  r = trust_coefficient |x| / (|u| + weight_decay |x| + epsilon);   u <- r (u + weight_decay x)
///     optax:  r = trust_coefficient |x| / (|u + weight_decay x| + epsilon)
///
/// Where a norm is 0, r is 1; in the paper's form with trust_coefficient 0 it is 0 always. Not always_adapt: r = 1
/// without decay, as in timm.
/// State: none. A barrier over the tensor: one more pass, which reads 2 scalars per coefficient.
/// Source: "Large Batch Training of Convolutional Networks", 2017, arXiv 1708.03888, equation 6 and Algorithm 1;
/// optax.lars takes the norm of the sum (its defaults: nesterov false, no decay).
struct ScaleByLars {
  static constexpr std::string_view name = "ScaleByLars";
  static constexpr bool turns = false;
  using Convention = glissade::Convention;
  double trust_coefficient = 1e-3;  // >= 0
  double epsilon = 0;               // >= 0
  double weight_decay = 0;          // >= 0
  bool always_adapt = true;
  Convention convention = Convention::paper;  // or optax

  static constexpr Reduction reduction = Reduction::over_tensor;
  static constexpr int sums = sums_for_norms(2);

  static void options(auto& self, auto&& visit) {
    visit("trust_coefficient", self.trust_coefficient, range::non_negative);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("always_adapt", self.always_adapt);
    visit("convention", self.convention, Range{1, 2});
  }
  [[nodiscard]] auto measure(const Step&) const {
    return [decay = convention == Convention::optax ? weight_decay : 0.0](const auto& u, const auto& x) {
      return norm_terms(u + decay * x, x);
    };
  }
  [[nodiscard]] auto kernel(const Step&, const double* sums_of_squares) const {
    const double length = norm_from(sums_of_squares, 2, 0);
    const double size = norm_from(sums_of_squares, 2, 1);
    const bool paper = convention == Convention::paper;
    const double decay_length = paper ? weight_decay * size : 0;  // else in `length` already
    double ratio = paper && trust_coefficient == 0 ? 0 : 1;
    if (!always_adapt && weight_decay == 0)
      ratio = 1;
    else if (length != 0 && size != 0)
      ratio = trust_coefficient * size / (length + decay_length + epsilon);
    return [ratio, decay = weight_decay](auto& u, const auto& x) {
      u = finite_factor<std::remove_cvref_t<decltype(u)>>(ratio) * (u + decay * x);
    };
  }
};

/// Lars: SGD with momentum whose step in every layer is in proportion to the layer; for large batches. The direction
/// of ScaleByLars, then RatedTrace with the rate inside the momentum buffer.
/// State: momentum_buffer (the parameter's shape, 0 at the start), only while momentum != 0.
/// Cost: 11 flops per coefficient; two passes, a barrier over each tensor.
/// Errors: std::invalid_argument for options out of range, and for nesterov without momentum. Non-finite
/// gradients propagate.
struct Lars {
  static constexpr std::string_view name = "Lars";
  using Convention = glissade::Convention;
  Schedule learning_rate = 1;       // >= 0
  double momentum = 0.9;            // in [0, 1)
  double weight_decay = 0;          // >= 0, L2
  double trust_coefficient = 1e-3;  // >= 0
  double epsilon = 0;               // >= 0
  bool nesterov = false;
  Convention convention = Convention::paper;  // or optax
  bool always_adapt = true;

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("momentum", self.momentum, range::decay);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("trust_coefficient", self.trust_coefficient, range::non_negative);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("nesterov", self.nesterov);
    visit("convention", self.convention, Range{1, 2});
    visit("always_adapt", self.always_adapt);
  }
  void check() const {
    if (nesterov && momentum == 0) reject(name, "momentum", momentum, "> 0 with nesterov");
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(
        ScaleByLars{trust_coefficient, epsilon, weight_decay, always_adapt, convention},
        Either{momentum != 0, RatedTrace{learning_rate, momentum, true, nesterov}, ScaleByLearningRate{learning_rate}});
  }
};

}  // namespace glissade
