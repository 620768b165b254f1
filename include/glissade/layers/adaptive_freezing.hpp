// AFLoRA's freezing of matrices that have become insensitive.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "../core/tensors/mask.hpp"
#include "../rule/rule.hpp"

namespace glissade {

namespace detail {
/// Memory for the scores of one step and where those of each tensor are. A copy has its own, so that optimizers made
/// of one rule do not share it.
class Scores {
 public:
  struct Part {
    std::size_t tensor;
    std::size_t begin;
    std::size_t size;
    double mean;
  };
  Scores() = default;
  Scores(const Scores&) {}
  Scores& operator=(const Scores&) { return *this; }
  ~Scores() = default;

  /// Where those of a tensor begin, with room for a stripe more. Tensors come in rising order in every step.
  [[nodiscard]] std::size_t append(const Tensor& tensor) const {
    if (!parts_.empty() && tensor.index <= parts_.back().tensor) clear();  // a step that did not come to its end
    parts_.push_back({tensor.index, used_, static_cast<std::size_t>(tensor.size()), 0});
    used_ += parts_.back().size;
    if (values_.size() < used_ + slack) values_.resize(used_ + slack);
    return parts_.back().begin;
  }
  [[nodiscard]] double* data() const { return values_.data(); }
  [[nodiscard]] std::size_t size() const { return used_; }
  [[nodiscard]] std::vector<Part>& parts() const { return parts_; }
  /// Keeps the memory, unless no tensor has come.
  void clear() const {
    if (used_ == 0) values_ = {};
    parts_.clear();
    used_ = 0;
  }

 private:
  static constexpr std::size_t slack = 64;
  mutable std::vector<double> values_;
  mutable std::vector<Part> parts_;
  mutable std::size_t used_ = 0;
};
}  // namespace detail

/// Freezes matrices for good, one after another, when the loss has become insensitive to them, until all are frozen:
/// for the projections of AFLoRA (layers/aflora.hpp), whose vectors are trained to the end. A gate at the head of a
/// chain: what stands behind it, any rule, runs on the tensors that are left.
///
///     chain(AdaptiveFreezing{.begin = 100, .end = 600}, AdamW{.learning_rate = 1e-3})
///
///     in step t = 1, 2, ..., for every entry of every tensor that is not frozen, with its gradient g:
///     t mod window = 0:  S <- beta1 S + (1 - beta1) I;  D <- beta2 D + (1 - beta2) |I - S|;  I <- |g|
///     else, l = t mod window:  I <- (l I + |g|) / (l + 1)
///     score = S D of an entry
///     q = 1 up to t = begin,  (1 - (t - begin) / (end - begin))^3 up to t = end,  then 0
///     where t > begin and (t mod window = 0 or t > end):
///       c = the floor(N (1 - q))-th smallest of all N scores, counted from 1; freeze every tensor whose mean score is
///       below c; none, where floor(N (1 - q)) = 0
///
/// A frozen tensor keeps its bits from this step on and has no state, neither here nor behind; its gradient is not
/// looked at and may be `no_gradient`. optimizer.state(k).retired is the step in which tensor k was frozen, 0 if it is
/// not; shared("frozen") is their number. Gradients c times as large freeze the same tensors in the same steps.
/// State: sensitivity I, smoothed S, deviation D, of the tensor's shape, for each of `tensors` that is not frozen; a
/// double a coefficient as scratch. Cost: a barrier over all tensors, one more pass that reads 4 and writes 3 numbers
/// a coefficient, about 10 flops each; in steps with a check a selection in time O(N).
/// Errors: std::invalid_argument for options out of range and for end <= begin.
/// Pitfalls: a tensor whose scores are all the same is never below c, and stays trainable beyond `end`. No tensor is
/// frozen in a step in which a score is NaN: put SkipNonFinite before. Behind a clipping rule, scores are those of the
/// clipped gradient. One without a gradient in the step of a check is not judged. In a new optimizer over the same
/// parameters nothing is frozen: load its state as well.
/// Source: "AFLoRA: Adaptive Freezing of Low Rank Adaptation in Parameter Efficient Fine-Tuning of Large Models",
/// 2024, arXiv 2403.13269, and the authors' code; begin is t_i there, end T - t_f. Deviation: steps are numbered from
/// 1.
struct AdaptiveFreezing {
  static constexpr std::string_view name = "AdaptiveFreezing";
  int begin;                           // >= 0: up to this step none is frozen; those of one epoch in the paper
  int end;                             // > begin: behind this step all are; 3/10 of all steps in the paper
  int window = 10;                     // >= 1: steps that are averaged, and between two checks
  double beta1 = 0.85;                 // in [0, 1)
  double beta2 = 0.95;                 // in [0, 1)
  TensorMask tensors = matrices_only;  // that may be frozen
  detail::Scores scores = {};

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = 1;
  static constexpr bool indexed = true;
  static constexpr bool retires = true;
  static constexpr std::array<std::string_view, 3> slots{"sensitivity", "smoothed", "deviation"};
  static constexpr std::array<bool, 3> non_negative{true, true, true};
  static constexpr std::array<NamedScalar, 1> shared{{{"frozen"}}};

