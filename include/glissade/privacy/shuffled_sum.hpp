// This is a research kernel and not a certified implementation of differential privacy: its noise is floating-point.
// Sums of what persons send through a shuffler, who trust nobody who adds.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <string_view>

#include "../core/random.hpp"
#include "../rule/options.hpp"

namespace glissade {

namespace detail {

/// ln n! less Stirling's (n + 1/2) ln n - n + ln(2 pi) / 2, for n >= 1.
inline double stirling_rest(double n) {
  if (n >= 16) {
    const double i = 1 / n, ii = i * i;
    return i * (1.0 / 12 - ii * (1.0 / 360 - ii * (1.0 / 1260 - ii * (1.0 / 1680 - ii / 1188))));
  }
  double factorial = 0;
  for (double k = 2; k <= n; ++k) factorial += std::log(k);
  return factorial - (n + 0.5) * std::log(n) + n - std::log(2 * std::numbers::pi) / 2;
}

/// ln of the probability of k heads among n fair coins. Where n is large nothing large is subtracted.
inline double log_fair_binomial(double n, double k) {
  if (k < 0 || k > n) return -std::numeric_limits<double>::infinity();
  if (k == 0 || k == n) return -n * std::numbers::ln2;
  const double z = 2 * (k - n / 2) / n;
  const double deviance = n / 2 * ((1 + z) * std::log1p(z) + (1 - z) * std::log1p(-z));
  return stirling_rest(n) - stirling_rest(k) - stirling_rest(n - k) - deviance -
         std::log(2 * std::numbers::pi * k * ((n - k) / n)) / 2;
}

}  // namespace detail

/// delta of n fair coins that hide a shift by g: the sum over k of max(0, P[k] - e^epsilon P[k - g]). This is a
/// research kernel and not a certified implementation of differential privacy: its noise is floating-point.
///
/// coins in [1, 1e12], shift in [1, 1e12], epsilon >= 0, else std::invalid_argument. Cost: about 20 sqrt(coins) terms.
[[nodiscard]] inline double fair_binomial_delta(std::int64_t coins, std::int64_t shift, double epsilon) {
  constexpr std::string_view name = "fair_binomial_delta";
  require(name, "coins", static_cast<double>(coins), Range{1, 1e12});
  require(name, "shift", static_cast<double>(shift), Range{1, 1e12});
  require(name, "epsilon", epsilon, range::non_negative);
  const auto n = static_cast<double>(coins), g = static_cast<double>(shift);
  // P[k] / P[k - g] falls with k: the terms that count are those up to the last one above e^epsilon.
  const auto counts = [&](std::int64_t k) {
    const auto at = static_cast<double>(k);
    return k < shift || detail::log_fair_binomial(n, at) - detail::log_fair_binomial(n, at - g) > epsilon;
  };
  std::int64_t low = 0, high = coins + 1;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (counts(middle) ? low : high) = middle;
  }
  const auto last = static_cast<double>(low);
  double here = std::exp(detail::log_fair_binomial(n, last));
  double shifted = std::exp(epsilon + detail::log_fair_binomial(n, last - g));
  double sum = 0;
  for (double k = last; k >= 0 && here > 1e-18 * sum; --k) {
    sum += std::max(0.0, here - shifted);
    here *= k / (n - k + 1);
    shifted *= std::max(0.0, k - g) / (n - k + g + 1);
  }
  return std::min(sum, 1.0);
}

/// The smallest number of fair coins, over all persons, with which shuffled_sum is (epsilon, delta)-differentially
/// private for a person who is replaced. More coins never have a larger delta. For 1000 persons in 32 levels, epsilon 1
/// and delta 1e-6 it is 73 114, where the published sufficient condition asks for 2.7 million.
///
/// epsilon > 0, delta in (0, 1), levels in [1, 1e5], else std::invalid_argument; also where more than 1e12 coins would
/// be needed. Cost: about 40 times fair_binomial_delta.
[[nodiscard]] inline std::int64_t shuffle_coins(double epsilon, double delta, std::int64_t levels) {
  constexpr std::string_view name = "shuffle_coins";
  require(name, "epsilon", epsilon, range::positive);
  require(name, "delta", delta, range::open_fraction);
  require(name, "levels", static_cast<double>(levels), Range{1, 1e5});
  constexpr std::int64_t most = 1'000'000'000'000;
  std::int64_t high = 1;
  while (fair_binomial_delta(high, levels, epsilon) > delta) {
    if (high == most) throw std::invalid_argument("shuffle_coins: more than 1e12 coins are needed");
    high = std::min(2 * high, most);
  }
  std::int64_t low = high / 2;  // too few, or 0
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (fair_binomial_delta(middle, levels, epsilon) <= delta ? high : low) = middle;
  }
  return high;
}

