// Members of a rule that are misspelt, or not of the form that rule/rule.hpp asks for, and would be ignored.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <string>
#include <type_traits>
#include <vector>

#include "../rule/chain.hpp"

namespace glissade::laws {

/// What a rule must not have: near misses of members that it may have.
struct WrongNames {
  int option, slot, scalar, nonnegative, non_negatives, initial_value, initials, rests, uncoded, ends_chains, end_chain,
      reductions, measures, kernels, admits, advance, opens, advances, alternatives;
};
struct RightNames {
  int options, slots, initial, scalars, shared, zero_is_zero, non_negative, full_precision;
};

/// Where both bases have a member of some name, the name is ambiguous here, whatever the member is.
template <class R, class Names>
struct Both : R, Names {};

/// In place of a visitor of options.
struct AnyOptions {
  void operator()(std::string_view, auto&, const Range& = range::any) const {}
};

/// A sentence for every slot of R that a file could not tell from another.
template <class R>
std::vector<std::string> slot_mistakes() {
  std::vector<std::string> mistakes;
  if constexpr (requires { std::string_view(R::slots[0]); })
    for (std::size_t i = 0; i < R::slots.size(); ++i) {
      if (R::slots[i].empty())
        mistakes.push_back(std::string(R::name) + ": slot " + std::to_string(i) + " has no name");
      else if (std::count(R::slots.begin(), R::slots.begin() + i, R::slots[i]) > 0)
        mistakes.push_back(std::string(R::name) + ": more than one slot is named \"" + std::string(R::slots[i]) + "\"");
    }
  return mistakes;
}

/// A sentence for every member of R itself that would be ignored.
template <class R>
std::vector<std::string> member_mistakes() {
  std::vector<std::string> mistakes;
  const std::string name(R::name);
  if constexpr (std::is_class_v<R> && !std::is_final_v<R>) {
    using Wrong = Both<R, WrongNames>;
    using Right = Both<R, RightNames>;
    const auto expect = [&](bool absent, const char* found, const char* meant) {
      if (!absent)
        mistakes.push_back(name + " has a member \"" + found + "\", which means nothing in a rule; perhaps \"" + meant +
                           "\" is meant");
    };
    expect(
        requires { &Wrong::option; }, "option", "options");
    expect(
        requires { &Wrong::slot; }, "slot", "slots");
    expect(
        requires { &Wrong::scalar; }, "scalar", "scalars");
    expect(
        requires { &Wrong::nonnegative; }, "nonnegative", "non_negative");
    expect(
        requires { &Wrong::non_negatives; }, "non_negatives", "non_negative");
    expect(
        requires { &Wrong::initial_value; }, "initial_value", "initial");
    expect(
        requires { &Wrong::initials; }, "initials", "initial");
    expect(
        requires { &Wrong::rests; }, "rests", "zero_is_zero");
    expect(
        requires { &Wrong::uncoded; }, "uncoded", "full_precision");
    expect(
        requires { &Wrong::ends_chains; }, "ends_chains", "ends_chain");
    expect(
        requires { &Wrong::end_chain; }, "end_chain", "ends_chain");
    expect(
        requires { &Wrong::reductions; }, "reductions", "reduction");
    expect(
        requires { &Wrong::measures; }, "measures", "measure");
    expect(
        requires { &Wrong::kernels; }, "kernels", "kernel");
    expect(
        requires { &Wrong::admits; }, "admits", "admit");
    expect(
        requires { &Wrong::advance; }, "advance", "after");
    expect(
        requires { &Wrong::opens; }, "opens", "open");
    expect(
        requires { &Wrong::advances; }, "advances", "after");
    expect(
        requires { &Wrong::alternatives; }, "alternatives", "Alternatives");

    const auto demand = [&](bool absent, bool fine, const std::string& sentence) {
      if (!absent && !fine) mistakes.push_back(name + ": " + sentence);
    };
    demand(
        requires { &Right::options; }, requires(R & r, AnyOptions v) { R::options(r, v); },
        "options must be static void options(auto& self, auto&& visit)");
    demand(
        requires { &Right::slots; },
        requires {
          { R::slots[0] } -> std::convertible_to<std::string_view>;
          R::slots.size();
        },
        "slots must be static constexpr std::array<std::string_view, N>");
    demand(
        requires { &Right::initial; },
        requires(const R& r, std::size_t slot) {
          { r.initial(slot) } -> std::convertible_to<double>;
        },
        "initial must be double initial(std::size_t slot) const");
    demand(
        requires { &Right::scalars; },
        requires {
          { R::scalars[0] } -> std::convertible_to<NamedScalar>;
          R::scalars.size();
        },
        "scalars must be static constexpr std::array<NamedScalar, N>");
    demand(
        requires { &Right::shared; },
        requires {
          { R::shared[0] } -> std::convertible_to<NamedScalar>;
          R::shared.size();
        },
        "shared must be static constexpr std::array<NamedScalar, N>");
    demand(
        requires { &Right::zero_is_zero; },
        requires(const R& r) {
          { r.zero_is_zero() } -> std::same_as<bool>;
        },
        "zero_is_zero must be bool zero_is_zero() const");
    demand(
        requires { &Right::non_negative; },
        requires {
          { R::non_negative[0] } -> std::convertible_to<bool>;
          R::non_negative.size();
          R::slots;
        },
        "non_negative must be static constexpr std::array<bool, N>, beside slots");
    demand(
        requires { &Right::full_precision; },
        requires {
          { R::full_precision[0] } -> std::convertible_to<bool>;
          R::full_precision.size();
          R::slots;
        },
        "full_precision must be static constexpr std::array<bool, N>, beside slots");
  }
  if constexpr (!std::is_empty_v<R> && !requires(R & r, AnyOptions v) { R::options(r, v); })
    mistakes.push_back(name + " has data but no options, which would be neither checked nor saved");
  return mistakes;
}

}  // namespace glissade::laws
