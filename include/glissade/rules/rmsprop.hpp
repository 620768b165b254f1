// RMSprop.
#pragma once

#include "../rule/choose.hpp"
#include "../rule/convention.hpp"
#include "../rule/moments.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "../transforms/scale_by_learning_rate.hpp"

namespace glissade {

/// The direction of RMSprop: the update over the root of the running mean of its square.
///
///     v <- alpha v + (1 - alpha) u^2,   centered: a <- alpha a + (1 - alpha) u,  w = v - a^2;  else w = v
///     u <- u / (sqrt(w) + epsilon),  or with epsilon_inside  u / sqrt(w + epsilon)
///     bias_corrected:  v / (1 - alpha^t) and a / (1 - alpha^t) in w
///
/// State: mean_square v and, centered, mean_update a (the parameter's shape); v starts at `start`.
template <bool Centered>
struct ScaleByRms {
  static constexpr std::string_view name = "ScaleByRms";
  static constexpr bool turns = false;
  double alpha = 0.99;
  double epsilon = 1e-8;
  bool epsilon_inside = false;
  double start = 0;
  bool bias_corrected = false;

  static constexpr auto slots = [] {
    if constexpr (Centered)
      return std::array<std::string_view, 2>{"mean_square", "mean_update"};
    else
      return std::array<std::string_view, 1>{"mean_square"};
  }();
  static constexpr auto non_negative = [] {
    std::array<bool, Centered ? 2 : 1> result{};
    result[0] = true;
    return result;
  }();
  [[nodiscard]] double initial(std::size_t slot) const { return slot == 0 ? start : 0; }

  static void options(auto& self, auto&& visit) {
    visit("alpha", self.alpha, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("epsilon_inside", self.epsilon_inside);
    visit("start", self.start, range::non_negative);
    visit("bias_corrected", self.bias_corrected);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double whole = bias_corrected ? 1 / bias_correction(alpha, step.count) : 1;
    const auto divide = [inside = epsilon_inside ? epsilon : 0, outside = epsilon_inside ? 0 : epsilon](
                            auto& u, auto w) { u = over_root(u, sqrt(w + inside), outside); };
    if constexpr (Centered)
      return [divide, whole, a = alpha](auto& u, const auto&, auto& v, auto& mean) {
        using L = std::remove_cvref_t<decltype(u)>;
        v = a * v + (1 - a) * square(u);
        mean = a * mean + (1 - a) * u;
        const L most((std::numeric_limits<typename L::Scalar>::max)());
        // Round-off could make it negative, overflow NaN.
        divide(u, max(whole * v - min(square(whole * mean), most), L(0)));
      };
    else
      return [divide, whole, a = alpha](auto& u, const auto&, auto& v) {
        v = a * v + (1 - a) * square(u);
        divide(u, whole * v);
      };
  }
};

/// Momentum with the learning rate before or after the buffer: inside it, a change of the rate takes effect slowly.
///
///     outside:  b <- momentum b + u,  u <- -learning_rate b
///     inside:   b <- momentum b + learning_rate u,  u <- -b
///     nesterov: b in the outgoing update is momentum b + what has just come in
///
/// State: momentum_buffer b (the parameter's shape).
struct RatedTrace {
  static constexpr std::string_view name = "RatedTrace";
  static constexpr bool turns = true;
  Schedule learning_rate = 1e-2;  // >= 0
  double momentum = 0.9;          // in [0, 1)
  bool rate_inside = false;
  bool nesterov = false;

  static constexpr std::array<std::string_view, 1> slots{"momentum_buffer"};

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("momentum", self.momentum, range::decay);
    visit("rate_inside", self.rate_inside);
    visit("nesterov", self.nesterov);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double rate = learning_rate(step.time);
    const double after = rate_inside ? -1.0 : -rate;
    return [momentum = momentum, before = rate_inside ? rate : 1.0, ahead = nesterov ? after : 0.0,
            follow = nesterov ? momentum * after : after](auto& u, const auto&, auto& buffer) {
      u = before * u;
      buffer = momentum * buffer + u;
      u = ahead * u + follow * buffer;
    };
  }
};

/// RMSprop: gradients over their running root mean square, in the conventions of three libraries. L2 decay, the
/// direction of ScaleByRms, and RatedTrace while momentum != 0.
/// Cost: 8 to 16 flops with a root and a division per coefficient; reads 3 to 5 and writes 2 to 4 scalars.
/// Errors: std::invalid_argument for options out of range, and for nesterov without momentum. Non-finite
/// gradients propagate.
/// Source: Hinton's lecture notes, 2012; torch.optim.RMSprop. Conventions:
///   torch       epsilon outside the root, rate outside the momentum buffer
///   optax       epsilon inside the root, rate inside the buffer (its default alpha is 0.9); its eps_in_sqrt=False
///               is torch's at a constant rate
///   tensorflow  as optax, and the mean square starts at 1 (its defaults: alpha 0.9, epsilon 1e-10)
struct RmsProp {
  static constexpr std::string_view name = "RmsProp";
  using Convention = glissade::Convention;
  Schedule learning_rate = 1e-2;  // >= 0
  double alpha = 0.99;            // in [0, 1)
  double epsilon = 1e-8;          // >= 0
  double momentum = 0;            // in [0, 1)
  bool centered = false;
  double weight_decay = 0;  // >= 0, L2
  Convention convention = Convention::torch;
  double initial_accumulator = 0;  // >= 0: of the mean square; tensorflow's 1 stays 1
  bool bias_corrected = false;
  bool nesterov = false;  // of the momentum

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("alpha", self.alpha, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("momentum", self.momentum, range::decay);
    visit("centered", self.centered);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("convention", self.convention, range::up_to(Convention::tensorflow));
    visit("initial_accumulator", self.initial_accumulator, range::non_negative);
    visit("bias_corrected", self.bias_corrected);
    visit("nesterov", self.nesterov);
  }
  void check() const {
    if (convention == Convention::paper) reject(name, "convention", 2, "torch, optax or tensorflow");
    if (nesterov && momentum == 0) reject(name, "momentum", momentum, "> 0 with nesterov");
  }
  [[nodiscard]] auto chain() const {
    const bool inside = convention != Convention::torch;
    const double start = convention == Convention::tensorflow ? 1 : initial_accumulator;
    return glissade::chain(AddDecayedWeights{weight_decay},
                           Either{centered, ScaleByRms<true>{alpha, epsilon, inside, start, bias_corrected},
                                  ScaleByRms<false>{alpha, epsilon, inside, start, bias_corrected}},
                           Either{momentum != 0, RatedTrace{learning_rate, momentum, inside, nesterov},
                                  ScaleByLearningRate{learning_rate}});
  }
};

}  // namespace glissade
