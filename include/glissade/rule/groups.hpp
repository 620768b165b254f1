// Different options, or different rules, for different tensors.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <tuple>

#include "chain.hpp"

namespace glissade {

/// True if `text` matches `pattern`, in which * stands for any run of characters and ? for one.
inline bool matches_pattern(std::string_view text, std::string_view pattern) {
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

namespace detail {

inline void require_match(const std::string& pattern, std::span<const Tensor> tensors) {
  std::string names;
  for (const Tensor& tensor : tensors) {
    if (matches_pattern(tensor.name, pattern)) return;
    names += (names.empty() ? "\"" : ", \"") + tensor.name + "\"";
  }
  throw std::invalid_argument("groups: the pattern \"" + pattern + "\" matches none of the parameters " + names);
}

}  // namespace detail

/// The rule for the tensors whose name matches the pattern.
template <class R>
struct Group {
  std::string pattern;
  R rule;
};
template <class R>
[[nodiscard]] Group<R> group(std::string pattern, R rule) {
  return {std::move(pattern), std::move(rule)};
}

/// A rule for every tensor: that of the first group whose pattern matches the name, else `rule`. A pattern that matches
/// no name is refused with std::invalid_argument when the rule meets the parameters.
/// Barriers over all tensors and gates stand in front of it, in the chain.
template <class R, class... G>
struct Groups {
  using Alternatives = std::tuple<R, G...>;
  R rule;
  std::tuple<Group<G>...> members;

  /// The rule of group I, to change its options.
  template <std::size_t I>
  [[nodiscard]] auto& member() {
    return std::get<I>(members).rule;
  }

  void select(const Tensor& tensor, auto&& run) const {
    const bool found = std::apply(
        [&](const auto&... group) {
          return (false || ... || (matches_pattern(tensor.name, group.pattern) ? (run(group.rule), true) : false));
        },
        members);
    if (!found) run(rule);
  }
  /// Throws std::invalid_argument for a pattern that no name matches.
  void check_tensors(std::span<const Tensor> tensors) const {
    std::apply([&](const auto&... group) { (detail::require_match(group.pattern, tensors), ...); }, members);
  }
  static void for_each_member(auto& self, const auto& visit) {
    visit(self.rule);
    std::apply([&](auto&... group) { (visit(group.rule), ...); }, self.members);
  }
  [[nodiscard]] std::string description() const {
    std::string text = "groups(" + describe(rule);
    std::apply([&](const auto&... group) { ((text += ", " + group.pattern + ": " + describe(group.rule)), ...); },
               members);
    return text + ")";
  }
};

/// groups(AdamW{.weight_decay = 0.1}, group("*.bias", AdamW{.weight_decay = 0}))
template <class R, class... G>
[[nodiscard]] Groups<R, G...> groups(R rule, Group<G>... members) {
  return {std::move(rule), {std::move(members)...}};
}

/// Leaves the parameter as it is, bit for bit, whatever comes in. No state.
struct Frozen {
  static constexpr std::string_view name = "Frozen";
  [[nodiscard]] auto kernel(const Step&) const {
    return [](auto& u) { u = std::remove_cvref_t<decltype(u)>(-0.0); };
  }
};

/// freeze("encoder.*", AdamW{}): the rule for all tensors but those whose name matches the pattern, which
/// stay as they are and have no state.
template <class R>
[[nodiscard]] auto freeze(std::string pattern, R rule) {
  return groups(std::move(rule), group(std::move(pattern), Frozen{}));
}

}  // namespace glissade
