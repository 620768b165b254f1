// Antithetic evolution strategy: gradients from values alone, and training with them by any rule.
#pragma once

#include <Eigen/Core>

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../core/random.hpp"
#include "../drive/status.hpp"
#include "../optimizer/stepper.hpp"
#include "../rule/options.hpp"

namespace glissade {

/// What is trained: double f(x), or double f(x, key) where the key chooses the problem on which x is tried. Both points
/// of a pair are tried with the same key.
class EvolutionObjective {
 public:
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, EvolutionObjective>)
      EvolutionObjective(F function) {  // NOLINT: implicit
    if constexpr (std::is_invocable_r_v<double, F&, const Eigen::VectorXd&, RandomKey>) {
      function_ = std::move(function);
    } else {
      static_assert(
          std::is_invocable_r_v<double, F&, const Eigen::VectorXd&>,
          "an evolution strategy takes double f(const VectorXd& x) or double f(const VectorXd& x, RandomKey)");
      function_ = [f = std::move(function)](const Eigen::VectorXd& x, RandomKey) mutable { return f(x); };
    }
  }
  double operator()(const Eigen::VectorXd& x, RandomKey key) const { return function_(x, key); }

 private:
  std::function<double(const Eigen::VectorXd&, RandomKey)> function_;
};

/// Options of an evolution strategy.
///
///     pairs  >= 1 (16): of points, two values each
///     sigma  > 0 (0.1): how far they lie from x, in each coefficient
///     seed   (0)
struct EvolutionOptions {
  static constexpr std::string_view name = "EvolutionStrategy";
  std::int64_t pairs = 16;
  double sigma = 0.1;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("pairs", self.pairs, range::at_least_one);
    visit("sigma", self.sigma, range::positive);
    visit("seed", self.seed);
  }
};

/// The gradient of f at x, smoothed and estimated from values: for functions whose derivative is not at hand or
/// useless, such as the outcome of a whole run of training as a function of the weights of a learned rule.
///
///     e_i ~ N(0, I),   g = 1 / (2 n sigma)  sum over n pairs of (f(x + sigma e_i) - f(x - sigma e_i)) e_i
///
/// It is unbiased for the gradient of the mean of f(x + sigma e). On a quadratic function that is the gradient itself
/// for every sigma, and E|g - gradient|^2 = (d + 1) |gradient|^2 / n.
/// `step` chooses the directions: with (seed, step, pair) all random numbers are given. `trial` is scratch.
/// Returns the mean of the 2 n values; where one of them or g is not finite, NaN, and g is of no use.
/// Cost: 2 n calls of f, 8 n d flops and n d normal numbers. After the first call nothing is taken from the heap.
/// Errors: std::invalid_argument for options out of range and for an x that is empty or not finite. What f throws
/// leaves x as it was.
inline double evolution_gradient(const EvolutionObjective& f, const Eigen::VectorXd& x, std::int64_t step,
                                 Eigen::VectorXd& gradient, Eigen::VectorXd& trial,
                                 const EvolutionOptions& options = {}) {
  visit_options(options, CheckOption{EvolutionOptions::name, 0});
  if (x.size() == 0) throw std::invalid_argument("EvolutionStrategy: x is empty");
  if (!x.allFinite()) throw std::invalid_argument("EvolutionStrategy: x has a coefficient that is not finite");
  gradient.setZero(x.size());
  const RandomKey keys = RandomKey{options.seed}.derive(static_cast<std::uint64_t>(step));
  const auto pairs = static_cast<double>(options.pairs);
  double sum = 0;
  for (std::int64_t i = 0; i < options.pairs; ++i) {
    const RandomKey pair = keys.derive(static_cast<std::uint64_t>(i));
    const RandomKey directions = pair.derive(0), task = pair.derive(1);
    const auto along = [&](Eigen::Index j) { return directions.normal(static_cast<std::uint64_t>(j)); };
    trial.resize(x.size());
    for (Eigen::Index j = 0; j < x.size(); ++j) trial[j] = x[j] + options.sigma * along(j);
    const double ahead = f(trial, task);
    for (Eigen::Index j = 0; j < x.size(); ++j) trial[j] = x[j] - options.sigma * along(j);
    const double behind = f(trial, task);
    sum += ahead + behind;
    const double slope = (ahead - behind) / (2 * pairs * options.sigma);
    for (Eigen::Index j = 0; j < x.size(); ++j) gradient[j] += slope * along(j);
  }
  const bool finite = std::isfinite(sum) && gradient.allFinite();
  return finite ? sum / (2 * pairs) : std::numeric_limits<double>::quiet_NaN();
}
inline double evolution_gradient(const EvolutionObjective& f, const Eigen::VectorXd& x, std::int64_t step,
                                 Eigen::VectorXd& gradient, const EvolutionOptions& options = {}) {
  Eigen::VectorXd trial;
  return evolution_gradient(f, x, step, gradient, trial, options);
}

