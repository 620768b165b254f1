// What workers send in place of whole gradients: few coefficients, signs, small whole numbers.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

#include "../core/random.hpp"
#include "../rule/options.hpp"

namespace glissade {

/// A compressor: writes what a receiver makes of the message into `out`, and returns the bytes of the message. Real
/// numbers count 8 bytes, indices 4, signs a bit, codes their bits. `key` is of the message; `memory` is a number that
/// the sender keeps from message to message, 1 at the start. v is finite.
using Compressor =
    std::function<std::int64_t(RandomKey key, const Eigen::VectorXd& v, double& memory, Eigen::VectorXd& out)>;

/// All of v. 8 n bytes.
inline Compressor no_compression() {
  return [](RandomKey, const Eigen::VectorXd& v, double&, Eigen::VectorXd& out) {
    out = v;
    return 8 * static_cast<std::int64_t>(v.size());
  };
}

/// The `keep` coefficients that are largest in magnitude, of equal ones the first. 12 keep bytes. |v - out|^2 <=
/// (1 - keep / n) |v|^2.
inline Compressor keep_largest(Eigen::Index keep) {
  require("keep_largest", "keep", static_cast<double>(keep), range::at_least_one);
  return [keep](RandomKey, const Eigen::VectorXd& v, double&, Eigen::VectorXd& out) {
    const Eigen::Index count = std::min(keep, v.size());
    std::vector<Eigen::Index> order(static_cast<std::size_t>(v.size()));
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    std::nth_element(order.begin(), order.begin() + (count - (count == v.size() ? 1 : 0)), order.end(),
                     [&v](Eigen::Index a, Eigen::Index b) {
                       const double x = std::abs(v[a]), y = std::abs(v[b]);
                       return x > y || (x == y && a < b);
                     });
    out.setZero(v.size());
    for (Eigen::Index k = 0; k < count; ++k) {
      const Eigen::Index j = order[static_cast<std::size_t>(k)];
      out[j] = v[j];
    }
    return std::int64_t{12} * count;
  };
}

/// `keep` coefficients drawn at random, which the receiver draws too: 8 keep bytes. unbiased: times n / keep, so that
/// the mean over draws is v; for use without error feedback.
inline Compressor keep_random(Eigen::Index keep, bool unbiased = false) {
  require("keep_random", "keep", static_cast<double>(keep), range::at_least_one);
  return [keep, unbiased](RandomKey key, const Eigen::VectorXd& v, double&, Eigen::VectorXd& out) {
    const Eigen::Index n = v.size(), count = std::min(keep, n);
    std::vector<Eigen::Index> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    out.setZero(n);
    for (Eigen::Index k = 0; k < count; ++k) {  // Fisher and Yates
      const auto ahead =
          static_cast<Eigen::Index>(key.uniform(static_cast<std::uint64_t>(k)) * static_cast<double>(n - k));
      std::swap(order[static_cast<std::size_t>(k)], order[static_cast<std::size_t>(std::min(k + ahead, n - 1))]);
      const Eigen::Index j = order[static_cast<std::size_t>(k)];
      out[j] = unbiased ? v[j] * static_cast<double>(n) / static_cast<double>(count) : v[j];
    }
    return std::int64_t{8} * count;
  };
}

/// Signs times the mean magnitude, |v|_1 / n; 0 counts as positive. n / 8 + 8 bytes.
inline Compressor scaled_signs() {
  return [](RandomKey, const Eigen::VectorXd& v, double&, Eigen::VectorXd& out) {
    const double size = v.size() > 0 ? v.cwiseAbs().sum() / static_cast<double>(v.size()) : 0.0;
    out = (v.array() < 0).select(Eigen::VectorXd::Constant(v.size(), -size), size);
    return (static_cast<std::int64_t>(v.size()) + 7) / 8 + 8;
  };
}

/// The sign that most workers (columns) vote for, coefficient by coefficient; 0 where the votes are equal. A worker
/// whose coefficient is 0 does not vote. Whatever fewer than half of the workers send, it cannot overrule the others
/// where these agree.
inline Eigen::VectorXd majority_signs(const Eigen::Ref<const Eigen::MatrixXd>& votes) {
  return votes.array().sign().rowwise().sum().sign();
}

/// Whole numbers of few bits in an interval that adapts, so that the largest coefficients are kept well: a share of
/// them is clipped, which makes the steps between levels small.
///
///     N = 2^bits - 2,  c = gamma max |v|,  h = 2 c / N           levels -c, -c + h, ..., c; 0 is one of them
///     Q(v) = h (round(clamp(v / h + N / 2 + u, 0, N)) - N / 2)   u: 0 (nearest), or uniform in [-1/2, 1/2]
///     gamma <- clamp(gamma + beta sign(share - p / (2^bits - 1)), gamma_min, 1)
///                                                                share: of all |v| > gamma max |v|, after v was sent
///
/// Stochastic rounding is unbiased in [-c, c], with variance h^2 f (1 - f), f the fraction of v / h. gamma settles
/// where |v| / max |v| has its quantile 1 - p / (2^bits - 1): there the bound on the mean error of the N_L largest
/// coefficients, ((N_L - N_c) c / N + N_c (max |v| - c)) / N_L with N_c clipped, is stationary.
///
/// Options: bits in 2 ... 8 (4); p in (0, 1), the share of coefficients that count as large (1e-3); beta > 0 (1e-3);
/// gamma_min in (0, 1] (1e-3); stochastic (true). State: gamma, one number per sender.
/// Cost: two passes over v; a message is n bits / 8 + 8 bytes.
/// Source: "Toward INT4 Fixed-Point Training via Exploring Quantization Error for Gradients", 2024, arXiv 2407.12637.
/// Deviation: gamma starts at 1 and is not warmed up on the first gradient.
struct IntervalQuantizer {
  static constexpr std::string_view name = "IntervalQuantizer";

