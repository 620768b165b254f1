// A learned rule that sees what adaptive rules compute: momenta, second moments, whole and factored.
#pragma once

#include "rule_network.hpp"

namespace glissade {

/// A rule whose step is made by a tiny network for each coefficient, of 28 features that are those of Adam and
/// Adafactor with three memories each; to be trained, by EvolutionTrainer for instance, on problems of a kind.
///
///     m_k <- b m_k + (1 - b) g,  b = 0.9, 0.99, 0.999;     v <- b v + (1 - b) g^2,  b = 0.999
///     matrix, for b = 0.9, 0.99, 0.999, with S = g^2 + 1e-30 and the shorter side as rows (of a square: the rows):
///       r <- b r + (1 - b) row means of S,   c <- b c + (1 - b) column means of S
///       R = max(r / (mean(r) + 1e-9), 1e-9)^(-1/2),   C = max(c, 1e-9)^(-1/2)
///     vector:  s <- b s + (1 - b) S in place of r and c
///     z  = (g, x, m, v, m (v + 1e-6)^(-1/2), (v + 1e-6)^(-1/2), g R C, r, c, (r + 1e-8)^(-1/2), (c + 1e-8)^(-1/2), m R
///     C)
///          of a vector g max(s + 1e-9, 1e-9)^(-1/2) and m (s + 1e-6)^(-1/2) in place of g R C and m R C,
///          each over sqrt(1e-5 + mean of its squares in the tensor)
///     (direction, magnitude) = network(z, tanh(t / tau - 1) for tau = 1, 3, ..., 100 000)        2 x 4 ReLU units
///     x <- x - step_multiplier direction exp(exp_multiplier magnitude)
///
///     Optimizer optimizer{AdafactorMlp{.weights = AdafactorMlp::random(1)}, W, b};
///
/// Without weights it starts as a rule that works: direction is the normalized m (v + 1e-6)^(-1/2) with b = 0.9.
/// Options: weights (197; none: that start), seven numbers theta for the decays of m, v and the factors, each
/// b = 1 - (1 - b_0) exp(10 theta), then those of the network (RuleNetwork); step_multiplier >= 0 (1e-3);
/// exp_multiplier (1e-3).
/// State: momenta (rows x 3 columns), second_moment; of a matrix short_squares (3 of the shorter side) and
/// long_squares, of a vector squares (3 rows). Cost: about 500 flops per coefficient, five passes over memory. t counts
/// the tensor's own updates, from 0. Errors: std::invalid_argument for options out of range and weights of another
/// number. Non-finite gradients propagate; finite ones beyond 1e60 (1e18 in float) count as that. Source: "Practical
/// tradeoffs between memory, compute, and performance in learned optimizers", 2022, arXiv 2203.11860;
/// google/learned_optimization, adafac_mlp_lopt.py.
struct AdafactorMlp {
  static constexpr std::string_view name = "AdafactorMlp";
  static constexpr bool turns = true;
  static constexpr int passes = 4;
  static constexpr Index features = 28;
  static constexpr Index decay_weights = 7;

  RuleWeights weights = {};
  double step_multiplier = 1e-3;
  double exp_multiplier = 1e-3;

  static void options(auto& self, auto&& visit) {
    visit("weights", self.weights);
    visit("step_multiplier", self.step_multiplier, range::non_negative);
    visit("exp_multiplier", self.exp_multiplier, range::finite);
  }
  void check() const { detail::check_rule_weights(name, weights, decay_weights + network().size()); }

  [[nodiscard]] static constexpr RuleNetwork network() { return {features, 4}; }
  /// The weights it has without any, and random ones.
  [[nodiscard]] static const Eigen::VectorXd& start() {
    static const Eigen::VectorXd weights = with_decays(network().following(6, 1));
    return weights;
  }
  [[nodiscard]] static Eigen::VectorXd random(std::uint64_t seed) { return with_decays(network().random(seed)); }

