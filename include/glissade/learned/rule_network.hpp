// What learned rules share: their weights as an option, and the small network that makes a step of features.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "../core/random.hpp"
#include "../rule/rule.hpp"

namespace glissade {

/// The weights of a learned rule: an option without an order, as a mask is, which is not in files. Copies share them.
/// Throws std::invalid_argument for a weight that is not finite.
class RuleWeights {
 public:
  RuleWeights() = default;
  RuleWeights(Eigen::VectorXd weights) {  // NOLINT: implicit
    if (!weights.allFinite()) throw std::invalid_argument("RuleWeights: a weight is not finite");
    weights_ = std::make_shared<const Eigen::VectorXd>(std::move(weights));
  }
  [[nodiscard]] Eigen::Index size() const { return weights_ ? weights_->size() : 0; }
  [[nodiscard]] const double* data() const { return weights_ ? weights_->data() : nullptr; }

 private:
  std::shared_ptr<const Eigen::VectorXd> weights_;
};

/// tanh(t / tau - 1) for tau = 1, 3, 10, ..., 100 000: how far a run has come, on all scales.
inline constexpr std::array<double, 11> step_feature_scales{1, 3, 10, 30, 100, 300, 1e3, 3e3, 1e4, 3e4, 1e5};

/// A network of two hidden layers of `hidden` ReLU units that sees `features` numbers and makes two, direction and
/// magnitude. Its weights are one vector: W1 (hidden x inputs), b1, W2, b2, W3 (2 x hidden), b3, matrices column by
/// column; the inputs are the features and then the eleven of the step.
struct RuleNetwork {
  Eigen::Index features;
  Eigen::Index hidden;
  static constexpr Eigen::Index most_hidden = 64;
  static constexpr Eigen::Index steps = static_cast<Eigen::Index>(step_feature_scales.size());

  [[nodiscard]] constexpr Eigen::Index inputs() const { return features + steps; }
  [[nodiscard]] constexpr Eigen::Index size() const { return hidden * (inputs() + hidden + 2) + 2 * hidden + 2; }

  /// What b1 becomes at step t, from 0.
  void start_of_step(const double* w, std::int64_t t, double* bias) const {
    std::copy(w + hidden * inputs(), w + hidden * (inputs() + 1), bias);
    for (Eigen::Index k = 0; k < steps; ++k) {
      const double feature = std::tanh(static_cast<double>(t) / step_feature_scales[static_cast<std::size_t>(k)] - 1);
      for (Eigen::Index h = 0; h < hidden; ++h) bias[h] += w[hidden * (features + k) + h] * feature;
    }
  }
  /// (direction, magnitude) for the features; `bias` is that of the step.
  [[nodiscard]] std::array<double, 2> operator()(const double* w, const double* bias, const double* x) const {
    std::array<double, most_hidden> first{}, second{};
    for (Eigen::Index h = 0; h < hidden; ++h) first[static_cast<std::size_t>(h)] = bias[h];
    const auto add = [](const double* matrix, Eigen::Index rows, double factor, double* out) {
      for (Eigen::Index h = 0; h < rows; ++h) out[h] += matrix[h] * factor;
    };
    for (Eigen::Index k = 0; k < features; ++k) add(w + hidden * k, hidden, x[k], first.data());
    w += hidden * (inputs() + 1);
    for (Eigen::Index h = 0; h < hidden; ++h) second[static_cast<std::size_t>(h)] = w[hidden * hidden + h];
    for (Eigen::Index k = 0; k < hidden; ++k) {
      const double active = first[static_cast<std::size_t>(k)];
      add(w + hidden * k, hidden, active > 0 || active != active ? active : 0, second.data());
    }
    w += hidden * (hidden + 1);
    std::array<double, 2> out{w[2 * hidden], w[2 * hidden + 1]};
    for (Eigen::Index k = 0; k < hidden; ++k) {
      const double active = second[static_cast<std::size_t>(k)];
      add(w + 2 * k, 2, active > 0 || active != active ? active : 0, out.data());
    }
    return out;
  }

  /// Weights N(0, 1 / inputs) of each layer, drawn again beyond two standard deviations; biases 0.
  [[nodiscard]] Eigen::VectorXd random(std::uint64_t seed) const {
    Eigen::VectorXd w = Eigen::VectorXd::Zero(size());
    Eigen::Index at = 0;
    for (const auto& [rows, cols] :
         {std::pair{hidden, inputs()}, std::pair{hidden, hidden}, std::pair{Index{2}, hidden}}) {
      for (Eigen::Index i = 0; i < rows * cols; ++i) {
        const RandomKey key = RandomKey{seed}.derive(static_cast<std::uint64_t>(at + i));
        double z = 3;
        for (std::uint64_t draw = 0; std::abs(z) > 2; ++draw) z = key.normal(draw);
        w[at + i] = z / std::sqrt(static_cast<double>(cols));
      }
      at += rows * (cols + 1);
    }
    return w;
  }
  /// Weights with which direction is `factor` times feature k, and magnitude 0: with a unit for each sign.
  [[nodiscard]] Eigen::VectorXd following(Eigen::Index k, double factor) const {
    Eigen::VectorXd w = Eigen::VectorXd::Zero(size());
    w[hidden * k] = factor;
    w[hidden * k + 1] = -factor;
    const Eigen::Index second = hidden * (inputs() + 1), third = second + hidden * (hidden + 1);
    w[second] = w[second + hidden + 1] = 1;
    w[third] = 1;
    w[third + 2] = -1;
    return w;
  }
};

namespace detail {

/// Features of squares must not overflow: what is finite and larger than this counts as this. Infinity and NaN stay.
template <class T>
double bounded_feature(T value) {
  constexpr double most = std::is_same_v<T, double> ? 1e60 : 1e18;
  const auto x = static_cast<double>(value);
  return std::isfinite(x) ? std::clamp(x, -most, most) : x;
}

/// 1 / sqrt(1e-5 + mean of squares) of each feature, in place of the sums of squares.
inline void normalize_features(double* sums, Eigen::Index features, Eigen::Index size) {
  for (Eigen::Index k = 0; k < features; ++k)
    sums[k] = 1 / std::sqrt(1e-5 + sums[k] / static_cast<double>(std::max(size, Eigen::Index{1})));
}

inline void check_rule_weights(std::string_view owner, const RuleWeights& weights, Eigen::Index size) {
  if (weights.size() != 0 && weights.size() != size)
    throw std::invalid_argument(std::string(owner) + ": weights is " + shape_text(weights.size(), 1) + ", must be " +
                                shape_text(size, 1) + ", or empty");
}

}  // namespace detail

}  // namespace glissade
