// Composition: chains, options that switch a rule on or off, and the storage type of state.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <tuple>
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
  detail::Row<R...> rules;
};

template <class... R>
[[nodiscard]] constexpr Chain<R...> chain(R... rules) {
  return {detail::row_of(std::move(rules)...)};
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

/// The rule of a composite that an option switches on: costs nothing, not even state, when off.
template <class R>
struct When {
  using Alternatives = std::tuple<R, Chain<>>;
  bool on;
  R rule;
  void select(const Tensor&, auto&& run) const {
    if (on)
      run(rule);
    else
      run(Chain<>{});
  }
};
template <class R>
When(bool, R) -> When<R>;

/// One of two rules, by an option.
template <class A, class B>
struct Either {
  using Alternatives = std::tuple<A, B>;
  bool first;
  A a;
  B b;
  void select(const Tensor&, auto&& run) const {
    if (first)
      run(a);
    else
      run(b);
  }
};
template <class A, class B>
Either(bool, A, B) -> Either<A, B>;

/// A rule whose arrays are stored as S: a scalar, or a block code of core/lanes/codes.hpp. Arithmetic stays
/// in float or double. Codes leave out copies and means of parameters (`uncoded` in rule/rule.hpp). 16-bit numbers hold
/// them too, rounded: an Ema loses what is small beside the average, and Prodigy, whose distance is a difference from
/// the start, is lost. Tensors of any size are coded, where bitsandbytes leaves those below 4096 coefficients in
/// float: groups() gives them a rule of their own.
template <class S, class R>
requires StorageScalar<S> || BlockCode<S>
struct StateIn {
  static constexpr bool is_rule = true;
  R rule;
};

/// with_state<Eigen::bfloat16>(Adam{}) keeps Adam's moments in half the memory.
template <class S, class R>
[[nodiscard]] constexpr StateIn<S, R> with_state(R rule) {
  return {std::move(rule)};
}

namespace detail {

/// A rule of the flattened chain with the storage type of its arrays (void: the compute scalar).
/// R is a reference for what the user's object holds, a value for what a composite made.
template <class Storage, class R>
struct Link {
  using Rule = std::remove_cvref_t<R>;
  using StorageType = Storage;
  R rule;
};

template <class R>
inline constexpr bool is_chain = false;
template <class... R>
inline constexpr bool is_chain<Chain<R...>> = true;
template <class R>
inline constexpr bool is_state_in = false;
template <class S, class R>
inline constexpr bool is_state_in<StateIn<S, R>> = true;

template <class S, class R>
constexpr auto flatten_value(R rule);

template <class S, class... R>
constexpr auto flatten_members(Chain<R...>&& rules) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return join(flatten_value<S>(std::move(item<I>(rules.rules)))...);
  }
  (std::index_sequence_for<R...>{});
}

template <class S, class S2, class R>
constexpr auto flatten_stored(StateIn<S2, R>&& stored) {
  return flatten_value<S2>(std::move(stored.rule));
}

template <class S, class R>
constexpr auto flatten_value(R rule) {
  if constexpr (is_chain<R>)
    return flatten_members<S>(std::move(rule));
  else if constexpr (is_state_in<R>)
    return flatten_stored<S>(std::move(rule));
  else if constexpr (Composite<R>)
    return flatten_value<S>(rule.chain());
  else
    return row_of(Link<S, R>{std::move(rule)});
}

template <class S, class R>
constexpr auto flatten(const R& rule);

template <class S, class S2, class R>
constexpr auto flatten_stored(const StateIn<S2, R>& stored) {
  return flatten<S2>(stored.rule);
}

template <class S, class... R>
constexpr auto flatten_members(const Chain<R...>& rules) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) { return join(flatten<S>(item<I>(rules.rules))...); }
  (std::index_sequence_for<R...>{});
}

/// The rule as a row of links, chains and composites spelled out.
template <class S, class R>
constexpr auto flatten(const R& rule) {
  if constexpr (is_chain<R>)
    return flatten_members<S>(rule);
  else if constexpr (is_state_in<R>)
    return flatten_stored<S>(rule);
  else if constexpr (Composite<R>)
    return flatten_value<S>(rule.chain());
  else
    return row_of(Link<S, const R&>{rule});
}

template <class R>
using flat_t = decltype(flatten<void>(std::declval<const R&>()));

template <class Flat>
struct Facts;

