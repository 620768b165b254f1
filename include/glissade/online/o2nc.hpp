// Online-to-non-convex conversion: stochastic gradients of a function that is neither smooth nor convex.
#pragma once

#include <algorithm>
#include <cmath>

#include "../core/random.hpp"
#include "../oracle/norm.hpp"
#include "learner.hpp"

namespace glissade {

/// Where on the way from x to x + Delta the gradient is taken.
enum class StepScaling {
  uniform,      // at x + s Delta, s uniform in [0, 1]; then x moves by all of Delta
  exponential,  // at x + s Delta, s exponential with mean 1; x moves there
  midpoint      // at x + Delta / 2; for smooth functions
};
enum class EpochOutput {
  random_epoch,    // the average of an epoch drawn from all that are complete: what the guarantee is about
  last_epoch,      // that of the last one
  running_average  // output <- beta output + (1 - beta) point
};

/// Options of OnlineToNonConvex.
///
///     delta            > 0, to be given: how far from a point gradients count for it
///     budget N         >= 2, to be given: the number of steps
///     lipschitz G      > 0 (1), of the function: a bound on the norms of gradients
///     gap F            > 0 (1), about how much the function is above its least value at the start
///     epoch T          >= 0 (0), steps of an epoch; 0 is min(ceil((G N delta / F)^(2/3)), N / 2)
///     radius D         >= 0 (0), the longest step; 0 is delta / T
///     learning_rate    >= 0 (0); 0 is D / (G sqrt T). With hints 1 / (2 H), H the Lipschitz constant of the gradient
///     scaling          (uniform)
///     reset            (true): Delta begins every epoch at 0
///     output           (random_epoch)
///     beta             in [0, 1) (0.99), for running_average
///     hints Q          >= 0 (0): gradients per step that find out where the step would lead
///     seed             (0)
struct OnlineToNonConvexOptions {
  static constexpr std::string_view name = "OnlineToNonConvex";

  double delta = 0;
  std::int64_t budget = 0;
  double lipschitz = 1;
  double gap = 1;
  std::int64_t epoch = 0;
  double radius = 0;
  double learning_rate = 0;
  StepScaling scaling = StepScaling::uniform;
  bool reset = true;
  EpochOutput output = EpochOutput::random_epoch;
  double beta = 0.99;
  std::int64_t hints = 0;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    const auto most = static_cast<double>(most_rounds);
    visit("delta", self.delta, range::positive);
    visit("budget", self.budget, Range{2, most});
    visit("lipschitz", self.lipschitz, range::positive);
    visit("gap", self.gap, range::positive);
    visit("epoch", self.epoch, Range{0, most});
    visit("radius", self.radius, range::non_negative);
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("scaling", self.scaling, range::up_to(StepScaling::midpoint));
    visit("reset", self.reset);
    visit("output", self.output, range::up_to(EpochOutput::running_average));
    visit("beta", self.beta, range::decay);
    visit("hints", self.hints, Range{0, most});
    visit("seed", self.seed);
  }

  [[nodiscard]] std::int64_t steps_per_epoch() const {
    if (epoch > 0) return epoch;
    const auto n = static_cast<double>(budget);
    const double best = std::ceil(std::pow(lipschitz * n * delta / gap, 2.0 / 3));
    return static_cast<std::int64_t>(std::clamp(best, 1.0, std::floor(n / 2)));
  }
  [[nodiscard]] double longest_step() const {
    return radius > 0 ? radius : delta / static_cast<double>(steps_per_epoch());
  }
  [[nodiscard]] double rate() const {
    if (learning_rate > 0) return learning_rate;
    return longest_step() / (lipschitz * std::sqrt(static_cast<double>(steps_per_epoch())));
  }
};

/// Minimizes by stochastic gradients where no method that goes downhill has a guarantee: networks with kinks,
/// simulations. An online learner chooses each step Delta in a ball; momentum is what comes of it.
///
///     w = x + s Delta,  x <- x + Delta,  g a gradient at w;   Delta <- Delta - eta g, cut to norm D
///     after T steps: their average of w is an answer, and Delta <- 0
///     with hints:  Delta = (B - eta h, cut to norm D),  h <- gradient at w, Q times;  then g at w;  B <- B - eta g,
///     cut
///
///     OnlineToNonConvex search({.delta = 0.1, .budget = 1000}, start);
///     for (...) search.learn(gradient(search.point()));
///     x = search.output();
///
/// All w of an epoch lie within delta of their average, and the norm of their mean gradient is in the mean over epochs
/// at most 2 F / (delta N) + max(5 G^(2/3) F^(1/3) / (N delta)^(1/3), 6 G / sqrt N): a stationary point in the sense of
/// Goldstein, at a rate that no method can beat. For the scaling `uniform`; the others have guarantees of their own,
/// and a lipschitz that is too small costs the guarantee, not stability: no step is longer than D.
/// State, in files: x, step Delta, base B, hint h, point w, sum of w in the epoch, average (of the last complete
/// epoch), output, gradients.
/// Memory 8 d.
/// Cost: 10 d flops per gradient, one gradient per step, Q + 1 with hints.
/// Errors: std::invalid_argument for options out of range, a start or a gradient that is not finite or of another size;
/// then nothing has been touched.
/// Source: "Optimal Stochastic Non-smooth Non-convex Optimization through Online-to-Non-convex Conversion", 2023, arXiv
/// 2302.03775; exponential: "Random Scaling and Momentum for Non-smooth Non-convex Optimization", 2024, arXiv
/// 2405.09742. Hints begin with the gradient of the step before, which is a choice made here.
class OnlineToNonConvex {
 public:
  static constexpr std::string_view name = OnlineToNonConvexOptions::name;

