// Composition: chains, and the storage type of state.
#pragma once

#include <cctype>
#include <string>
#include <utility>

#include "../core/lanes/codes.hpp"
#include "../core/pack.hpp"
#include "rule.hpp"

namespace glissade {

/// Rules applied one after another to the same update, fused into one pass over memory for every
/// stretch without a barrier. A chain is a rule.
template <class... R>
struct Chain {
  static constexpr bool is_rule = true;
  detail::Pack<R...> rules;
};

template <class... R>
[[nodiscard]] constexpr Chain<R...> chain(R... rules) {
  return {detail::pack(std::move(rules)...)};
}

/// Rule number I of a chain: get<0>(optimizer.rule()).max_norm = 2.
template <std::size_t I, class... R>
[[nodiscard]] constexpr auto& get(Chain<R...>& chain) {
  return detail::item<I>(chain.rules);
}
template <std::size_t I, class... R>
[[nodiscard]] constexpr const auto& get(const Chain<R...>& chain) {
  return detail::item<I>(chain.rules);
}

/// A rule whose arrays are stored as S: a scalar, or a block code of core/lanes/codes.hpp. Arithmetic stays
/// in float or double. Codes leave out copies and means of parameters (`full_precision` in rule/rule.hpp). 16-bit
/// numbers hold them too, rounded: an Ema loses what is small beside the average, and Prodigy, whose distance is a
/// difference from the start, is lost. Tensors of any size are coded, where bitsandbytes leaves those below 4096
/// coefficients in float: groups() gives them a rule of their own.
template <class S, class R>
requires(StorageScalar<S> || BlockCode<S>) struct StateIn {
  static constexpr bool is_rule = true;
  using Storage = S;
  R rule;
};

/// with_state<Eigen::bfloat16>(Adam{}) keeps Adam's moments in half the memory.
template <class S, class R>
[[nodiscard]] constexpr StateIn<S, R> with_state(R rule) {
  return {std::move(rule)};
}

namespace detail {

template <class R>
inline constexpr bool is_chain = false;
template <class... R>
inline constexpr bool is_chain<Chain<R...>> = true;
template <class R>
inline constexpr bool is_state_in = false;
template <class S, class R>
inline constexpr bool is_state_in<StateIn<S, R>> = true;

/// online_subspace_descent for OnlineSubspaceDescent.
inline std::string in_snake_case(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const bool upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    if (upper && !text.empty()) text += '_';
    text += upper ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : c;
  }
  return text;
}

}  // namespace detail

/// "AdamW", "chain(ClipByGlobalNorm, AdamW)", "galore(ScaleByAdam)": the text that a file keeps of the rule.
template <class R>
std::string describe(const R& rule) {
  if constexpr (detail::is_chain<R>) {
    std::string text;
    detail::for_each_item(rule.rules, [&](const auto& r) { text += (text.empty() ? "" : ", ") + describe(r); });
    return "chain(" + text + ")";
  } else if constexpr (detail::is_state_in<R>) {
    return describe(rule.rule);
  } else if constexpr (requires { rule.description(); }) {
    return rule.description();
  } else if constexpr (requires { rule.inner; }) {
    return detail::in_snake_case(R::name) + "(" + describe(rule.inner) + ")";
  } else {
    return std::string(R::name);
  }
}

/// Calls visit(part) for a rule and everything in it: chains, their rules, inner rules, members of groups.
template <class R, class F>
void for_each_part(R& rule, const F& visit) {
  using Plain = std::remove_const_t<R>;
  visit(rule);
  if constexpr (detail::is_chain<Plain>)
    detail::for_each_item(rule.rules, [&](auto& r) { for_each_part(r, visit); });
  else if constexpr (detail::is_state_in<Plain>)
    for_each_part(rule.rule, visit);
  else if constexpr (requires { Plain::for_each_member(rule, visit); })
    Plain::for_each_member(rule, [&](auto& member) { for_each_part(member, visit); });
  else if constexpr (requires { rule.inner; })
    for_each_part(rule.inner, visit);
}

/// Calls visit(rule) for every rule of the user's object that has a name for its options.
template <class R, class F>
void for_each_rule(R& rule, const F& visit) {
  for_each_part(rule, [&](auto& part) {
    using Plain = std::remove_const_t<std::remove_reference_t<decltype(part)>>;
    constexpr bool holds_rules = detail::is_chain<Plain> || detail::is_state_in<Plain> || requires { part.inner; }
    || requires { Plain::for_each_member(part, visit); };
    if constexpr (!holds_rules || HasOptions<std::remove_reference_t<decltype(part)>>) visit(part);
  });
}

/// Throws std::invalid_argument at the first option out of its range. `time`: completed steps.
template <class R>
void check_options(const R& rule, std::int64_t time) {
  for_each_rule(rule, [&](const auto& r) {
    using Plain = std::remove_cvref_t<decltype(r)>;
    visit_options(r, CheckOption{Plain::name, time});
    if constexpr (requires { r.check(); }) r.check();
  });
}

}  // namespace glissade
