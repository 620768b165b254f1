// Gradient descent without a learning rate: the distance over the gradients.
#pragma once

#include <cmath>

#include "../rule/moments.hpp"
#include "../rule/norms.hpp"

namespace glissade {

namespace detail {

template <std::size_t N>
constexpr std::array<NamedScalar, N> numbers_of_distance() {
  std::array<NamedScalar, N> numbers{};
  for (std::size_t i = 0; i < N; ++i) numbers[i].name = i == 0 ? "largest_distance" : "root";
  return numbers;
}

/// The two below: over all tensors, or each tensor by itself.
template <bool Layerwise>
struct DistanceStep {
  static constexpr std::string_view name = Layerwise ? "LayerwiseDistanceOverGradients" : "DistanceOverGradients";
  static constexpr bool turns = true;
  Schedule learning_rate = 1;      // >= 0
  double initial_distance = 1e-6;  // > 0, relative to 1 + |x0|
  double epsilon = 1e-8;           // >= 0

  static constexpr Reduction reduction = Layerwise ? Reduction::over_tensor : Reduction::over_all;
  static constexpr int sums = sums_for_norms(3);
  static constexpr std::array<std::string_view, 1> slots{"start"};
  static constexpr std::array<bool, 1> full_precision{true};
  static constexpr std::array<NamedScalar, Layerwise ? 2 : 0> scalars = numbers_of_distance < Layerwise ? 2 : 0 > ();
  static constexpr std::array<NamedScalar, Layerwise ? 0 : 2> shared = numbers_of_distance < Layerwise ? 0 : 2 > ();
  [[nodiscard]] static double initial(std::size_t) { return from_parameters; }

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("initial_distance", self.initial_distance, range::positive);
    visit("epsilon", self.epsilon, range::non_negative);
  }
  [[nodiscard]] static auto measure(const Step&) {
    return [](const auto& u, const auto& x, const auto& start) { return norm_terms(u, x - start, start); };
  }
  void finish(const Totals& all) const {
    if constexpr (!Layerwise) renew(all.shared[0], all.shared[1], all.sums.data(), all.time == 0);
  }
  [[nodiscard]] auto kernel(const Step& step, const double* sums_of_squares) const {
    if constexpr (Layerwise) renew(step.scalar(0), step.scalar(1), sums_of_squares, step.count == 1);
    const double distance = Layerwise ? step.scalar(0) : step.shared(0);
    const double root = Layerwise ? step.scalar(1) : step.shared(1);
    const double rate = root == 0 ? 0 : learning_rate(step.time) * (distance / root);
    return [rate](auto& u) { u = -(finite_factor<std::remove_cvref_t<decltype(u)>>(rate) * u); };
  }

 private:
  void renew(double& distance, double& root, const double* sums_of_squares, bool first) const {
    if (first) {
      distance = initial_distance * (1 + norm_from(sums_of_squares, 3, 2));
      root = std::sqrt(epsilon);
    }
    const double now = norm_from(sums_of_squares, 3, 1);
    distance = now < distance ? distance : now;
    root = std::hypot(root, norm_from(sums_of_squares, 3, 0));
  }
};

}  // namespace detail

/// DoG: gradient descent whose step is how far it has come over how much gradient it has seen.
///
///     r <- max(r, |x - x0|),   r = initial_distance (1 + |x0|) at first
///     G <- G + |g|^2,   G = epsilon at first;   over all tensors
///     x <- x - learning_rate r / sqrt(G) g
///
/// learning_rate stays 1. The iterates wander; evaluate an average of them: chain(DistanceOverGradients{}, Swa{}).
/// State: start x0 (the parameter's shape); numbers of the optimizer: shared("largest_distance"), "root" (sqrt(G)).
/// Cost: 7 flops per coefficient; two passes, a barrier over all tensors.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "DoG is SGD's Best Friend: A Parameter-Free Dynamic Step Size Schedule", 2023, arXiv 2302.12022; epsilon and
/// initial_distance as in the authors' code.
using DistanceOverGradients = detail::DistanceStep<false>;

/// LDoG: DoG for each tensor by itself, where tensors differ in size and in the size of their gradients.
/// State: start x0 (the parameter's shape), largest_distance and root, two numbers of each tensor. All else as
/// DistanceOverGradients.
using LayerwiseDistanceOverGradients = detail::DistanceStep<true>;

}  // namespace glissade