/// Trains flat parameters by an evolution strategy, with a rule of the library after the estimated gradient.
///
///     EvolutionTrainer trainer(Adam{.learning_rate = 0.05}, start, {.pairs = 32});
///     for (int t = 0; t < 100; ++t) trainer.step([&](const Eigen::VectorXd& x) { return loss(x); });
///     x = trainer.parameters();
///
///     g = evolution_gradient(f, x, steps);   x += rule(g)
///
/// step says Status::running, or non_finite where a value, the estimate or the next x is not finite; then, and where f
/// throws, nothing has changed.
/// State, in files (save and load of io/method_state.hpp, to be loaded into a trainer with the same rule): the
/// parameters, the memory of the rule, value (the mean of the last step's values), steps. It goes on bit for bit.
/// Cost: 2 pairs calls of f a step.
/// Errors: std::invalid_argument for options out of range and a start that is empty or not finite.
/// Source: "Evolution Strategies as a Scalable Alternative to Reinforcement Learning", 2017, arXiv 1703.03864, with the
/// antithetic pairs of its section 2.1; the outer optimizer of learned rules in "Discovering Temporally-Aware
/// Reinforcement Learning Algorithms", 2024, arXiv 2402.05828.
template <Rule R>
class EvolutionTrainer {
 public:
  static constexpr std::string_view name = EvolutionOptions::name;

  EvolutionTrainer(R rule, Eigen::VectorXd start, const EvolutionOptions& options = {})
      : rule_(std::move(rule)), options_(options), x_(std::move(start)) {
    visit_options(options_, CheckOption{name, 0});
    if (x_.size() == 0) throw std::invalid_argument("EvolutionStrategy: the start is empty");
    if (!x_.allFinite()) throw std::invalid_argument("EvolutionStrategy: the start is not finite");
    memory_ = initial_state(rule_, x_);
  }

  Status step(const EvolutionObjective& f) {
    const double value = evolution_gradient(f, x_, steps_, gradient_, trial_, options_);
    if (!std::isfinite(value)) return Status::non_finite;
    RuleState<double> memory = memory_;
    trial_ = x_;
    glissade::step(rule_, memory, trial_, gradient_);
    if (!trial_.allFinite()) return Status::non_finite;
    std::swap(memory_, memory);
    x_.swap(trial_);
    value_ = value;
    ++steps_;
    return Status::running;
  }

  [[nodiscard]] const Eigen::VectorXd& parameters() const { return x_; }
  /// The options of the rule and of the strategy; they may change at any time.
  [[nodiscard]] R& rule() { return rule_; }
  [[nodiscard]] EvolutionOptions& options() { return options_; }
  /// The mean of the values of the last step, at points around the parameters before it; NaN before the first.
  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] std::int64_t steps() const { return steps_; }

  static void visit(auto& self, auto&& field) {
    field("parameters", self.x_);
    RuleState<double>::visit(self.memory_, field);
    field("value", self.value_);
    field("steps", self.steps_, 0, std::int64_t{1} << 53);
  }

 private:
  R rule_;
  EvolutionOptions options_;
  Eigen::VectorXd x_, gradient_, trial_;
  RuleState<double> memory_;
  double value_ = std::numeric_limits<double>::quiet_NaN();
  std::int64_t steps_ = 0;
};

}  // namespace glissade
