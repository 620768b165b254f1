// AFLoRA's freezing of matrices that have become insensitive.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../core/checks.hpp"
#include "../core/tensors/tensor.hpp"

namespace glissade {

struct AdaptiveFreezingOptions {
  int begin;            // >= 0: up to this step none is frozen; those of one epoch in the paper
  int end;              // > begin: after this step all are; 3/10 of all steps in the paper
  int window = 10;      // >= 1: steps that are averaged, and between two checks
  double beta1 = 0.85;  // in [0, 1)
  double beta2 = 0.95;  // in [0, 1)
};

/// Freezes matrices for good, one after another, when the loss has become insensitive to them, until all are frozen:
/// for the projections of AFLoRA (layers/aflora.hpp), whose vectors are trained to the end. It looks at the gradients
/// before each step and tells which matrices are frozen; an optimizer lays them to rest.
///
///     Optimizer optimizer{AdamW{.learning_rate = 1e-3}, A, B, s_d, s_b};
///     AdaptiveFreezing<float> freezing{{.begin = 100, .end = 600}};
///     freezing.observe(dA, dB);       // the matrices, in the order of the first parameters of the optimizer
///     freezing.rest(optimizer);       // what is frozen gets no step any more and no state
///     optimizer.step(dA, dB, ds_d, ds_b);
///
///     in step t = 1, 2, ..., for every entry of every matrix that is not frozen, with its gradient g:
///     t mod window = 0:  S <- beta1 S + (1 - beta1) I;  D <- beta2 D + (1 - beta2) |I - S|;  I <- |g|
///     else, l = t mod window:  I <- (l I + |g|) / (l + 1)
///     score = S D of an entry
///     q = 1 up to t = begin,  (1 - (t - begin) / (end - begin))^3 up to t = end,  then 0
///     where t > begin and (t mod window = 0 or t > end):
///       c = the floor(N (1 - q))-th smallest of all N scores, counted from 1; freeze every matrix whose mean score is
///       below c; none, where floor(N (1 - q)) = 0
///
/// The gradient of a frozen matrix is not looked at and may be `no_gradient`. Gradients c times as large freeze the
/// same matrices in the same steps.
/// State: sensitivity I, smoothed S, deviation D of scalar T, of each matrix's shape while it is not frozen; a value
/// that copies, compares and is saved (io/method_state.hpp).
/// Cost: about 10 flops per coefficient; reads 4 and writes 3 numbers; in steps with a check a selection in time O(N)
/// in double.
/// Errors: std::invalid_argument for options out of range, for end <= begin, and for gradients that change in number or
/// shape. Pitfalls: a matrix whose scores are all the same is never below c, and stays trainable after `end`. None is
/// frozen in a step in which a score is NaN. One without a gradient in the step of a check is not judged.
/// Source: "AFLoRA: Adaptive Freezing of Low Rank Adaptation in Parameter Efficient Fine-Tuning of Large Models", 2024,
/// arXiv 2403.13269, and the authors' code; begin is t_i there, end T - t_f. Deviation: steps are numbered from 1.
template <class T = double>
class AdaptiveFreezing {
 public:
  static constexpr std::string_view name = "AdaptiveFreezing";
  using Array = Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic>;

  explicit AdaptiveFreezing(const AdaptiveFreezingOptions& options) : options_(options) {
    require(name, "begin", options.begin, range::non_negative);
    require(name, "end", options.end, range::at_least_one);
    require(name, "window", options.window, range::at_least_one);
    require(name, "beta1", options.beta1, range::decay);
    require(name, "beta2", options.beta2, range::decay);
    if (options.end <= options.begin) reject(name, "end", options.end, "> begin = " + std::to_string(options.begin));
  }

  /// q: the part of the entries that may still be trained in step t.
  [[nodiscard]] double remaining(std::int64_t t) const {
    if (t <= options_.begin) return 1;
    if (t > options_.end) return 0;
    const double left =
        1 - static_cast<double>(t - options_.begin) / static_cast<double>(options_.end - options_.begin);
    return left * left * left;
  }

  /// One step: looks at the gradients of all matrices, in the same order every time, and freezes.
  template <class... G>
  void observe(const G&... gradients) {
    std::size_t count = 0;
    (visit_gradient(gradients, count, [](std::size_t, const auto&) {}), ...);
    if (matrices_.empty()) matrices_.resize(count);
    if (count != matrices_.size())
      throw std::invalid_argument("AdaptiveFreezing: " + std::to_string(count) + " gradients, must be " +
                                  std::to_string(matrices_.size()) + " as before");
    count = 0;
    (visit_gradient(gradients, count, [&](std::size_t k, const auto& g) { check_shape(k, g); }), ...);
    ++step_;
    for (Matrix& matrix : matrices_) matrix.seen = false;
    count = 0;
    (visit_gradient(gradients, count, [&](std::size_t k, const auto& g) { score(matrices_[k], g); }), ...);
    if (checks()) freeze();
  }

  /// Lays the matrices that are frozen to rest in an optimizer whose first parameters they are.
  template <class Optimizer>
  void rest(Optimizer& optimizer) const {
    for (std::size_t k = 0; k < matrices_.size(); ++k)
      if (frozen(k) && !optimizer.state(k).at_rest()) optimizer.rest(k);
  }

