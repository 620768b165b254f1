// Advantages of actions, from rewards and values; and options for batches of another size.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <string>
#include <string_view>

#include "../core/checks.hpp"

namespace glissade {

/// Generalized advantages of one trajectory of T steps, backwards from its end.
///
///     delta_t = r_t + gamma (1 - first_{t+1}) v_{t+1} - v_t
///     A_t = delta_t + gamma lambda (1 - first_{t+1}) A_{t+1},   R_t = v_t + A_t
///
/// values and first have T + 1 entries: those of the state after the last step too. first is 1 where an episode begins,
/// else 0. gamma (discount) and lambda in [0, 1].
/// Cost: 6 flops per step.
/// Errors: std::invalid_argument for sizes and for factors out of range.
/// Source: "High-Dimensional Continuous Control Using Generalized Advantage Estimation", 2015, arXiv 1506.02438.
inline void generalized_advantages(const Eigen::Ref<const Eigen::VectorXd>& rewards,
                                   const Eigen::Ref<const Eigen::VectorXd>& values,
                                   const Eigen::Ref<const Eigen::VectorXd>& first, double gamma, double lambda,
                                   Eigen::Ref<Eigen::VectorXd> advantages, Eigen::Ref<Eigen::VectorXd> returns) {
  constexpr std::string_view where = "generalized_advantages";
  const Eigen::Index T = rewards.size();
  require(where, "gamma", gamma, range::fraction);
  require(where, "lambda", lambda, range::fraction);
  require_shape(where, "values", values, T + 1, 1);
  require_shape(where, "first", first, T + 1, 1);
  require_shape(where, "advantages", advantages, T, 1);
  require_shape(where, "returns", returns, T, 1);
  double next = 0;
  for (Eigen::Index t = T - 1; t >= 0; --t) {
    const double goes_on = gamma * (1 - first[t + 1]);
    next = rewards[t] + goes_on * values[t + 1] - values[t] + lambda * goes_on * next;
    advantages[t] = next;
    returns[t] = values[t] + next;
  }
}

/// Normalises advantages by mean and deviation, of the batch or of all batches so far, newer ones with more weight.
///
///     w <- decay w + N,   s <- decay s + N mean,   q <- decay q + N mean of squares
///     A <- (A - s / w) / (sqrt(q / w - (s / w)^2) + 1e-8)
///
/// State, in files: weight w, sum s, squares q.
/// Errors: std::invalid_argument for a decay outside of [0, 1) and for advantages that are not finite, before anything
/// has changed.
/// Source: "Batch size-invariance for policy optimization", 2021, arXiv 2110.00641.
class AdvantageNormalizer {
 public:
  static constexpr std::string_view name = "AdvantageNormalizer";

  explicit AdvantageNormalizer(double decay = 0) : decay_(decay) { require(name, "decay", decay, range::decay); }

  void normalize(Eigen::Ref<Eigen::VectorXd> advantages) {
    for (Eigen::Index i = 0; i < advantages.size(); ++i)
      require(name, "advantages[" + std::to_string(i) + "]", advantages[i], range::finite);
    if (advantages.size() == 0) return;
    weight_ = decay_ * weight_ + static_cast<double>(advantages.size());
    sum_ = decay_ * sum_ + advantages.sum();
    squares_ = decay_ * squares_ + advantages.squaredNorm();
    const double mean = sum_ / weight_;
    const double variance = squares_ / weight_ - mean * mean;
    advantages = (advantages.array() - mean) / ((variance > 0 ? std::sqrt(variance) : 0 * variance) + 1e-8);
  }

  static void visit(auto& self, auto&& field) {
    field("weight", self.weight_);
    field("sum", self.sum_);
    field("squares", self.squares_);
  }

 private:
  double decay_;
  double weight_ = 0, sum_ = 0, squares_ = 0;
};

/// The decay of a running mean over batches of 1 / factor of the size that remembers as many samples: the proximal
/// policy's and the advantages'. (Adam's learning rate becomes sqrt(factor) times smaller, that of SGD `factor` times.)
///
///     1 - 1 / (1 + factor decay / (1 - decay))
///
/// Source: "Batch size-invariance for policy optimization", 2021, arXiv 2110.00641, section 4.
[[nodiscard]] inline double decay_for_smaller_batches(double decay, double factor) {
  require("decay_for_smaller_batches", "decay", decay, range::decay);
  require("decay_for_smaller_batches", "factor", factor, range::positive);
  return 1 - 1 / (1 + factor * decay / (1 - decay));
}

}  // namespace glissade