  void fields(const Tensor& tensor, auto&& add) const {
    add("momenta", tensor.rows, 3 * tensor.cols);
    add("second_moment", tensor.rows, tensor.cols);
    if (tensor.is_matrix()) {
      add("short_squares", 3 * (std::min)(tensor.rows, tensor.cols), Index{1});
      add("long_squares", 3 * (std::max)(tensor.rows, tensor.cols), Index{1});
    } else {
      add("squares", 3 * tensor.size(), Index{1});
    }
  }

  template <class T, class P>
  void update(const Step& step, const MatrixUpdate<T, P>& m) const {
    const double* const w = weights.size() == 0 ? start().data() : weights.data();
    Pass<T, P> pass(m, w);
    pass.accumulate();
    const RuleNetwork net = network();
    std::array<double, RuleNetwork::most_hidden> bias{};
    net.start_of_step(w + decay_weights, step.count - 1, bias.data());
    std::array<double, features> scale{}, z{};
    pass.for_each([&](Index i, Index a, Index b) {
      pass.see(i, a, b, z);
      for (std::size_t k = 0; k < z.size(); ++k) scale[k] += z[k] * z[k];
    });
    detail::normalize_features(scale.data(), features, m.tensor.size());
    pass.for_each([&](Index i, Index a, Index b) {
      pass.see(i, a, b, z);
      for (std::size_t k = 0; k < z.size(); ++k) z[k] *= scale[k];
      const auto [direction, magnitude] = net(w + decay_weights, bias.data(), z.data());
      m.out[i] = static_cast<T>(-direction * std::exp(magnitude * exp_multiplier) * step_multiplier);
    });
  }

 private:
  static Eigen::VectorXd with_decays(const Eigen::VectorXd& network_weights) {
    Eigen::VectorXd all = Eigen::VectorXd::Zero(decay_weights + network_weights.size());
    all.tail(network_weights.size()) = network_weights;
    return all;
  }

  /// One step of one tensor. Short is the side whose means are called rows above, long the other.
  template <class T, class P>
  struct Pass {
    const MatrixUpdate<T, P>& m;
    bool matrix;
    bool short_is_row;  // the index along the shorter side is that of the row
    Index size, shorter, longer;
    std::array<double, 3> momentum, square;
    double rms;
    double *short_factor = nullptr, *long_factor = nullptr;  // R and C, three after another

    Pass(const MatrixUpdate<T, P>& update, const double* theta)
        : m(update),
          matrix(update.tensor.is_matrix()),
          short_is_row(update.tensor.rows <= update.tensor.cols),
          size(update.tensor.size()),
          shorter((std::min)(update.tensor.rows, update.tensor.cols)),
          longer((std::max)(update.tensor.rows, update.tensor.cols)) {
      const auto decay = [&](double at_zero, int k) { return 1 - (1 - at_zero) * std::exp(10 * theta[k]); };
      const std::array<double, 3> starts{0.9, 0.99, 0.999};
      for (int k = 0; k < 3; ++k) {
        const auto at = static_cast<std::size_t>(k);
        momentum[at] = decay(starts[at], k);
        square[at] = std::clamp(decay(starts[at], 4 + k), 0.0, 1.0);
      }
      rms = std::clamp(decay(0.999, 3), 0.0, 1.0);
    }

    /// visit(place in memory, index along the shorter side, along the longer side)
    void for_each(const auto& visit) const {
      const Index inner = m.tensor.row_major ? m.tensor.cols : m.tensor.rows;
      const Index outer = inner == 0 ? 0 : size / inner;
      const bool inner_is_short = short_is_row != m.tensor.row_major;
      for (Index o = 0, i = 0; o < outer; ++o)
        for (Index at = 0; at < inner; ++at, ++i) inner_is_short ? visit(i, at, o) : visit(i, o, at);
    }

