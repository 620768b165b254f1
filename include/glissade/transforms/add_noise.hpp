// Gradient noise.
#pragma once

#include <cmath>

#include "../rule/rule.hpp"

namespace glissade {

/// Adds normal noise whose variance falls with the steps, to leave saddles and bad starts.
///
///     u <- u + s z,   z ~ N(0, 1),   s^2 = eta / n^gamma,   n = 1, 2, ... the number of this update
///
/// The noise is a function of the optimizer's seed, the step, the tensor and the coefficient: the same
/// for any number of threads, and nothing is stored. After Accumulate it is added once, to the mean.
/// State: none. Cost: a logarithm, a root and a cosine per coefficient, one by one and slow.
/// Errors: std::invalid_argument for options out of range.
/// Source: "Adding Gradient Noise Improves Learning for Very Deep Networks", 2015, arXiv 1511.06807,
/// equation 1; optax.add_noise (with other random numbers).
struct AddNoise {
  static constexpr std::string_view name = "AddNoise";
  static constexpr bool turns = false;
  double eta = 0.01;    // >= 0
  double gamma = 0.55;  // >= 0

  static constexpr bool indexed = true;

  static void options(auto& self, auto&& visit) {
    visit("eta", self.eta, range::non_negative);
    visit("gamma", self.gamma, range::non_negative);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const double deviation = std::sqrt(eta / std::pow(static_cast<double>(step.count), gamma));
    return [deviation, key = step.key()](Index first, auto& u) {
      using L = std::remove_cvref_t<decltype(u)>;
      using T = typename L::Scalar;
      alignas(64) T noise[std::size_t{L::width}];
      for (int k = 0; k < L::width; ++k)
        noise[k] = static_cast<T>(deviation * key.normal(static_cast<std::uint64_t>(first + k)));
      u += L::load(noise);
    };
  }
};

}  // namespace glissade