  int bits = 4;
  double p = 1e-3;
  double beta = 1e-3;
  double gamma_min = 1e-3;
  bool stochastic = true;

  static void options(auto& self, auto&& visit) {
    visit("bits", self.bits, Range{2, 8});
    visit("p", self.p, range::open_fraction);
    visit("beta", self.beta, range::positive);
    visit("gamma_min", self.gamma_min, Range{0, 1, true});
    visit("stochastic", self.stochastic);
  }

  /// The vector that a receiver decodes.
  void quantize(RandomKey key, const Eigen::VectorXd& v, double gamma, Eigen::VectorXd& out) const {
    const double levels = std::ldexp(1.0, bits) - 2;
    const double largest = v.size() > 0 ? v.cwiseAbs().maxCoeff() : 0.0;
    const double h = 2 * (gamma * largest / levels);
    out.resize(v.size());
    if (!(h > 0)) {
      out.setZero();
      return;
    }
    for (Eigen::Index j = 0; j < v.size(); ++j) {
      const double u = stochastic ? key.uniform(static_cast<std::uint64_t>(j)) - 0.5 : 0.0;
      const double t = std::clamp(v[j] / h + levels / 2 + u, 0.0, levels);
      out[j] = h * (std::nearbyint(t) - levels / 2);
    }
  }
  /// gamma after this vector.
  [[nodiscard]] double next(const Eigen::VectorXd& v, double gamma) const {
    if (v.size() == 0) return gamma;
    const double bound = gamma * v.cwiseAbs().maxCoeff();
    const double share = static_cast<double>((v.array().abs() > bound).count()) / static_cast<double>(v.size());
    const double aim = p / (std::ldexp(1.0, bits) - 1);
    const double sign = share > aim ? 1.0 : share < aim ? -1.0 : 0.0;
    return std::clamp(gamma + beta * sign, gamma_min, 1.0);
  }
  [[nodiscard]] Compressor compressor() const {
    visit_options(*this, CheckOption{name, 0});
    return [self = *this](RandomKey key, const Eigen::VectorXd& v, double& memory, Eigen::VectorXd& out) {
      self.quantize(key, v, memory, out);
      memory = self.next(v, memory);
      return (static_cast<std::int64_t>(v.size()) * self.bits + 7) / 8 + 8;
    };
  }
};

}  // namespace glissade
