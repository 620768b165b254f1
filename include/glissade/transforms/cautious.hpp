// Caution for any direction.
#pragma once

#include <algorithm>
#include <utility>

#include "../rule/rule.hpp"

namespace glissade {

/// A direction where it agrees with the incoming update's sign, 0 elsewhere; what is left is enlarged.
///
///     d = Direction(u),   k = how many of the tensor's n coefficients have d u > 0
///     u <- d / max(k / n, min_share) where d u > 0, else 0;   with add_one  d n / (k + 1)
///
/// chain(Cautious<ScaleByAdam>{}, AddDecayedWeights{...}, ScaleByLearningRate{...}) is CautiousAdamW,
/// which stores no direction and so needs less memory; with ScaleByLion and add_one it is CautiousLion.
/// State: direction d (the parameter's shape) and that of Direction. A barrier over the tensor: one more
/// pass.
/// Errors: std::invalid_argument for options out of range. Where d u is NaN the update is NaN.
/// Source: "Cautious Optimizers: Improving Training with One Line of Code", 2024, arXiv 2411.16085,
/// Algorithm 1; the bound of the share is from the authors' code.
template <class Direction>
struct Cautious {
  static_assert(LaneRule<Direction> && scalar_count<Direction> == 0 && !is_indexed<Direction>,
                "Cautious wants a rule with a kernel and without scalars per tensor or an index");
  static constexpr std::string_view name = "Cautious";
  Direction direction = {};
  double min_share = 1e-3;  // in (0, 1]
  bool add_one = false;

  static constexpr Reduction reduction = Reduction::over_tensor;
  static constexpr int sums = 1;
  static constexpr std::size_t own = slot_count<Direction>;
  static constexpr std::array<std::string_view, own + 1> slots = [] {
    std::array<std::string_view, own + 1> names{"direction"};
    if constexpr (own > 0) std::copy(Direction::slots.begin(), Direction::slots.end(), names.begin() + 1);
    return names;
  }();
  static constexpr std::array<bool, own + 1> non_negative = [] {
    std::array<bool, own + 1> result{};
    for (std::size_t s = 0; s < own; ++s) result[s + 1] = slot_is_non_negative<Direction>(s);
    return result;
  }();
  static constexpr std::array<bool, own + 1> full_precision = [] {
    std::array<bool, own + 1> result{};
    for (std::size_t s = 0; s < own; ++s) result[s + 1] = slot_has_full_precision<Direction>(s);
    return result;
  }();
  [[nodiscard]] double initial(std::size_t slot) const {
    if constexpr (requires { direction.initial(slot); })
      if (slot > 0) return direction.initial(slot - 1);
    return 0;
  }

  static void options(auto& self, auto&& visit) {
    visit_options(self.direction, visit);
    visit("min_share", self.min_share, Range{0, 1, true, false});
    visit("add_one", self.add_one);
  }
  [[nodiscard]] auto measure(const Step& step) const {
    return [kernel = direction.kernel(step)](const auto& u, const auto& x, auto& d, auto&... slot) {
      using L = std::remove_cvref_t<decltype(u)>;
      d = u;
      if constexpr (std::is_invocable_v<decltype(kernel), decltype(d), decltype(x), decltype(slot)...>)
        kernel(d, x, slot...);
      else
        kernel(d);
      return terms(widen(select(sign(d) * u > L(0), L(1), L(0))));
    };
  }
  [[nodiscard]] auto kernel(const Step& step, const double* agreeing) const {
    const auto size = static_cast<double>((std::max)(step.tensor.size(), Index{1}));
    const double gain = add_one ? size / (agreeing[0] + 1) : 1 / (std::max)(agreeing[0] / size, min_share);
    return [gain](auto& u, const auto&, auto& d, auto&...) {
      using L = std::remove_cvref_t<decltype(u)>;
      u = select(sign(d) * u <= L(0), L(0), gain * d);
    };
  }
};

/// cautious(ScaleByAdam{.beta1 = 0.95}) is Cautious<ScaleByAdam> with that direction.
template <class Direction>
[[nodiscard]] constexpr Cautious<Direction> cautious(Direction direction) {
  return {std::move(direction)};
}

}  // namespace glissade
