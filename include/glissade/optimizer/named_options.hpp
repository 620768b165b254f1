// The options of any rule by their names, for programs that do not know its type.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "../core/engine/plan.hpp"
#include "../core/nearest.hpp"
#include "../core/tensors/mask.hpp"

namespace glissade {

/// An option that has a value as a number: truth values are 0 and 1, enumerators their position from 0, a schedule
/// the number that it was made from.
struct RuleOption {
  std::string owner;  // the rule in the chain: "ClipByGlobalNorm"; a second one is "ClipByGlobalNorm#2"
  std::string name;   // "max_norm"
  Range range;
  bool is_whole;                   // takes no fractions: a count, a truth value, an enumerator
  std::optional<double> fallback;  // its default; none where the rule has none, as with a rate that must be given
  std::optional<double> value;     // now; none for a schedule made from a callable and for a rate that is not set

  [[nodiscard]] std::string full_name() const { return owner + "." + name; }
};

namespace detail {

/// An enumerator behind its position.
struct EnumOption {
  void* object;
  std::int64_t (*get)(const void* object);
  void (*set)(void* object, std::int64_t position);
};

/// Where an option lies.
using OptionPlace =
    std::variant<double*, bool*, int*, std::int64_t*, std::uint64_t*, Schedule*, std::optional<Schedule>*, EnumOption>;

/// Is shown the options of a rule of any type, after their owner. Options without a number, such as masks, are left
/// out.
class OptionVisitor {
 public:
  OptionVisitor() = default;
  OptionVisitor(const OptionVisitor&) = delete;
  OptionVisitor& operator=(const OptionVisitor&) = delete;
  virtual ~OptionVisitor() = default;

  /// What follows belongs to this rule; with `fresh` it is a new one of its type, whose options are the defaults.
  virtual void owner(std::string_view name, bool fresh) = 0;
  virtual void option(std::string_view name, const OptionPlace& place, const Range& allowed) = 0;

  /// For the `options` of rules.
  template <class T>
  void operator()(std::string_view name, T& value, const Range& allowed = range_of<T>) {
    if constexpr (std::is_enum_v<T>)
      option(name,
             EnumOption{&value, [](const void* e) { return static_cast<std::int64_t>(*static_cast<const T*>(e)); },
                        [](void* e, std::int64_t position) { *static_cast<T*>(e) = static_cast<T>(position); }},
             allowed);
    else if constexpr (requires { OptionPlace{&value}; })
      option(name, OptionPlace{&value}, allowed);
    else
      static_assert(std::is_class_v<T>,
                    "an option is a double, bool, int, std::int64_t, std::uint64_t, enumerator, Schedule or "
                    "std::optional<Schedule>, or an object without a number, such as a mask");
  }
};

template <class R>
void visit_rule(void* rule, OptionVisitor& visitor) {
  for_each_rule(*static_cast<R*>(rule), [&](auto& r) {
    using Plain = std::remove_cvref_t<decltype(r)>;
    visitor.owner(Plain::name, false);
    visit_options(r, visitor);
    if constexpr (requires { Plain{}; }) {
      Plain fresh{};
      visitor.owner(Plain::name, true);
      visit_options(fresh, visitor);
    }
  });
}

/// A rule whose type is not known.
struct RuleRef {
  void* rule;
  void (*visit)(void* rule, OptionVisitor& visitor);
  std::string (*describe)(const void* rule);
  int passes;