    void accumulate() {
      for (Index i = 0; i < size; ++i) {
        const double g = detail::bounded_feature(m.in[i]);
        for (std::size_t k = 0; k < 3; ++k) {
          T& mean = m.fields[0][static_cast<Index>(k) * size + i];
          mean = static_cast<T>(momentum[k] * static_cast<double>(mean) + (1 - momentum[k]) * g);
        }
        m.fields[1][i] = static_cast<T>(rms * static_cast<double>(m.fields[1][i]) + (1 - rms) * (g * g));
      }
      if (!matrix) {
        for (std::size_t k = 0; k < 3; ++k)
          for (Index i = 0; i < size; ++i) blend(m.fields[2][static_cast<Index>(k) * size + i], k, squared(i));
        return;
      }
      m.workspace.reserve(static_cast<std::size_t>(4 * (shorter + longer)) * sizeof(double));
      auto* const short_sums = reinterpret_cast<double*>(m.workspace.data());
      double* const long_sums = short_sums + shorter;
      short_factor = long_sums + longer;
      long_factor = short_factor + 3 * shorter;
      std::fill(short_sums, short_factor, 0.0);
      for_each([&](Index i, Index a, Index b) {
        const double s = squared(i);
        short_sums[a] += s;
        long_sums[b] += s;
      });
      for (std::size_t k = 0; k < 3; ++k) {
        const auto at = static_cast<Index>(k);
        double mean = 0;
        for (Index a = 0; a < shorter; ++a) {
          T& r = m.fields[2][at * shorter + a];
          blend(r, k, short_sums[a] / static_cast<double>(longer));
          mean += static_cast<double>(r) / static_cast<double>(shorter);
        }
        for (Index a = 0; a < shorter; ++a)
          short_factor[at * shorter + a] =
              safe_rsqrt(static_cast<double>(m.fields[2][at * shorter + a]) / (mean + 1e-9));
        for (Index b = 0; b < longer; ++b) {
          T& c = m.fields[3][at * longer + b];
          blend(c, k, long_sums[b] / static_cast<double>(shorter));
          long_factor[at * longer + b] = safe_rsqrt(static_cast<double>(c));
        }
      }
    }

    void see(Index i, Index a, Index b, std::array<double, features>& z) const {
      const double g = detail::bounded_feature(m.in[i]), v = static_cast<double>(m.fields[1][i]);
      const double inverse_root = 1 / std::sqrt(v + 1e-6);
      z[0] = g;
      z[1] = detail::bounded_feature(convert<T>(m.parameters[i]));
      z[5] = v;
      z[9] = inverse_root;
      for (std::size_t k = 0; k < 3; ++k) {
        const auto at = static_cast<Index>(k);
        const auto mean = static_cast<double>(m.fields[0][at * size + i]);
        z[2 + k] = mean;
        z[6 + k] = mean * inverse_root;
        if (matrix) {
          const auto r = static_cast<double>(m.fields[2][at * shorter + a]);
          const auto c = static_cast<double>(m.fields[3][at * longer + b]);
          const double factor = short_factor[at * shorter + a] * long_factor[at * longer + b];
          z[10 + k] = g * factor;
          z[13 + k] = r;
          z[16 + k] = c;
          z[19 + k] = 1 / std::sqrt(r + 1e-8);
          z[22 + k] = 1 / std::sqrt(c + 1e-8);
          z[25 + k] = mean * factor;
        } else {
          const auto s = static_cast<double>(m.fields[2][at * size + i]);
          z[10 + k] = g * safe_rsqrt(s + 1e-9);
          z[13 + k] = z[16 + k] = s;
          z[19 + k] = z[22 + k] = 1 / std::sqrt(s + 1e-8);
          z[25 + k] = mean / std::sqrt(s + 1e-6);
        }
      }
    }

   private:
    [[nodiscard]] double squared(Index i) const {
      const double g = detail::bounded_feature(m.in[i]);
      return g * g + 1e-30;
    }
    void blend(T& mean, std::size_t k, double now) const {
      mean = static_cast<T>(square[k] * static_cast<double>(mean) + (1 - square[k]) * now);
    }
    static double safe_rsqrt(double x) { return 1 / std::sqrt(x < 1e-9 ? 1e-9 : x); }
  };
};

}  // namespace glissade
