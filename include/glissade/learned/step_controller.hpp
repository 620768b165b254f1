// A step size that a hook of the user's, learned or not, changes from step to step, knowing how many steps are left.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "../drive/status.hpp"
#include "../oracle/norm.hpp"
#include "../rule/options.hpp"

namespace glissade {

/// What a hook of a StepController sees before a step.
struct StepFeatures {
  double loss = 0;
  double gradient_norm = 0;       // |g|
  double squared_norm_ratio = 1;  // |g|^2 / |last g|^2; 1 in the first step and after a gradient of zeros
  double cosine = 0;              // of the angle between g and the last g; 0 where there is none
  double inner_product = 0;       // <g, last g>; infinite where it overflows
  std::int64_t step = 0;          // t, from 0
  std::int64_t horizon = 1;       // T

  /// t / T: the same bits for the same part of any horizon.
  [[nodiscard]] double progress() const { return static_cast<double>(step) / static_cast<double>(horizon); }
  [[nodiscard]] double log_horizon() const { return std::log(static_cast<double>(horizon)); }
};

/// The change of the logarithm of the step size.
using StepHook = std::function<double(const StepFeatures&)>;

/// A hook with weights that can be trained, by an evolution strategy for instance; all of them 0: a constant step size.
///
///     w_0 + w_1 cosine + w_2 tanh(log(squared_norm_ratio) / 2) + w_3 t / T + w_4 (t / T) cosine + w_5 log(T) / 10
///
/// w_1 alone is hypergradient descent in its multiplicative form; w_3 to w_5 condition it on the horizon.
/// Throws std::invalid_argument unless there are 6 weights, all finite.
[[nodiscard]] inline StepHook linear_step_hook(Eigen::VectorXd weights) {
  require_shape("linear_step_hook", "weights", weights, 6, 1);
  if (!weights.allFinite()) throw std::invalid_argument("linear_step_hook: a weight is not finite");
  return [w = std::move(weights)](const StepFeatures& at) {
    const double ratio = at.squared_norm_ratio;  // tanh(log(r) / 2) = (r - 1) / (r + 1)
    const double growth = std::isfinite(ratio) ? (ratio - 1) / (ratio + 1) : 1;
    return w[0] + w[1] * at.cosine + w[2] * growth + w[3] * at.progress() + w[4] * at.progress() * at.cosine +
           w[5] * at.log_horizon() / 10;
  };
}

/// Options of a StepController.
///
///     step_size  in [min_step, max_step] (0.1): before the first change
///     horizon    >= 1 (100): T, how many steps there will be
///     min_step   > 0 (1e-12);  max_step >= min_step (1e12)
struct StepControllerOptions {
  static constexpr std::string_view name = "StepController";
  double step_size = 0.1;
  std::int64_t horizon = 100;
  double min_step = 1e-12;
  double max_step = 1e12;

  static void options(auto& self, auto&& visit) {
    visit("min_step", self.min_step, range::positive);
    visit("max_step", self.max_step, Range{self.min_step, std::numeric_limits<double>::max()});
    visit("step_size", self.step_size, Range{self.min_step, self.max_step});
    visit("horizon", self.horizon, range::at_least_one);
  }
};

/// A step size under the control of a hook, for any rule whose learning rate may change.
///
///     StepController controller(x.size(), {.step_size = 0.1, .horizon = 100}, hook);
///     while (controller.update(loss(x), gradient(x)) == Status::running)
///       x -= controller.step_size() * gradient(x);
///
///     c = hook(loss, |g|, |g|^2 / |last g|^2, <g, last g>, t, T),  cut to [-1, 1]
///     step_size <- step_size exp(c),  cut to [min_step, max_step];   t <- t + 1
///
/// T is part of the state: a hook that was trained with t / T and log T among its inputs can be bold early and careful
/// late, whatever the length of the run.
/// update says Status::running; max_iterations where T steps were made; non_finite where the loss, the gradient or the
/// hook's answer is not finite. Unless it says running nothing has changed; nor has it where the hook throws.
/// State, in files (io/method_state.hpp; to be loaded into a controller of the same size): step_size, last_gradient,
/// step, horizon. The hook is not in the file.
/// Cost: 6 d flops and the hook; nothing is taken from the heap.
/// Errors: std::invalid_argument for options out of range, an empty hook and a gradient of another size.
/// Source: the temporal conditioning of "Discovering Temporally-Aware Reinforcement Learning Algorithms", 2024, arXiv
/// 2402.05828; the list of inputs and the cut are this library's.
class StepController {
 public:
  static constexpr std::string_view name = StepControllerOptions::name;

  StepController(Eigen::Index size, const StepControllerOptions& options, StepHook hook)
      : options_(options), hook_(std::move(hook)), step_size_(options.step_size), horizon_(options.horizon) {
    visit_options(options_, CheckOption{name, 0});
    require(name, "size", static_cast<double>(size), range::at_least_one);
    if (!hook_) throw std::invalid_argument("StepController: the hook is empty");
    last_gradient_.setZero(size);
  }

  Status update(double loss, const Eigen::Ref<const Eigen::VectorXd>& gradient) {
    require_shape(name, "gradient", gradient, last_gradient_.size(), 1);
    if (step_ >= horizon_) return Status::max_iterations;
    const double norm = norm_of(gradient), last_norm = norm_of(last_gradient_);
    if (!std::isfinite(loss) || !std::isfinite(norm)) return Status::non_finite;
    StepFeatures at{.loss = loss, .gradient_norm = norm, .step = step_, .horizon = horizon_};
    if (last_norm > 0) {
      at.squared_norm_ratio = (norm / last_norm) * (norm / last_norm);
      if (norm > 0) {
        for (Eigen::Index i = 0; i < gradient.size(); ++i)
          at.cosine += (gradient[i] / norm) * (last_gradient_[i] / last_norm);
        at.inner_product = at.cosine * norm * last_norm;
      }
    }
    const double change = hook_(at);
    if (!std::isfinite(change)) return Status::non_finite;
    step_size_ = std::clamp(step_size_ * std::exp(std::clamp(change, -1.0, 1.0)), options_.min_step, options_.max_step);
    last_gradient_ = gradient;
    ++step_;
    return Status::running;
  }

  /// For the step after the last update.
  [[nodiscard]] double step_size() const { return step_size_; }
  [[nodiscard]] std::int64_t step() const { return step_; }
  [[nodiscard]] std::int64_t horizon() const { return horizon_; }

  static void visit(auto& self, auto&& field) {
    field("step_size", self.step_size_);
    field("last_gradient", self.last_gradient_);
    field("step", self.step_, 0, std::int64_t{1} << 53);
    field("horizon", self.horizon_, 1, std::int64_t{1} << 53);
  }

 private:
  StepControllerOptions options_;
  StepHook hook_;
  Eigen::VectorXd last_gradient_;
  double step_size_;
  std::int64_t step_ = 0;
  std::int64_t horizon_;
};

}  // namespace glissade
