// The losses of proximal policy optimization, with their gradients.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>

#include "../core/checks.hpp"
#include "../rule/options.hpp"

namespace glissade {

enum class PpoObjective { clipped, kl };

/// Options of the losses of PPO.
struct PpoOptions {
  static constexpr std::string_view name = "Ppo";

  PpoObjective objective = PpoObjective::clipped;
  double clip = 0.2;               // in (0, 1): how far the ratio of probabilities may leave 1
  double kl_beta = 1;              // >= 0: weight of the penalty of kl
  double importance_cap = 100;     // > 0, infinite without one: of the ratio to the behaviour policy
  double value_clip = 0;           // >= 0; 0: values are not clipped
  double value_coefficient = 0.5;  // >= 0
  double entropy_coefficient = 0.01;

  static void options(auto& self, auto&& visit) {
    visit("objective", self.objective, range::up_to(PpoObjective::kl));
    visit("clip", self.clip, range::open_fraction);
    visit("kl_beta", self.kl_beta, range::non_negative);
    visit("importance_cap", self.importance_cap, Range{.low = 0, .low_open = true});
    visit("value_clip", self.value_clip, range::non_negative);
    visit("value_coefficient", self.value_coefficient, range::non_negative);
    visit("entropy_coefficient", self.entropy_coefficient, range::finite);
  }
};

/// A loss and its slope.
struct LossAndSlope {
  double value = 0;
  double slope = 0;
};

/// What a batch shows of how far the policy has moved.
struct PpoDiagnostics {
  double clip_fraction = 0;   // of samples whose gradient is cut off
  double approximate_kl = 0;  // mean of (log pi - log pi_proximal)^2 / 2
};

/// The loss of one action with advantage A, and its slope in log pi: log probabilities of the policy that is trained,
/// of the one that acted and of the proximal one that it is kept near (that acted too in PPO; of older weights, see
/// ProximalAverage, in PPO-EWMA).
///
///     clipped: max( -A exp(log pi - log b), -A exp(clip(log pi - log p, log(1 - c), log(1 + c)) + log p - log b) )
///     kl:      -A exp(log pi - log b) + kl_beta (log pi - log p)^2 / 2
///     log b >= log pi - log importance_cap, without a slope
///
/// At a tie the slope is that without the clip. A log pi of -infinity is the limit. NaN propagates.
/// Source: "Proximal Policy Optimization Algorithms", 2017, arXiv 1707.06347; decoupled: "Batch size-invariance for
/// policy optimization", 2021, arXiv 2110.00641, and the authors' code.
[[nodiscard]] inline LossAndSlope ppo_loss(const PpoOptions& options, double log_pi, double log_behaviour,
                                           double log_proximal, double advantage) {
  const double behaviour = (std::max)(log_behaviour, log_pi - std::log(options.importance_cap));
  const double free = -advantage * std::exp(log_pi - behaviour);
  if (options.objective == PpoObjective::kl) {
    const double apart = log_pi - log_proximal;
    return {free + options.kl_beta * 0.5 * apart * apart, free + options.kl_beta * apart};
  }
  const double ratio = log_pi - log_proximal;
  const double low = std::log1p(-options.clip), high = std::log1p(options.clip);
  if (advantage >= 0 ? !(ratio > high) : !(ratio < low)) return {free, free};
  const double bound = advantage >= 0 ? high : low;
  return {-advantage * std::exp(bound + log_proximal - behaviour), 0};
}

/// The mean of ppo_loss over a batch; gradient becomes its gradient in every log pi. Vectors of one size, also empty,
/// of which the loss is 0.
inline double ppo_policy_loss(const PpoOptions& options, const Eigen::Ref<const Eigen::VectorXd>& log_pi,
                              const Eigen::Ref<const Eigen::VectorXd>& log_behaviour,
                              const Eigen::Ref<const Eigen::VectorXd>& log_proximal,
                              const Eigen::Ref<const Eigen::VectorXd>& advantages, Eigen::Ref<Eigen::VectorXd> gradient,
                              PpoDiagnostics* diagnostics = nullptr) {
  visit_options(options, CheckOption{PpoOptions::name, 0});
  const Eigen::Index n = log_pi.size();
  require_shape("ppo_policy_loss", "log_behaviour", log_behaviour, n, 1);
  require_shape("ppo_policy_loss", "log_proximal", log_proximal, n, 1);
  require_shape("ppo_policy_loss", "advantages", advantages, n, 1);
  require_shape("ppo_policy_loss", "gradient", gradient, n, 1);
  double sum = 0, clipped = 0, apart = 0;
  for (Eigen::Index i = 0; i < n; ++i) {
    const LossAndSlope one = ppo_loss(options, log_pi[i], log_behaviour[i], log_proximal[i], advantages[i]);
    sum += one.value;
    gradient[i] = one.slope / static_cast<double>(n);
    clipped += one.slope == 0 && one.value != 0 ? 1 : 0;
    apart += 0.5 * std::pow(log_pi[i] - log_proximal[i], 2);
  }
  const double count = n == 0 ? 1 : static_cast<double>(n);
  if (diagnostics != nullptr) *diagnostics = {clipped / count, apart / count};
  return sum / count;
}

/// value_coefficient times the mean of (v - R)^2, or with value_clip of the larger one of that and the same for values
/// that are clipped to the old ones; gradient becomes its gradient in every value.
inline double ppo_value_loss(const PpoOptions& options, const Eigen::Ref<const Eigen::VectorXd>& values,
                             const Eigen::Ref<const Eigen::VectorXd>& old_values,
                             const Eigen::Ref<const Eigen::VectorXd>& returns, Eigen::Ref<Eigen::VectorXd> gradient) {
  visit_options(options, CheckOption{PpoOptions::name, 0});
  const Eigen::Index n = values.size();
  require_shape("ppo_value_loss", "old_values", old_values, n, 1);
  require_shape("ppo_value_loss", "returns", returns, n, 1);
  require_shape("ppo_value_loss", "gradient", gradient, n, 1);
  double sum = 0;
  const double weight = n == 0 ? 0 : options.value_coefficient / static_cast<double>(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    const double error = values[i] - returns[i];
    double square = error * error, slope = 2 * error;
    if (options.value_clip > 0) {
      const double change = values[i] - old_values[i];
      const double within = std::clamp(change, -options.value_clip, options.value_clip);
      const double clipped = old_values[i] + within - returns[i];
      if (clipped * clipped > square) {
        square = clipped * clipped;
        slope = within == change ? 2 * clipped : 0;
      }
    }
    sum += square;
    gradient[i] = weight * slope;
  }
  return weight * sum;
}

/// The entropy of softmax(logits) times -entropy_coefficient, to be added to the loss; its gradient is added to
/// `gradient`.
inline double ppo_entropy_loss(const PpoOptions& options, const Eigen::Ref<const Eigen::VectorXd>& logits,
                               Eigen::Ref<Eigen::VectorXd> gradient) {
  require_shape("ppo_entropy_loss", "gradient", gradient, logits.size(), 1);
  if (logits.size() == 0) return 0;
  const double largest = logits.maxCoeff();
  double total = 0, mean = 0;
  for (Eigen::Index i = 0; i < logits.size(); ++i) total += std::exp(logits[i] - largest);
  const double log_total = largest + std::log(total);
  for (Eigen::Index i = 0; i < logits.size(); ++i) {
    const double log_p = logits[i] - log_total, p = std::exp(log_p);
    if (p > 0) mean += p * log_p;
  }
  for (Eigen::Index i = 0; i < logits.size(); ++i) {
    const double log_p = logits[i] - log_total, p = std::exp(log_p);
    if (p > 0) gradient[i] += options.entropy_coefficient * p * (log_p - mean);
  }
  return options.entropy_coefficient * mean;
}

}  // namespace glissade