  [[nodiscard]] bool frozen(std::size_t k) const { return frozen_in(k) != 0; }
  /// The step in which matrix k was frozen; 0 if it is not.
  [[nodiscard]] std::int64_t frozen_in(std::size_t k) const { return k < matrices_.size() ? matrices_[k].frozen : 0; }
  [[nodiscard]] std::size_t frozen_count() const {
    return static_cast<std::size_t>(
        std::count_if(matrices_.begin(), matrices_.end(), [](const Matrix& m) { return m.frozen != 0; }));
  }
  [[nodiscard]] std::int64_t steps() const { return step_; }
  [[nodiscard]] std::size_t state_bytes() const {
    Eigen::Index size = 0;
    for (const Matrix& m : matrices_) size += m.sensitivity.size();
    return 3 * static_cast<std::size_t>(size) * sizeof(T);
  }
  [[nodiscard]] std::size_t size() const { return matrices_.size(); }
  [[nodiscard]] const Array& sensitivity(std::size_t k) const { return matrices_.at(k).sensitivity; }
  [[nodiscard]] const Array& smoothed(std::size_t k) const { return matrices_.at(k).smoothed; }
  [[nodiscard]] const Array& deviation(std::size_t k) const { return matrices_.at(k).deviation; }

  friend bool operator==(const AdaptiveFreezing& a, const AdaptiveFreezing& b) {
    return a.step_ == b.step_ && a.matrices_ == b.matrices_;
  }

  /// For files. What is loaded into must have observed gradients of the same shapes, or be a copy of one that has.
  static void visit(auto& self, auto&& field) {
    constexpr std::int64_t most = std::int64_t{1} << 53;
    field("step", self.step_, 0, most);
    for (std::size_t k = 0; k < self.matrices_.size(); ++k) {
      const std::string prefix = std::to_string(k) + "/";
      auto& matrix = self.matrices_[k];
      field(prefix + "frozen", matrix.frozen, 0, most);
      field(prefix + "sensitivity", matrix.sensitivity);
      field(prefix + "smoothed", matrix.smoothed);
      field(prefix + "deviation", matrix.deviation);
    }
  }

 private:
  struct Matrix {
    Array sensitivity, smoothed, deviation;
    std::int64_t frozen = 0;
    bool seen = false;

    friend bool operator==(const Matrix& a, const Matrix& b) {
      const auto same = [](const Array& x, const Array& y) {
        return x.rows() == y.rows() && x.cols() == y.cols() && (x == y).all();
      };
      return a.frozen == b.frozen && same(a.sensitivity, b.sensitivity) && same(a.smoothed, b.smoothed) &&
             same(a.deviation, b.deviation);
    }
  };

  template <class G, class Visit>
  static void visit_gradient(const G& gradient, std::size_t& k, const Visit& visit) {
    if constexpr (std::is_same_v<G, NoGradient>)
      ++k;
    else if constexpr (TensorRange<const G>)
      for (const auto& element : gradient) visit_gradient(element, k, visit);
    else
      visit(k++, gradient);
  }

  template <class G>
  void check_shape(std::size_t k, const G& gradient) const {
    const Array& known = matrices_[k].sensitivity;
    if (matrices_[k].frozen == 0 && known.size() != 0)
      require_shape(name, "gradient " + std::to_string(k), gradient, known.rows(), known.cols());
  }

  [[nodiscard]] bool checks() const {
    return step_ > options_.begin && (step_ % options_.window == 0 || step_ > options_.end);
  }

  template <class G>
  void score(Matrix& m, const G& gradient) {
    if (m.frozen != 0) return;
    m.seen = true;
    if (m.sensitivity.size() == 0)
      m.sensitivity = m.smoothed = m.deviation = Array::Zero(gradient.rows(), gradient.cols());
    const auto l = static_cast<T>(step_ % options_.window);
    const auto now = gradient.array().template cast<T>().abs();
    if (l == 0) {
      const auto b1 = static_cast<T>(options_.beta1), fresh1 = static_cast<T>(1 - options_.beta1);
      const auto b2 = static_cast<T>(options_.beta2), fresh2 = static_cast<T>(1 - options_.beta2);
      m.smoothed = b1 * m.smoothed + fresh1 * m.sensitivity;
      m.deviation = b2 * m.deviation + fresh2 * (m.sensitivity - m.smoothed).abs();
      m.sensitivity = now;
    } else {
      m.sensitivity = (l * m.sensitivity + now) / (l + 1);
    }
  }

  void freeze() {
    std::vector<double> scores;
    std::vector<double> means(matrices_.size(), 0);
    for (std::size_t k = 0; k < matrices_.size(); ++k) {
      const Matrix& m = matrices_[k];
      if (m.frozen != 0 || !m.seen || m.sensitivity.size() == 0) continue;
      const std::size_t begin = scores.size();
      double sum = 0;
      for (Eigen::Index i = 0; i < m.smoothed.size(); ++i) {
        scores.push_back(static_cast<double>(m.smoothed(i)) * static_cast<double>(m.deviation(i)));
        sum += scores.back();
      }
      if (std::isnan(sum)) return;
      const auto first = scores.begin() + static_cast<std::ptrdiff_t>(begin);
      const auto [least, most] = std::minmax_element(first, scores.end());
      // Of equal scores it is one of them, whatever the rounding.
      means[k] = std::clamp(sum / static_cast<double>(m.smoothed.size()), *least, *most);
    }
    const auto rank = static_cast<std::size_t>(std::floor(static_cast<double>(scores.size()) * (1 - remaining(step_))));
    if (rank == 0) return;
    const auto bound = scores.begin() + static_cast<std::ptrdiff_t>(rank - 1);
    std::nth_element(scores.begin(), bound, scores.end());
    for (std::size_t k = 0; k < matrices_.size(); ++k) {
      Matrix& m = matrices_[k];
      if (m.frozen != 0 || !m.seen || m.sensitivity.size() == 0 || !(means[k] < *bound)) continue;
      m = Matrix{};
      m.frozen = step_;
    }
  }

  AdaptiveFreezingOptions options_;
  std::int64_t step_ = 0;
  std::vector<Matrix> matrices_;
};

}  // namespace glissade