  static void options(auto& self, auto&& visit) {
    visit("begin", self.begin, range::non_negative);
    visit("end", self.end, range::at_least_one);
    visit("window", self.window, range::at_least_one);
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("tensors", self.tensors);
  }
  void check() const {
    if (end <= begin) reject(name, "end", end, "> begin = " + std::to_string(begin));
  }

  /// q: the part of the entries that may still be trained in step t.
  [[nodiscard]] double remaining(std::int64_t t) const {
    if (t <= begin) return 1;
    if (t > end) return 0;
    const double left = 1 - static_cast<double>(t - begin) / static_cast<double>(end - begin);
    return left * left * left;
  }

  [[nodiscard]] bool sees(const Tensor& tensor) const { return tensors(tensor); }
  [[nodiscard]] auto measure(const Step& step) const {
    const std::int64_t t = step.time + 1;
    return [=, all = &scores, from = scores.append(step.tensor), l = static_cast<double>(t % window), keeps = checks(t),
            b1 = beta1,
            b2 = beta2](Index first, const auto& u, const auto&, auto& sensitivity, auto& smoothed, auto& deviation) {
      if (l == 0) {
        smoothed = b1 * smoothed + (1 - b1) * sensitivity;
        deviation = b2 * deviation + (1 - b2) * abs(sensitivity - smoothed);
        sensitivity = abs(u);
      } else {
        sensitivity = (l * sensitivity + abs(u)) / (l + 1);
      }
      const auto score = widen(smoothed) * widen(deviation);
      if (keeps) score.store(all->data() + from + static_cast<std::size_t>(first));
      return terms(score);
    };
  }
  /// Once a step, when every tensor has been seen.
  [[nodiscard]] bool admit(const Admission& step) const {
    if (checks(step.time + 1)) freeze(step);
    scores.clear();
    return true;
  }

 private:
  [[nodiscard]] bool checks(std::int64_t t) const { return t > begin && (t % window == 0 || t > end); }

  void freeze(const Admission& step) const {
    const auto rank =
        static_cast<std::size_t>(std::floor(static_cast<double>(scores.size()) * (1 - remaining(step.time + 1))));
    if (rank == 0 || std::isnan(step.totals[0])) return;
    double* const values = scores.data();
    for (auto& part : scores.parts()) {
      if (part.size == 0) continue;
      const auto [least, most] = std::minmax_element(values + part.begin, values + part.begin + part.size);
      const double mean = step.tensor_sums[part.tensor] / static_cast<double>(part.size);
      part.mean = std::clamp(mean, *least, *most);  // of equal scores it is one of them, whatever the rounding
    }
    std::nth_element(values, values + (rank - 1), values + scores.size());
    for (const auto& part : scores.parts())
      if (part.size > 0 && part.mean < values[rank - 1]) {
        step.retire(part.tensor);
        step.shared[0] += 1;
      }
  }
};

}  // namespace glissade
