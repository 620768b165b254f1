// Clipping the largest coordinates of all gradients.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>

#include "../rule/rule.hpp"

namespace glissade {

/// Bounds every coefficient by an order statistic of all of them, so that a few steep directions do not
/// set the length of the step for the rest.
///
///     threshold = scale |u|_(k), the k-th largest of all N coefficients of all tensors, k = floor(fraction N) from 0
///     u <- min(max(u, -threshold), threshold);   fraction = 0: as it is;   fraction = 1: 0
///
/// About fraction N coefficients are reduced to the threshold. Per tensor it would be another method. The
/// threshold is shared("threshold"); a NaN anywhere makes it NaN, and with it every update: put
/// SkipNonFinite before.
/// Where it acts is where it stands in the chain: before a rule on gradients, after it on updates. The authors'
/// clipped Adam and Adafactor, whose first moment sees the clipped gradient and the second the whole one, cannot be
/// written as a chain of this, and are not offered.
/// State: none; a double per coefficient as scratch. Cost: a barrier over all tensors, one more pass that
/// reads 1 and writes 2 scalars per coefficient, and a selection in time O(N), about 10 ns per coefficient on
/// one core.
/// Errors: std::invalid_argument for options out of range.
/// Source: "Toward Understanding Why Adam Converges Faster Than SGD for Transformers", 2023, arXiv
/// 2306.00204, Algorithm 1; the order statistic as in the authors' code. The fixed threshold of the paper
/// is ClipByValue.
struct ClipCoordinates {
  static constexpr std::string_view name = "ClipCoordinates";
  static constexpr bool turns = false;
  double fraction = 0.1;  // in [0, 1]
  double scale = 1;       // >= 0

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = 1;
  static constexpr bool indexed = true;
  static constexpr bool scratch = true;
  static constexpr std::array<NamedScalar, 1> shared{{{"threshold", std::numeric_limits<double>::infinity()}}};

  static void options(auto& self, auto&& visit) {
    visit("fraction", self.fraction, range::fraction);
    visit("scale", self.scale, range::non_negative);
  }
  [[nodiscard]] auto measure(const Step& step) const {
    return [magnitudes = step.scratch](Index first, const auto& u) {
      using L = std::remove_cvref_t<decltype(u)>;
      abs(widen(u)).store(magnitudes + first);
      return terms(widen(select(u == u, L(0), L(1))));
    };
  }
  void finish(const Totals& all) const { all.shared[0] = threshold(all.scratch, all.sums[0] != 0); }
  [[nodiscard]] auto kernel(const Step& step, const double*) const {
    return [bound = step.shared(0)](Index, auto& u) {
      using L = std::remove_cvref_t<decltype(u)>;
      u = min(max(u, L(-bound)), L(bound));
    };
  }

 private:
  [[nodiscard]] double threshold(std::span<double> magnitudes, bool any_nan) const {
    if (any_nan) return std::numeric_limits<double>::quiet_NaN();
    if (fraction == 0 || magnitudes.empty()) return std::numeric_limits<double>::infinity();
    if (fraction == 1) return 0;
    const auto rank = static_cast<std::size_t>(std::floor(fraction * static_cast<double>(magnitudes.size())));
    const auto found = magnitudes.begin() + static_cast<std::ptrdiff_t>((std::min)(rank, magnitudes.size() - 1));
    std::nth_element(magnitudes.begin(), found, magnitudes.end(), std::greater<>{});
    return scale * *found;
  }
};

}  // namespace glissade
