// A learned rule that sees gradient, parameter and six momenta.
#pragma once

#include "rule_network.hpp"

namespace glissade {

/// A rule whose step is made by a small network for each coefficient, of the gradient, the parameter and running means
/// of the gradient over 1 to 10 000 steps; to be trained, by EvolutionTrainer for instance, on problems of a kind.
///
///     m_k <- b_k m_k + (1 - b_k) g                       b = 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999
///     z   = (g, x, m_1, ..., m_6), each over sqrt(1e-5 + mean of its squares in the tensor)
///     (direction, magnitude) = network(z, tanh(t / tau - 1) for tau = 1, 3, ..., 100 000)        2 x 32 ReLU units
///     x  <- x - step_multiplier direction exp(exp_multiplier magnitude)
///
///     Optimizer optimizer{MomentumMlp{.weights = MomentumMlp::network().random(1)}, W, b};
///
/// Without weights it starts as a rule that works: direction is the normalized mean with b = 0.9.
/// Options: weights (1762, see RuleNetwork; none: that start); step_multiplier >= 0 (1e-3); exp_multiplier (1e-3).
/// State: momenta (rows x 6 columns, one after another).
/// Cost: about 3000 flops per coefficient, three passes over memory. t counts the tensor's own updates, from 0.
/// Errors: std::invalid_argument for options out of range and weights of another number. Non-finite gradients
/// propagate; finite ones beyond 1e60 (1e18 in float) count as that.
/// Source: "Understanding and correcting pathologies in the training of learned optimizers", 2018, arXiv 1810.10180;
/// google/learned_optimization, mlp_lopt.py.
struct MomentumMlp {
  static constexpr std::string_view name = "MomentumMlp";
  static constexpr bool turns = true;
  static constexpr int passes = 2;
  static constexpr Index features = 8;

  RuleWeights weights = {};
  double step_multiplier = 1e-3;
  double exp_multiplier = 1e-3;

  static void options(auto& self, auto&& visit) {
    visit("weights", self.weights);
    visit("step_multiplier", self.step_multiplier, range::non_negative);
    visit("exp_multiplier", self.exp_multiplier, range::finite);
  }
  void check() const { detail::check_rule_weights(name, weights, network().size()); }

  [[nodiscard]] static constexpr RuleNetwork network() { return {features, 32}; }
  /// The weights it has without any.
  [[nodiscard]] static const Eigen::VectorXd& start() {
    static const Eigen::VectorXd weights = network().following(4, 1);
    return weights;
  }

  void fields(const Tensor& tensor, auto&& add) const { add("momenta", tensor.rows, 6 * tensor.cols); }

  template <class T, class P>
  void update(const Step& step, const MatrixUpdate<T, P>& m) const {
    constexpr std::array<double, 6> decays{0.1, 0.5, 0.9, 0.99, 0.999, 0.9999};
    const RuleNetwork net = network();
    const double* const w = weights.size() == 0 ? start().data() : weights.data();
    const Index size = m.tensor.size();
    std::array<double, features> scale{}, z{};
    std::array<double, RuleNetwork::most_hidden> bias{};
    net.start_of_step(w, step.count - 1, bias.data());
    const auto see = [&](Index i) {
      z[0] = detail::bounded_feature(m.in[i]);
      z[1] = detail::bounded_feature(convert<T>(m.parameters[i]));
      for (std::size_t k = 0; k < 6; ++k) z[2 + k] = static_cast<double>(m.fields[0][static_cast<Index>(k) * size + i]);
    };
    for (Index i = 0; i < size; ++i) {
      const double g = detail::bounded_feature(m.in[i]);
      for (std::size_t k = 0; k < 6; ++k) {
        T& mean = m.fields[0][static_cast<Index>(k) * size + i];
        mean = static_cast<T>(decays[k] * static_cast<double>(mean) + (1 - decays[k]) * g);
      }
      see(i);
      for (std::size_t k = 0; k < z.size(); ++k) scale[k] += z[k] * z[k];
    }
    detail::normalize_features(scale.data(), features, size);
    for (Index i = 0; i < size; ++i) {
      see(i);
      for (std::size_t k = 0; k < z.size(); ++k) z[k] *= scale[k];
      const auto [direction, magnitude] = net(w, bias.data(), z.data());
      m.out[i] = static_cast<T>(-direction * std::exp(magnitude * exp_multiplier) * step_multiplier);
    }
  }
};

}  // namespace glissade
