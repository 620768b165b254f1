// Dual averaging with feedback that comes late.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "../oracle/norm.hpp"
#include "../sets/box.hpp"
#include "learner.hpp"

namespace glissade {

enum class DelayRate {
  constant,    // learning_rate
  decreasing,  // radius / (lipschitz sqrt((1 + 2 delay) t))
  ada_delay,   // from what has come and what is missing; needs no delay
  ada_grad     // radius / sqrt(sum of |g|^2 that came), which knows nothing of delays: for comparison
};
enum class DelayOptimism {
  none,
  last_times_missing  // whatever is missing will be like the last gradient: good where losses change slowly, bad where
                      // they turn around
};

/// Options of DelayedDualAveraging.
///
///     rate             (ada_delay)
///     optimism         (none)
///     radius R         > 0 (1), of a ball around the start that holds what it is compared with
///     lipschitz G      > 0 (1), a bound of |g|, which feedback must keep; for decreasing and ada_delay
///     delay            >= 0 (0), the most predictions that are missing at any time; for decreasing
///     learning_rate    > 0 (0.1), for constant; R / (G sqrt((1 + 2 delay) T)) is the best for T rounds
///     max_outstanding  in [1, 2^31] (1024), predictions that wait for feedback at the same time
struct DelayedDualAveragingOptions {
  static constexpr std::string_view name = "DelayedDualAveraging";

  DelayRate rate = DelayRate::ada_delay;
  DelayOptimism optimism = DelayOptimism::none;
  double radius = 1;
  double lipschitz = 1;
  double delay = 0;
  double learning_rate = 0.1;
  std::int64_t max_outstanding = 1024;

  static void options(auto& self, auto&& visit) {
    visit("rate", self.rate, range::up_to(DelayRate::ada_grad));
    visit("optimism", self.optimism, range::up_to(DelayOptimism::last_times_missing));
    visit("radius", self.radius, range::positive);
    visit("lipschitz", self.lipschitz, range::positive);
    visit("delay", self.delay, range::non_negative);
    visit("learning_rate", self.learning_rate, range::positive);
    visit("max_outstanding", self.max_outstanding, Range{1, 0x1p31});
  }
};

/// A learner whose gradients come late and in any order, from one or many agents that share it, without a clock.
///
///     x_t = project( start - eta_t (sum of the gradients that came + guess of those that did not) )
///
///     U_t: the predictions before t whose feedback is missing at t
///     ada_delay   eta_t = min( eta_{t-1}, R / sqrt(Gamma + beta_t) ),
///                 Gamma = sum over what came of |g_s|^2 + 2 G |g_s| |U_s|,
///                 beta_t = G^2 ( sum over s in U_t of (1 + 2 |U_s|)  +  1 + 2 |U_t| )
///     last_times_missing   guess = (|U_t| + 1) (the gradient that came last)
///
///     DelayedDualAveraging learner({.radius = 2}, start, Ball{.radius = 2});
///     Prediction first = learner.predict();
///     Prediction second = learner.predict();
///     learner.feedback(second.id, g);  // the gradient at second.x
///     learner.feedback(first.id, g);
///
/// Without delay it is follow-the-regularized-leader. predict(guess) takes a guess of the sum of all gradients that are
/// missing and the one of this round, in place of that of optimism.
/// Regret against u, with h(u) = |u - start|^2 / 2, for every rate but ada_grad with delays:
///     without a guess  h(u) / eta_T + sum_t eta_t ( |g_t|^2 / 2 + |g_t| sum of |g_s| over s in U_t )
///     with one         h(u) / eta_T + sum_t eta_t |g_t| |guess_t - g_t - sum of g_s over s in U_t|
/// ada_delay knows no delay, yet is within a constant of R G sqrt((1 + 2 tau) T), the best for delays of tau rounds.
/// Set: as of sets/, without one all of the space.
/// State, in files: start, sum and last (gradients that came), eta, lag (sqrt Gamma), root (sqrt(sum |g|^2)),
/// predictions, outstanding, ids and missing (|U_s|), max_outstanding of each.
/// Cost: one projection per prediction, 2 d flops per feedback and a search among those outstanding.
/// Errors: std::invalid_argument for options out of range, vectors that are not finite or of another size, an id that
/// was not given or whose feedback has come, |g| > G, and a prediction while max_outstanding wait; then nothing has
/// been touched.
/// Source: "Multi-Agent Online Optimization with Delays: Asynchronicity, Adaptivity, and Optimism", 2022, arXiv
/// 2012.11579; the constants of rates and bounds were derived here.
template <class Set = WholeSpace>
class DelayedDualAveraging {
 public:
  static constexpr std::string_view name = DelayedDualAveragingOptions::name;

  DelayedDualAveraging(const DelayedDualAveragingOptions& options, const Eigen::VectorXd& start, Set set = {})
      : options_(options), set_(std::move(set)), start_(start) {
    check_learner(options_);
    check_set(set_);
    require_vector(name, "start", start, start.size());
    set_.project(start_);
    sum_ = last_ = Eigen::VectorXd::Zero(start.size());
    ids_.resize(static_cast<std::size_t>(options_.max_outstanding));
    missing_.resize(ids_.size());
  }

