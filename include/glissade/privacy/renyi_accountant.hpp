// This is a research kernel and not a certified implementation of differential privacy: its noise is floating-point.
// What a training has spent of its privacy budget, kept as Renyi divergences.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "gaussian_mechanism.hpp"

namespace glissade {

/// The Renyi divergence of one step of the Poisson-subsampled Gaussian mechanism, for a whole order a >= 2, where
/// neighbours are data with and without one person:
///
///     ln( 1 + sum_{k=2}^a C(a,k) (1-q)^(a-k) q^k (exp((k^2 - k) / (2 s^2)) - 1) ) / (a - 1)
///
/// rate q in [0, 1]: everybody takes part in a step with probability q, independently; noise s > 0 in units of the
/// clip. Batches of a fixed size, or of a shuffled pass, are not covered. Cost: a exp. Errors: std::invalid_argument.
/// This is a research kernel and not a certified implementation of differential privacy: its noise is floating-point.
/// Source: "Renyi Differential Privacy of the Sampled Gaussian Mechanism", 2019, arXiv 1908.10530, section 3.3. The
/// terms of k = 0 and 1 and the ones that are subtracted add up to 1, so that small rates keep their digits.
[[nodiscard]] inline double sampled_gaussian_divergence(std::int64_t order, double noise, double rate) {
  constexpr std::string_view name = "sampled_gaussian_divergence";
  require(name, "order", static_cast<double>(order), Range{2, 1e6});
  require(name, "noise", noise, range::positive);
  require(name, "rate", rate, range::fraction);
  if (rate == 0) return 0;
  const auto a = static_cast<double>(order);
  const auto exponent = [noise](double k) { return k / noise * ((k - 1) / noise) / 2; };
  if (rate == 1 || std::isinf(exponent(a))) return exponent(a) / (a - 1);
  constexpr double none = -std::numeric_limits<double>::infinity();
  double largest = none;
  double sum = 0;                         // of the terms, over exp(largest)
  double weight = a * std::log1p(-rate);  // ln of C(a,k) (1-q)^(a-k) q^k
  const double odds = std::log(rate) - std::log1p(-rate);
  for (double k = 1; k <= a; ++k) {
    weight += std::log((a - k + 1) / k) + odds;
    const double x = exponent(k);
    if (!(x > 0)) continue;
    const double term = weight + x + std::log(-std::expm1(-x));
    if (term > largest) {
      sum = sum * std::exp(largest - term) + 1;
      largest = term;
    } else if (term > none) {
      sum += std::exp(term - largest);
    }
  }
  if (largest == none) return 0;
  const double all = largest + std::log(sum);
  return (all > 700 ? all : std::log1p(std::exp(all))) / (a - 1);
}

/// Keeps account of what a training spends, step by step, and says at any time for which (epsilon, delta) it is
/// differentially private so far. This is a research kernel and not a certified implementation of differential
/// privacy: its noise is floating-point.
///
///     RenyiAccountant spent;
///     for (...) spent.add_sampled_gaussian(1.1, 256.0 / 60'000);   // one step of DP-SGD
///     const double epsilon = spent.epsilon(1e-5);
///
///     divergence[a] <- divergence[a] + that of the step
///     epsilon = min_a renyi_epsilon(divergence[a], a, delta)
///
/// over the orders a = 2, 3, ..., 256, 512, 1024, 2048, 4096. An order between 1 and 2 would do better where epsilon is
/// above about 3 ln(1/delta).
/// State, in files (io/method_state.hpp): divergence, one number per order.
/// Cost: 40 000 exp where noise or rate differ from those of the call before, else 259 additions.
/// Errors: std::invalid_argument for what is out of range; then nothing has been added.
/// Source: "Renyi Differential Privacy", 2017, arXiv 1702.07476, Proposition 1.
class RenyiAccountant {
 public:
  static constexpr std::string_view name = "RenyiAccountant";

  /// Steps of the Poisson-subsampled Gaussian mechanism; see sampled_gaussian_divergence.
  void add_sampled_gaussian(double noise, double rate, std::int64_t steps = 1) {
    require(name, "noise", noise, range::positive);
    require(name, "rate", rate, range::fraction);
    require(name, "steps", static_cast<double>(steps), range::non_negative);
    if (noise != noise_ || rate != rate_) {
      Eigen::VectorXd curve(orders);
      for (Eigen::Index k = 0; k < orders; ++k) curve[k] = sampled_gaussian_divergence(order(k), noise, rate);
      curve_ = curve;
      noise_ = noise;
      rate_ = rate;
    }
    if (steps > 0) divergence_ += static_cast<double>(steps) * curve_;
  }
  /// The Gaussian mechanism, without sampling: noise in units of the sensitivity.
  void add_gaussian(double noise, std::int64_t steps = 1) {
    require(name, "noise", noise, range::positive);
    require(name, "steps", static_cast<double>(steps), range::non_negative);
    add_zcdp(static_cast<double>(steps) * zcdp_of_gaussian(noise));
  }
  /// Anything of which rho in zero-concentrated differential privacy is known, such as a tree of DpFtrl.
  void add_zcdp(double rho) {
    require(name, "rho", rho, range::non_negative);
    for (Eigen::Index k = 0; k < orders; ++k) divergence_[k] += static_cast<double>(order(k)) * rho;
  }

  /// What has been spent so far: the smallest epsilon over all orders.
  [[nodiscard]] double epsilon(double delta) const {
    require(name, "delta", delta, range::open_fraction);
    double best = std::numeric_limits<double>::infinity();
    for (Eigen::Index k = 0; k < orders; ++k)
      best = std::min(best, renyi_epsilon(divergence_[k], static_cast<double>(order(k)), delta));
    return divergence_.isZero(0) ? 0 : best;
  }

  static void visit(auto& self, auto&& field) { field("divergence", self.divergence_); }

 private:
  static constexpr Eigen::Index orders = 259;
  static constexpr std::int64_t order(Eigen::Index k) { return k < 255 ? k + 2 : std::int64_t{512} << (k - 255); }

  Eigen::VectorXd divergence_ = Eigen::VectorXd::Zero(orders);
  double noise_ = 0, rate_ = 0;  // of curve_, which is computed anew after a load
  Eigen::VectorXd curve_ = Eigen::VectorXd::Zero(orders);
};

}  // namespace glissade
