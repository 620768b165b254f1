// Options of a rule as text, and back.
//
// Numbers are the shortest text that reads back as the same number; truth values, enumerators and
// whole numbers are integers. A schedule made from a number is that number; one made from a
// callable is the word "schedule", for code cannot be saved; an empty optional is "none". A schedule
// that the program which loads has made from a callable stays, whatever the file says. Tensor masks
// and other callables are not options of a file: the program that loads brings its own.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "../optimizer/any_optimizer.hpp"
#include "safetensors_format.hpp"

namespace glissade::detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_saved_option =
    std::is_same_v<T, EnumOption> || std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_same_v<T, Schedule>;
template <class T>
inline constexpr bool is_saved_option<std::optional<T>> = is_saved_option<T>;

template <class T>
std::string option_text(const T& value) {
  if constexpr (is_optional<T>)
    return value ? option_text(*value) : "none";
  else if constexpr (std::is_same_v<T, Schedule>)
    return value.constant() ? to_text(*value.constant()) : "schedule";
  else if constexpr (std::is_same_v<T, EnumOption>)
    return std::to_string(value.get(value.object));
  else if constexpr (std::is_enum_v<T>)
    return std::to_string(static_cast<std::underlying_type_t<T>>(value));
  else if constexpr (std::is_integral_v<T>)
    return std::to_string(value);
  else
    return to_text(static_cast<double>(value));
}

/// Whether an option is a schedule made from a callable, which is the program's own.
template <class T>
bool has_callable(const T& value) {
  if constexpr (is_optional<T>)
    return value && has_callable(*value);
  else if constexpr (std::is_same_v<T, Schedule>)
    return !value.constant();
  else
    return false;
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
      if (!has_callable(value)) value.reset();
      return std::nullopt;
    }
    typename T::value_type inner = value ? *value : typename T::value_type{0};
    if (auto expected = parse_option(text, inner)) return *expected + " or none";
    value = std::move(inner);
    return std::nullopt;
  } else if constexpr (std::is_same_v<T, Schedule>) {
    if (text == "schedule") {
      if (has_callable(value)) return std::nullopt;
      return "a number, for the optimizer has no schedule of its own";
    }
    const auto number = parse_number<double>(text);
    if (number && has_callable(value)) return std::nullopt;
    return assign(number, "a number or schedule");
  } else if constexpr (std::is_same_v<T, bool>) {
    if (text != "0" && text != "1") return "0 or 1";
    value = text == "1";
    return std::nullopt;
  } else if constexpr (std::is_same_v<T, EnumOption>) {
    const auto position = parse_number<int>(text);
    if (!position) return "a whole number";
    value.set(value.object, *position);
    return std::nullopt;
  } else if constexpr (std::is_enum_v<T>) {
    return assign(parse_number<std::underlying_type_t<T>>(text), "a whole number");
  } else if constexpr (std::is_integral_v<T>) {
    return assign(parse_number<T>(text), "a whole number");
  } else {
    return assign(parse_number<double>(text), "a number");
  }
}

inline void visit_optimizer_options(auto& options, auto&& visit) {
  visit("maximize", options.maximize);
  visit("seed", options.seed);
  visit("rounding", options.rounding, range::up_to(Rounding::stochastic));
}

inline constexpr std::string_view option_prefix = "option/";

/// Names what a file keeps: "option/0.AdamW.beta1".
class OptionKeys {
 public:
  void owner(const std::string& name) { prefix_ = std::string(option_prefix) + name + "."; }

 protected:
  [[nodiscard]] std::string key(std::string_view field) const { return prefix_ + std::string(field); }

 private:
  std::string prefix_;
};

/// Visitor that writes options into a file's metadata.
class OptionWriter : public OptionKeys {
 public:
  explicit OptionWriter(Metadata& metadata) : metadata_(metadata) {}
  template <class T>
  void operator()(std::string_view field, const T& value, const Range& = range::any) {
    if constexpr (is_saved_option<T>) metadata_[key(field)] = option_text(value);
  }

 private:
  Metadata& metadata_;
};

/// Visitor that sets options from a file's metadata; throws std::runtime_error at one that is missing or cannot be
/// read.
class OptionReader : public OptionKeys {
 public:
  OptionReader(const Metadata& metadata, const std::string& file)
      : metadata_(metadata), unknown_(metadata.lower_bound(option_prefix), metadata.end()), file_(file) {
    std::erase_if(unknown_, [](const auto& entry) { return !entry.first.starts_with(option_prefix); });
  }
  template <class T>
  void operator()(std::string_view field, T& value, const Range& = range::any) {
    if constexpr (is_saved_option<T>) {
      const std::string name = key(field);
      const std::string& text = find(name);
      if (const auto expected = parse_option(text, value))
        fail_load(file_, name, "is " + in_quotes(text) + ", must be " + *expected);
    }
  }
  void check_all_were_read() const {
    if (!unknown_.empty()) fail_load(file_, unknown_.begin()->first, "not an option of the optimizer");
  }

 private:
  const std::string& find(const std::string& name) {
    const auto found = metadata_.find(name);
    if (found == metadata_.end()) fail_load(file_, name, "missing");
    unknown_.erase(name);
    return found->second;
  }

  const Metadata& metadata_;
  Metadata unknown_;
  const std::string& file_;
};

/// Shows the options of a rule to a writer or reader, after their owner: "0.AdamW".
template <class Visitor>
class SavedOptions final : public OptionVisitor {
 public:
  explicit SavedOptions(Visitor& visitor) : visitor_(visitor) {}

  void owner(std::string_view name, bool fresh) override {
    fresh_ = fresh;
    if (!fresh) visitor_.owner(std::to_string(number_++) + "." + std::string(name));
  }
  void option(std::string_view name, const OptionPlace& place, const Range&) override {
    if (fresh_) return;
    std::visit(
        [&](auto where) {
          if constexpr (std::is_pointer_v<decltype(where)>)
            visitor_(name, *where);
          else
            visitor_(name, where);
        },
        place);
  }

 private:
  Visitor& visitor_;
  std::size_t number_ = 0;
  bool fresh_ = false;
};

/// Shows a visitor every option of an optimizer and of its rules, after their owner.
void visit_saved_options(const RuleRef& rule, auto& options, auto& visitor) {
  visitor.owner("optimizer");
  visit_optimizer_options(options, visitor);
  SavedOptions saved(visitor);
  rule.visit(rule.rule, saved);
}

inline void write_options(const RuleRef& rule, const OptimizerOptions& options, Metadata& metadata) {
  OptionWriter writer(metadata);
  visit_saved_options(rule, options, writer);
}

/// Throws std::runtime_error where an option is missing, unknown, or not of its kind. Ranges are
/// checked by the caller, with those of the rule.
inline void read_options(const Metadata& metadata, const RuleRef& rule, OptimizerOptions& options,
                         const std::string& file) {
  OptionReader reader(metadata, file);
  visit_saved_options(rule, options, reader);
  reader.check_all_were_read();
}

/// Throws std::invalid_argument at the first of the optimizer's own options that is out of its range.
inline void check_saved_options(const OptimizerOptions& options, std::int64_t time) {
  visit_optimizer_options(options, CheckOption{"optimizer", time});
}

}  // namespace glissade::detail
