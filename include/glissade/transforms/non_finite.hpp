// What to do when a gradient is infinite or NaN.
#pragma once

#include "../rule/rule.hpp"

namespace glissade {

namespace detail {

/// One term: how many coefficients of the update are infinite or NaN.
inline auto count_non_finite() {
  return [](const auto& u) {
    using L = std::remove_cvref_t<decltype(u)>;
    return terms(widen(select(is_finite(u), L(0), L(1))));
  };
}

}  // namespace detail

/// A gate at the head of a chain: a step with a non-finite coefficient anywhere changes nothing, no
/// parameter, moment or step count. After `max_consecutive` skipped steps in a row the next bad one is
/// let through, so that a run cannot stand still unnoticed.
///
/// Counts: shared("skipped") in all, shared("consecutively_skipped") since the last good step.
/// Cost: a barrier over all tensors, one more pass that reads 1 scalar per coefficient.
/// Source: optax.apply_if_finite.
struct SkipNonFinite {
  static constexpr std::string_view name = "SkipNonFinite";
  static constexpr bool turns = false;
  double max_consecutive = std::numeric_limits<double>::infinity();  // >= 0

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = 1;
  static constexpr std::array<NamedScalar, 2> shared{{{"skipped"}, {"consecutively_skipped"}}};

  static void options(auto& self, auto&& visit) { visit("max_consecutive", self.max_consecutive, Range{0}); }
  [[nodiscard]] auto measure(const Step&) const { return detail::count_non_finite(); }
  [[nodiscard]] bool admit(const Totals& step) const {
    double& skipped = step.shared[0];
    double& consecutively = step.shared[1];
    if (step.sums[0] == 0) {
      consecutively = 0;
      return true;
    }
    skipped += 1;
    consecutively += 1;
    return consecutively > max_consecutive;
  }
};

/// A gate at the head of a chain: a non-finite coefficient is an error. Throws std::domain_error that
/// names the tensor and the number of bad coefficients, before any parameter or moment is touched.
///
/// Counts: shared("rejected"). Cost: as SkipNonFinite.
struct ThrowNonFinite {
  static constexpr std::string_view name = "ThrowNonFinite";
  static constexpr bool turns = false;

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = 1;
  static constexpr std::array<NamedScalar, 1> shared{{{"rejected"}}};

  [[nodiscard]] auto measure(const Step&) const { return detail::count_non_finite(); }

  [[nodiscard]] bool admit(const Totals& step) const {
    for (std::size_t k = 0; k < step.tensors.size(); ++k)
      if (step.tensor_sums[k] != 0) {
        step.shared[0] += 1;
        throw std::domain_error("ThrowNonFinite: the gradient of \"" + step.tensors[k].name + "\" has " +
                                to_text(step.tensor_sums[k]) + " coefficients that are infinite or NaN");
      }
    return true;
  }
};

}  // namespace glissade
