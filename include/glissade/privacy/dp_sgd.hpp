// This is a research kernel and not a certified implementation of differential privacy: its noise is floating-point.
// DP-SGD: a batch's gradient with noise, for any optimizer.
#pragma once

#include <Eigen/Core>

#include <cstdint>
#include <string_view>
#include <vector>

#include "../core/random.hpp"
#include "../rule/options.hpp"
#include "clipped_sum.hpp"

namespace glissade {

/// Options of private_gradient.
///
///     clip C  > 0 (1), the longest gradient of one person
///     noise   >= 0 (1), in clips
///     batch   > 0 (1), expected number of persons in a batch: size times rate of poisson_sample, whatever was drawn
///     seed    (0), which must be secret
struct DpSgdOptions {
  static constexpr std::string_view name = "DpSgd";
  double clip = 1;
  double noise = 1;
  double batch = 1;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("clip", self.clip, range::positive);
    visit("noise", self.noise, range::non_negative);
    visit("batch", self.batch, range::positive);
  }
};

/// The persons in a batch: each of 0 .. size - 1 with probability `rate`, independently, as RenyiAccountant takes for
/// granted. The batch may be empty. It is a function of (seed, step). This is a research kernel and not a certified
/// implementation of differential privacy: its noise is floating-point.
///
/// size >= 0, rate in [0, 1], step >= 0, else std::invalid_argument. Cost: one random number per person.
[[nodiscard]] inline std::vector<Eigen::Index> poisson_sample(Eigen::Index size, double rate, std::uint64_t seed,
                                                              std::int64_t step) {
  constexpr std::string_view name = "poisson_sample";
  require(name, "size", static_cast<double>(size), range::non_negative);
  require(name, "rate", rate, range::fraction);
  require(name, "step", static_cast<double>(step), range::non_negative);
  const RandomKey key = RandomKey{seed}.derive(static_cast<std::uint64_t>(step)).derive(0);
  std::vector<Eigen::Index> batch;
  for (Eigen::Index i = 0; i < size; ++i)
    if (key.uniform(static_cast<std::uint64_t>(i)) < rate) batch.push_back(i);
  return batch;
}

/// The gradient of a batch for training by DP-SGD, with any optimizer after it. This is a research kernel and not a
/// certified implementation of differential privacy: its noise is floating-point.
///
///     const std::vector<Eigen::Index> batch = poisson_sample(60'000, 0.004, seed, t);
///     private_gradient({.clip = 1, .noise = 1.1, .batch = 240, .seed = seed}, person_gradients(x, batch), t, g);
///     x -= 0.1 * g;   // or any optimizer
///     spent.add_sampled_gaussian(1.1, 0.004);
///
///     out = (clipped_sum(gradients, C) + N(0, (noise C)^2 I)) / batch
///
/// `gradients`: one column per person of the batch, at the same point; none where the batch is empty, and the noise
/// comes all the same. Those that are not finite count as 0. Two calls with the same seed and step have the same
/// noise: never call it twice for different gradients.
/// State: none. The noise is a function of (seed, step, coefficient).
/// Cost: that of clipped_sum and one normal number per coefficient; no allocation where `out` has its size.
/// Errors: std::invalid_argument for options out of range and step < 0; then `out` is what it was.
/// Source: "Deep Learning with Differential Privacy", 2016, arXiv 1607.00133, Algorithm 1, divided by the expected size
/// of a batch.
inline void private_gradient(const DpSgdOptions& options, const Eigen::Ref<const Eigen::MatrixXd>& gradients,
                             std::int64_t step, Eigen::VectorXd& out) {
  visit_options(options, CheckOption{DpSgdOptions::name, 0});
  require(DpSgdOptions::name, "step", static_cast<double>(step), range::non_negative);
  clipped_sum(gradients, options.clip, out);
  const RandomKey key = RandomKey{options.seed}.derive(static_cast<std::uint64_t>(step)).derive(1);
  const double deviation = options.noise * options.clip;
  for (Eigen::Index i = 0; i < out.size(); ++i) {
    if (deviation > 0) out[i] += deviation * key.normal(static_cast<std::uint64_t>(i));
    out[i] /= options.batch;
  }
}

}  // namespace glissade