template <class R>
constexpr int extra_passes() {
  if constexpr (Selector<R> || TimedSelector<R>) {
    return []<class... A>(std::type_identity<std::tuple<A...>>) {
      return (std::max)({0, Facts<flat_t<A>>::extra_passes...});
    }(std::type_identity<typename R::Alternatives>{});
  } else if constexpr (Restarting<R>) {
    return Facts<flat_t<decltype(R::rule)>>::extra_passes;
  } else if constexpr (Subspace<R>) {
    return R::passes + Facts<flat_t<decltype(R::inner)>>::extra_passes;
  } else if constexpr (MatrixRule<R>) {
    return R::passes;
  } else {
    return Barrier<R> ? 1 : 0;
  }
}

template <class R>
constexpr bool holds_global_barrier() {
  if constexpr (Selector<R> || TimedSelector<R>)
    return []<class... A>(std::type_identity<std::tuple<A...>>) {
      return (false || ... || Facts<flat_t<A>>::global);
    }(std::type_identity<typename R::Alternatives>{});
  else if constexpr (Restarting<R>)
    return Facts<flat_t<decltype(R::rule)>>::global;
  else if constexpr (Subspace<R>)
    return Facts<flat_t<decltype(R::inner)>>::global;
  else
    return GlobalBarrier<R> || Gate<R> || KeepsParameters<R>;
}

template <class... L>
struct Facts<Row<L...>> {
  static constexpr int extra_passes = (0 + ... + detail::extra_passes<typename L::Rule>());
  static constexpr bool global = (false || ... || holds_global_barrier<typename L::Rule>());
  static constexpr bool timed = (false || ... || TimedSelector<typename L::Rule>);
  static constexpr bool retires = (false || ... || RetiringGate<typename L::Rule>);
  static constexpr std::size_t gates = (std::size_t{0} + ... + std::size_t{Gate<typename L::Rule>});
  static constexpr std::array<std::size_t, sizeof...(L) + 1> levels = [] {  // how many gates stand before each link
    std::array<std::size_t, sizeof...(L) + 1> before{};
    std::size_t i = 0;
    ((before[i + 1] = before[i] + std::size_t{Gate<typename L::Rule>}, ++i), ...);
    return before;
  }();
  static constexpr bool ends_in_order = [] {  // nothing that changes the step follows a rule that ends a chain
    bool ended = false;
    bool fine = true;
    ((fine = fine && (!ended || ends_chain<typename L::Rule> || KeepsParameters<typename L::Rule>),
      ended = ended || ends_chain<typename L::Rule>),
     ...);
    return fine;
  }();
  static constexpr std::size_t keeper = [] {  // the link that keeps the parameters unrounded, or their number
    std::size_t found = sizeof...(L);
    std::size_t i = 0;
    ((found = KeepsParameters<typename L::Rule> && found == sizeof...(L) ? i : found, ++i), ...);
    return found;
  }();
};

/// "AdamW", "chain(ClipByGlobalNorm, AdamW)": the text that a file keeps of the rule.
template <class R>
std::string describe(const R& rule) {
  if constexpr (is_chain<R>) {
    std::string text;
    for_each_item(rule.rules, [&](const auto& r) { text += (text.empty() ? "" : ", ") + describe(r); });
    return "chain(" + text + ")";
  } else if constexpr (is_state_in<R> || Restarting<R>) {
    return describe(rule.rule);
  } else if constexpr (requires { rule.description(); }) {
    return rule.description();
  } else {
    return std::string(R::name);
  }
}

/// Calls visit(owner, rule) for every rule of the user's object that has options of its own; owner
/// is the text before the option's name in messages and files.
template <class R, class F>
void for_each_rule(R& rule, const F& visit) {
  using Plain = std::remove_const_t<R>;
  if constexpr (is_chain<Plain>)
    for_each_item(rule.rules, [&](auto& r) { for_each_rule(r, visit); });
  else if constexpr (is_state_in<Plain> || Restarting<Plain>)
    for_each_rule(rule.rule, visit);
  else if constexpr (requires { rule.for_each_rule(visit); })
    rule.for_each_rule(visit);
  else
    visit(rule);
}

}  // namespace detail

/// How often a step reads the parameters: 1 + barriers. A constant of the type.
template <class R>
inline constexpr int passes = 1 + detail::Facts<detail::flat_t<R>>::extra_passes;

}  // namespace glissade