  template <class R>
  static RuleRef of(R& r) {
    return {&r, &visit_rule<R>, [](const void* untyped) { return glissade::describe(*static_cast<const R*>(untyped)); },
            glissade::passes<R>};
  }
  [[nodiscard]] std::string description() const { return describe(rule); }
};

/// The number of an option, of a schedule at `time`; none where there is none.
inline std::optional<double> number_of(const OptionPlace& place, std::optional<std::int64_t> time = {}) {
  const auto rate = [&](const Schedule& schedule) {
    return time ? std::optional(schedule(*time)) : schedule.constant();
  };
  return std::visit(
      [&](const auto& where) -> std::optional<double> {
        using Where = std::remove_cvref_t<decltype(where)>;
        if constexpr (std::is_same_v<Where, EnumOption>)
          return static_cast<double>(where.get(where.object));
        else if constexpr (std::is_same_v<Where, Schedule*>)
          return rate(*where);
        else if constexpr (std::is_same_v<Where, std::optional<Schedule>*>)
          return *where ? rate(**where) : std::nullopt;
        else
          return static_cast<double>(*where);
      },
      place);
}

inline bool is_whole(const OptionPlace& place) {
  return !std::holds_alternative<double*>(place) && !std::holds_alternative<Schedule*>(place) &&
         !std::holds_alternative<std::optional<Schedule>*>(place);
}

/// Throws std::invalid_argument if an option of that type cannot have the value.
inline void set_number(const OptionPlace& place, double value, std::string_view owner, std::string_view name) {
  const auto whole = [&]<class N>(std::type_identity<N>) {
    // The largest number of N may round up to one that is out of range.
    const bool inside = value >= static_cast<double>(std::numeric_limits<N>::min()) &&
                        value < static_cast<double>(std::numeric_limits<N>::max() / 2 + 1) * 2;
    if (!inside || value != std::floor(value)) reject(owner, name, value, "a whole number");
    return static_cast<N>(value);
  };
  std::visit(
      [&](const auto& where) {
        using Where = std::remove_cvref_t<decltype(where)>;
        if constexpr (std::is_same_v<Where, EnumOption>) {
          where.set(where.object, whole(std::type_identity<int>{}));
        } else if constexpr (std::is_same_v<Where, bool*>) {
          if (value != 0 && value != 1) reject(owner, name, value, "0 or 1");
          *where = value != 0;
        } else if constexpr (std::is_same_v<Where, Schedule*> || std::is_same_v<Where, std::optional<Schedule>*> ||
                             std::is_same_v<Where, double*>) {
          *where = value;
        } else {
          *where = whole(std::type_identity<std::remove_pointer_t<Where>>{});
        }
      },
      place);
}

/// The options of a rule in a list, with the places where they are.
class OptionList final : public OptionVisitor {
 public:
  explicit OptionList(const RuleRef& rule) : description_(rule.description()) { rule.visit(rule.rule, *this); }

  void owner(std::string_view name, bool fresh) override {
    fresh_ = fresh;
    if (fresh) {
      next_ = begin_;
      return;
    }
    begin_ = options.size();
    owner_ = name;
    int same = 1;
    for (const std::string& other : owners_) same += other == name ? 1 : 0;
    owners_.emplace_back(name);
    if (same > 1) owner_ += "#" + std::to_string(same);
  }
  void option(std::string_view name, const OptionPlace& place, const Range& allowed) override {
    if (fresh_) {
      if (next_ < options.size()) options[next_++].fallback = number_of(place);
      return;
    }
    options.push_back({owner_, std::string(name), allowed, is_whole(place), std::nullopt, number_of(place)});
    places.push_back(place);
  }

  /// The position of the option that is called "owner.option", or "option" where only one rule has it. Throws
  /// std::invalid_argument with the nearest names, or with those that it may stand for.
  [[nodiscard]] std::size_t find(std::string_view name) const {
    std::vector<std::string> same, names;
    std::size_t found = 0;
    for (std::size_t i = 0; i < options.size(); ++i) {
      if (options[i].full_name() == name) return i;
      names.push_back(name.find('.') == std::string_view::npos ? options[i].name : options[i].full_name());
      if (options[i].name != name) continue;
      same.push_back(options[i].full_name());
      found = i;
    }
    if (same.size() == 1) return found;
    if (same.size() > 1) {
      const std::size_t all = same.size();
      throw std::invalid_argument(description_ + ": \"" + std::string(name) + "\" may be any of " +
                                  nearest_names(name, std::move(same), all));
    }
    const std::string start = description_ + " has no option \"" + std::string(name) + "\"";
    if (names.empty()) throw std::invalid_argument(start + ", nor any other");
    throw std::invalid_argument(start + "; the nearest are " + nearest_names(name, std::move(names)));
  }

  /// Throws std::invalid_argument for an unknown name and for a value out of range; then nothing has changed.
  void set(std::string_view name, double value) const {
    const RuleOption& option = options[find(name)];
    require(option.owner, option.name, value, option.range);
    assign(name, value);
  }
  /// Without a look at the range.
  void assign(std::string_view name, double value) const {
    const std::size_t i = find(name);
    set_number(places[i], value, options[i].owner, options[i].name);
  }
  [[nodiscard]] double get(std::string_view name, std::int64_t time) const {
    return number_of(places[find(name)], time).value_or(std::numeric_limits<double>::quiet_NaN());
  }

  std::vector<RuleOption> options;
  std::vector<OptionPlace> places;

 private:
  std::string description_;
  std::string owner_;
  std::vector<std::string> owners_;
  std::size_t begin_ = 0;
  std::size_t next_ = 0;
  bool fresh_ = false;
};

}  // namespace detail
}  // namespace glissade
