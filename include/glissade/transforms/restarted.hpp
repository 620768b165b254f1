// A rule that begins anew now and then.
#pragma once

#include <algorithm>
#include <utility>

#include "../rule/rule.hpp"

namespace glissade {

/// The inner rule, which forgets everything every `period` updates of the tensor: its step number is 1 again and its
/// arrays are the first ones.
///
///     chain(Restarted{5, ScaleByAdam{}}, ScaleByLearningRate{0.1}, Lookahead{.period = 5})
///
/// State: that of the inner rule, which must have a kernel and no numbers per tensor. Cost: that of the inner rule.
template <class Direction>
struct Restarted {
  static_assert(LaneRule<Direction> && scalar_count<Direction> == 0 && !is_indexed<Direction>,
                "Restarted wants a rule with a kernel and without numbers per tensor or an index, such as ScaleByAdam");
  static constexpr std::string_view name = "Restarted";
  static constexpr bool turns = requires { requires Direction::turns; };
  int period = 1;  // >= 1, updates
  Direction direction = {};

  static constexpr std::array<std::string_view, slot_count<Direction>> slots = [] {
    std::array<std::string_view, slot_count<Direction>> names{};
    if constexpr (slot_count<Direction> != 0) names = Direction::slots;
    return names;
  }();
  static constexpr std::array<bool, slots.size()> non_negative = [] {
    std::array<bool, slots.size()> result{};
    for (std::size_t s = 0; s < slots.size(); ++s) result[s] = slot_is_non_negative<Direction>(s);
    return result;
  }();
  static constexpr std::array<bool, slots.size()> full_precision = [] {
    std::array<bool, slots.size()> result{};
    for (std::size_t s = 0; s < slots.size(); ++s) result[s] = slot_has_full_precision<Direction>(s);
    return result;
  }();

  static void options(auto& self, auto&& visit) {
    visit("period", self.period, range::at_least_one);
    visit_options(self.direction, visit);
  }
  [[nodiscard]] double initial(std::size_t slot) const {
    if constexpr (requires { direction.initial(slot); })
      return direction.initial(slot);
    else
      return 0;
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    Step within = step;
    within.count = (step.count - 1) % period + 1;
    std::array<double, slots.size() + 1> first{};
    for (std::size_t s = 0; s < slots.size(); ++s) first[s] = initial(s);
    return
        [kernel = direction.kernel(within), begins = within.count == 1, first](auto& u, const auto& x, auto&... slot) {
          using L = std::remove_cvref_t<decltype(u)>;
          if (begins) {
            std::size_t s = 0;
            ((slot = L(first[s++])), ...);
          }
          if constexpr (std::is_invocable_v<decltype(kernel), decltype(u), decltype(x), decltype(slot)...>)
            kernel(u, x, slot...);
          else
            kernel(u);
        };
  }
};
template <class Direction>
Restarted(int, Direction) -> Restarted<Direction>;

}  // namespace glissade
