// Options of a rule as text, and back.
//
// Numbers are the shortest text that reads back as the same number; truth values, enumerators and
// whole numbers are integers. A schedule made from a number is that number; one made from a
// callable is the word "schedule", for code cannot be saved; an empty optional is "none". Tensor
// masks and other callables are not options of a file: the program that loads brings its own.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "../core/optimizer.hpp"
#include "safetensors_format.hpp"

namespace glissade::detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_saved_option =
    std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_same_v<T, Schedule>;
template <class T>
inline constexpr bool is_saved_option<std::optional<T>> = is_saved_option<T>;

template <class T>
std::string option_text(const T& value) {
  if constexpr (is_optional<T>)
    return value ? option_text(*value) : "none";
  else if constexpr (std::is_same_v<T, Schedule>)
    return value.constant() ? to_text(*value.constant()) : "schedule";
  else if constexpr (std::is_enum_v<T>)
    return std::to_string(static_cast<std::underlying_type_t<T>>(value));
  else if constexpr (std::is_integral_v<T>)
    return std::to_string(value);
  else
    return to_text(static_cast<double>(value));
}

/// All of the text as a number, or nothing.
template <class N>
std::optional<N> parse_number(const std::string& text) {
  N value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// Sets an option from text. Returns what the text must be where it is something else.
template <class T>
std::optional<std::string> parse_option(const std::string& text, T& value) {
  const auto assign = [&](const auto& parsed, const char* expected) -> std::optional<std::string> {
    if (!parsed) return expected;
    value = static_cast<T>(*parsed);
    return std::nullopt;
  };
  if constexpr (is_optional<T>) {
    if (text == "none") {
      value.reset();
      return std::nullopt;
    }
    typename T::value_type inner = value ? *value : typename T::value_type{0};
    if (auto expected = parse_option(text, inner)) return *expected + " or none";
    value = std::move(inner);
    return std::nullopt;
  } else if constexpr (std::is_same_v<T, Schedule>) {
    if (text != "schedule") return assign(parse_number<double>(text), "a number or schedule");
    if (value.constant()) return "a number, for the optimizer has no schedule of its own";
    return std::nullopt;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (text != "0" && text != "1") return "0 or 1";
    value = text == "1";
    return std::nullopt;
  } else if constexpr (std::is_enum_v<T>) {
    return assign(parse_number<std::underlying_type_t<T>>(text), "a whole number");
  } else if constexpr (std::is_integral_v<T>) {
    return assign(parse_number<T>(text), "a whole number");
  } else {
    return assign(parse_number<double>(text), "a number");
  }
}

template <class Options, class Visitor>
void visit_optimizer_options(Options& options, const Visitor& visit) {
  visit("maximize", options.maximize);
  visit("seed", options.seed);
  visit("rounding", options.rounding, Range{0, 1});
}

inline constexpr std::string_view option_prefix = "option/";

/// Calls visit(key, option) for everything that a file keeps: "option/0.AdamW.beta1".
template <class R, class Options, class Visit>
void visit_saved_options(R& rule, Options& options, const Visit& visit) {
  std::string owner(option_prefix);
  owner += "optimizer.";
  const auto visit_one = [&](std::string_view field, auto& value, const Range& = range::any) {
    if constexpr (is_saved_option<std::remove_cvref_t<decltype(value)>>)
      visit(owner + std::string(field), value);
  };
  visit_optimizer_options(options, visit_one);
  std::size_t number = 0;
  for_each_rule(rule, [&](auto& r) {
    owner = std::string(option_prefix) + std::to_string(number++) + "." +
            std::string(rule_name<decltype(r)>()) + ".";
    visit_options(r, visit_one);
  });
}

template <class R>
void write_options(const R& rule, const OptimizerOptions& options, Metadata& metadata) {
  visit_saved_options(rule, options, [&](const std::string& key, const auto& value) {
    metadata[key] = option_text(value);
  });
}

/// Throws std::runtime_error where an option is missing, unknown, or not of its kind. Ranges are
/// checked by the caller, with those of the rule.
template <class R>
void read_options(const Metadata& metadata, R& rule, OptimizerOptions& options,
                  const std::string& file) {
  Metadata unknown(metadata.lower_bound(option_prefix), metadata.end());
  std::erase_if(unknown, [](const auto& entry) { return !entry.first.starts_with(option_prefix); });
  visit_saved_options(rule, options, [&](const std::string& key, auto& value) {
    const auto found = metadata.find(key);
    if (found == metadata.end()) fail_load(file, key, "missing");
    if (const auto expected = parse_option(found->second, value))
      fail_load(file, key, "is " + in_quotes(found->second) + ", must be " + *expected);
    unknown.erase(key);
  });
  if (!unknown.empty()) fail_load(file, unknown.begin()->first, "not an option of the optimizer");
}

/// Throws std::invalid_argument at the first option out of its range. `time`: completed steps.
template <class R>
void check_saved_options(const R& rule, const OptimizerOptions& options, std::int64_t time) {
  visit_optimizer_options(options, CheckOption{"optimizer", time});
  check_options(rule, time);
}

}  // namespace glissade::detail
