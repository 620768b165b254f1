// Averaged stochastic gradient descent.
#pragma once

#include "../rule/chain.hpp"
#include "../transforms/add_decayed_weights.hpp"

namespace glissade {

/// Gradient descent whose answer is the mean of its iterates.
///
///     g <- g + weight_decay x,   eta = learning_rate / (1 + lambda learning_rate (t - 1))^alpha
///     x <- (1 - lambda eta) x - eta g
///     mu = 1 / max(1, t - 1 - t0):   average <- average + mu (x - average)
///
/// The parameter holds the last iterate; the answer is evaluation_parameters(optimizer, k).
///
/// State: average (the parameter's shape).
/// Cost: 9 flops per coefficient; reads 3 and writes 2 scalars.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "Acceleration of Stochastic Approximation by Averaging", 1992; torch.optim.ASGD.
struct Asgd {
  static constexpr std::string_view name = "Asgd";
  Schedule learning_rate = 1e-2;  // >= 0
  double lambda = 1e-4;           // >= 0
  double alpha = 0.75;            // >= 0
  double t0 = 1e6;                // >= 0: averaging starts after it
  double weight_decay = 0;        // >= 0, L2

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("lambda", self.lambda, range::non_negative);
    visit("alpha", self.alpha, range::non_negative);
    visit("t0", self.t0, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
  }
  /// The step with its average: the last link of the chain.
  struct Averaged {
    static constexpr std::string_view name = "Asgd";
    Schedule learning_rate;
    double lambda;
    double alpha;
    double t0;
    static constexpr std::array<std::string_view, 1> slots{"average"};
    static constexpr std::array<bool, 1> full_precision{true};
    static constexpr bool ends_chain = true;
    [[nodiscard]] double solution(double, double average) const { return average; }

    [[nodiscard]] auto kernel(const Step& step) const {
      const double rate = learning_rate(step.time);
      const auto before = static_cast<double>(step.count - 1);
      const double eta = rate / std::pow(1 + lambda * rate * before, alpha);
      const double mu = 1 / (std::max)(1.0, before - t0);
      return [eta, shrink = lambda * eta, mu](auto& u, const auto& x, auto& average) {
        u = -(shrink * x) - eta * u;
        const auto next = x + u;
        average = mu == 1 ? next : average + mu * (next - average);
      };
    }
  };
  [[nodiscard]] auto chain() const {
    return glissade::chain(AddDecayedWeights{weight_decay}, Averaged{learning_rate, lambda, alpha, t0});
  }
};

}  // namespace glissade