  OnlineToNonConvex(const OnlineToNonConvexOptions& options, const Eigen::VectorXd& start)
      : options_(options), x_(start) {
    check_learner(options_);
    require_vector(name, "start", start, start.size());
    step_ = base_ = hint_ = sum_ = Eigen::VectorXd::Zero(start.size());
    point_ = average_ = output_ = start;
    place();
  }

  /// Where the next gradient is to be taken.
  [[nodiscard]] const Eigen::VectorXd& point() const { return point_; }
  /// The answer; the start as long as no epoch is complete.
  [[nodiscard]] const Eigen::VectorXd& output() const { return output_; }
  /// Of the points of the last complete epoch.
  [[nodiscard]] const Eigen::VectorXd& average() const { return average_; }
  [[nodiscard]] const Eigen::VectorXd& x() const { return x_; }
  /// Delta.
  [[nodiscard]] const Eigen::VectorXd& step() const { return step_; }
  [[nodiscard]] std::int64_t steps() const { return gradients_ / (options_.hints + 1); }
  [[nodiscard]] std::int64_t epochs() const { return steps() / options_.steps_per_epoch(); }

  /// Takes a gradient at point().
  void learn(const Eigen::Ref<const Eigen::VectorXd>& gradient) {
    require_vector(name, "gradient", gradient, x_.size());
    hint_ = gradient;
    ++gradients_;
    if (gradients_ % (options_.hints + 1) == 0) {
      advance();
      if (steps() % options_.steps_per_epoch() == 0) complete_epoch();
    }
    place();
  }

  static void visit(auto& self, auto&& field) {
    field("x", self.x_);
    field("step", self.step_);
    field("base", self.base_);
    field("hint", self.hint_);
    field("point", self.point_);
    field("sum", self.sum_);
    field("average", self.average_);
    field("output", self.output_);
    field("gradients", self.gradients_, 0, most_rounds);
  }

 private:
  /// From the step and its gradient to the next step.
  void advance() {
    x_ = options_.scaling == StepScaling::exponential ? point_ : Eigen::VectorXd(x_ + step_);
    sum_ += point_;
    if (options_.output == EpochOutput::running_average)
      output_ = options_.beta * output_ + (1 - options_.beta) * point_;
    base_ -= options_.rate() * hint_;
    cut(base_);
  }
  void complete_epoch() {
    average_ = sum_ / static_cast<double>(options_.steps_per_epoch());
    sum_.setZero();
    const auto count = static_cast<std::uint64_t>(epochs());
    // The k-th of k epochs with a chance of 1 / k, so that each is as likely as every other.
    const bool drawn = RandomKey{options_.seed}.derive(1).uniform(count) * static_cast<double>(count) < 1;
    if (options_.output == EpochOutput::last_epoch || (options_.output == EpochOutput::random_epoch && drawn))
      output_ = average_;
    if (options_.reset) base_.setZero();
  }
  void place() {
    step_ = base_;
    if (options_.hints > 0) {
      step_ -= options_.rate() * hint_;
      cut(step_);
    }
    const double u = RandomKey{options_.seed}.uniform(static_cast<std::uint64_t>(steps()));
    const double s = options_.scaling == StepScaling::uniform       ? u
                     : options_.scaling == StepScaling::exponential ? -std::log(u)
                                                                    : 0.5;
    point_ = x_ + s * step_;
  }
  void cut(Eigen::VectorXd& v) const {
    const double length = norm_of(v), longest = options_.longest_step();
    if (length > longest) v *= longest / length;
  }

  OnlineToNonConvexOptions options_;
  Eigen::VectorXd x_, step_, base_, hint_, point_, sum_, average_, output_;
  std::int64_t gradients_ = 0;
};

}  // namespace glissade
