// Clipping the largest coordinates of all gradients.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "../rule/rule.hpp"

namespace glissade {

namespace detail {
/// Memory for the magnitudes of one step. A copy has its own, so that optimizers made of one rule do not
/// share it.
class Magnitudes {
 public:
  Magnitudes() = default;
  Magnitudes(const Magnitudes&) {}
  Magnitudes& operator=(const Magnitudes&) { return *this; }
  ~Magnitudes() = default;

  /// Where those of a tensor begin, with room for a stripe more. Tensors come in rising order in every step.
  [[nodiscard]] std::size_t append(const Tensor& tensor) const {
    if (tensor.index < next_tensor_) clear();  // a step that did not come to its end
    next_tensor_ = tensor.index + 1;
    const std::size_t begin = used_;
    used_ += static_cast<std::size_t>(tensor.size());
    if (values_.size() < used_ + slack) values_.resize(used_ + slack);
    return begin;
  }
  [[nodiscard]] double* data() const { return values_.data(); }
  [[nodiscard]] std::size_t size() const { return used_; }
  void clear() const { used_ = next_tensor_ = 0; }

 private:
  static constexpr std::size_t slack = 64;
  mutable std::vector<double> values_;
  mutable std::size_t used_ = 0;
  mutable std::size_t next_tensor_ = 0;
};
}  // namespace detail

/// Bounds every coefficient by an order statistic of all of them, so that a few steep directions do not
/// set the length of the step for the rest.
///
///     threshold = scale |u|_(k), the k-th largest of all N coefficients of all tensors, k = floor(fraction N) from 0
///     u <- min(max(u, -threshold), threshold);   fraction = 0: as it is;   fraction = 1: 0
///
/// About fraction N coefficients are reduced to the threshold. Per tensor it would be another method. The
/// threshold is shared("threshold"); a NaN anywhere makes it NaN, and with it every update: put
/// SkipNonFinite before.
/// Where it acts is where it stands in the chain: before a rule on gradients, behind it on updates. The authors'
/// clipped Adam and Adafactor, whose first moment sees the clipped gradient and the second the whole one, are no
/// chain of it and not offered.
/// State: none; a double a coefficient as scratch. Cost: a barrier over all tensors, one more pass that
/// reads 1 and writes 2 numbers a coefficient, and a selection in time O(N), about 10 ns a coefficient on
/// one core.
/// Errors: std::invalid_argument for options out of range.
/// Source: "Toward Understanding Why Adam Converges Faster Than SGD for Transformers", 2023, arXiv
/// 2306.00204, Algorithm 1; the order statistic as in the authors' code. The fixed threshold of the paper
/// is ClipByValue.
struct ClipCoordinates {
  static constexpr std::string_view name = "ClipCoordinates";
  double fraction = 0.1;  // in [0, 1]
  double scale = 1;       // >= 0
  detail::Magnitudes magnitudes = {};

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = 1;
  static constexpr bool indexed = true;
  static constexpr std::array<NamedScalar, 1> shared{{{"threshold", std::numeric_limits<double>::infinity()}}};

  static void options(auto& self, auto&& visit) {
    visit("fraction", self.fraction, range::fraction);
    visit("scale", self.scale, range::non_negative);
  }
  [[nodiscard]] auto measure(const Step& step) const {
    return [all = &magnitudes, begin = magnitudes.append(step.tensor)](Index first, const auto& u) {
      using L = std::remove_cvref_t<decltype(u)>;
      abs(widen(u)).store(all->data() + begin + first);
      return terms(widen(select(u == u, L(0), L(1))));
    };
  }
  /// Once a step, when every tensor has been seen.
  [[nodiscard]] bool admit(const Admission& step) const {
    step.shared[0] = threshold(step.totals[0] != 0);
    magnitudes.clear();
    return true;
  }
  [[nodiscard]] auto kernel(const Step& step, const double*) const {
    return [bound = step.shared(0)](Index, auto& u) {
      using L = std::remove_cvref_t<decltype(u)>;
      u = min(max(u, L(-bound)), L(bound));
    };
  }

 private:
  [[nodiscard]] double threshold(bool any_nan) const {
    if (any_nan) return std::numeric_limits<double>::quiet_NaN();
    if (fraction == 0 || magnitudes.size() == 0) return std::numeric_limits<double>::infinity();
    if (fraction == 1) return 0;
    const auto rank = static_cast<std::size_t>(std::floor(fraction * static_cast<double>(magnitudes.size())));
    double* const begin = magnitudes.data();
    double* const found = begin + (std::min)(rank, magnitudes.size() - 1);
    std::nth_element(begin, found, begin + magnitudes.size(), std::greater<>{});
    return scale * *found;
  }
};

}  // namespace glissade
