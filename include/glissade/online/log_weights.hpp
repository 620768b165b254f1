// What learners of weights share: weights kept as logarithms or losses, and draws by them.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>

namespace glissade {

/// losses <- losses + more, minus the least of them: all that weights depend on, with the digits for it.
///
/// Adding one number to all of `more` changes nothing but rounding. What would overflow stays at 1e300.
inline void add_losses(Eigen::VectorXd& losses, const Eigen::Ref<const Eigen::VectorXd>& more) {
  losses = (losses.array() + (more.array() - more.minCoeff())).min(1e300);
  losses.array() -= losses.minCoeff();
}

/// The same for a loss of one arm.
inline void add_loss(Eigen::VectorXd& losses, Eigen::Index arm, double more) {
  losses[arm] = std::min(losses[arm] + more, 1e300);
  losses.array() -= losses.minCoeff();
}

/// weights_i = exp(logarithms_i) over their sum, and never less than about exp(-700), so that one can divide by them.
inline void weights_of(const Eigen::Ref<const Eigen::VectorXd>& logarithms, Eigen::VectorXd& weights) {
  weights = (logarithms.array() - logarithms.maxCoeff()).max(-700.0).exp();
  weights /= weights.sum();
}

/// weights <- (1 - share) weights + share / K, and losses to what gives these weights at a rate > 0: fixed share.
inline void share_out(double share, double rate, Eigen::VectorXd& weights, Eigen::VectorXd& losses) {
  weights.array() = (1 - share) * weights.array() + share / static_cast<double>(weights.size());
  losses = weights.array().log() / -rate;
  losses.array() -= losses.minCoeff();
}

/// The first i whose weights_0 + ... + weights_i exceed u times the sum of all, for u in (0, 1): i comes as often as
/// its weight says, and never where that is 0.
[[nodiscard]] inline Eigen::Index draw(const Eigen::Ref<const Eigen::VectorXd>& weights, double u) {
  double left = u * weights.sum();
  Eigen::Index last = 0;
  for (Eigen::Index i = 0; i < weights.size(); ++i) {
    if (!(weights[i] > 0)) continue;
    last = i;
    left -= weights[i];
    if (left < 0) break;
  }
  return last;
}

}  // namespace glissade
