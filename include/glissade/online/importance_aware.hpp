// Updates that know how much an example weighs.
#pragma once

#include <algorithm>
#include <cmath>

#include "../losses/linear_losses.hpp"
#include "../oracle/norm.hpp"
#include "../rule/schedule.hpp"
#include "learner.hpp"

namespace glissade {

/// Options of ImportanceAware.
///
///     loss           which of losses/linear_losses.hpp (squared)
///     learning_rate  eta > 0 (0.5), a number or a schedule of the rounds
struct ImportanceAwareOptions {
  static constexpr std::string_view name = "ImportanceAware";

  PredictionLoss loss{};
  Schedule learning_rate = 0.5;

  static void options(auto& self, auto&& visit) {
    visit("loss", self.loss);
    visit("learning_rate", self.learning_rate, range::positive);
  }
  void check() const { loss.check(); }
};

/// A linear predictor for examples of very different importance h: where a gradient step of length h overshoots, its
/// update goes as far as infinitely many short steps would, which never leads past the label. An example of importance
/// 2 is the same one twice.
///
///     p = <a, x>,  c = eta h |a|^2;  x <- x + (p' - p) a / |a|^2,  where p' is the end of  dp / ds = -phi'(p), s <= c
///     squared              p' - p = (y - p) (1 - exp(-c))
///     squared hinge        y max(0, 1 - y p) (1 - exp(-c))
///     hinge                y min(c, max(0, 1 - y p))
///     absolute, epsilon-insensitive, pinball   by c times the slope, and no farther than where the loss is 0
///     logistic             y d, the root of d + exp(y p) (exp(d) - 1) = c;  that is y p' = X - W(exp(X)) with
///                          X = c + y p + exp(y p)
///
///     ImportanceAware learner({.loss = {.kind = LinearLoss::logistic}}, a.size());
///     for (...) learner.learn(a, y, 3);  // counts three times
///
/// Regret against every u with constant eta and importances 1: at most |u|^2 / (2 eta) + eta / 2 sum of (g |a|)^2, g
/// the slope at p, as that of a gradient step.
/// State, in files: weights (x, 0 at the start), rounds.
/// Cost: 6 d flops and a few exponentials.
/// Errors: std::invalid_argument for options out of range, features or importances that are not finite, importance < 0,
/// features of another size and labels that the loss does not take; then nothing has been touched.
/// Source: "Online Importance Weight Aware Updates", 2011, arXiv 1011.1576; the losses that it does not have, and the
/// bound, were derived here. Its squared loss is (p - y)^2: eta there is eta / 2 here.
class ImportanceAware {
 public:
  static constexpr std::string_view name = ImportanceAwareOptions::name;

  ImportanceAware(const ImportanceAwareOptions& options, Index features) : options_(options) {
    check_learner(options_);
    require(name, "features", static_cast<double>(features), Range{.low = 1});
    weights_ = Eigen::VectorXd::Zero(features);
  }

  [[nodiscard]] double predict(const Eigen::Ref<const Eigen::VectorXd>& features) const {
    require_vector(name, "features", features, weights_.size());
    return features.dot(weights_);
  }
  [[nodiscard]] const Eigen::VectorXd& weights() const { return weights_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }

  /// Takes the label of the features, and how often the example counts.
  void learn(const Eigen::Ref<const Eigen::VectorXd>& features, double label, double importance = 1) {
    const double p = predict(features);
    options_.loss.require_label(name, label);
    require(name, "importance", importance, range::non_negative);
    visit_options(options_, CheckOption{name, rounds_});
    const double eta = options_.learning_rate(rounds_);
    ++rounds_;
    const double square = features.squaredNorm(), way = eta * importance * square;
    if (!(way > 0)) return;
    weights_ += way_of(p, label, way) / square * features;
  }

  static void visit(auto& self, auto&& field) {
    field("weights", self.weights_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  /// p' - p.
  [[nodiscard]] double way_of(double p, double y, double c) const {
    const PredictionLoss& loss = options_.loss;
    const double slope = loss.slope(p, y), height = loss.value(p, y);
    switch (loss.kind) {
      case LinearLoss::squared:
      case LinearLoss::squared_hinge:
        return slope * std::expm1(-c);
      case LinearLoss::logistic:
        return y * logistic_way(y * p, c);
      default:  // a straight line down to 0
        return slope == 0 ? 0 : -slope * std::min(c, height / (slope * slope));
    }
  }
  /// The root d >= 0 of d + exp(m) (exp(d) - 1) = c, which is divided by exp(m) where that is large. The left side is
  /// convex and rises: from above, Newton's points fall onto the root.
  static double logistic_way(double m, double c) {
    const double line = m > 0 ? std::exp(-m) : 1, shift = std::min(m, 0.0), right = c * line;
    const double grown = c * std::exp(-m);
    double d = std::min(c, std::isfinite(grown) ? std::log1p(grown) : std::log(c) - m);
    for (int k = 0; k < 100; ++k) {
      const double power = std::exp(shift + d);
      const double curve = d < 1 ? std::exp(shift) * std::expm1(d) : power - std::exp(shift);
      const double step = (line * d + curve - right) / (line + power);
      d = std::max(0.0, d - step);
      if (!(step > 1e-16 * d)) break;
    }
    return d;
  }

  ImportanceAwareOptions options_;
  Eigen::VectorXd weights_;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