/// Options of shuffled_sum.
///
///     range   in (0, 1e300] (1): values lie in [0, range], those of vectors in [-range, range]; what lies outside is
///     cut levels  in [1, 1e5] (32), in which a value is told coins   in [1, 1e9] (1), of one person: shuffle_coins
///     over the number of persons, rounded up seed    (0), which must be secret; for each person another one, where
///     persons draw for themselves
struct ShuffledSumOptions {
  static constexpr std::string_view name = "ShuffledSum";
  double range = 1;
  std::int64_t levels = 32;
  std::int64_t coins = 1;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("range", self.range, Range{0, 1e300, true});
    visit("levels", self.levels, Range{1, 1e5});
    visit("coins", self.coins, Range{1, 1e9});
  }
};

namespace detail {

/// How many ones a person sends for x in [0, range].
inline std::int64_t shuffled_ones(const ShuffledSumOptions& options, double x, double range, RandomKey key) {
  const double level = std::clamp(x / range, 0.0, 1.0) * static_cast<double>(options.levels);
  const double whole = std::floor(level);
  auto ones = static_cast<std::int64_t>(whole) + (key.uniform(0) < level - whole ? 1 : 0);
  for (std::int64_t left = options.coins, word = 1; left > 0; left -= 64, ++word) {
    const std::uint64_t bits = key.bits(static_cast<std::uint64_t>(word));
    ones += std::popcount(left >= 64 ? bits : bits >> (64 - left));
  }
  return ones;
}

inline RandomKey shuffle_key(const ShuffledSumOptions& options, std::int64_t round, Eigen::Index coordinate,
                             Eigen::Index person) {
  return RandomKey{options.seed}
      .derive(static_cast<std::uint64_t>(round))
      .derive(static_cast<std::uint64_t>(coordinate))
      .derive(static_cast<std::uint64_t>(person));
}

/// range / levels (ones - persons coins / 2)
inline double sum_of_ones(const ShuffledSumOptions& options, std::int64_t ones, Eigen::Index persons, double range) {
  const double expected = static_cast<double>(persons) * static_cast<double>(options.coins) / 2;
  return range / static_cast<double>(options.levels) * (static_cast<double>(ones) - expected);
}

}  // namespace detail

/// The sum of one number per person, of whom each adds noise that alone would hide nothing: a shuffler mixes what all
/// send, and only the number of ones is seen. This is a research kernel and not a certified implementation of
/// differential privacy: its noise is floating-point.
///
///     const std::int64_t coins = (shuffle_coins(1, 1e-6, 32) + 999) / 1000;   // for each of 1000 persons
///     const double sum = shuffled_sum({.range = 1, .levels = 32, .coins = coins}, losses, t);
///
///     whole = floor(x levels / range),  e ~ Bernoulli(x levels / range - whole),  c ~ Binomial(coins, 1/2)
///     a person sends whole + e + c ones and, of levels + coins bits, the rest zeros
///     sum = range / levels (ones - persons coins / 2)
///
/// It is unbiased, with a variance of (range / levels)^2 (persons coins / 4 + at most persons / 4).
/// State: none. Draws are functions of (seed, round, coordinate, person): never use a round for two sums.
/// Cost: coins / 64 random numbers per person.
/// Errors: std::invalid_argument for options out of range, round < 0 and values that are NaN.
/// Source: "Shuffle Private Stochastic Convex Optimization", 2021, arXiv 2106.09805, the protocol for scalars.
/// Deviation: the number of coins is calibrated exactly, for fair ones alone.
[[nodiscard]] inline double shuffled_sum(const ShuffledSumOptions& options,
                                         const Eigen::Ref<const Eigen::VectorXd>& values, std::int64_t round) {
  visit_options(options, CheckOption{ShuffledSumOptions::name, 0});
  require(ShuffledSumOptions::name, "round", static_cast<double>(round), range::non_negative);
  if (values.hasNaN()) throw std::invalid_argument("ShuffledSum: a value is NaN");
  std::int64_t ones = 0;
  for (Eigen::Index i = 0; i < values.size(); ++i)
    ones += detail::shuffled_ones(options, values[i], options.range, detail::shuffle_key(options, round, 0, i));
  return detail::sum_of_ones(options, ones, values.size(), options.range);
}

/// The same of vectors, one person in each column, coordinate by coordinate: each is shifted by range to be positive,
/// and the shift taken off the sum. epsilon and delta of shuffle_coins are those of one coordinate; those of all add
/// up.
inline void shuffled_sum(const ShuffledSumOptions& options, const Eigen::Ref<const Eigen::MatrixXd>& vectors,
                         std::int64_t round, Eigen::VectorXd& sum) {
  visit_options(options, CheckOption{ShuffledSumOptions::name, 0});
  require(ShuffledSumOptions::name, "round", static_cast<double>(round), range::non_negative);
  if (vectors.hasNaN()) throw std::invalid_argument("ShuffledSum: a value is NaN");
  sum.resize(vectors.rows());
  for (Eigen::Index j = 0; j < vectors.rows(); ++j) {
    std::int64_t ones = 0;
    for (Eigen::Index i = 0; i < vectors.cols(); ++i)
      ones += detail::shuffled_ones(options, vectors(j, i) + options.range, 2 * options.range,
                                    detail::shuffle_key(options, round, j, i));
    sum[j] = detail::sum_of_ones(options, ones, vectors.cols(), 2 * options.range) -
             static_cast<double>(vectors.cols()) * options.range;
  }
}

}  // namespace glissade
