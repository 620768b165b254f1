// When a polynomial may stand for the exponential in attention.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "../../core/checks.hpp"

namespace glissade {

struct PolynomialAttentionOptions {
  std::optional<double> beta = {};  // factor of the logits, > 0; empty: 1 / sqrt(h)
  double tolerance = 1e-3;          // relative error wanted of every exp(S_ij), in (0, 1)
  std::optional<int> degree = {};   // in [0, 1000]; empty: the smallest even one for the tolerance
  bool center_keys = true;          // subtract the mean key, which changes nothing, where that lowers the bound
  double max_bytes = 1 << 30;       // of workspace, > 0
};

enum class PolynomialVerdict {
  accepted,
  not_finite,   // a query or a key is not
  precision,    // logits so large that rounding alone exceeds the tolerance
  rank,         // more features than tokens
  memory,       // more workspace than max_bytes
  not_positive  // a row of approximate exponentials has a sum <= 0: only where the degree was given
};

/// What PolynomialAttention does with given queries and keys, or why it declines.
///
/// With |S_ij| <= s the Taylor polynomial of degree g has at every S_ij an error of at most exp(s) s^(g+1) / (g+1)!
/// times exp(S_ij), and rounding adds about exp(2 s) units: where S_ij = -s, terms of size exp(s) cancel.
struct PolynomialPlan {
  PolynomialVerdict verdict = PolynomialVerdict::accepted;
  int degree = 0;          // g; even ones are positive everywhere
  double rank = 0;         // k = binomial(h + g, g), the number of features; rounded beyond 2^53
  double length = 0;       // L
  double bound = 0;        // s: beta times the largest norms of a query and of a key
  double exp_error = 0;    // bound of the relative error of every exp(S_ij), with rounding
  double bytes = 0;        // of workspace
  bool centered = false;   // the mean key was subtracted
  bool is_faster = false;  // than the exact form, with a margin: L > k h / 2

  [[nodiscard]] bool accepted() const { return verdict == PolynomialVerdict::accepted; }
  /// Bound of the relative error of every entry of P.
  [[nodiscard]] double error() const {
    return exp_error < 1 ? 2 * exp_error / (1 - exp_error) : std::numeric_limits<double>::infinity();
  }
  /// The verdict as a sentence.
  [[nodiscard]] std::string text() const {
    const std::string form = "degree " + to_text(degree) + ", rank " + to_text(rank);
    switch (verdict) {
      case PolynomialVerdict::accepted:
        return form + ": relative error of the attention at most " + to_text(error());
      case PolynomialVerdict::not_finite:
        return "declined: a query or a key is not finite";
      case PolynomialVerdict::precision:
        return "declined: with logits up to " + to_text(bound) + " rounding alone exceeds the tolerance";
      case PolynomialVerdict::rank:
        return "declined: " + form + " exceeds the length " + to_text(length);
      case PolynomialVerdict::memory:
        return "declined: " + form + " takes " + to_text(bytes) + " bytes";
      case PolynomialVerdict::not_positive:
        return "declined: " + form + " makes a row of weights with a sum <= 0";
    }
    return {};
  }
};

namespace detail {

/// Degree, rank and error for the bound of `plan` and heads of width h, in arithmetic with this epsilon; or the verdict
/// that no degree will do.
inline void choose_degree(PolynomialPlan& plan, double h, double epsilon, const PolynomialAttentionOptions& options) {
  const double s = plan.bound;
  const double rounding = epsilon * std::exp(2 * s);
  const auto take = [&](int g) {
    double logarithm = s;
    for (int t = 1; t <= g + 1; ++t) logarithm += std::log(s / t);
    plan.degree = g;
    plan.exp_error = rounding + std::exp(logarithm);
    plan.rank = 1;
    for (int t = 1; t <= g; ++t) plan.rank = std::round(plan.rank * (h + t) / t);
  };
  if (options.degree) return take(*options.degree);
  if (rounding > options.tolerance / 2) {
    plan.exp_error = rounding;
    plan.verdict = PolynomialVerdict::precision;
    return;
  }
  int g = 0;
  for (take(g); plan.exp_error > options.tolerance; take(g)) g += 2;
}

}  // namespace detail

}  // namespace glissade