  /// The point of the next prediction; its feedback is told by the number that comes with it.
  [[nodiscard]] Prediction predict() {
    const bool hopeful = options_.optimism == DelayOptimism::last_times_missing;
    return predict_with(hopeful ? (static_cast<double>(outstanding_) + 1) * last_ : Eigen::VectorXd{});
  }
  [[nodiscard]] Prediction predict(const Eigen::Ref<const Eigen::VectorXd>& guess) {
    require_vector(name, "guess", guess, sum_.size());
    return predict_with(guess);
  }

  /// Takes the gradient of the loss at the point that was predicted under this number.
  void feedback(std::int64_t id, const Eigen::Ref<const Eigen::VectorXd>& gradient) {
    const auto end = ids_.begin() + outstanding_;
    const auto place = std::find(ids_.begin(), end, id);
    if (place == end) reject(name, "id", static_cast<double>(id), "that of a prediction whose feedback has not come");
    require_vector(name, "gradient", gradient, sum_.size());
    const double length = norm_of(gradient);
    if (uses_lipschitz() && !(length <= options_.lipschitz * (1 + 1e-12)))
      reject(name, "the norm of gradient", length, "<= lipschitz = " + to_text(options_.lipschitz));

    const auto slot = place - ids_.begin(), back = outstanding_ - 1;
    const auto missing = static_cast<double>(
        std::exchange(missing_[static_cast<std::size_t>(slot)], missing_[static_cast<std::size_t>(back)]));
    *place = ids_[static_cast<std::size_t>(back)];
    ids_[static_cast<std::size_t>(back)] = missing_[static_cast<std::size_t>(back)] = 0;
    outstanding_ = back;
    lag_ = std::hypot(lag_, std::sqrt(length) * std::sqrt(length + 2 * options_.lipschitz * missing));
    root_ = std::hypot(root_, length);
    sum_ += gradient;
    last_ = gradient;
  }

  /// Predictions that wait for feedback.
  [[nodiscard]] std::int64_t outstanding() const { return outstanding_; }
  [[nodiscard]] std::int64_t predictions() const { return predictions_; }
  /// eta of the last prediction.
  [[nodiscard]] double learning_rate() const { return eta_; }

  static void visit(auto& self, auto&& field) {
    field("start", self.start_);
    field("sum", self.sum_);
    field("last", self.last_);
    field("eta", self.eta_);
    field("lag", self.lag_);
    field("root", self.root_);
    field("predictions", self.predictions_, 0, most_rounds);
    field("outstanding", self.outstanding_, 0, self.options_.max_outstanding);
    field("ids", self.ids_, 0, most_rounds);
    field("missing", self.missing_, 0, self.options_.max_outstanding);
  }

 private:
  [[nodiscard]] bool uses_lipschitz() const {
    return options_.rate == DelayRate::decreasing || options_.rate == DelayRate::ada_delay;
  }
  [[nodiscard]] Prediction predict_with(const Eigen::VectorXd& guess) {
    if (outstanding_ >= options_.max_outstanding)
      reject(name, "outstanding", static_cast<double>(outstanding_),
             "< max_outstanding = " + to_text(static_cast<double>(options_.max_outstanding)) + " to predict");
    Prediction prediction{predictions_, start_};
    if (const double rate = next_rate(); rate > 0) {
      eta_ = std::min(eta_, rate);
      if (guess.size() > 0)
        prediction.x -= eta_ * (sum_ + guess);
      else
        prediction.x -= eta_ * sum_;
      set_.project(prediction.x);
    }
    ids_[static_cast<std::size_t>(outstanding_)] = predictions_++;
    missing_[static_cast<std::size_t>(outstanding_)] = outstanding_;
    ++outstanding_;
    return prediction;
  }
  /// 0 where nothing is known of which it could depend.
  [[nodiscard]] double next_rate() const {
    const double R = options_.radius, G = options_.lipschitz;
    switch (options_.rate) {
      case DelayRate::constant:
        return options_.learning_rate;
      case DelayRate::decreasing:
        return R / (G * std::sqrt((1 + 2 * options_.delay) * static_cast<double>(predictions_ + 1)));
      case DelayRate::ada_delay: {
        std::int64_t count = 1 + 3 * outstanding_;  // 1 + 2 |U_t| and the 1 of each that is missing
        for (std::int64_t k = 0; k < outstanding_; ++k) count += 2 * missing_[static_cast<std::size_t>(k)];
        return R / std::hypot(lag_, G * std::sqrt(static_cast<double>(count)));
      }
      case DelayRate::ada_grad:
        return root_ > 0 ? R / root_ : 0;
    }
    return 0;
  }

  DelayedDualAveragingOptions options_;
  Set set_;
  Eigen::VectorXd start_, sum_, last_;
  double eta_ = std::numeric_limits<double>::max();
  double lag_ = 0;   // sqrt Gamma
  double root_ = 0;  // of the sum of |g|^2
  std::int64_t predictions_ = 0;
  std::int64_t outstanding_ = 0;
  std::vector<std::int64_t> ids_, missing_;  // of those outstanding
};

}  // namespace glissade
